package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.BuildImageResultCallback;
import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Eventually;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that have to be pulled, from a real registry on this machine. */
class DockerImagesIT {

    private static final FleetId FLEET = FleetId.of("it-images");
    private static final RolloutId ROLLOUT = RolloutId.of("it");
    private static final int LARGE_BYTES = 8 << 20;
    private static final Path REGISTRY = Path.of("/usr/bin/docker-registry");

    @TempDir
    Path directory;

    private final DockerEngine engine = TestImage.engine();
    private final DockerClient docker = engine.calls();
    private Process registry;
    private EngineProxy network;
    private String host;

    @BeforeEach
    void start() throws Exception {
        assumeTrue(Files.isExecutable(REGISTRY), "no registry on this machine: install docker-registry");
        int port = freePort();
        Path configuration =
                Files.writeString(directory.resolve("config.yml"), """
                version: 0.1
                storage:
                  filesystem:
                    rootdirectory: %s
                http:
                  addr: 127.0.0.1:%d
                """.formatted(directory.resolve("data"), port));
        registry = new ProcessBuilder(REGISTRY.toString(), "serve", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        Eventually.holds(
                Duration.ofSeconds(20), () -> assertThat(accepts(address)).isTrue());
        network = new EngineProxy(address);
        host = "127.0.0.1:" + network.address().getPort();
        docker.tagImageCmd(TestImage.NAME, host + "/app", "1").exec();
        docker.pushImageCmd(host + "/app:1").start().awaitCompletion(60, TimeUnit.SECONDS);
        docker.removeImageCmd(host + "/app:1").exec();
    }

    private static boolean accepts(InetSocketAddress address) {
        try (Socket socket = new Socket()) {
            socket.connect(address, 1000);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @AfterEach
    void stop() throws Exception {
        TestImage.removeAll(engine, FLEET.value());
        for (String tag : List.of("1", "2")) {
            EngineErrors.runUnlessGone(
                    "clean up",
                    () -> docker.removeImageCmd(host + "/app:" + tag).exec());
        }
        if (network != null) {
            network.close();
        }
        if (registry != null) {
            registry.destroy();
        }
        engine.close();
    }

    private DockerInstanceProvider provider() {
        return DockerInstanceProvider.builder(engine, FLEET)
                .template(revision -> ContainerTemplate.builder(host + "/app:" + revision.id())
                        .command(List.of("/serve"))
                        .build())
                .build();
    }

    private static List<LaunchRequest> launch(String revision) {
        return List.of(new LaunchRequest(FLEET, ROLLOUT, ROLLOUT.token(1), Revision.of(revision)));
    }

    @Test
    void anImageIsPulledBeforeItsFirstContainer() {
        try (DockerInstanceProvider provider = provider()) {
            provider.launch(launch("1"));

            assertThat(provider.list()).hasSize(1);
        }
    }

    @Test
    void anImageThatTheRegistryDoesNotHaveIsAPermanentError() {
        try (DockerInstanceProvider provider = provider()) {
            ProviderException error = catchThrowableOfType(ProviderException.class, () -> provider.launch(launch("2")));

            assertThat(error)
                    .hasMessageContaining("image " + host + "/app:2 is not on the engine and cannot be pulled")
                    .hasMessageContaining("manifest unknown");
            assertThat(error.isRetryable()).isFalse();
        }
    }

    @Test
    void whileAnImageIsPulledTheLaunchWaitsAndSaysHowFarItIs() throws Exception {
        pushed(LARGE_BYTES);
        try (DockerInstanceProvider provider = provider()) {
            network.slow(Duration.ofMillis(20));

            Eventually.holds(Duration.ofSeconds(60), () -> {
                ProviderException error =
                        catchThrowableOfType(ProviderException.class, () -> provider.launch(launch("2")));
                assertThat(error).hasMessageMatching("image .*/app:2 is being pulled: [1-8] of 8 MB");
                assertThat(error.isRetryable()).isTrue();
            });
            assertThat(provider.list()).isEmpty();

            network.release();
            Eventually.holds(Duration.ofSeconds(60), () -> {
                try {
                    provider.launch(launch("2"));
                } catch (ProviderException e) {
                    throw new AssertionError(e);
                }
                assertThat(provider.list()).hasSize(1);
            });
        }
    }

    /** An image with one layer more, of so many bytes that cannot be compressed, is in the registry and not on the engine. */
    private void pushed(int bytes) throws Exception {
        byte[] noise = new byte[bytes];
        new Random(1).nextBytes(noise);
        ByteArrayOutputStream context = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(context)) {
            TestImage.add(tar, "Dockerfile", "FROM " + TestImage.NAME + "\nCOPY noise /noise\n");
            TestImage.add(tar, "noise", noise);
        }
        engine.streams()
                .buildImageCmd(new ByteArrayInputStream(context.toByteArray()))
                .withTags(Set.of(host + "/app:2"))
                .exec(new BuildImageResultCallback())
                .awaitImageId();
        docker.pushImageCmd(host + "/app:2").start().awaitCompletion(60, TimeUnit.SECONDS);
        docker.removeImageCmd(host + "/app:2").exec();
    }

    @Test
    void anImageIsPulledAheadOfTheRollout() {
        try (DockerInstanceProvider provider = provider()) {
            provider.pull(Revision.of("1"), Duration.ofSeconds(20));
            registry.destroyForcibly().onExit().join();

            provider.launch(launch("1"));

            assertThat(provider.list()).as("without the registry").hasSize(1);
        }
    }
}
