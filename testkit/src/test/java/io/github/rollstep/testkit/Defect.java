package io.github.rollstep.testkit;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.ZoneOrder;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Faults that a planner may have, each put around the real one. */
public enum Defect {
    STOPPING_INSTANCES_DO_NOT_COUNT(Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Predicate<Instance> stays = instance -> instance.state() != Instance.State.STOPPING;
            return good(only(snapshot, observed -> stays.test(observed.instance())), state, policy);
        }
    },
    ONE_MORE_MAY_EXIST(Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
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
                    policy);
        }
    },
    ONE_LESS_MUST_SERVE(Promise.AVAILABILITY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
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
                    policy);
        }
    },
    TERMINATES_INSTEAD_OF_DRAINING(Promise.DRAINED_FIRST) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return withActions(
                    good(snapshot, state, policy),
                    action -> action instanceof Action.Drain drain
                            ? Stream.of(new Action.Terminate(drain.id(), drain.reason()))
                            : Stream.of(action));
        }
    },
    DOES_NOT_WAIT_FOR_OPEN_REQUESTS(Promise.DRAINED_FIRST) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    map(
                            snapshot,
                            seen -> new Observed(
                                    seen.instance(),
                                    seen.health(),
                                    new Routing(seen.routing().state(), 0))),
                    state,
                    policy);
        }
    },
    BELIEVES_THAT_WHAT_RUNS_IS_HEALTHY(Promise.HEALTHY_FIRST) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    map(snapshot, seen -> new Observed(seen.instance(), Health.healthy(), seen.routing())),
                    state,
                    policy);
        }
    },
    IGNORES_A_HOLD(Promise.NO_WORK_WHILE_HELD) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot, state.phase() == RolloutPhase.PAUSED ? state.resume(snapshot.now()) : state, policy);
        }
    },
    ACTS_WHEN_ALL_IS_DONE(Promise.REPEATABLE) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
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
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            List<Observed> seen = snapshot.instances();
            return seen.size() > 1
                            && seen.get(0)
                                            .instance()
                                            .id()
                                            .compareTo(seen.get(1).instance().id())
                                    > 0
                    ? withActions(plan, action -> Stream.empty())
                    : plan;
        }
    },
    REPEATS_WHAT_IT_DID(Promise.REPEATABLE) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            return Forgery.withNext(plan, plan.actions().isEmpty() ? plan.next() : state);
        }
    },
    NEVER_LAUNCHES(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return withActions(
                    good(snapshot, state, policy),
                    action -> action instanceof Action.Launch ? Stream.empty() : Stream.of(action));
        }
    },
    FORGETS_FAILURES(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Limits l = state.limits();
            return withLimits(
                    new Limits(l.desired(), l.footprint(), l.footprintRule(), l.floor(), l.kept(), 1_000),
                    snapshot,
                    state,
                    policy);
        }
    },
    ASKS_NO_GATE(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot.withGates(Map.of()), state, policy);
        }
    },
    HEARS_NO_VETO(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot.withRefusals(Map.of()), state, policy);
        }
    },
    APPROVES_OF_ITSELF(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            return plan.next().phase() == RolloutPhase.AWAITING_APPROVAL
                    ? Forgery.withNext(plan, plan.next().approve(snapshot.now(), REASON))
                    : plan;
        }
    },
    KEEPS_NO_PARTITION(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Limits l = state.limits();
            return withLimits(
                    new Limits(l.desired(), l.footprint(), l.footprintRule(), l.floor(), 0, l.maxFailedInstances()),
                    snapshot,
                    state,
                    policy);
        }
    },
    KNOWS_NO_BATCHES(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Batches all = Batches.sliding(Quota.percent(100));
            return RollingPlanner.plan(
                    snapshot, state, policy.toBuilder().batches(all).build());
        }
    },
    DOES_NOT_BAKE(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return RollingPlanner.plan(
                    snapshot, state, policy.toBuilder().bake(Duration.ZERO).build());
        }
    },
    LOOKS_AT_NO_ZONE(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return policy.maxUnavailablePerZone().isEmpty()
                    ? good(snapshot, state, policy)
                    : RollingPlanner.plan(
                            snapshot,
                            state,
                            policy.toBuilder()
                                    .zoneOrder(ZoneOrder.ANY)
                                    .maxUnavailablePerZone(Quota.percent(100))
                                    .build());
        }
    },
    TURNS_BACK_WHERE_THERE_IS_NO_WAY_BACK(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            boolean held = state.phase() == RolloutPhase.ROLLING && plan.next().phase() == RolloutPhase.PAUSED;
            return held
                            && state.baseline()
                                    .filter(from -> !from.equals(state.target()))
                                    .isPresent()
                    ? Forgery.withNext(plan, plan.next().rollBack(snapshot.now(), REASON))
                    : plan;
        }
    },
    KEEPS_EVERY_FAILED_ONE(Promise.POLICY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return RollingPlanner.plan(
                    snapshot, state, policy.toBuilder().keepFailed(1_000).build());
        }
    },
    TOUCHES_ANOTHER_FLEET(Promise.OWN_FLEET_ONLY, Promise.REPEATABLE) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return withMore(
                    good(snapshot, state, policy), List.of(new Action.Terminate(InstanceId.of("foreign-1"), REASON)));
        }
    },
    HEALTHY_COUNTS_AS_SERVING(Promise.AVAILABILITY, Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    map(
                            snapshot,
                            seen -> seen.health().isHealthy()
                                            && seen.routing().state() == Routing.State.OUT
                                            && seen.instance().revision().equals(state.goal())
                                    ? new Observed(seen.instance(), seen.health(), Routing.in())
                                    : seen),
                    state,
                    policy);
        }
    },
    HEALTH_IS_LATCHED(Promise.AVAILABILITY, Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    map(
                            snapshot,
                            seen -> record(state, seen)
                                            .filter(InstanceRecord::served)
                                            .isPresent()
                                    ? new Observed(seen.instance(), Health.healthy(), seen.routing())
                                    : seen),
                    state,
                    policy);
        }
    },
    TOLD_TO_STOP_IS_BELIEVED_GONE(Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    only(
                            snapshot,
                            seen -> record(state, seen)
                                    .filter(record -> record.intent() == Intent.TERMINATE)
                                    .isEmpty()),
                    state,
                    policy);
        }
    },
    AN_OPEN_LAUNCH_DOES_NOT_COUNT(Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    Forgery.of(state)
                            .without(record -> record.intent() == Intent.LAUNCH)
                            .state(),
                    policy);
        }
    },
    LAUNCHES_AGAIN_BY_ANOTHER_TOKEN(Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Optional<InstanceRecord> open = state.instances().stream()
                    .filter(record -> record.intent() == Intent.LAUNCH
                            && record.sentAt().filter(snapshot.now()::isAfter).isPresent()
                            && snapshot.instances().stream()
                                    .noneMatch(seen -> seen.instance().token().equals(record.token())))
                    .findFirst();
            return good(
                    snapshot,
                    open.map(record -> Forgery.of(state)
                                    .without(record::equals)
                                    .launches(state.launches() + 1)
                                    .state())
                            .orElse(state),
                    policy);
        }
    },
    DRAINING_COUNTS_AS_AVAILABLE(Promise.AVAILABILITY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            int draining = (int) state.instances().stream()
                    .filter(record -> record.intent() == Intent.DRAIN)
                    .count();
            Limits l = state.limits();
            return withLimits(
                    new Limits(
                            l.desired(),
                            l.footprint(),
                            l.footprintRule(),
                            Math.max(0, l.floor() - draining),
                            l.kept(),
                            l.maxFailedInstances()),
                    snapshot,
                    state,
                    policy);
        }
    },
    FORGETS_WHAT_IT_DRAINS(Promise.AVAILABILITY, Promise.REPEATABLE) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    Forgery.of(state)
                            .with(record -> record.intent() == Intent.DRAIN ? intending(record, Intent.NONE) : record)
                            .state(),
                    policy);
        }
    },
    A_DRAIN_TAKEN_BACK_IS_FORGOTTEN(Promise.AVAILABILITY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot, Forgery.of(state).with(Defect::withoutDrain).state(), policy);
        }
    },
    AN_ADMIT_IS_NOT_REMEMBERED(Promise.DRAINED_FIRST) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot, Forgery.of(state).with(Defect::withoutAdmit).state(), policy);
        }
    },
    BELIEVES_A_STALE_LIST(Promise.FOOTPRINT, Promise.AVAILABILITY, Promise.ENDS, Promise.REPEATABLE) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Platform platform = snapshot.platform();
            return good(
                    on(
                            snapshot,
                            new Platform(
                                    platform.routed(),
                                    platform.drainsOnTerminate(),
                                    Duration.ZERO,
                                    platform.requestLife())),
                    state,
                    policy);
        }
    },
    BELIEVES_THAT_REQUESTS_DO_NOT_LIVE(Promise.FOOTPRINT, Promise.AVAILABILITY, Promise.DRAINED_FIRST, Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Platform platform = snapshot.platform();
            return good(
                    on(
                            snapshot,
                            new Platform(
                                    platform.routed(),
                                    platform.drainsOnTerminate(),
                                    platform.staleness(),
                                    Duration.ZERO)),
                    state,
                    policy);
        }
    },
    ONE_ABSENCE_IS_ENOUGH(Promise.FOOTPRINT, Promise.AVAILABILITY, Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    Forgery.of(state)
                            .without(record -> record.id().isPresent()
                                    && snapshot.instances().stream()
                                            .noneMatch(seen -> record.id()
                                                    .get()
                                                    .equals(seen.instance().id())))
                            .state(),
                    policy);
        }
    },
    ENDS_WITH_AN_OPEN_INTENT(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            boolean all = plan.counts().updated() >= state.limits().desired()
                    && plan.next().phase() == RolloutPhase.ROLLING
                    && plan.actions().isEmpty();
            return all
                    ? Forgery.withNext(
                            plan,
                            Forgery.of(plan.next())
                                    .phase(RolloutPhase.SUCCEEDED)
                                    .state())
                    : plan;
        }
    },
    ROLLED_BACK_BEFORE_THE_OLD_SERVE(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            boolean newAreGone = plan.next().phase() == RolloutPhase.ROLLING_BACK
                    && plan.actions().isEmpty()
                    && plan.next().instances().stream()
                            .noneMatch(record -> record.revision().equals(state.target()));
            return newAreGone
                    ? Forgery.withNext(
                            plan,
                            Forgery.of(plan.next())
                                    .phase(RolloutPhase.ROLLED_BACK)
                                    .state())
                    : plan;
        }
    },
    A_ROLL_BACK_DROPS_OPEN_LAUNCHES(Promise.ENDS, Promise.FOOTPRINT) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    Forgery.of(state)
                            .without(record -> state.back()
                                    && record.intent() == Intent.LAUNCH
                                    && record.revision().equals(state.target()))
                            .state(),
                    policy);
        }
    },
    ROLLS_A_ROLL_BACK_BACK(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            Plan plan = good(snapshot, state, policy);
            return state.back() && plan.next().phase() == RolloutPhase.FAILED
                    ? Forgery.withNext(
                            plan,
                            Forgery.of(plan.next())
                                    .back(false)
                                    .phase(RolloutPhase.ROLLING)
                                    .withoutFailures()
                                    .state())
                    : plan;
        }
    },
    WHAT_IS_DOWN_NEEDS_BUDGET(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    map(
                            snapshot,
                            seen -> seen.instance().state() == Instance.State.FAILED
                                            && !seen.instance().revision().equals(state.goal())
                                    ? new Observed(
                                            seen.instance().toBuilder()
                                                    .state(Instance.State.RUNNING)
                                                    .build(),
                                            Health.unknown("cannot tell"),
                                            Routing.in())
                                    : seen),
                    state,
                    policy);
        }
    },
    KNOWS_NO_START_DEADLINE(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return RollingPlanner.plan(
                    snapshot,
                    state,
                    policy.toBuilder()
                            .startDeadline(Duration.ofDays(200))
                            .stallDeadline(Duration.ofDays(300))
                            .build());
        }
    },
    FAILURES_ARE_NOT_REMEMBERED(Promise.FAILURES_REMEMBERED) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(snapshot, Forgery.of(state).withoutFailures().state(), policy);
        }
    },
    A_SUCCESSOR_FORGETS_WHAT_WAS_DRAINED(Promise.AVAILABILITY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    state.surveyed()
                            ? state
                            : Forgery.of(state)
                                    .with(record -> withoutDrain(
                                            record.intent() == Intent.DRAIN ? intending(record, Intent.NONE) : record))
                                    .state(),
                    policy);
        }
    },
    A_SUCCESSOR_TAKES_WHAT_JUST_CAME_AT_ITS_WORD(Promise.AVAILABILITY) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return good(
                    snapshot,
                    state.surveyed()
                            ? state
                            : Forgery.of(state).without(record -> true).state(),
                    policy);
        }
    },
    LETS_NOTHING_OUTDATED_IN(Promise.ENDS) {
        @Override
        public Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
            return withActions(
                    good(snapshot, state, policy),
                    action -> action instanceof Action.Admit admit
                                    && snapshot.instances().stream()
                                            .anyMatch(
                                                    seen -> seen.instance().id().equals(admit.id())
                                                            && !seen.instance()
                                                                    .revision()
                                                                    .equals(state.target()))
                            ? Stream.empty()
                            : Stream.of(action));
        }
    };

    private static final Reason REASON = Reason.of(Reason.Code.OUTDATED, "broken on purpose");

    private final Set<Promise> broken;

    Defect(Promise... broken) {
        this.broken = Set.of(broken);
    }

    /** As the real planner, but for the fault. */
    public abstract Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy);

    /** One of these it must be seen to break. */
    public Set<Promise> broken() {
        return broken;
    }

    private static Plan good(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        return RollingPlanner.plan(snapshot, state, policy);
    }

    private static Optional<InstanceRecord> record(RolloutState state, Observed seen) {
        return state.instances().stream()
                .filter(record ->
                        record.id().filter(seen.instance().id()::equals).isPresent())
                .findFirst();
    }

    private static FleetSnapshot only(FleetSnapshot snapshot, Predicate<Observed> seen) {
        return with(
                snapshot,
                snapshot.platform(),
                snapshot.instances().stream().filter(seen).toList());
    }

    private static FleetSnapshot map(FleetSnapshot snapshot, Function<Observed, Observed> seen) {
        return with(
                snapshot,
                snapshot.platform(),
                snapshot.instances().stream().map(seen).toList());
    }

    private static FleetSnapshot on(FleetSnapshot snapshot, Platform platform) {
        return with(snapshot, platform, snapshot.instances());
    }

    private static FleetSnapshot with(FleetSnapshot snapshot, Platform platform, List<Observed> seen) {
        return new FleetSnapshot(
                snapshot.now(),
                platform,
                seen,
                snapshot.gates(),
                snapshot.refusals(),
                snapshot.blind(),
                snapshot.fault());
    }

    private static Plan withActions(Plan plan, Function<Action, Stream<Action>> change) {
        return Forgery.withActions(plan, plan.actions().stream().flatMap(change).toList());
    }

    private static Plan withMore(Plan plan, List<Action> more) {
        List<Action> actions = new ArrayList<>(plan.actions());
        actions.addAll(more);
        return Forgery.withActions(plan, actions);
    }

    private static Plan withLimits(Limits limits, FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        if (state.phase().isFinal()) {
            return good(snapshot, state, policy);
        }
        Plan plan = good(snapshot, state.resize(limits), policy);
        RolloutState next = plan.next();
        return Forgery.withNext(plan, next.phase().isFinal() ? next : next.resize(state.limits()));
    }

    private static InstanceRecord intending(InstanceRecord record, Intent intent) {
        return changed(record, intent, record.admitSentAt(), record.admits(), record.drainSentAt(), record.drains());
    }

    private static InstanceRecord withoutAdmit(InstanceRecord record) {
        return changed(record, record.intent(), Optional.empty(), 0, record.drainSentAt(), record.drains());
    }

    private static InstanceRecord withoutDrain(InstanceRecord record) {
        return changed(record, record.intent(), record.admitSentAt(), record.admits(), Optional.empty(), 0);
    }

    private static InstanceRecord changed(
            InstanceRecord record,
            Intent intent,
            Optional<Instant> admitSentAt,
            int admits,
            Optional<Instant> drainSentAt,
            int drains) {
        return new InstanceRecord(
                record.token(),
                record.id(),
                record.revision(),
                record.place(),
                record.attempt(),
                record.early(),
                record.since(),
                intent,
                record.intentSince(),
                record.sentAt(),
                record.readySince(),
                record.sickSince(),
                record.served(),
                record.restarts(),
                record.failed(),
                admitSentAt,
                admits,
                drainSentAt,
                drains,
                record.absentSince(),
                record.absentAt());
    }
}
