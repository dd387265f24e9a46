package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages as they go through the router: framing, fields, bodies, refusals, and what is repeated. */
@Timeout(60)
class EmbeddedRouterHttpTest {

    private final List<AutoCloseable> closing = new ArrayList<>();
    private final CountDownLatch release = new CountDownLatch(1);

    @AfterEach
    void closeAll() throws Exception {
        release.countDown();
        for (AutoCloseable next : closing) {
            next.close();
        }
    }

    private <T extends AutoCloseable> T closed(T resource) {
        closing.add(0, resource);
        return resource;
    }

    private EmbeddedRouter router(RawBackend... backends) {
        return router(EmbeddedRouter.builder(), backends);
    }

    private EmbeddedRouter router(EmbeddedRouter.Builder builder, RawBackend... backends) {
        EmbeddedRouter router = closed(builder.start());
        for (RawBackend backend : backends) {
            router.admit(backend.instance());
        }
        return router;
    }

    private RawClient client(EmbeddedRouter router) throws Exception {
        return closed(new RawClient(router.address()));
    }

    private RawBackend backend(RawBackend.Handler handler) throws Exception {
        return closed(new RawBackend("a", handler));
    }

    private RawBackend echo() throws Exception {
        return backend(
                call -> call.ok(call.exactly(Integer.parseInt("0" + call.head().field("Content-Length")))));
    }

    // ---- refused

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "POST / HTTP/1.1~Host: a~Content-Length: 3~Transfer-Encoding: chunked | 400 | both Content-Length",
                "POST / HTTP/1.1~Host: a~Content-Length: 3~Content-Length: 4 | 400 | one whole number",
                "POST / HTTP/1.1~Host: a~Content-Length: -1 | 400 | one whole number",
                "POST / HTTP/1.1~Host: a~Transfer-Encoding: gzip, chunked | 501 | the only Transfer-Encoding",
                "GET / HTTP/1.1 | 400 | one Host",
                "GET / HTTP/1.1~Host: a~Host: b | 400 | one Host",
                "GET / HTTP/2.0~Host: a | 505 | HTTP/1.1",
                "GET / HTTP/1.1~Host: a~Upgrade: websocket~Connection: Upgrade | 501 | does not do upgrades",
                "CONNECT a:443 HTTP/1.1~Host: a | 501 | CONNECT",
                "nonsense | 400 | request line",
                "GET / HTTP/1.1~Host : a | 400 | malformed",
            })
    void refusesWhatItMustOrDoesNotDo(String request, int status, String reason) throws Exception {
        RawBackend backend = echo();
        RawClient client = client(router(backend));

        RawMessage answer =
                client.send(request.replace("~", "\r\n") + "\r\n\r\n").receive();

        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.body()).contains(reason);
        assertThat(answer.field("Connection")).isEqualTo("close");
        assertThat(client.next()).as("closed").isEqualTo(-1);
        assertThat(backend.requests()).isEmpty();
    }

    @Test
    void refusesAHeaderThatIsTooLongOrHasTooManyFields() throws Exception {
        EmbeddedRouter router =
                router(EmbeddedRouter.builder().maxHeaderLine(300).maxHeaders(5), echo());

        assertThat(client(router).get("/" + "x".repeat(400)).receive().status()).isEqualTo(414);
        assertThat(client(router)
                        .send("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(400) + "\r\n\r\n")
                        .receive()
                        .status())
                .isEqualTo(431);
        assertThat(client(router)
                        .send("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n".repeat(6) + "\r\n")
                        .receive()
                        .status())
                .isEqualTo(431);
    }

    @Test
    void cutsAClientThatNeverEndsItsHeader() throws Exception {
        EmbeddedRouter router = router(EmbeddedRouter.builder().headerTimeout(Duration.ofMillis(200)), echo());
        RawClient client = client(router).send("GET / HTTP/1.1\r\nHost:");

        assertThat(client.receive().status()).isEqualTo(408);
        assertThat(client.next()).isEqualTo(-1);
    }

    // ---- fields

    @Test
    void dropsHopByHopFieldsAndSaysForWhom() throws Exception {
        RawBackend backend = echo();
        RawMessage answer = client(router(backend))
                .send("GET /x?y=1 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, X-Secret\r\n"
                        + "X-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\n"
                        + "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Kept: yes\r\n\r\n")
                .receive();

        assertThat(answer.status()).isEqualTo(200);
        RawMessage request = backend.requests().get(0);
        assertThat(request.firstLine()).isEqualTo("GET /x?y=1 HTTP/1.1");
        for (String dropped : List.of("X-Secret", "Keep-Alive", "Proxy-Authorization", "TE")) {
            assertThat(request.field(dropped)).as(dropped).isEmpty();
        }
        assertThat(request.field("X-Kept")).isEqualTo("yes");
        assertThat(request.field("Host")).isEqualTo("shop.example");
        assertThat(request.field("X-Forwarded-For")).isEqualTo("192.0.2.7, 127.0.0.1");
        assertThat(request.field("X-Forwarded-Proto")).isEqualTo("http");
        assertThat(request.field("X-Forwarded-Host")).isEqualTo("shop.example");
    }

    @Test
    void dropsHopByHopFieldsOfAnAnswer() throws Exception {
        RawBackend backend = backend(call -> call.send("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
                + "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok"));

        RawMessage answer = client(router(backend)).get("/").receive();

        assertThat(answer.field("X-Hop")).isEmpty();
        assertThat(answer.field("Set-Cookie")).isEqualTo("a=1, b=2");
        assertThat(answer.body()).isEqualTo("ok");
    }

    // ---- bodies

    @Test
    void passesABodyWithALengthOrInChunks() throws Exception {
        RawBackend backend = backend(call -> {
            boolean chunked = call.head().field("Transfer-Encoding").equals("chunked");
            call.ok(chunked ? new String(RawMessage.chunk(call.in())) : call.exactly(5));
        });
        EmbeddedRouter router = router(backend);

        assertThat(client(router)
                        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
                        .receive()
                        .body())
                .isEqualTo("hello");
        assertThat(client(router)
                        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n")
                        .receive()
                        .body())
                .isEqualTo("world");
    }

    @Test
    void passesEachPieceOfAStreamAtOnce() throws Exception {
        CountDownLatch seen = new CountDownLatch(1);
        RawBackend backend = backend(call -> {
            call.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "7\r\ndata: 1\r\n");
            seen.await();
            call.send("7\r\ndata: 2\r\n0\r\n\r\n");
        });
        RawClient client = client(router(backend)).get("/events");
        client.receiveHead();

        assertThat(client.receiveChunk()).isEqualTo("data: 1");
        seen.countDown();
        assertThat(client.receiveChunk()).isEqualTo("data: 2");
        assertThat(client.receiveChunk()).isEmpty();
    }

    @Test
    void passesAnUploadBeforeItsEnd() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        RawBackend backend = backend(call -> {
            assertThat(call.exactly(3)).isEqualTo("abc");
            first.countDown();
            call.ok(call.exactly(3));
        });
        RawClient client = client(router(backend)).send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");

        first.await();

        assertThat(client.send("def").receive().body()).isEqualTo("def");
    }

    @Test
    void aConnectionServesManyRequestsAlsoPipelined() throws Exception {
        AtomicInteger count = new AtomicInteger();
        RawBackend backend = backend(call -> call.ok("answer " + count.incrementAndGet()));
        RawClient client = client(router(backend)).get("/1").get("/2").get("/3");

        assertThat(client.receive().body()).isEqualTo("answer 1");
        assertThat(client.receive().body()).isEqualTo("answer 2");
        assertThat(client.receive().body()).isEqualTo("answer 3");
    }

    @Test
    void answersAHeadRequestWithoutABody() throws Exception {
        RawBackend backend = backend(call -> call.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
        RawClient client = client(router(backend)).send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");

        assertThat(client.receiveHead().field("Content-Length")).isEqualTo("1000");
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(client.receiveHead().status()).isEqualTo(200);
    }

    // ---- an instance that fails

    @Test
    void saysThatAnInstanceBrokeOffOrTookTooLong() throws Exception {
        RawBackend broken = backend(call -> call.socket().close());
        assertThat(client(router(EmbeddedRouter.builder().retries(false), broken))
                        .get("/")
                        .receive()
                        .status())
                .isEqualTo(502);

        RawBackend silent = backend(call -> release.await());
        assertThat(client(router(EmbeddedRouter.builder().responseTimeout(Duration.ofMillis(200)), silent))
                        .get("/")
                        .receive()
                        .status())
                .isEqualTo(504);
    }

    @Test
    void anAnswerThatEndsTooEarlyIsNotMadeToLookWhole() throws Exception {
        RawBackend backend = backend(call -> {
            call.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            call.socket().close();
        });
        RawClient client = client(router(backend)).get("/");
        client.receiveHead();

        byte[] rest = client.socket().getInputStream().readAllBytes();
        assertThat(rest.length).isLessThan(100);
    }

    private static RawBackend refusing(String id) throws Exception {
        RawBackend backend = RawBackend.named(id);
        backend.stopListening();
        return backend;
    }

    @Test
    void anIdempotentRequestGoesToAnotherInstanceIfTheFirstRefuses() throws Exception {
        EmbeddedRouter router = router(refusing("gone-1"), refusing("gone-2"), closed(RawBackend.named("b")));

        for (int i = 0; i < 20; i++) {
            assertThat(client(router).get("/").receive().body()).isEqualTo("b");
        }
        assertThat(router.retries()).isPositive();
    }

    @Test
    void repeatsNothingWhenToldSo() throws Exception {
        EmbeddedRouter router = router(EmbeddedRouter.builder().retries(false), refusing("gone"));

        assertThat(client(router).get("/").receive().status()).isEqualTo(502);
        assertThat(router.retries()).isZero();
    }

    @Test
    void neverSendsAPostTwice() throws Exception {
        AtomicInteger posts = new AtomicInteger();
        RawBackend.Handler breaking = call -> {
            posts.incrementAndGet();
            call.socket().close();
        };
        EmbeddedRouter router = router(closed(new RawBackend("a", breaking)), closed(new RawBackend("b", breaking)));

        RawMessage answer = client(router)
                .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                .receive();

        assertThat(answer.status()).isEqualTo(502);
        assertThat(posts).hasValue(1);
    }

    /** The instance closes each connection after its first answer, without a word: a pooled one is stale. */
    @Test
    void aStaleConnectionCostsNoRequest() throws Exception {
        RawBackend backend = backend(call -> {
            call.ok("fresh");
            call.socket().close();
        });
        EmbeddedRouter router = router(backend);
        RawClient client = client(router);

        for (int i = 0; i < 50; i++) {
            assertThat(client.get("/").receive().body()).isEqualTo("fresh");
        }
        RawClient poster = client(router);
        for (int i = 0; i < 20; i++) {
            assertThat(poster.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                            .receive()
                            .body())
                    .isEqualTo("fresh");
        }
    }

    @Test
    void anAddressThatTakesNoConnectionIsGivenUp() throws Exception {
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            EmbeddedRouter router = closed(EmbeddedRouter.builder()
                    .connectTimeout(Duration.ofMillis(200))
                    .responseTimeout(Duration.ofMillis(500))
                    .start());
            router.admit(RawBackend.instance(
                    "full", new InetSocketAddress(InetAddress.getLoopbackAddress(), full.getLocalPort())));

            assertThat(client(router).get("/").receive().status()).isIn(502, 504);
        }
    }
}
