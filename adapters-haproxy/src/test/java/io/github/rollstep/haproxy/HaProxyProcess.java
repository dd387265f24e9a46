package io.github.rollstep.haproxy;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A real HAProxy with a configuration of the documentation, in a directory and on a port of its own. */
final class HaProxyProcess implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Path directory;
    private final Path configuration;
    private final int port;
    private Process process;

    private HaProxyProcess(Path directory, String configuration, int port) throws IOException {
        this.directory = directory;
        this.configuration = directory.resolve("haproxy.cfg");
        this.port = port;
        Files.writeString(this.configuration, configuration);
    }

    /** With the minimal configuration of docs/haproxy.md. */
    static HaProxyProcess dynamic(Path directory) {
        return start(directory, documented(0));
    }

    /** With the slots of docs/haproxy.md. */
    static HaProxyProcess slots(Path directory) {
        return start(directory, documented(1));
    }

    static HaProxyProcess start(Path directory, String documented) {
        assumeTrue(executable() != null, "no haproxy on this machine: install haproxy 2.6 or newer");
        try {
            int port = freePort();
            while (documented.contains(":" + port + " ")) {
                port = freePort(); // HAProxy would listen twice on one.
            }
            String configuration = documented
                    .replace("/run/rollstep/", directory + "/")
                    .replace("bind :8080", "bind 127.0.0.1:" + port);
            HaProxyProcess haproxy = new HaProxyProcess(directory, configuration, port);
            haproxy.start();
            return haproxy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The configurations that docs/haproxy.md shows, in their order. */
    static String documented(int number) {
        try {
            Path page = Stream.of("docs/haproxy.md", "../docs/haproxy.md")
                    .map(Path::of)
                    .filter(Files::exists)
                    .findFirst()
                    .orElseThrow();
            return Files.readString(page).split("```haproxy\n")[number + 1].split("```")[0];
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path executable() {
        return Stream.of("/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/usr/bin/haproxy")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    /** Where nobody listens yet. */
    static InetSocketAddress freeAddress() {
        try {
            return new InetSocketAddress(InetAddress.getLoopbackAddress(), freePort());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Master and worker, as its service runs: a signal reloads it. */
    final void start() throws IOException {
        process = new ProcessBuilder(List.of(executable().toString(), "-W", "-f", configuration.toString()))
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        awaitAnswer();
    }

    private void awaitAnswer() throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                ask("show info");
                return;
            } catch (RuntimeException e) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    throw new IllegalStateException(Files.readString(directory.resolve("log")), e);
                }
            }
            pause();
        }
    }

    /** A new worker takes over; the former one ends when its requests have. */
    void reload() throws IOException {
        String before = worker();
        new ProcessBuilder("kill", "-USR2", String.valueOf(process.pid())).start();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            try {
                if (!worker().equals(before)) {
                    return;
                }
            } catch (RuntimeException e) {
                // Between two workers.
            }
            pause();
        }
        throw new IllegalStateException(Files.readString(directory.resolve("log")));
    }

    private String worker() {
        return ask("show info")
                .lines()
                .filter(line -> line.startsWith("Pid:"))
                .findFirst()
                .orElseThrow();
    }

    void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit().join();
        while (listens()) {
            pause(); // A worker that dies still has the port, and would share it with the next one.
        }
    }

    private boolean listens() {
        try (Socket socket = new Socket(address().getAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    String ask(String command) {
        return Endpoint.of(socket(), Duration.ofSeconds(2)).ask(command);
    }

    Path socket() {
        return directory.resolve("admin.sock");
    }

    Path stateFile() {
        return directory.resolve("servers");
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(10);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        if (process != null) {
            kill();
        }
    }
}
