package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.Forecast.Release;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is forecast is what comes: the same policy on a {@link SimulatedFleet}, looked at every second, takes exactly the same
 * time, peak and availability. Times are whole seconds and the same for every instance, so that nothing needs rounding.
 */
class ForecastPropertyTest {

    private static final Revision OLD = Revision.of("v1");
    private static final Revision TARGET = Revision.of("v2");
    private static final int MOST_SECONDS = 20_000;

    /** @param router as in {@link Scenario} */
    record Case(
            int desired, RolloutPolicy policy, Timings timings, Release release, Scenario.Router router, int middle) {

        static Case random(Random random) {
            int desired = 1 + random.nextInt(8);
            return new Case(
                    desired,
                    policy(random),
                    Timings.start(seconds(random, 40))
                            .admit(seconds(random, 5))
                            .drain(seconds(random, 40))
                            .stop(seconds(random, 90)),
                    random.nextInt(3) > 0 ? Release.HEALTHY : Release.NEVER_HEALTHY,
                    Scenario.Router.values()[random.nextInt(Scenario.Router.values().length)],
                    random.nextInt(200));
        }

        private static RolloutPolicy policy(Random random) {
            int surge = random.nextInt(4);
            Quota size =
                    random.nextBoolean() ? Quota.of(1 + random.nextInt(5)) : Quota.percent(1 + random.nextInt(100));
            RolloutPolicy.Builder policy = RolloutPolicy.builder()
                    .batches(
                            random.nextBoolean()
                                    ? Batches.sliding(size)
                                    : Batches.fixed(size).pause(seconds(random, 30)))
                    .maxSurge(surge)
                    .maxUnavailable(surge == 0 ? 1 + random.nextInt(3) : random.nextInt(3))
                    .maxFailedInstances(random.nextInt(3))
                    .onFailure(FailurePolicy.values()[random.nextInt(FailurePolicy.values().length)])
                    .minReady(seconds(random, 20))
                    .startDeadline(Duration.ofSeconds(40 + random.nextInt(100)))
                    .drainDeadline(Duration.ofSeconds(20))
                    .stopDeadline(Duration.ofSeconds(60));
            if (random.nextInt(4) == 0) {
                policy.totalDeadline(Duration.ofSeconds(100 + random.nextInt(600)));
            }
            return policy.build();
        }

        private static Duration seconds(Random random, int most) {
            return Duration.ofSeconds(random.nextInt(3) == 0 ? 0 : random.nextInt(most + 1));
        }

        Behaviour behaviour(boolean good) {
            Behaviour.Builder behaviour = Behaviour.builder()
                    .startDelay(timings.startAtMost())
                    .admissionDelay(timings.admit())
                    .openRequests(1, timings.drain())
                    .stopTime(timings.stop());
            return good ? behaviour.build() : behaviour.neverHealthy().build();
        }
    }

    @Provide
    Arbitrary<Case> cases() {
        return Arbitraries.randomValue(Case::random);
    }

    /**
     * One in some thousands: an instance is told to leave that was in the router, but not for minReady, or that was healthy that
     * very second; a rollout goes back before its first launch.
     */
    @ParameterizedTest
    @ValueSource(longs = {11_827, 12_124, 14_429, 14_675, 16_881, 37_281, 37_443})
    void whatOnceWasForecastWrongly(long seed) {
        whatIsForecastIsWhatComes(Case.random(new Random(seed)));
    }

    @Property(tries = 500)
    void whatIsForecastIsWhatComes(@ForAll("cases") Case it) {
        Run run = new Run(it);
        Forecast before = run.forecast();
        run.until(it.middle());
        Forecast middle = run.forecast();
        run.until(MOST_SECONDS);

        assertThat(before.phase()).as("%s", before).contains(run.state.phase());
        assertThat(before.duration()).as("%s", before).isEqualTo(run.elapsed());
        assertThat(before.peak()).as("%s", before).isEqualTo(run.peak);
        assertThat(before.fewestServing()).as("%s", before).isEqualTo(run.fewestServing);
        assertThat(before.launched()).as("%s", before).isEqualTo(run.state.launches());
        assertThat(before.batches()).as("%s", before).isEqualTo(run.batches);
        assertThat(before.succeeds()).isEqualTo(run.state.phase() == RolloutPhase.SUCCEEDED);
        assertThat(before.bad()).isEqualTo(run.launched.size() - run.wereHealthy.size());
        if (run.middle != null) {
            assertThat(run.middle.plus(middle.duration())).as("%s", middle).isEqualTo(run.elapsed());
            assertThat(middle.phase()).contains(run.state.phase());
        }
        if (it.router() == Scenario.Router.DRAINS_FIRST) {
            assertThat(Forecast.of(it.policy(), it.desired(), it.timings(), it.release())
                            .duration())
                    .isEqualTo(before.duration());
        }
    }

    @Property(tries = 100)
    void aForecastIsRepeatable(@ForAll("cases") Case it) {
        Run run = new Run(it);
        RolloutState state = run.state;

        Forecast first = run.forecast();

        assertThat(run.forecast()).isEqualTo(first);
        assertThat(run.state).isEqualTo(state);
        assertThat(run.fleet.calls()).isEmpty();
    }

    /** Looks every second, and again as long as there is something to do. */
    private static final class Run {
        final Case it;
        final ManualClock clock = new ManualClock(Instant.parse("2026-11-24T00:00:00Z"));
        final SimulatedFleet fleet;
        final Instant begin;
        RolloutState state;
        int peak;
        int fewestServing = Integer.MAX_VALUE;
        int batches;
        Duration middle;
        final Set<InstanceId> launched = new HashSet<>();
        final Set<InstanceId> wereHealthy = new HashSet<>();

        Run(Case it) {
            this.it = it;
            SimulatedFleet.Builder builder = SimulatedFleet.builder(FleetId.of("shop"), clock)
                    .drainsOnTerminate(it.router() == Scenario.Router.PLATFORM_DRAINS)
                    .behaviour(it.behaviour(true))
                    .behaviour(TARGET, it.behaviour(it.release() == Release.HEALTHY));
            if (it.router() == Scenario.Router.NONE) {
                builder.withoutRouter();
            }
            fleet = builder.build();
            fleet.start(it.desired(), OLD);
            clock.advance(it.policy().minReady());
            begin = clock.instant();
            state = RolloutState.begin(
                    fleet.id(),
                    RolloutId.of("r1"),
                    TARGET,
                    Limits.resolve(it.policy(), it.desired()),
                    begin,
                    Optional.empty());
        }

        Forecast forecast() {
            return Forecast.from(fleet.snapshot(), state, it.policy(), it.timings(), it.release());
        }

        Duration elapsed() {
            return Duration.between(begin, clock.instant());
        }

        boolean hasEnded() {
            return state.phase().isFinal() || state.phase().isHeld();
        }

        void until(int seconds) {
            while (!hasEnded() && elapsed().toSeconds() < seconds) {
                Plan plan;
                RolloutState before;
                do {
                    before = state;
                    plan = step();
                } while (!hasEnded() && (!plan.actions().isEmpty() || !state.equals(before)));
                if (!hasEnded()) {
                    clock.advance(Duration.ofSeconds(1));
                }
            }
            middle = hasEnded() ? middle : elapsed();
        }

        private Plan step() {
            FleetSnapshot snapshot = fleet.snapshot();
            Map<InstanceId, Instance> listed = new HashMap<>();
            snapshot.instances().forEach(one -> listed.put(one.instance().id(), one.instance()));
            Plan plan = RollingPlanner.plan(snapshot, state, it.policy());
            state = plan.next();
            plan.actions().forEach(action -> {
                perform(action, listed);
                peak = Math.max(peak, fleet.observe().size());
            });
            fewestServing = Math.min(fewestServing, plan.counts().serving());
            // Seen before and after: what is healthy at last may be gone within the same second.
            Stream.concat(snapshot.instances().stream(), fleet.observe().stream())
                    .filter(one -> one.instance().token().isPresent())
                    .forEach(one -> {
                        launched.add(one.instance().id());
                        if (one.health().isHealthy()) {
                            wereHealthy.add(one.instance().id());
                        }
                    });
            peak = Math.max(peak, snapshot.instances().size());
            if (!state.back() && state.batch().goal() > 0) {
                batches = Math.max(batches, state.batch().index() + 1);
            }
            return plan;
        }

        private void perform(Action action, Map<InstanceId, Instance> listed) {
            action.accept(new Action.Cases<Boolean>() {
                @Override
                public Boolean launch(Action.Launch launch) {
                    fleet.provider()
                            .launch(List.of(new LaunchRequest(
                                    fleet.id(), launch.token().rollout(), launch.token(), launch.revision())));
                    return true;
                }

                @Override
                public Boolean admit(Action.Admit admit) {
                    fleet.router().admit(listed.get(admit.id()));
                    return true;
                }

                @Override
                public Boolean drain(Action.Drain drain) {
                    fleet.router().drain(listed.get(drain.id()));
                    return true;
                }

                @Override
                public Boolean terminate(Action.Terminate terminate) {
                    fleet.provider().terminate(terminate.id());
                    return true;
                }
            });
        }
    }
}
