package io.github.rollstep.aws;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.regions.Region;

/**
 * The emulator of AWS, one for all tests of a JVM: that at the address in {@code -Drollstep.moto}, or else one that is started here
 * from {@code moto_server} on the PATH or {@code python3 -m moto.server}. It answers one request after the other: with threads, its
 * conditional writes are not atomic.
 */
public final class Moto {

    public static final Region REGION = Region.EU_WEST_1;

    private static final String SERVE = """
            import sys
            from werkzeug.serving import run_simple
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
            run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
            """;

    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final Optional<URI> ADDRESS = start();

    private Moto() {}

    /** An empty AWS; the test is skipped where there is no emulator. */
    public static URI reset() {
        assumeTrue(
                ADDRESS.isPresent(),
                "needs moto, the emulator of AWS: neither -Drollstep.moto=http://... nor moto_server on the PATH nor"
                        + " python3 -m moto.server is there");
        URI address = ADDRESS.orElseThrow();
        try {
            HTTP.send(
                    HttpRequest.newBuilder(address.resolve("/moto-api/reset"))
                            .POST(HttpRequest.BodyPublishers.noBody())
                            .build(),
                    BodyHandlers.discarding());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return address;
    }

    /** A client of it as the adapters want it. */
    public static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(
            B builder, CallCounter counter) {
        return AwsClients.configure(at(builder), counter).build();
    }

    /** One with another HTTP client, and more interceptors. */
    public static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(
            B builder, CallCounter counter, SdkHttpClient http, Consumer<ClientOverrideConfiguration.Builder> more) {
        return at(builder)
                .httpClient(http)
                .overrideConfiguration(AwsClients.configuration(counter).copy(more::accept))
                .build();
    }

    private static <B extends AwsClientBuilder<B, C>, C> B at(B builder) {
        return builder.endpointOverride(ADDRESS.orElseThrow())
                .region(REGION)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")));
    }

    private static Optional<URI> start() {
        String given = System.getProperty("rollstep.moto");
        return given == null
                ? python().flatMap(Moto::start)
                : Optional.of(URI.create(given)).filter(Moto::answers);
    }

    /** The interpreter that moto is installed for. */
    private static Optional<String> python() {
        Stream<Path> onPath = Stream.of(System.getenv("PATH").split(":"))
                .map(folder -> Path.of(folder, "moto_server"))
                .filter(Files::isExecutable);
        Stream<String> ofScript = onPath.flatMap(script -> interpreter(script).stream());
        return Stream.concat(ofScript, Stream.of("python3"))
                .filter(Moto::hasMoto)
                .findFirst();
    }

    private static Optional<String> interpreter(Path script) {
        try (Stream<String> lines = Files.lines(script)) {
            return lines.findFirst()
                    .filter(line -> line.startsWith("#!") && line.contains("python"))
                    .map(line -> line.substring(2).strip());
        } catch (IOException | UncheckedIOException e) {
            return Optional.empty();
        }
    }

    private static boolean hasMoto(String python) {
        try {
            Process process = process(List.of(python, "-c", "import moto.server"));
            return process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Optional<URI> start(String python) {
        try {
            int port = freePort();
            Process server = process(List.of(python, "-c", SERVE, Integer.toString(port)));
            Runtime.getRuntime().addShutdownHook(new Thread(server::destroyForcibly));
            URI address = URI.create("http://127.0.0.1:" + port);
            long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (!answers(address)) {
                if (!server.isAlive() || System.nanoTime() > end) {
                    throw new IllegalStateException("moto did not start with " + python);
                }
                Thread.sleep(50);
            }
            return Optional.of(address);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Process process(List<String> command) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static boolean answers(URI address) {
        try {
            return HTTP.send(
                                    HttpRequest.newBuilder(address.resolve("/moto-api/data.json"))
                                            .timeout(Duration.ofSeconds(5))
                                            .build(),
                                    BodyHandlers.discarding())
                            .statusCode()
                    == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
