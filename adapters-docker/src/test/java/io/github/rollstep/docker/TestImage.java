package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.BuildImageResultCallback;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Frame;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Eventually;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** An image that needs no registry: a static busybox as a web server, built on nothing. */
final class TestImage {

    static final String NAME = "rollstep-test:1";

    private TestImage() {}

    /** The engine with the image; without an engine or a static busybox the test is skipped, and says so. */
    static DockerEngine engine() {
        DockerEngine engine;
        try {
            engine = DockerEngine.connect();
        } catch (ProviderException e) {
            assumeTrue(false, "no Docker Engine: " + e.getMessage());
            throw e;
        }
        load(engine);
        return engine;
    }

    static void load(DockerEngine engine) {
        Optional<Path> busybox = Stream.of("/bin/busybox", "/usr/bin/busybox")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst();
        assumeTrue(busybox.isPresent(), "no busybox: install busybox-static");
        load(engine, busybox.get());
    }

    private static synchronized void load(DockerEngine engine, Path busybox) {
        try {
            engine.calls().inspectImageCmd(NAME).exec();
        } catch (NotFoundException e) {
            engine.streams()
                    .buildImageCmd(new ByteArrayInputStream(tar(busybox)))
                    .withTags(Set.of(NAME))
                    .exec(new BuildImageResultCallback())
                    .awaitImageId();
        }
    }

    private static byte[] tar(Path busybox) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            add(tar, "Dockerfile", "FROM scratch\nCOPY . /\n");
            add(tar, "bin/busybox", Files.readAllBytes(busybox));
            for (String name : List.of("sh", "sleep", "echo", "cat", "httpd", "rm", "touch")) {
                TarArchiveEntry link = new TarArchiveEntry("bin/" + name, TarArchiveEntry.LF_SYMLINK);
                link.setLinkName("busybox");
                tar.putArchiveEntry(link);
                tar.closeArchiveEntry();
            }
            add(tar, "www/healthz", "ok");
            add(tar, "www/cgi-bin/slow", "#!/bin/sh\nsleep 0.3\necho 'Content-Length: 3'\necho\necho ok\n");
            add(tar, "serve", """
                    #!/bin/sh
                    trap 'exit 0' TERM
                    echo "serving $REVISION"
                    echo -n "$REVISION" > /www/index.html
                    httpd -f -p 8080 -h /www &
                    wait
                    """);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static void add(TarArchiveOutputStream tar, String name, String text) throws IOException {
        add(tar, name, text.getBytes(StandardCharsets.UTF_8));
    }

    static void add(TarArchiveOutputStream tar, String name, byte[] content) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        entry.setMode(0100755);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
    }

    /** Until it has said that it serves: from then on it heeds a SIGTERM. */
    static void awaitServing(DockerEngine engine, InstanceId id) {
        Eventually.holds(Duration.ofSeconds(30), () -> {
            StringBuffer log = new StringBuffer();
            try (ResultCallback.Adapter<Frame> lines = new ResultCallback.Adapter<>() {
                @Override
                public void onNext(Frame frame) {
                    log.append(new String(frame.getPayload(), StandardCharsets.UTF_8));
                }
            }) {
                engine.streams()
                        .logContainerCmd(id.value())
                        .withStdOut(true)
                        .exec(lines)
                        .awaitCompletion(10, TimeUnit.SECONDS);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            assertThat(log.toString()).contains("serving");
        });
    }

    /** Removes what a test left of its fleets. */
    static void removeAll(DockerEngine engine, String... fleets) {
        for (String fleet : fleets) {
            engine.calls()
                    .listContainersCmd()
                    .withShowAll(true)
                    .withLabelFilter(List.of("io.github.rollstep.fleet=" + fleet))
                    .exec()
                    .forEach(container -> EngineErrors.runUnlessGone(
                            "clean up",
                            () -> engine.calls()
                                    .removeContainerCmd(container.getId())
                                    .withForce(true)
                                    .exec()));
        }
    }
}
