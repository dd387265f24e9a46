package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A provider with a witness. */
class WatchedProvider implements InstanceProvider {

    private final InstanceProvider provider;
    private final Witness witness;

    private WatchedProvider(InstanceProvider provider, Witness witness) {
        this.provider = provider;
        this.witness = witness;
    }

    static InstanceProvider of(InstanceProvider provider, Witness witness) {
        return provider instanceof Watchable watchable
                ? new Telling(provider, watchable, witness)
                : new WatchedProvider(provider, witness);
    }

    @Override
    public List<Instance> list() {
        Sighting sighting = witness.look();
        List<Instance> instances = witness.ask("list", provider::list);
        witness.listed(sighting, instances.stream().filter(Instance::exists).toList());
        return instances;
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        launch(open, () -> provider.launch(open));
    }

    @Override
    public void launch(List<LaunchRequest> open, Set<InstanceId> leaving) {
        launch(open, () -> provider.launch(open, leaving));
    }

    private void launch(List<LaunchRequest> open, Runnable call) {
        Optional<Map<InstanceId, Observed>> before = witness.truth();
        witness.launches(open, before);
        try {
            witness.tell("launch", call);
        } finally {
            witness.launched(before, witness.truth());
        }
    }

    @Override
    public void terminate(InstanceId id) {
        witness.requests(Witness.Request.TERMINATE, List.of(id));
        witness.tell("terminate", () -> provider.terminate(id));
    }

    @Override
    public void terminateAll(Collection<InstanceId> ids) {
        witness.requests(Witness.Request.TERMINATE, ids);
        witness.tell("terminate", () -> provider.terminateAll(ids));
    }

    @Override
    public Optional<String> settings(Revision target) {
        return provider.settings(target);
    }

    @Override
    public void hold(String settings, int atMost, Revision goal) {
        provider.hold(settings, atMost, goal);
    }

    @Override
    public void restore(String settings, Revision outcome) {
        provider.restore(settings, outcome);
    }

    @Override
    public Duration staleness() {
        return witness.staleness(provider.staleness());
    }

    @Override
    public String toString() {
        return provider.toString();
    }

    /** One that can tell of changes. */
    private static final class Telling extends WatchedProvider implements Watchable {

        private final Watchable watchable;

        Telling(InstanceProvider provider, Watchable watchable, Witness witness) {
            super(provider, witness);
            this.watchable = watchable;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return watchable.watch(changed);
        }
    }
}
