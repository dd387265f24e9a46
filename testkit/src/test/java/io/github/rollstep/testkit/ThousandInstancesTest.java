package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A thousand instances that start in 25 to 35 s and stop in 30 s, none of them missing at any time, 250 more at most, by simulated
 * time: what the recommended default costs, beside a batch of a single size.
 */
class ThousandInstancesTest {

    private static final int DESIRED = 1000;
    private static final Revision V2 = Revision.of("v2");
    private static final RolloutPolicy SINGLE_SIZE = RolloutPolicy.builder()
            .batches(Batches.fixed(Quota.percent(25)))
            .maxSurge(Quota.percent(25))
            .maxUnavailable(0)
            .build();

    /** What a rollout came to. */
    private record End(RolloutState state, Duration duration, int launched) {}

    private static End roll(RolloutPolicy policy, boolean good, long seed) {
        ManualClock clock = new ManualClock(Instant.EPOCH);
        Behaviour.Builder behaviour = Behaviour.builder()
                .startDelay(Duration.ofSeconds(25), Duration.ofSeconds(35))
                .stopTime(Duration.ofSeconds(30));
        SimulatedFleet fleet = SimulatedFleet.builder(FleetId.of("shop"), clock)
                .seed(seed)
                .behaviour(behaviour.build())
                .behaviour(
                        V2, good ? behaviour.build() : behaviour.neverHealthy().build())
                .build();
        fleet.start(DESIRED, Revision.of("v1"));
        clock.advance(policy.minReady());
        Instant start = clock.instant();
        RolloutState state = RolloutState.begin(
                fleet.id(), RolloutId.of("r1"), V2, Limits.resolve(policy, DESIRED), start, Optional.empty());
        while (!state.phase().isFinal()) {
            FleetSnapshot snapshot = fleet.snapshot();
            Plan plan = RollingPlanner.plan(snapshot, state, policy);
            state = plan.next();
            perform(fleet, snapshot, plan);
            clock.advance(Duration.ofSeconds(1));
        }
        return new End(state, Duration.between(start, state.phaseSince()), state.launches());
    }

    private static void perform(SimulatedFleet fleet, FleetSnapshot snapshot, Plan plan) {
        Map<InstanceId, Instance> seen = new HashMap<>();
        snapshot.instances().forEach(observed -> seen.put(observed.instance().id(), observed.instance()));
        List<LaunchRequest> open = new ArrayList<>();
        plan.actions()
                .forEach(action -> action.accept(new Action.Cases<Boolean>() {
                    @Override
                    public Boolean launch(Action.Launch launch) {
                        return open.add(new LaunchRequest(
                                fleet.id(),
                                launch.token().rollout(),
                                launch.token(),
                                launch.revision(),
                                launch.place(),
                                plan.next().clocks().startedAt()));
                    }

                    @Override
                    public Boolean admit(Action.Admit admit) {
                        fleet.router().admit(seen.get(admit.id()));
                        return true;
                    }

                    @Override
                    public Boolean drain(Action.Drain drain) {
                        fleet.router().drain(seen.get(drain.id()));
                        return true;
                    }

                    @Override
                    public Boolean terminate(Action.Terminate terminate) {
                        fleet.provider().terminate(terminate.id());
                        return true;
                    }
                }));
        if (!open.isEmpty()) {
            fleet.provider().launch(open);
        }
    }

    @Test
    void oneThatNeverGetsHealthyCostsOneInstanceAndNoCapacity() {
        End end = roll(RolloutPolicy.defaults(), false, 1);

        assertThat(end.state().phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(end.launched()).isOne();
        assertThat(end.state().extremes().peak()).isEqualTo(DESIRED + 1);
        assertThat(end.state().extremes().fewestServing()).hasValue(DESIRED);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aGoodOneTakesATenthLongerThanABatchOfASingleSizeAtMost(long seed) {
        End ramped = roll(RolloutPolicy.defaults(), true, seed);
        End single = roll(SINGLE_SIZE, true, seed);

        assertThat(List.of(ramped, single)).allSatisfy(end -> {
            assertThat(end.state().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(end.state().extremes().peak()).isLessThanOrEqualTo(DESIRED + 250);
            assertThat(end.state().extremes().fewestServing()).hasValue(DESIRED);
        });
        assertThat(ramped.duration().toMillis() / (double) single.duration().toMillis())
                .as("%s to %s", ramped.duration(), single.duration())
                .isLessThanOrEqualTo(1.1);
    }
}
