package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.health.LameDuckRouter;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A real instance that can be a lame duck, and a clock that is moved by hand. */
class LameDuckRouterTest {

    private static final Duration DETECTION = Duration.ofSeconds(12);
    private static final Duration REQUEST = Duration.ofSeconds(30);
    private static final Routing ADMITTING = new Routing(Routing.State.ADMITTING, 0);

    private final ManualClock clock = new ManualClock(Instant.parse("2026-01-01T00:00:00Z"));
    private final AtomicBoolean lame = new AtomicBoolean();
    private final AtomicInteger asked = new AtomicInteger();
    private final LameDuckRouter router = router();
    private HttpServer server;
    private Instance instance;

    private LameDuckRouter router() {
        return LameDuckRouter.builder()
                .detectionTime(DETECTION)
                .requestTime(REQUEST)
                .clock(clock)
                .build();
    }

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        server.createContext("/lameduck", exchange -> {
            asked.incrementAndGet();
            String method = exchange.getRequestMethod();
            if (method.equals("PUT")) {
                lame.set(true);
            } else if (method.equals("DELETE")) {
                lame.set(false);
            }
            exchange.sendResponseHeaders(method.equals("GET") && !lame.get() ? 404 : 200, -1);
            exchange.close();
        });
        server.start();
        instance = Instance.builder(InstanceId.of("a"), Revision.of("v1"), Instance.State.RUNNING)
                .address(server.getAddress())
                .createdAt(clock.instant())
                .build();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private Routing routing(LameDuckRouter router) {
        return router.routes(List.of(instance)).get(instance.id());
    }

    @Test
    void aPolicyThatWouldCutItsRequestsIsRefused() {
        SimulatedFleet fleet = SimulatedFleet.builder(FleetId.of("shop"), clock).build();
        RollingUpdate.Builder update = RollingUpdate.builder()
                .fleet(fleet.id())
                .desired(1)
                .provider(fleet.provider())
                .health(fleet.healthChecker())
                .router(router)
                .store(new InMemoryRolloutStore(clock))
                .clock(clock)
                .hostDriven();

        assertThat(router.longestDrain()).isEqualTo(DETECTION.plus(REQUEST));
        try (RollingUpdate defaults = update.build()) {
            assertThatThrownBy(() -> defaults.start(Revision.of("v2")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "drainDeadline must be >= PT42S, which the router may take for open requests, was PT30S");
        }
        RolloutPolicy patient =
                RolloutPolicy.builder().drainDeadline(router.longestDrain()).build();
        try (RollingUpdate longer = update.policy(patient).build()) {
            assertThat(longer.start(Revision.of("v2")).phase()).isEqualTo(RolloutPhase.ROLLING);
        }
    }

    @Test
    void isInWhenTheRouterHasHadTheTimeToFindIt() {
        assertThat(routing(router)).isEqualTo(ADMITTING);
        clock.advance(DETECTION.minusMillis(1));
        assertThat(routing(router)).isEqualTo(ADMITTING);

        clock.advance(Duration.ofMillis(1));

        assertThat(routing(router)).isEqualTo(Routing.in());
        assertThat(asked).as("only once").hasValue(1);
    }

    @Test
    void isQuietOnlyAfterDetectionAndTheLastRequest() {
        routing(router);
        clock.advance(DETECTION);
        router.drain(instance);
        assertThat(lame).isTrue();
        assertThat(routing(router)).isEqualTo(Routing.draining(1));

        clock.advance(DETECTION.plus(REQUEST).minusMillis(1));
        router.drain(instance);
        assertThat(routing(router)).as("a repeat does not begin anew").isEqualTo(Routing.draining(1));
        clock.advance(Duration.ofMillis(1));

        assertThat(routing(router)).isEqualTo(Routing.draining(0));
    }

    @Test
    void isLetInAgainAndFoundAnew() {
        routing(router);
        clock.advance(DETECTION);
        router.drain(instance);

        router.admit(instance);

        assertThat(lame).isFalse();
        assertThat(routing(router)).isEqualTo(ADMITTING);
        clock.advance(DETECTION);
        assertThat(routing(router)).isEqualTo(Routing.in());
    }

    @Test
    void anotherControllerFindsOutWhoIsOneAndWaitsTheWholeTime() {
        router.drain(instance);
        clock.advance(DETECTION.plus(REQUEST));
        LameDuckRouter next = router();

        assertThat(routing(next)).isEqualTo(Routing.draining(1));
        clock.advance(DETECTION.plus(REQUEST));
        assertThat(routing(next)).isEqualTo(Routing.draining(0));
    }

    @Test
    void oneThatCannotBeAskedMayTakeRequestsAndIsNeverQuiet() {
        server.stop(0);
        clock.advance(Duration.ofHours(2));

        assertThat(routing(router)).isEqualTo(ADMITTING);
        assertThatThrownBy(() -> router.drain(instance))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageContaining("PUT /lameduck of instance a");
        assertThat(routing(router)).isEqualTo(ADMITTING);
    }

    @Test
    void oneThatIsNotRunningIsOut() {
        instance = instance.toBuilder().state(Instance.State.FAILED).build();

        router.drain(instance);

        assertThat(router.routes(List.of(instance))).isEmpty();
    }

    @Test
    void withoutAnAddressItIsNoTarget() {
        Instance nowhere = Instance.builder(InstanceId.of("n"), Revision.of("v1"), Instance.State.RUNNING)
                .build();

        assertThatThrownBy(() -> router.admit(nowhere))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("instance n has no address to send requests to");
        assertThat(router.routes(List.of(nowhere))).isEmpty();
    }

    @Test
    void settingsAreRefusedWithNameRuleAndValue() {
        assertThatThrownBy(() -> LameDuckRouter.builder().build()).hasMessage("detectionTime must be given, was none");
        assertThatThrownBy(() -> LameDuckRouter.builder().detectionTime(Duration.ZERO))
                .hasMessage("detectionTime must be > 0 and <= PT1H, was PT0S");
        assertThatThrownBy(() -> LameDuckRouter.builder().requestTime(Duration.ofHours(2)))
                .hasMessage("requestTime must be > 0 and <= PT1H, was PT2H");
        assertThatThrownBy(() -> LameDuckRouter.builder().path("x")).hasMessage("path must begin with /, was x");
    }
}
