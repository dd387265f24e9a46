package io.github.rollstep.examples.docker;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** An HAProxy of our own, with the least configuration that the router needs and without retries: they would hide a drop. */
public final class HaProxy implements AutoCloseable {

    public static final String BACKEND = "app";

    private static final String CONFIGURATION = """
            global
                stats socket %s mode 600 level admin

            defaults
                mode http
                retries 0
                timeout connect 2s
                timeout client 60s
                timeout server 60s

            frontend web
                bind 127.0.0.1:%d
                default_backend app

            backend app
                balance leastconn
                option httpchk GET /healthz
            """;

    private final Path directory = Files.createTempDirectory("rollstep-haproxy-");
    private final int port = freePort();
    private Process process;

    public HaProxy() throws IOException, InterruptedException {
        Files.writeString(directory.resolve("haproxy.cfg"), CONFIGURATION.formatted(socket(), port));
        process = start(List.of());
    }

    private Process start(List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                executable().toString(), "-f", directory.resolve("haproxy.cfg").toString()));
        command.addAll(options);
        Process started = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        while (!answers()) {
            if (started.waitFor(20, TimeUnit.MILLISECONDS)) {
                throw new IOException("haproxy: " + Files.readString(directory.resolve("log")));
            }
        }
        return started;
    }

    /** The one of this machine. */
    static Path executable() throws IOException {
        for (String path : new String[] {"/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/usr/bin/haproxy"}) {
            if (Files.isExecutable(Path.of(path))) {
                return Path.of(path);
            }
        }
        throw new IOException("no haproxy on this machine: install haproxy 2.6 or newer");
    }

    private boolean answers() {
        try {
            return !ask("show info").isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    /** Kills it and starts it again: all connections break, all servers are lost. */
    public void restart() throws IOException, InterruptedException {
        kill();
        process = start(List.of());
    }

    /** A new process takes over, without the servers; the former one ends when its requests have. */
    public void reload() throws IOException, InterruptedException {
        Process former = process;
        process = start(List.of("-sf", String.valueOf(former.pid())));
        former.waitFor();
    }

    /** Sends one command to the stats socket. */
    public String ask(String command) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
            channel.write(ByteBuffer.wrap((command + "\n").getBytes(StandardCharsets.US_ASCII)));
            return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    public Path socket() {
        return directory.resolve("admin.sock");
    }

    /** Where clients reach the service. */
    public InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws IOException {
        try {
            kill();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Commands.deleteAll(directory);
    }
}
