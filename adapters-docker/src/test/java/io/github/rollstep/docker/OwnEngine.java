package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Eventually;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A Docker Engine of the test's own, which it may stop; its containers are in a network of their own. */
final class OwnEngine implements Closeable {

    /** Another build on this machine has another one. */
    private static final long PID = ProcessHandle.current().pid();

    private static final String BRIDGE = "rs-it-" + PID;
    private static final String BRIDGE_ADDRESS = "198.18.%d.1/24".formatted(PID % 256);

    private final Path directory;
    private final List<String> options;
    private Process process;

    /** @param options of dockerd, beyond those that keep it apart from other engines */
    OwnEngine(Path directory, String... options) throws IOException, InterruptedException {
        this.directory = directory;
        this.options = List.of(options);
        assumeTrue(Files.isExecutable(Path.of("/usr/sbin/dockerd")), "no dockerd to start: install docker.io");
        Files.createDirectories(directory);
        run("ip", "link", "del", BRIDGE);
        assumeTrue(run("ip", "link", "add", BRIDGE, "type", "bridge") == 0, "a network needs root and iproute2");
        run("ip", "addr", "add", BRIDGE_ADDRESS, "dev", BRIDGE);
        run("ip", "link", "set", BRIDGE, "up");
        start();
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    private void start() throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "/usr/sbin/dockerd",
                "--host=" + socket(),
                "--data-root=" + directory.resolve("data"),
                "--exec-root=" + directory.resolve("exec"),
                "--pidfile=" + directory.resolve("pid"),
                "--bridge=" + BRIDGE,
                "--iptables=false",
                "--ip-masq=false"));
        command.addAll(options);
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("log").toFile()))
                .start();
    }

    URI socket() {
        return URI.create("unix://" + directory.resolve("docker.sock"));
    }

    DockerEngine connect() {
        return Eventually.get(Duration.ofSeconds(60), () -> {
            try {
                DockerEngine engine = DockerEngine.connect(socket());
                TestImage.load(engine);
                return engine;
            } catch (ProviderException e) {
                assertThat(process.isAlive())
                        .as(Files.readString(directory.resolve("log")))
                        .isTrue();
                throw new AssertionError(e);
            }
        });
    }

    void restart() throws IOException, InterruptedException {
        process.destroy();
        process.waitFor();
        start();
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        try {
            process.waitFor();
            run("ip", "link", "del", BRIDGE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
