package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What a rollout would come to, and nothing done for it; what a policy asks of a platform that has not got it. */
class PreviewTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V2 = Revision.of("v2");
    private static final Timings TIMINGS =
            Timings.start(Duration.ofSeconds(20)).drain(Duration.ofSeconds(5)).stop(Duration.ofSeconds(5));

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);
    private final RolloutStore store = new InMemoryRolloutStore(clock);

    private RollingUpdate.Builder builder() {
        return platform.update(SHOP)
                .store(store)
                .policy(policy().build())
                .clock(clock)
                .hostDriven();
    }

    private static RolloutPolicy.Builder policy() {
        return RolloutPolicy.builder().batches(Batches.fixed(Quota.of(1))).maxSurge(1);
    }

    /** Start 20, soak 10, drain 5, stop 5; three times. */
    @Test
    void saysWhatItComesToAndDoesNothing() {
        Set<String> calls = new TreeSet<>();
        platform.interference = calls::add;

        Forecast forecast = builder().build().preview(V2, TIMINGS);

        assertThat(forecast.phase()).contains(RolloutPhase.SUCCEEDED);
        assertThat(forecast.duration()).isEqualTo(Duration.ofSeconds(3 * 40));
        assertThat(forecast.batches()).isEqualTo(3);
        assertThat(forecast.peak()).isEqualTo(4);
        assertThat(calls).containsExactly("check", "list", "routes");
        assertThat(store.load(SHOP)).isEmpty();
        assertThat(store.acquire(SHOP, "somebody else", Duration.ofSeconds(1))).isPresent();
    }

    @Test
    void whatIsListedAsGoneIsNotThere() {
        InstanceId gone = InstanceId.of("gone");
        platform.instances.put(
                gone,
                Instance.builder(gone, Revision.of("v1"), Instance.State.GONE).build());

        Forecast forecast = builder().build().preview(V2, TIMINGS);

        assertThat(forecast.peak()).isEqualTo(4);
        assertThat(forecast.duration()).isEqualTo(Duration.ofSeconds(3 * 40));
    }

    @Test
    void goesByTheTimesThatWereSeen() {
        RollingUpdate update = builder().build();
        assertThatIllegalStateException()
                .isThrownBy(() -> update.preview(V2))
                .withMessage(
                        "no rollout of fleet shop has launched anything yet: preview(revision, timings) is told the times");
        Rollout rollout = update.start(V2);
        for (int i = 0; i < 500 && !rollout.phase().isFinal(); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(2));
        }
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);

        Timings seen = store.load(SHOP).orElseThrow().state().timings().orElseThrow();
        assertThat(seen.startAtLeast()).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(6));
        assertThat(update.preview(Revision.of("v3"))).isEqualTo(update.preview(Revision.of("v3"), seen));
    }

    @Test
    void ofARolloutInProgressSaysHowItGoesOn() {
        RollingUpdate update = builder().build();
        Rollout rollout = update.start(V2);
        while (rollout.progress().counts().updated() < 2) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }

        Forecast forecast = update.preview(V2, TIMINGS);

        assertThat(forecast.succeeds()).isTrue();
        assertThat(forecast.launched()).isOne();
    }

    @Test
    void retainingNeedsARouterThatDrains() {
        RollingUpdate.Builder routerless = RollingUpdate.builder()
                .fleet(SHOP)
                .desired(3)
                .provider(platform)
                .health(platform)
                .policy(policy().retainOld(Duration.ofMinutes(5)).build());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> routerless.build().start(V2))
                .withMessage("retainOld must be 0 without a router that drains, was PT5M");
    }

    @Test
    void afterThePointOfNoReturnNobodyRollsBackByHand() {
        Rollout rollout =
                builder().policy(policy().forwardOnly().build()).build().start(V2);
        rollout.step();

        assertThatIllegalStateException()
                .isThrownBy(() -> rollout.rollBack("by hand"))
                .withMessageEndingWith("may not roll back after 0 batches: it is forward only");
    }
}
