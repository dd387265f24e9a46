package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By which ways an engine is reached, and which one is refused. */
class DockerConnectionIT {

    @TempDir
    Path directory;

    @Test
    void tcpWithoutTls() throws IOException {
        TestImage.engine().close();
        try (EngineProxy network = new EngineProxy();
                DockerEngine engine = DockerEngine.connect(network.address())) {
            assertThat(engine.calls().infoCmd().exec().getName()).isNotEmpty();
        }
    }

    @Test
    void theEnvironmentSaysWhere() throws Exception {
        TestImage.engine().close();
        try (EngineProxy network = new EngineProxy()) {
            assertThat(connected(Map.of("DOCKER_HOST", network.address().toString())))
                    .startsWith(network.address() + " 1.4");
        }
    }

    @Test
    void aContextOfTheDockerCommandSaysWhere() throws Exception {
        TestImage.engine().close();
        try (EngineProxy network = new EngineProxy()) {
            run(
                    "docker",
                    "--config",
                    directory.toString(),
                    "context",
                    "create",
                    "it",
                    "--docker",
                    "host=" + network.address());

            assertThat(connected(Map.of("DOCKER_CONFIG", directory.toString(), "DOCKER_CONTEXT", "it")))
                    .startsWith(network.address() + " 1.4");

            run("docker", "--config", directory.toString(), "context", "use", "it");
            assertThat(connected(Map.of("DOCKER_CONFIG", directory.toString())))
                    .as("the current context")
                    .startsWith(network.address() + " 1.4");
        }
    }

    private static String connected(Map<String, String> environment) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                ProcessHandle.current().info().command().orElse("java"),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                ConnectedEngine.class.getName());
        builder.environment().remove("JAVA_TOOL_OPTIONS"); // Of which the JVM tells.
        builder.environment().putAll(environment);
        return output(builder);
    }

    private static String run(String... command) throws IOException, InterruptedException {
        return output(new ProcessBuilder(command));
    }

    private static String output(ProcessBuilder builder) throws IOException, InterruptedException {
        Process process = builder.redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    @Test
    void tlsWithBothSidesVerified() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/openssl")), "no certificates on this machine: install openssl");
        int port = freePort();
        Path trusted = certificates("trusted");
        try (OwnEngine own = new OwnEngine(
                directory.resolve("engine"),
                "--host=tcp://127.0.0.1:" + port,
                "--tlsverify",
                "--tlscacert=" + trusted.resolve("ca.pem"),
                "--tlscert=" + trusted.resolve("server.pem"),
                "--tlskey=" + trusted.resolve("server-key.pem"))) {
            own.connect().close();
            URI host = URI.create("tcp://127.0.0.1:" + port);

            try (DockerEngine engine = DockerEngine.connect(host, trusted)) {
                assertThat(engine.calls().infoCmd().exec().getName()).isNotEmpty();
            }

            assertThat(connected(Map.of(
                            "DOCKER_HOST",
                            host.toString(),
                            "DOCKER_TLS_VERIFY",
                            "1",
                            "DOCKER_CERT_PATH",
                            trusted.toString())))
                    .startsWith(host + " 1.4");

            Path strangers = certificates("strangers");
            assertThatThrownBy(() -> DockerEngine.connect(host, strangers)).isInstanceOf(ProviderException.class);
            assertThatThrownBy(() -> DockerEngine.connect(host)).isInstanceOf(ProviderException.class);
        }
    }

    /** An authority, and by it a server for 127.0.0.1 and a client. */
    private Path certificates(String name) throws IOException, InterruptedException {
        Path where = Files.createDirectory(directory.resolve(name));
        String ca = where.resolve("ca.pem").toString();
        String caKey = where.resolve("ca-key.pem").toString();
        run(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=" + name,
                "-keyout",
                caKey,
                "-out",
                ca);
        Path names = Files.writeString(where.resolve("names"), "subjectAltName=IP:127.0.0.1\n");
        for (String side : List.of("server", "client")) {
            String prefix = side.equals("client") ? "" : "server-";
            String key = where.resolve(prefix + "key.pem").toString();
            String request = where.resolve(side + ".csr").toString();
            String certificate = where.resolve(side.equals("client") ? "cert.pem" : "server.pem")
                    .toString();
            run(
                    "openssl",
                    "req",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-subj",
                    "/CN=" + side,
                    "-keyout",
                    key,
                    "-out",
                    request);
            run(
                    "openssl",
                    "x509",
                    "-req",
                    "-days",
                    "2",
                    "-in",
                    request,
                    "-CA",
                    ca,
                    "-CAkey",
                    caKey,
                    "-CAcreateserial",
                    "-extfile",
                    names.toString(),
                    "-out",
                    certificate);
        }
        return where;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    void anEngineThatIsTooOldIsRefused() throws IOException {
        HttpServer engine = engineOf("1.40", "1.12");
        try {
            assertThatThrownBy(() -> DockerEngine.connect(at(engine)))
                    .isInstanceOfSatisfying(
                            ProviderException.class,
                            e -> assertThat(e.isRetryable()).isFalse())
                    .hasMessage("the engine must know API 1.41 or newer (Docker 20.10), knows 1.40");
        } finally {
            engine.stop(0);
        }
    }

    @Test
    void ofANewerEngineTheNewestVersionThatBothKnowIsSpoken() throws IOException {
        HttpServer engine = engineOf("1.50", "1.24");
        try (DockerEngine connected = DockerEngine.connect(at(engine))) {
            assertThat(connected.apiVersion()).isEqualTo("1.44");
        } finally {
            engine.stop(0);
        }
    }

    @Test
    void anEngineThatHasForgottenWhatWeSpeakIsRefused() throws IOException {
        HttpServer engine = engineOf("1.99", "1.60");
        try {
            assertThatThrownBy(() -> DockerEngine.connect(at(engine)))
                    .hasMessage("the engine must know API 1.44, takes only 1.60 and newer");
        } finally {
            engine.stop(0);
        }
    }

    @Test
    void anEngineThatIsNotThereIsARetryableErrorThatNamesIt() {
        assertThatThrownBy(() -> DockerEngine.connect(URI.create("unix:///no/such.sock")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageContaining("ask the version of unix:///no/such.sock");
        assertThatThrownBy(() -> DockerEngine.connect(URI.create("http://localhost:2375")))
                .hasMessage("host must be unix:///PATH or tcp://HOST:PORT, was http://localhost:2375");
        assertThatThrownBy(() -> DockerEngine.connect(URI.create("unix:///a"), directory))
                .hasMessage("host with certificates must be tcp://HOST:PORT, was unix:///a");
    }

    private static URI at(HttpServer engine) {
        return URI.create("tcp://127.0.0.1:" + engine.getAddress().getPort());
    }

    /** What an engine of these versions says of itself. */
    private static HttpServer engineOf(String newest, String oldest) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        byte[] version = "{\"Version\":\"x\",\"ApiVersion\":\"%s\",\"MinAPIVersion\":\"%s\"}"
                .formatted(newest, oldest)
                .getBytes(StandardCharsets.UTF_8);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, version.length);
            exchange.getResponseBody().write(version);
            exchange.close();
        });
        server.start();
        return server;
    }
}
