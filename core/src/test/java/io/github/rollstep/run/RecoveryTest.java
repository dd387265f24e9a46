package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.tuple;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Recovery.Kind;
import io.github.rollstep.run.Recovery.Leftover;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What a controller finds of an earlier one, and what is kept of rollouts that are over. */
class RecoveryTest {

    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-11-25T00:00:00Z"));
    private final InMemoryRolloutStore store = new InMemoryRolloutStore(now::get);
    private final FakePlatform platform = FakePlatform.of("v1", 3);

    private RollingUpdate.Builder builder() {
        return platform.update(FleetId.of("shop"))
                .store(store)
                .operator("ann")
                .clock(now::get)
                .policy(RolloutPolicy.builder()
                        .batches(Batches.sliding(Quota.of(1)))
                        .minReady(Duration.ZERO)
                        .build())
                .hostDriven();
    }

    private void run(Rollout rollout) {
        for (int step = 0; step < 1_000 && !rollout.phase().isFinal(); step++) {
            rollout.step();
            now.updateAndGet(time -> time.plusSeconds(1));
        }
        assertThat(rollout.phase().isFinal()).isTrue();
    }

    @Test
    void listsWhatAnEarlierControllerLeftAndGoesOn() {
        RollingUpdate dead = builder().build();
        platform.interference = call -> {
            if (call.equals("launch")) {
                throw new IllegalStateException("killed before the request was sent");
            }
        };
        dead.start(Revision.of("v2")).step();
        platform.interference = call -> {};
        InstanceId stray = InstanceId.of("stray");
        platform.instances.put(
                stray,
                Instance.builder(stray, Revision.of("v0"), Instance.State.RUNNING)
                        .token(LaunchToken.of("r-0-7"))
                        .build());
        now.updateAndGet(time -> time.plusSeconds(31));

        Recovery found = builder().build().recover();

        assertThat(found.leftovers())
                .extracting(Leftover::kind)
                .containsExactlyInAnyOrder(Kind.UNSEEN_LAUNCH, Kind.UNRECORDED);
        assertThat(found.leftovers())
                .anySatisfy(leftover ->
                        assertThat(leftover).hasToString("stray of v0 was launched as r-0-7, which is in no record"));
        run(found.rollout().orElseThrow());
        assertThat(platform.revisions()).as("the stray one is gone, too").containsExactly("v2", "v2", "v2");
    }

    @Test
    void listsWhatIsOnItsWayOut() {
        RollingUpdate dead = builder().build();
        Rollout rollout = dead.start(Revision.of("v2"));
        platform.interference = call -> {
            if (call.equals("drain") || call.equals("terminate")) {
                throw new IllegalStateException("killed before the request was sent");
            }
        };
        for (int step = 0; step < 10; step++) {
            rollout.step();
            now.updateAndGet(time -> time.plusSeconds(1));
        }
        platform.interference = call -> {};
        now.updateAndGet(time -> time.plusSeconds(31));

        Recovery found = builder().build().recover();

        assertThat(found.leftovers())
                .anySatisfy(leftover -> assertThat(leftover.kind()).isEqualTo(Kind.LEAVING));
        run(found.rollout().orElseThrow());
        assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
    }

    @Test
    void withNothingToRecoverNothingIsFound() {
        Recovery found = builder().build().recover();

        assertThat(found).isEqualTo(new Recovery(java.util.Optional.empty(), java.util.List.of()));
    }

    @Test
    void tellsWhatRolledWhenByWhomHowLongAndWhyItFailed() {
        RollingUpdate update = builder().build();
        platform.bad.add("v3");
        run(update.start(Revision.of("v2")));
        Instant second = now.get();
        run(update.start(Revision.of("v3")));

        assertThat(update.history())
                .extracting(past -> past.to().id(), PastRollout::phase, PastRollout::startedBy)
                .containsExactly(
                        tuple("v3", RolloutPhase.ROLLED_BACK, "ann"), tuple("v2", RolloutPhase.SUCCEEDED, "ann"));
        PastRollout failed = update.history().get(0);
        assertThat(failed.from()).contains(Revision.of("v2"));
        assertThat(failed.startedAt()).isEqualTo(second);
        assertThat(failed.duration()).isPositive();
        assertThat(failed.failures()).isPositive();
        assertThat(failed.superseded()).isFalse();
    }

    @Test
    void keepsAsManyAndAsLongAsAskedFor() {
        RollingUpdate two = builder().keepHistory(2, Duration.ofDays(1)).build();
        for (int i = 2; i < 6; i++) {
            run(two.start(Revision.of("v" + i)));
        }
        assertThat(two.history()).extracting(past -> past.to().id()).containsExactly("v5", "v4", "v3");
        now.updateAndGet(time -> time.plus(Duration.ofDays(2)));
        run(two.start(Revision.of("v6")));

        assertThat(two.history()).extracting(past -> past.to().id()).containsExactly("v6");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().keepHistory(-1, Duration.ofDays(1)))
                .withMessage("rollouts must be within 0 to 1000, was -1");
    }
}
