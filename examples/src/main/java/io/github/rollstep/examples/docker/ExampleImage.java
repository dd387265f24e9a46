package io.github.rollstep.examples.docker;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The image of the examples, made on this machine of a static busybox: no registry is asked. What it serves is up to the
 * variables REVISION and HEALTHY.
 */
public final class ExampleImage {

    public static final int PORT = 8080;

    private static final List<String> FILES = List.of("Dockerfile", "serve", "www/cgi-bin/slow");

    private ExampleImage() {}

    /** Builds it by the docker command, under each of the names. */
    public static void build(String... names) throws IOException, InterruptedException {
        Path busybox = Stream.of("/bin/busybox", "/usr/bin/busybox")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IOException("no busybox on this machine: install busybox-static"));
        Path context = Files.createTempDirectory("rollstep-image-");
        try {
            for (String file : FILES) {
                Path target = context.resolve(file);
                Files.createDirectories(target.getParent());
                try (InputStream content = ExampleImage.class.getResourceAsStream("/docker/" + file)) {
                    Files.copy(Objects.requireNonNull(content, file), target);
                }
                target.toFile().setExecutable(true);
            }
            Files.createDirectories(context.resolve("bin"));
            Files.copy(busybox, context.resolve("bin/busybox"));
            for (String name : names) {
                Commands.run("docker", "build", "-q", "-t", name, context.toString());
            }
        } finally {
            Commands.deleteAll(context);
        }
    }
}
