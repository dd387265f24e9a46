package io.github.rollstep.benchmarks.swarm;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Objects;
import java.util.stream.Stream;

/** The image that all roll, made of a static busybox: plain, and with the health check that Swarm needs. */
final class Images {

    static final String PLAIN = "rollstep-bench:plain";
    static final String CHECKED = "rollstep-bench:checked";

    /** What the health check gives: three failures, a second between two. */
    static final Duration START_DEADLINE = Duration.ofSeconds(3);

    private Images() {}

    static void build() throws IOException, InterruptedException {
        Path busybox = Stream.of("/bin/busybox", "/usr/bin/busybox")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IOException("no busybox on this machine: install busybox-static"));
        Path context = Files.createTempDirectory("rollstep-bench-");
        try {
            for (String file : new String[] {"Dockerfile", "checked.Dockerfile", "serve"}) {
                try (InputStream content = Images.class.getResourceAsStream("/swarm/" + file)) {
                    Files.copy(Objects.requireNonNull(content, file), context.resolve(file));
                }
            }
            Files.createDirectories(context.resolve("bin"));
            Files.createDirectories(context.resolve("www"));
            Files.writeString(context.resolve("www/index.html"), "hello\n");
            Files.copy(busybox, context.resolve("bin/busybox"));
            Shell.docker("build", "-q", "-t", PLAIN, context.toString());
            Shell.docker(
                    "build",
                    "-q",
                    "-t",
                    CHECKED,
                    "-f",
                    context.resolve("checked.Dockerfile").toString(),
                    context.toString());
        } finally {
            try (Stream<Path> files = Files.walk(context)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }
}
