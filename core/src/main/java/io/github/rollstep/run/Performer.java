package io.github.rollstep.run;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Takes the actions of a plan: one call for all of a kind, the kinds side by side. */
final class Performer {

    private final Adapters adapters;
    private final Calls calls;

    Performer(Adapters adapters, Calls calls) {
        this.adapters = adapters;
        this.calls = calls;
    }

    /** What became of the actions of one kind. */
    interface Outcome {
        /** Whether this kind of call is to be made now. */
        boolean allows(String call);

        void taken(String call, List<Action> actions);

        void failed(String call, ProviderException error);
    }

    void perform(Plan plan, FleetSnapshot snapshot, Outcome outcome) {
        if (plan.actions().isEmpty()) {
            return;
        }
        Map<InstanceId, Instance> instances = snapshot.instances().stream()
                .map(observed -> observed.instance())
                .collect(Collectors.toMap(Instance::id, instance -> instance));
        Map<String, List<Action>> kinds = new TreeMap<>();
        plan.actions()
                .forEach(action -> kinds.computeIfAbsent(action.kind() + " instances", name -> new ArrayList<>())
                        .add(action));
        kinds.keySet().removeIf(call -> !outcome.allows(call));
        Map<String, Calls.Pending<Boolean>> pending = new TreeMap<>();
        kinds.forEach((call, actions) -> pending.put(call, start(call, actions, new Targets(plan.next(), instances))));
        pending.forEach((call, result) -> {
            try {
                result.result();
                outcome.taken(call, kinds.getOrDefault(call, List.of()));
            } catch (ProviderException e) {
                outcome.failed(call, e);
            }
        });
    }

    private Calls.Pending<Boolean> start(String call, List<Action> actions, Targets targets) {
        return calls.start(call, () -> {
            actions.get(0).accept(new Bulk(actions, targets)).run();
            return true;
        });
    }

    private record Targets(RolloutState state, Map<InstanceId, Instance> instances) {

        /** Every launch that is intended and not yet seen, not only those of this plan: see InstanceProvider. */
        List<LaunchRequest> open() {
            return state.instances().stream()
                    .filter(record -> record.intent() == InstanceRecord.Intent.LAUNCH
                            && !record.failed()
                            && record.revision().equals(state.goal()))
                    .map(record -> open(record, record.token().orElseThrow()))
                    .toList();
        }

        private LaunchRequest open(InstanceRecord record, LaunchToken token) {
            return new LaunchRequest(
                    state.fleet(), token.rollout(), token, state.goal(), record.place(), record.intentSince());
        }

        Set<InstanceId> leaving() {
            return state.instances().stream()
                    .filter(record -> record.intent() == InstanceRecord.Intent.TERMINATE)
                    .flatMap(record -> record.id().stream())
                    .collect(Collectors.toSet());
        }
    }

    /** One call for all actions of a kind. */
    private final class Bulk implements Action.Cases<Runnable> {

        private final List<Action> actions;
        private final Targets targets;

        Bulk(List<Action> actions, Targets targets) {
            this.actions = actions;
            this.targets = targets;
        }

        @Override
        public Runnable launch(Action.Launch action) {
            return () -> adapters.provider().launch(targets.open(), targets.leaving());
        }

        @Override
        public Runnable admit(Action.Admit action) {
            return toRouter(router -> router.admitAll(instances()));
        }

        @Override
        public Runnable drain(Action.Drain action) {
            return toRouter(router -> router.drainAll(instances()));
        }

        @Override
        public Runnable terminate(Action.Terminate action) {
            return () -> adapters.provider().terminateAll(ids());
        }

        private Runnable toRouter(Consumer<TrafficRouter> call) {
            return () -> call.accept(adapters.router().orElseThrow());
        }

        private Collection<InstanceId> ids() {
            return actions.stream().map(action -> action.accept(ID)).toList();
        }

        private Collection<Instance> instances() {
            return ids().stream().map(targets.instances()::get).toList();
        }
    }

    private static final Action.Cases<InstanceId> ID = new Action.Cases<>() {
        @Override
        public InstanceId launch(Action.Launch action) {
            throw new IllegalArgumentException("a launch has no instance yet: " + action);
        }

        @Override
        public InstanceId admit(Action.Admit action) {
            return action.id();
        }

        @Override
        public InstanceId drain(Action.Drain action) {
            return action.id();
        }

        @Override
        public InstanceId terminate(Action.Terminate action) {
            return action.id();
        }
    };
}
