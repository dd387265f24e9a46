package io.github.rollstep.examples.docker;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Revision;
import io.github.rollstep.docker.ContainerTemplate;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;

/**
 * The service of {@link DockerLoad}, a server that takes thousands of requests a second, unlike the shell server of
 * {@link ExampleImage}, which begins a process for each. It runs on this machine's own JDK, which the containers see read-only, and
 * exits at once on SIGTERM: what is open then is lost.
 */
public final class LoadServer {

    static final String SLOW = "/slow";
    private static final long SLOW_MILLIS = 300;

    private LoadServer() {}

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(ExampleImage.PORT), 256);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> answer(exchange, "hello"));
        server.createContext(SLOW, exchange -> {
            sleep();
            answer(exchange, "at last");
        });
        server.start();
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static void sleep() {
        try {
            Thread.sleep(SLOW_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The container of a revision, whose attribute says by which signal it is stopped. */
    static ContainerTemplate template(Revision revision) {
        String java = System.getProperty("java.home") + "/bin/java";
        ContainerTemplate.Builder template = ContainerTemplate.builder(ExampleImage.NAME)
                .command(List.of(
                        java,
                        "-Xmx48m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        // It must close no connection that is kept, or each would count as a drop.
                        "-Dsun.net.httpserver.idleInterval=3600",
                        "-Dsun.net.httpserver.maxIdleConnections=1000",
                        "-Dsun.net.httpserver.nodelay=true",
                        "-cp",
                        "/classes",
                        LoadServer.class.getName()))
                .volume(classes() + ":/classes:ro")
                .stopSignal(revision.attributes().getOrDefault("stop-signal", "SIGTERM"))
                .stopGrace(Duration.ofSeconds(5));
        List.of(System.getProperty("java.home"), "/usr", "/lib", "/lib64", "/etc").stream()
                .filter(path -> Files.isDirectory(Path.of(path)))
                .forEach(path -> template.volume("%s:%s:ro".formatted(path, path)));
        return template.build();
    }

    private static Path classes() {
        try {
            return Path.of(LoadServer.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException("the classes of the example are not in a folder", e);
        }
    }
}
