package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In and out of traffic, counting, connections and limits. */
@Timeout(60)
class EmbeddedRouterTest {

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

    private EmbeddedRouter router() {
        return closed(EmbeddedRouter.start());
    }

    private RawClient client(EmbeddedRouter router) throws Exception {
        return closed(new RawClient(router.address()));
    }

    private RawBackend named(String id) throws Exception {
        return closed(RawBackend.named(id));
    }

    /** Answers {@code /slow} when released, all else at once. */
    private RawBackend slow(String id) throws Exception {
        return closed(new RawBackend(id, call -> {
            if (call.path().equals("/slow")) {
                release.await();
            }
            call.ok(id);
        }));
    }

    @Test
    void listensOnLoopbackUnlessToldOtherwise() {
        EmbeddedRouter router = router();

        assertThat(router.address().getAddress().isLoopbackAddress()).isTrue();
        assertThat(router.port()).isPositive();
    }

    @Test
    void sendsRequestsToWhatWasAdmitted() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = named("i-1");

        router.admit(backend.instance());

        assertThat(client(router).get("/").receive().body()).isEqualTo("i-1");
        Until.holds("it is in and quiet", () -> router.routes().equals(Map.of(backend.id(), Routing.in())));
    }

    @Test
    void withoutAnInstanceItSaysSo() throws Exception {
        RawClient client = client(router());

        RawMessage answer = client.get("/").receive();

        assertThat(answer.status()).isEqualTo(503);
        assertThat(answer.body()).contains("no instance takes requests now");
        assertThat(client.get("/").receive().status()).isEqualTo(503);
    }

    @Test
    void drainingLetsTheOpenRequestEnd() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);

        router.drain(backend.instance());

        assertThat(router.routes()).containsEntry(backend.id(), Routing.draining(1));
        assertThat(client(router).get("/").receive().status()).isEqualTo(503);
        release.countDown();
        assertThat(client.receive().body()).isEqualTo("i-1");
        Until.holds("it is out", () -> router.routes().isEmpty());
        assertThat(client.get("/").receive().status()).isEqualTo(503);
        assertThat(backend.requests()).hasSize(1);
    }

    @Test
    void drainingLetsTheOpenStreamEnd() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = closed(new RawBackend("i-1", call -> {
            call.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
            release.await();
            call.send("3\r\ntwo\r\n0\r\n\r\n");
        }));
        router.admit(backend.instance());
        RawClient client = client(router).get("/");
        client.receiveHead();
        assertThat(client.receiveChunk()).isEqualTo("one");

        router.drain(backend.instance());

        assertThat(router.routes()).containsEntry(backend.id(), Routing.draining(1));
        release.countDown();
        assertThat(client.receiveChunk()).isEqualTo("two");
        assertThat(client.receiveChunk()).isEmpty();
        Until.holds("it is out", () -> router.routes().isEmpty());
    }

    @Test
    void routesShowTheOpenRequests() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());

        client(router).get("/slow");
        client(router).get("/slow");

        Until.holds("both are counted", () -> router.routes().get(backend.id()).openRequests() == 2);
        release.countDown();
        Until.holds("both have ended", () -> router.routes().get(backend.id()).openRequests() == 0);
        assertThat(router.routes()).containsEntry(backend.id(), Routing.in());
    }

    @Test
    void keepAliveConnectionSurvivesAChangeOfBackends() throws Exception {
        EmbeddedRouter router = router();
        RawBackend old = named("old");
        RawBackend fresh = named("fresh");
        router.admit(old.instance());
        RawClient client = client(router);
        assertThat(client.get("/").receive().body()).isEqualTo("old");

        router.admit(fresh.instance());
        router.drain(old.instance());
        Until.holds("the old one is out", () -> !router.routes().containsKey(old.id()));
        old.close();

        assertThat(client.get("/").receive().body()).isEqualTo("fresh");
        assertThat(client.get("/").receive().body()).isEqualTo("fresh");
    }

    @Test
    void aQuietInstanceIsForgottenAndItsIdleConnectionsAreClosed() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = named("i-1");
        router.admit(backend.instance());
        client(router).get("/").receive();
        Until.holds("the connection is kept", () -> router.idleConnections(backend.id()) == 1);

        router.drain(backend.instance());

        Until.holds("it is out", () -> router.routes().isEmpty());
        Until.holds("the connection is closed", () -> backend.openConnections() == 0);
    }

    @Test
    void aConnectionInUseAtTheDrainIsClosedAfterItsRequest() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);
        router.drain(backend.instance());

        release.countDown();

        assertThat(client.receive().status()).isEqualTo(200);
        Until.holds("the connection is closed", () -> backend.openConnections() == 0);
    }

    @Test
    void idleConnectionsAreReusedAndClosedSoon() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = named("i-1");
        router.admit(backend.instance());
        RawClient client = client(router);

        Until.holds("a connection is used again", () -> {
            client.get("/").receive();
            return backend.connections() < backend.requests().size();
        });

        Until.holds("it is closed when idle", () -> backend.openConnections() == 0);
        assertThat(client.get("/").receive().status()).isEqualTo(200);
    }

    @Test
    void aDrainingInstanceThatIsAdmittedTakesRequestsAgain() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);
        router.drain(backend.instance());

        router.admit(backend.instance());

        assertThat(router.routes()).containsEntry(backend.id(), new Routing(Routing.State.IN, 1));
        assertThat(client(router).get("/").receive().body()).isEqualTo("i-1");
        release.countDown();
        assertThat(client.receive().status()).isEqualTo(200);
        Until.holds("it stays in", () -> router.routes().get(backend.id()).equals(Routing.in()));
    }

    @Test
    void repeatsAndStrangersAreFine() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = named("i-1");
        RawBackend stranger = named("i-2");

        router.admit(backend.instance());
        router.admit(backend.instance());
        router.drain(stranger.instance());

        assertThat(router.routes()).hasSize(1);
        router.drain(backend.instance());
        router.drain(backend.instance());
        assertThat(router.routes()).isEmpty();
    }

    @Test
    void anInstanceWithoutAddressCanNeverBeATarget() {
        Instance homeless = Instance.builder(InstanceId.of("i-1"), Revision.of("r1"), Instance.State.RUNNING)
                .build();
        EmbeddedRouter router = router();

        assertThatThrownBy(() -> router.admit(homeless))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("instance i-1 has no address to send requests to");
        assertThatCode(() -> router.drain(homeless)).doesNotThrowAnyException();
    }

    @Test
    void equalsTakeTurns() throws Exception {
        EmbeddedRouter router = router();
        for (String id : List.of("i-1", "i-2", "i-3")) {
            router.admit(named(id).instance());
        }
        RawClient client = client(router);

        Set<String> bodies = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            bodies.add(client.get("/").receive().body());
            Until.holds(
                    "no request is open",
                    () -> router.routes().values().stream().allMatch(r -> r.openRequests() == 0));
        }

        assertThat(bodies).containsExactlyInAnyOrder("i-1", "i-2", "i-3");
    }

    @Test
    void theInstanceWithTheFewestOpenRequestsGetsTheNext() throws Exception {
        EmbeddedRouter router = router();
        RawBackend busy = slow("busy");
        router.admit(busy.instance());
        client(router).get("/slow");
        Until.holds("it is busy", () -> router.routes().get(busy.id()).openRequests() == 1);

        router.admit(named("free").instance());

        RawClient client = client(router);
        for (int i = 0; i < 4; i++) {
            assertThat(client.get("/").receive().body()).isEqualTo("free");
            Until.holds(
                    "the free one is free",
                    () -> router.routes().get(InstanceId.of("free")).openRequests() == 0);
        }
    }

    @Test
    void watchersHearOfEachChange() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        AtomicInteger hints = new AtomicInteger();
        router.watch(() -> {
            throw new IllegalStateException("a watcher that throws does no harm; this warning is expected");
        });
        Watchable.Subscription subscription = router.watch(hints::incrementAndGet);

        router.admit(backend.instance());
        assertThat(hints).hasValue(1);
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);
        router.drain(backend.instance());
        assertThat(hints).hasValue(2);
        release.countDown();
        client.receive();
        Until.holds("a hint that it is quiet", () -> hints.get() == 3);

        subscription.close();
        subscription.close();
        router.admit(backend.instance());
        assertThat(hints).hasValue(3);
    }

    @Test
    void aClientThatLeavesFreesItsInstance() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);

        client.close();

        Until.holds("it is quiet", () -> router.routes().get(backend.id()).openRequests() == 0);
        assertThat(release.getCount()).isEqualTo(1);
    }

    @Test
    void aClientThatLeavesASilentStreamFreesItsInstance() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = closed(new RawBackend("i-1", call -> {
            call.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
            release.await();
        }));
        router.admit(backend.instance());
        RawClient client = client(router).get("/");
        client.receiveHead();
        assertThat(client.receiveChunk()).isEqualTo("data: 1\n\n");

        client.close();

        Until.holds("it is quiet", () -> router.routes().get(backend.id()).openRequests() == 0);
    }

    @Test
    void aClientThatTakesNoAnswerIsCutOff() throws Exception {
        EmbeddedRouter router = closed(
                EmbeddedRouter.builder().bodyTimeout(Duration.ofMillis(200)).start());
        RawBackend backend = closed(new RawBackend("i-1", call -> {
            call.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while (true) {
                call.socket().getOutputStream().write(new byte[65_536]);
            }
        }));
        router.admit(backend.instance());

        client(router).get("/");

        Until.holds("the request came", () -> backend.requests().size() == 1);
        Until.holds("it is quiet", () -> router.routes().get(backend.id()).openRequests() == 0);
    }

    @Test
    void oneConnectionTooManyIsToldSo() throws Exception {
        EmbeddedRouter router =
                closed(EmbeddedRouter.builder().maxConnections(1).start());
        router.admit(named("i-1").instance());
        RawClient first = client(router);
        assertThat(first.get("/").receive().status()).isEqualTo(200);

        RawClient second = client(router);
        RawMessage answer = second.get("/").receive();

        assertThat(answer.status()).isEqualTo(503);
        assertThat(answer.field("Connection")).isEqualTo("close");
        assertThat(answer.body()).contains("too many connections");
        assertThat(second.next()).isEqualTo(-1);
        first.close();
        Until.holds(
                "there is room again", () -> client(router).get("/").receive().status() == 200);
    }

    @Test
    void anIdleClientIsClosed() throws Exception {
        EmbeddedRouter router =
                closed(EmbeddedRouter.builder().keepAlive(Duration.ofMillis(50)).start());

        assertThat(client(router).next()).isEqualTo(-1);
    }

    @Test
    void closeLetsTheOpenRequestEnd() throws Exception {
        EmbeddedRouter router = router();
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient idle = client(router);
        assertThat(idle.get("/").receive().status()).isEqualTo(200);
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 2);

        CompletableFuture<Void> close = CompletableFuture.runAsync(router::close);

        assertThat(idle.next()).isEqualTo(-1);
        assertThat(close).isNotDone();
        assertThatThrownBy(() -> client(router)).isInstanceOf(ConnectException.class);
        release.countDown();
        RawMessage answer = client.receive();
        assertThat(answer.body()).isEqualTo("i-1");
        assertThat(answer.field("Connection")).isEqualTo("close");
        close.join();
        assertThatThrownBy(() -> router.admit(backend.instance())).isInstanceOf(ProviderException.class);
    }

    @Test
    void closeDoesNotWaitForEver() throws Exception {
        EmbeddedRouter router = closed(
                EmbeddedRouter.builder().closeTimeout(Duration.ofMillis(50)).start());
        RawBackend backend = slow("i-1");
        router.admit(backend.instance());
        RawClient client = client(router).get("/slow");
        Until.holds("the request is open", () -> backend.requests().size() == 1);

        router.close();

        assertThat(client.next()).isEqualTo(-1);
    }

    @Test
    void closeEndsItsThreads() throws Exception {
        EmbeddedRouter router = router();
        router.admit(named("i-1").instance());
        client(router).get("/").receive();
        int port = router.port();
        Set<Thread> before = threads();

        router.close();

        Until.holds("its threads have ended", () -> before.stream().noneMatch(Thread::isAlive));
        assertThat(before).isNotEmpty().allMatch(Thread::isDaemon);
        assertThat(port).isPositive();
    }

    private static Set<Thread> threads() {
        Set<Thread> threads = new HashSet<>(Thread.getAllStackTraces().keySet());
        threads.removeIf(thread -> !thread.getName().startsWith("rollstep-router-"));
        return threads;
    }

    @Test
    void badSettingsAreNamedWithRuleAndValue() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddedRouter.builder().port(-1))
                .withMessage("port must be within 0 to 65535, was -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddedRouter.builder().maxConnections(0))
                .withMessage("maxConnections must be within 1 to 100000, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EmbeddedRouter.builder().keepAlive(Duration.ZERO))
                .withMessage("keepAlive must be > 0 and <= 1 day, was 0s");
    }

    @Test
    void aPortInUseIsNamed() {
        EmbeddedRouter router = router();

        assertThatThrownBy(() -> EmbeddedRouter.builder().port(router.port()).start())
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(":" + router.port());
    }
}
