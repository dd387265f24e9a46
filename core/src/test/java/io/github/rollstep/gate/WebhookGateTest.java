package io.github.rollstep.gate;

import static io.github.rollstep.gate.Contexts.V2;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Verdict;
import io.github.rollstep.run.HandClock;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Verdicts of real servers on loopback. */
@Timeout(120)
class WebhookGateTest {

    private static final String KEY = "correct horse battery staple";

    private final HandClock clock = new HandClock();
    private final List<HttpServer> servers = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch release = new CountDownLatch(1);
    private final AtomicReference<Request> asked = new AtomicReference<>();
    private final AtomicInteger times = new AtomicInteger();

    private record Request(String method, String target, Headers headers, byte[] body) {
        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    @AfterEach
    void stop() {
        release.countDown();
        servers.forEach(server -> server.stop(0));
        threads.shutdownNow();
    }

    private URI serving(HttpHandler handler) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            asked.set(new Request(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().toString(),
                    exchange.getRequestHeaders(),
                    exchange.getRequestBody().readAllBytes()));
            times.incrementAndGet();
            handler.handle(exchange);
        });
        server.start();
        servers.add(server);
        return URI.create(
                "http://127.0.0.1:%d/gate".formatted(server.getAddress().getPort()));
    }

    private URI answering(int status, String body) throws IOException {
        return serving(exchange -> answer(exchange, status, body.getBytes(StandardCharsets.UTF_8)));
    }

    private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private WebhookGate.Builder gate(URI url) {
        return WebhookGate.builder("acceptance", url)
                .key(KEY)
                .timeout(Duration.ofSeconds(20))
                .clock(clock);
    }

    private Verdict verdict(int status, String body) throws IOException {
        return gate(answering(status, body)).build().judge(Contexts.shop());
    }

    private String noVerdict(WebhookGate gate) {
        ProviderException error = catchThrowableOfType(ProviderException.class, () -> gate.judge(Contexts.shop()));
        assertThat(error).as("a verdict").isNotNull();
        assertThat(error.isRetryable()).isTrue();
        return error.getMessage();
    }

    private String noVerdict(int status, String body) throws IOException {
        return noVerdict(gate(answering(status, body)).build());
    }

    @Test
    void theFirstLineOfTheBodyIsTheVerdict() throws IOException {
        assertThat(verdict(200, "pass")).isEqualTo(Verdict.pass());
        assertThat(verdict(200, "pass 40 of 40 tests\n")).isEqualTo(Verdict.pass("40 of 40 tests"));
        assertThat(verdict(200, "wait\t12 of 40 tests\r\nthe log")).isEqualTo(Verdict.waits("12 of 40 tests"));
        assertThat(verdict(200, "fail 3 of 40 tests \u2718")).isEqualTo(Verdict.fail("3 of 40 tests \u2718"));
        assertThat(verdict(200, "wait").reason()).matches("http://127.0.0.1:\\d+/gate gave no reason");
        assertThat(verdict(200, "fail\nbecause").reason()).endsWith("gave no reason");
    }

    @Test
    void aReasonIsOneShortLine() throws IOException {
        assertThat(verdict(200, "fail \u001b[31mred\u0000").reason()).isEqualTo(" [31mred ");
        assertThat(verdict(200, "fail " + "x".repeat(5000)).reason()).isEqualTo("x".repeat(500) + "...");
    }

    @Test
    void everythingElseIsNoVerdict() throws IOException {
        for (String garbage : List.of("", "ok", "PASS", "passed", "pass,", "{\"verdict\":\"pass\"}", "<html>")) {
            assertThat(noVerdict(200, garbage))
                    .endsWith("the answer must begin with pass, wait or fail, was \"%s\"".formatted(garbage));
        }
        assertThat(noVerdict(200, "\npass")).endsWith("was \"\"");
        assertThat(noVerdict(200, "x".repeat(5000))).endsWith("was \"%s...\"".formatted("x".repeat(500)));
        for (int status : List.of(201, 202, 204, 400, 404, 409, 424, 500, 503)) {
            assertThat(noVerdict(status, status == 204 ? "" : "pass"))
                    .matches("POST http://127.0.0.1:\\d+/gate: status " + status);
        }
    }

    @Test
    void neverFollowsARedirect() throws IOException {
        AtomicInteger elsewhere = new AtomicInteger();
        URI other = serving(exchange -> {
            elsewhere.incrementAndGet();
            answer(exchange, 200, "pass".getBytes(StandardCharsets.UTF_8));
        });
        for (int status : List.of(301, 302, 303, 307, 308)) {
            URI redirecting = serving(exchange -> {
                exchange.getResponseHeaders().add("Location", other.toString());
                answer(exchange, status, new byte[0]);
            });
            assertThat(noVerdict(gate(redirecting).build())).endsWith("status " + status);
        }
        assertThat(elsewhere).hasValue(0);
    }

    @Test
    void sendsTheContextAsJson() throws IOException {
        URI url = answering(200, "pass");
        gate(URI.create(url + "?token=secret"))
                .header("Authorization", "Bearer abc")
                .metadata("stage", "prod\"\n\u00e9")
                .metadata("a", "")
                .build()
                .judge(Contexts.shop());

        assertThat(asked.get().method()).isEqualTo("POST");
        assertThat(asked.get().target()).isEqualTo("/gate?token=secret");
        assertThat(asked.get().headers().getFirst("Content-Type")).isEqualTo("application/json");
        assertThat(asked.get().headers().getFirst("Authorization")).isEqualTo("Bearer abc");
        assertThat(asked.get().text())
                .isEqualTo("{\"gate\":\"acceptance\",\"fleet\":\"shop\",\"rollout\":\"r-1\",\"target\":\"v2\","
                        + "\"baseline\":\"v1\",\"batch\":1,\"baking\":false,\"waitedMillis\":42000,"
                        + "\"counts\":{\"existing\":6,\"serving\":3,\"updated\":1,\"starting\":0,\"outdated\":2,"
                        + "\"draining\":0,\"stopping\":1,\"kept\":2,\"failed\":5},"
                        + "\"metadata\":{\"stage\":\"prod\\\"\\u000a\\u00e9\",\"a\":\"\"}}");
    }

    @Test
    void aHostileNameStaysAString() throws IOException {
        WebhookGate.builder("x\",\"fleet\":\"other\\", answering(200, "pass"))
                .key(KEY)
                .build()
                .judge(Contexts.of("shop", "r-1", V2, Optional.empty()));

        assertThat(asked.get().text())
                .startsWith("{\"gate\":\"x\\\",\\\"fleet\\\":\\\"other\\\\\",\"fleet\":\"shop\",")
                .contains("\"target\":\"v2\",\"baseline\":null,\"batch\"")
                .endsWith("\"metadata\":{}}");
    }

    /** The attributes of V2 have a password. */
    @Test
    void leaksNoSecret() throws IOException {
        WebhookGate gate = gate(URI.create(answering(500, "") + "?token=secret"))
                .header("Authorization", "Bearer abc")
                .build();

        String message = noVerdict(gate);

        assertThat(gate.toString()).matches("WebhookGate\\[acceptance, http://127.0.0.1:\\d+/gate]");
        assertThat(message + gate).doesNotContain(KEY, "secret", "Bearer", "abc");
        assertThat(asked.get().text()).doesNotContain("password", "of-the-revision", KEY);
        assertThat(asked.get().headers().values().toString()).doesNotContain(KEY);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("http://localhost/")).header("X-Key", "se\ncret"))
                .withMessage("header must have a name and a value that HTTP allows, was \"X-Key\"")
                .withNoCause();
    }

    /** As docs/gates.md shows it. */
    private static boolean isAuthentic(byte[] key, String header, byte[] body, Instant now) throws Exception {
        String[] parts = header.split("t=|,v1=");
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((parts[1] + ".").getBytes(StandardCharsets.US_ASCII));
        return MessageDigest.isEqual(mac.doFinal(body), HexFormat.of().parseHex(parts[2]))
                && Math.abs(now.getEpochSecond() - Long.parseLong(parts[1])) <= 300;
    }

    @Test
    void theReceiverCanVerifyWhoAskedAndWhen() throws Exception {
        gate(answering(200, "pass")).build().judge(Contexts.shop());

        byte[] body = asked.get().body();
        byte[] key = KEY.getBytes(StandardCharsets.UTF_8);
        String header = asked.get().headers().getFirst("Rollstep-Signature");
        assertThat(header).matches("t=1795486530,v1=[0-9a-f]{64}");
        assertThat(isAuthentic(key, header, body, clock.instant())).isTrue();
        assertThat(isAuthentic("another key".getBytes(StandardCharsets.UTF_8), header, body, clock.instant()))
                .isFalse();
        assertThat(isAuthentic(key, header.replace("t=1795486530", "t=1795486531"), body, clock.instant()))
                .isFalse();
        assertThat(isAuthentic(key, header, body, clock.instant().plusSeconds(301)))
                .isFalse();
        body[body.length - 1] ^= 1;
        assertThat(isAuthentic(key, header, body, clock.instant())).isFalse();
    }

    /** Computed with Python's hmac. */
    @Test
    void theSignatureIsTheOneOfOthers() {
        assertThat(WebhookGate.signature(
                        "a key of 16 bytes".getBytes(StandardCharsets.US_ASCII),
                        1795486530,
                        "{\"a\":1}".getBytes(StandardCharsets.US_ASCII)))
                .isEqualTo("t=1795486530,v1=bd88874ea564c84163b6588513c7bf2355d875e4238fbea1a217eea0ea2d361e");
    }

    @Test
    void theKeyIsCopied() throws Exception {
        byte[] key = KEY.getBytes(StandardCharsets.UTF_8);
        WebhookGate gate = gate(answering(200, "pass")).key(key).build();
        key[0] = 0;
        gate.judge(Contexts.shop());

        assertThat(isAuthentic(
                        KEY.getBytes(StandardCharsets.UTF_8),
                        asked.get().headers().getFirst("Rollstep-Signature"),
                        asked.get().body(),
                        clock.instant()))
                .isTrue();
    }

    @Test
    void givesUpOnAnAnswerThatDoesNotComeOrDoesNotEnd() throws IOException {
        URI silent = serving(exchange -> waitForRelease());
        URI trickling = serving(exchange -> {
            exchange.sendResponseHeaders(200, 100);
            exchange.getResponseBody().write("pass".getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
            waitForRelease();
        });

        long begun = System.nanoTime();
        for (URI slow : List.of(silent, trickling)) {
            assertThat(noVerdict(gate(slow).timeout(Duration.ofMillis(300)).build()))
                    .isEqualTo("POST %s: no whole answer within PT0.3S".formatted(slow));
        }
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(30));
    }

    private void waitForRelease() {
        try {
            release.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aBodyOf64KiBIsReadAndOneByteMoreIsRefused() throws IOException {
        String largest = "pass\n" + "x".repeat(64 * 1024 - 5);

        assertThat(verdict(200, largest)).isEqualTo(Verdict.pass());
        assertThat(noVerdict(200, largest + "x")).endsWith("the body has more than 65536 bytes");
    }

    @Test
    void anEndlessBodyIsCut() throws Exception {
        CountDownLatch cut = new CountDownLatch(1);
        URI endless = serving(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream body = exchange.getResponseBody()) {
                while (true) {
                    body.write(new byte[1024]);
                }
            } catch (IOException e) {
                cut.countDown();
            }
        });

        assertThat(noVerdict(gate(endless).build())).endsWith("the body has more than 65536 bytes");
        assertThat(cut.await(60, TimeUnit.SECONDS))
                .as("the connection is closed")
                .isTrue();
    }

    @Test
    void aServerThatRefusesOrSpeaksNoHttpGivesNoVerdict() throws Exception {
        URI url;
        try (ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            url = URI.create("http://127.0.0.1:%d/".formatted(socket.getLocalPort()));
            threads.execute(() -> {
                try (Socket connection = socket.accept()) {
                    connection.getInputStream().read();
                    connection.getOutputStream().write("220 smtp ESMTP\r\n".getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                    // The assertion below says it.
                }
            });
            assertThat(noVerdict(gate(url).build())).startsWith("POST " + url + ": ");
        }
        assertThat(noVerdict(gate(url).build())).isEqualTo("POST " + url + ": cannot connect");
    }

    @Test
    void anInterruptEndsTheQuestionAndStaysSet() throws IOException {
        WebhookGate gate = gate(serving(exchange -> waitForRelease())).build();
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> gate.judge(Contexts.shop()))
                .isInstanceOf(ProviderException.class)
                .hasMessageEndingWith("interrupted");
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void asksAnewEachTime() throws IOException {
        AtomicReference<String> answer = new AtomicReference<>("wait for it");
        WebhookGate gate = gate(serving(
                        exchange -> answer(exchange, 200, answer.get().getBytes(StandardCharsets.UTF_8))))
                .build();

        assertThat(gate.judge(Contexts.shop())).isEqualTo(Verdict.waits("for it"));
        answer.set("pass");
        assertThat(gate.judge(Contexts.shop()).passes()).isTrue();
        answer.set("fail after all");
        assertThat(gate.judge(Contexts.shop()).fails()).isTrue();
        assertThat(times).hasValue(3);
    }

    @Test
    void rejectsSettingsThatMakeNoSense() {
        URI url = URI.create("https://ci.example/gate");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebhookGate.builder("", url))
                .withMessageStartingWith("name must have 1 to 100 characters");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("ftp://ci.example/")))
                .withMessage("url must be one of http or https, was one of ftp");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("/gate")))
                .withMessage("url must be one of http or https, was one of null");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("http:gate")))
                .withMessage("url must have a host, has none");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("https://me:secret@ci.example/")))
                .withMessage("url must have no user info, has one: use a header");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(URI.create("https://ci.example/#top")))
                .withMessage("url must have no fragment, has #top");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(url).key("short"))
                .withMessage("key must have >= 16 bytes, has 5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebhookGate.builder("acceptance", url).build())
                .withMessage("key must be set, was not");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(url).timeout(Duration.ZERO))
                .withMessage("timeout must be within PT0.001S to PT10M, was PT0S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(url).header("rollstep-signature", "x"))
                .withMessage("header must not be one that the gate sets, was rollstep-signature");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate(url).header("Host", "elsewhere"))
                .withMessage("header must have a name and a value that HTTP allows, was \"Host\"");
    }
}
