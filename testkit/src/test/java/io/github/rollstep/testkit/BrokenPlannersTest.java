package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Routing;
import io.github.rollstep.ZoneOrder;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Planners broken on purpose: each promise is seen broken, so that the property is known to see it. */
class BrokenPlannersTest {

    private static final int MOST_SCENARIOS = 3000;
    private static final Reason REASON = Reason.of(Reason.Code.OUTDATED, "broken on purpose");

    private static Plan good(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
        return RollingPlanner.plan(snapshot, state, scenario.policy());
    }

    private enum Defect {
        STOPPING_INSTANCES_DO_NOT_COUNT(Promise.FOOTPRINT) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Predicate<Instance> stays = instance -> instance.state() != Instance.State.STOPPING;
                return good(only(snapshot, observed -> stays.test(observed.instance())), state, scenario);
            }
        },
        ONE_MORE_MAY_EXIST(Promise.FOOTPRINT) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Limits l = state.limits();
                return withLimits(
                        new Limits(
                                l.desired(),
                                l.footprint() + 1,
                                l.footprintRule(),
                                l.floor(),
                                l.kept(),
                                l.maxFailedInstances()),
                        snapshot,
                        state,
                        scenario);
            }
        },
        ONE_LESS_MUST_SERVE(Promise.AVAILABILITY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Limits l = state.limits();
                return withLimits(
                        new Limits(
                                l.desired(),
                                l.footprint(),
                                l.footprintRule(),
                                Math.max(0, l.floor() - 1),
                                l.kept(),
                                l.maxFailedInstances()),
                        snapshot,
                        state,
                        scenario);
            }
        },
        TERMINATES_INSTEAD_OF_DRAINING(Promise.DRAINED_FIRST) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return withActions(
                        good(snapshot, state, scenario),
                        action -> action instanceof Action.Drain drain
                                ? Stream.of(new Action.Terminate(drain.id(), drain.reason()))
                                : Stream.of(action));
            }
        },
        DOES_NOT_WAIT_FOR_OPEN_REQUESTS(Promise.DRAINED_FIRST) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return good(
                        map(
                                snapshot,
                                seen -> new Observed(
                                        seen.instance(),
                                        seen.health(),
                                        new Routing(seen.routing().state(), 0))),
                        state,
                        scenario);
            }
        },
        BELIEVES_THAT_WHAT_RUNS_IS_HEALTHY(Promise.HEALTHY_FIRST) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return good(
                        map(snapshot, seen -> new Observed(seen.instance(), Health.healthy(), seen.routing())),
                        state,
                        scenario);
            }
        },
        IGNORES_A_HOLD(Promise.NO_WORK_WHILE_HELD) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return good(
                        snapshot,
                        state.phase() == RolloutPhase.PAUSED ? state.resume(snapshot.now()) : state,
                        scenario);
            }
        },
        ACTS_WHEN_ALL_IS_DONE(Promise.REPEATABLE) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Plan plan = good(snapshot, state, scenario);
                return state.phase().isFinal() ? withMore(plan, restart(snapshot)) : plan;
            }

            private List<Action> restart(FleetSnapshot snapshot) {
                return snapshot.instances().stream()
                        .<Action>map(seen -> new Action.Drain(seen.instance().id(), REASON))
                        .limit(1)
                        .toList();
            }
        },
        DEPENDS_ON_THE_ORDER(Promise.REPEATABLE) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Plan plan = good(snapshot, state, scenario);
                List<Observed> seen = snapshot.instances();
                return seen.size() > 1
                                && seen.get(0)
                                                .instance()
                                                .id()
                                                .compareTo(
                                                        seen.get(1).instance().id())
                                        > 0
                        ? withActions(plan, action -> Stream.empty())
                        : plan;
            }
        },
        REPEATS_WHAT_IT_DID(Promise.REPEATABLE) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Plan plan = good(snapshot, state, scenario);
                return plan.withNext(plan.actions().isEmpty() ? plan.next() : state);
            }
        },
        NEVER_LAUNCHES(Promise.ENDS) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return withActions(
                        good(snapshot, state, scenario),
                        action -> action instanceof Action.Launch ? Stream.empty() : Stream.of(action));
            }
        },
        FORGETS_FAILURES(Promise.ENDS) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Limits l = state.limits();
                return withLimits(
                        new Limits(l.desired(), l.footprint(), l.footprintRule(), l.floor(), l.kept(), 1_000),
                        snapshot,
                        state,
                        scenario);
            }
        },
        ASKS_NO_GATE(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return good(snapshot.withGates(Map.of()), state, scenario);
            }
        },
        HEARS_NO_VETO(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return good(snapshot.withRefusals(Map.of()), state, scenario);
            }
        },
        APPROVES_OF_ITSELF(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Plan plan = good(snapshot, state, scenario);
                return plan.next().phase() == RolloutPhase.AWAITING_APPROVAL
                        ? plan.withNext(plan.next().approve(snapshot.now(), REASON))
                        : plan;
            }
        },
        KEEPS_NO_PARTITION(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Limits l = state.limits();
                return withLimits(
                        new Limits(l.desired(), l.footprint(), l.footprintRule(), l.floor(), 0, l.maxFailedInstances()),
                        snapshot,
                        state,
                        scenario);
            }
        },
        KNOWS_NO_BATCHES(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Batches all = Batches.sliding(Quota.percent(100));
                return RollingPlanner.plan(
                        snapshot,
                        state,
                        scenario.policy().toBuilder().batches(all).build());
            }
        },
        DOES_NOT_BAKE(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return RollingPlanner.plan(
                        snapshot,
                        state,
                        scenario.policy().toBuilder().bake(Duration.ZERO).build());
            }
        },
        LOOKS_AT_NO_ZONE(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return scenario.policy().maxUnavailablePerZone().isEmpty()
                        ? good(snapshot, state, scenario)
                        : RollingPlanner.plan(
                                snapshot,
                                state,
                                scenario.policy().toBuilder()
                                        .zoneOrder(ZoneOrder.ANY)
                                        .maxUnavailablePerZone(Quota.percent(100))
                                        .build());
            }
        },
        TURNS_BACK_WHERE_THERE_IS_NO_WAY_BACK(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                Plan plan = good(snapshot, state, scenario);
                boolean held =
                        state.phase() == RolloutPhase.ROLLING && plan.next().phase() == RolloutPhase.PAUSED;
                return held
                                && state.baseline()
                                        .filter(from -> !from.equals(state.target()))
                                        .isPresent()
                        ? plan.withNext(plan.next().rollBack(snapshot.now(), REASON))
                        : plan;
            }
        },
        KEEPS_EVERY_FAILED_ONE(Promise.POLICY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return RollingPlanner.plan(
                        snapshot,
                        state,
                        scenario.policy().toBuilder().keepFailed(1_000).build());
            }
        },
        TOUCHES_ANOTHER_FLEET(Promise.OWN_FLEET_ONLY) {
            @Override
            Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
                return withMore(
                        good(snapshot, state, scenario),
                        List.of(new Action.Terminate(InstanceId.of("foreign-1"), REASON)));
            }
        };

        private final Promise broken;

        Defect(Promise broken) {
            this.broken = broken;
        }

        abstract Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario);
    }

    private static FleetSnapshot only(FleetSnapshot snapshot, Predicate<Observed> seen) {
        return FleetSnapshot.of(
                snapshot.now(),
                snapshot.platform(),
                snapshot.instances().stream().filter(seen).toList());
    }

    private static FleetSnapshot map(FleetSnapshot snapshot, Function<Observed, Observed> seen) {
        return FleetSnapshot.of(
                snapshot.now(),
                snapshot.platform(),
                snapshot.instances().stream().map(seen).toList());
    }

    private static Plan withActions(Plan plan, Function<Action, Stream<Action>> change) {
        return plan.withActions(plan.actions().stream().flatMap(change).toList());
    }

    private static Plan withMore(Plan plan, List<Action> more) {
        List<Action> actions = new ArrayList<>(plan.actions());
        actions.addAll(more);
        return plan.withActions(actions);
    }

    private static Plan withLimits(Limits limits, FleetSnapshot snapshot, RolloutState state, Scenario scenario) {
        if (state.phase().isFinal()) {
            return good(snapshot, state, scenario);
        }
        Plan plan = good(snapshot, state.resize(limits), scenario);
        RolloutState next = plan.next();
        return plan.withNext(next.phase().isFinal() ? next : next.resize(state.limits()));
    }

    @ParameterizedTest
    @EnumSource
    void isSeen(Defect defect) {
        Random random = new Random(42);
        for (int i = 0; i < MOST_SCENARIOS; i++) {
            List<Witness.Violation> violations = Trial.violations(Scenario.random(random), defect::plan);
            if (violations.stream().anyMatch(violation -> violation.promise() == defect.broken)) {
                return;
            }
        }
        throw new AssertionError("%s was not seen in %d scenarios".formatted(defect, MOST_SCENARIOS));
    }

    @Test
    void eachPromiseHasADefect() {
        assertThat(Promise.values())
                .allSatisfy(promise -> assertThat(Defect.values()).anyMatch(defect -> defect.broken == promise));
    }
}
