package io.github.rollstep.examples.docker;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The image of the examples, made on this machine of its HAProxy, here as a plain web server: no registry is asked. What it serves
 * is up to the variables REVISION and HEALTHY.
 */
public final class ExampleImage {

    public static final int PORT = 8080;

    /** A library in what ldd prints. */
    private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x");

    private ExampleImage() {}

    /** Builds it by the docker command, under each of the names. */
    public static void build(String... names) throws IOException, InterruptedException {
        Path haproxy = HaProxy.executable();
        Path context = Files.createTempDirectory("rollstep-image-");
        try {
            Files.copy(haproxy, context.resolve("haproxy"));
            Matcher libraries = LIBRARY.matcher(Commands.run("ldd", haproxy.toString()));
            while (libraries.find()) {
                Path library = Path.of(libraries.group(1));
                Path target = context.resolve(library.getRoot().relativize(library));
                Files.createDirectories(target.getParent());
                Files.copy(library, target);
            }
            for (String file : List.of("Dockerfile", "serve.cfg")) {
                try (InputStream content = ExampleImage.class.getResourceAsStream("/docker/" + file)) {
                    Files.copy(Objects.requireNonNull(content, file), context.resolve(file));
                }
            }
            for (String name : names) {
                Commands.run("docker", "build", "-q", "-t", name, context.toString());
            }
        } finally {
            Commands.deleteAll(context);
        }
    }
}
