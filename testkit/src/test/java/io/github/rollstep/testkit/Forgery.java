package io.github.rollstep.testkit;

import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** States and plans that no planner would make: for defects. */
final class Forgery {

    private final RolloutState from;
    private boolean back;
    private RolloutPhase phase;
    private RolloutState.FailureLedger failures;
    private int launches;
    private List<InstanceRecord> instances;

    private Forgery(RolloutState from) {
        this.from = from;
        back = from.back();
        phase = from.phase();
        failures = from.failures();
        launches = from.launches();
        instances = from.instances();
    }

    static Plan withActions(Plan plan, List<Action> actions) {
        return new Plan(
                actions, plan.next(), plan.waits(), plan.failures(), plan.departing(), plan.counts(), plan.wakeAt());
    }

    static Plan withNext(Plan plan, RolloutState next) {
        return new Plan(
                plan.actions(), next, plan.waits(), plan.failures(), plan.departing(), plan.counts(), plan.wakeAt());
    }

    static Forgery of(RolloutState state) {
        return new Forgery(state);
    }

    Forgery back(boolean back) {
        this.back = back;
        return this;
    }

    Forgery phase(RolloutPhase phase) {
        this.phase = phase;
        return this;
    }

    Forgery withoutFailures() {
        failures = new RolloutState.FailureLedger(0, 0, 0, List.of(), Optional.empty());
        return this;
    }

    Forgery launches(int launches) {
        this.launches = launches;
        return this;
    }

    Forgery without(Predicate<InstanceRecord> records) {
        instances = instances.stream().filter(records.negate()).toList();
        return this;
    }

    Forgery with(UnaryOperator<InstanceRecord> change) {
        instances = instances.stream().map(change).toList();
        return this;
    }

    RolloutState state() {
        return new RolloutState(
                from.fleet(),
                from.rollout(),
                from.target(),
                from.startedBy(),
                from.restart(),
                from.baseline(),
                from.limits(),
                from.plannedDesired(),
                from.surveyed(),
                back,
                phase,
                from.phaseSince(),
                from.phaseReason(),
                from.clocks(),
                from.batch(),
                failures,
                from.extremes(),
                launches,
                instances,
                from.vacated(),
                from.zones(),
                from.failingBefore(),
                from.observed(),
                from.held(),
                from.answers(),
                from.history());
    }
}
