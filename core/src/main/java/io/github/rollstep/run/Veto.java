package io.github.rollstep.run;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.StopVeto;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Asks the owner of a fleet whom it lets go, once a plan would take somebody out. */
final class Veto {

    private final Optional<StopVeto> owner;
    private final Calls calls;

    Veto(Optional<StopVeto> owner, Calls calls) {
        this.owner = owner;
        this.calls = calls;
    }

    /** Whether the plan takes out a living instance that was not told to leave before. */
    boolean isAsked(Plan plan) {
        if (owner.isEmpty()) {
            return false;
        }
        Set<InstanceId> departing = new TreeSet<>(plan.departing());
        return plan.actions().stream()
                .flatMap(action -> action.accept(LEAVING).stream())
                .anyMatch(departing::contains);
    }

    /**
     * Whom it refuses, and why: everybody if it cannot tell.
     *
     * @param state as it was before the plan
     * @throws ProviderException if it cannot tell
     */
    Map<InstanceId, String> refusals(Plan plan, FleetSnapshot snapshot, RolloutState state) {
        Map<InstanceId, Instance> seen = new HashMap<>();
        snapshot.instances().forEach(observed -> seen.put(observed.instance().id(), observed.instance()));
        List<Instance> candidates = plan.departing().stream()
                .map(seen::get)
                .filter(Objects::nonNull)
                .toList();
        Set<InstanceId> leaving = new TreeSet<>();
        state.instances().stream()
                .filter(record -> record.intent() != InstanceRecord.Intent.NONE)
                .forEach(record -> record.id().ifPresent(leaving::add));
        List<Instance> stopped = snapshot.instances().stream()
                .map(Observed::instance)
                .filter(instance -> leaving.contains(instance.id())
                        || instance.state() == Instance.State.STOPPING
                        || instance.state() == Instance.State.FAILED)
                .toList();
        return calls.call("ask for a veto", () -> owner.orElseThrow().mayStop(candidates, stopped))
                .reasons();
    }

    /** Nobody of these may go. */
    static Map<InstanceId, String> all(Plan plan, String reason) {
        Map<InstanceId, String> refusals = new HashMap<>();
        plan.departing().forEach(id -> refusals.put(id, reason));
        return refusals;
    }

    private static final Action.Cases<Optional<InstanceId>> LEAVING = new Action.Cases<>() {
        @Override
        public Optional<InstanceId> launch(Action.Launch action) {
            return Optional.empty();
        }

        @Override
        public Optional<InstanceId> admit(Action.Admit action) {
            return Optional.empty();
        }

        @Override
        public Optional<InstanceId> drain(Action.Drain action) {
            return Optional.of(action.id());
        }

        @Override
        public Optional<InstanceId> terminate(Action.Terminate action) {
            return Optional.of(action.id());
        }
    };
}
