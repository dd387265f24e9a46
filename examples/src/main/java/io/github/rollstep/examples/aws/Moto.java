package io.github.rollstep.examples.aws;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The emulator of AWS: one that runs already, or one of this example's own, which is gone after close, and after control-C. */
final class Moto implements AutoCloseable {

    static final String ABSENT = "This example needs moto, the emulator of AWS: pip install 'moto[server]'. Neither"
            + " -Drollstep.moto=URL nor moto_server on the PATH nor python3 -m moto.server is there.";

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final URI address;
    private final Runnable stop;

    private Moto(URI address, Runnable stop) {
        this.address = address;
        this.stop = stop;
    }

    /** @throws IOException if there is none, or it does not answer; the message is for the user */
    static Moto connect() throws IOException, InterruptedException {
        String given = System.getProperty("rollstep.moto");
        if (given == null) {
            return start(command().orElseThrow(() -> new IOException(ABSENT)));
        }
        try {
            URI address = URI.create(given);
            if (answers(address)) {
                return new Moto(address, () -> {});
            }
        } catch (IllegalArgumentException e) {
            throw new IOException("-Drollstep.moto must be http://host:port, was " + given, e);
        }
        throw new IOException("moto does not answer at -Drollstep.moto=" + given);
    }

    private static Optional<List<String>> command() throws InterruptedException {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        boolean onPath =
                Stream.of(path.split(":")).anyMatch(folder -> Files.isExecutable(Path.of(folder, "moto_server")));
        if (onPath) {
            return Optional.of(List.of("moto_server"));
        }
        try {
            Process asked = new ProcessBuilder("python3", "-c", "import moto.server")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            boolean there = asked.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) && asked.exitValue() == 0;
            asked.destroyForcibly();
            return there ? Optional.of(List.of("python3", "-m", "moto.server")) : Optional.empty();
        } catch (IOException e) { // There is no Python.
            return Optional.empty();
        }
    }

    private static Moto start(List<String> moto) throws IOException, InterruptedException {
        int port = freePort();
        List<String> command = new ArrayList<>(moto);
        command.addAll(List.of("-H", "127.0.0.1", "-p", Integer.toString(port)));
        System.err.println("Starting " + String.join(" ", command) + " ...");
        Process server = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        Thread onExit = new Thread(() -> stop(server));
        Runtime.getRuntime().addShutdownHook(onExit);
        Moto started = new Moto(URI.create("http://127.0.0.1:" + port), () -> stop(server));
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!answers(started.address)) {
            if (!server.isAlive() || System.nanoTime() > end) {
                started.close();
                throw new IOException("moto did not start: " + String.join(" ", command));
            }
            Thread.sleep(100);
        }
        return started;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static boolean answers(URI address) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address.resolve("/moto-api/data.json"))
                .timeout(Duration.ofSeconds(5))
                .build();
        try {
            return HTTP.send(request, BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Also what a wrapper of moto_server has started. */
    private static void stop(Process server) {
        List<ProcessHandle> all = Stream.concat(server.descendants(), Stream.of(server.toHandle()))
                .toList();
        all.forEach(ProcessHandle::destroyForcibly);
        all.forEach(process -> process.onExit().join());
    }

    URI address() {
        return address;
    }

    @Override
    public void close() {
        stop.run();
    }
}
