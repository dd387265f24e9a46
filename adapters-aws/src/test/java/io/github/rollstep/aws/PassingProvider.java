package io.github.rollstep.aws;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A provider in front of another one. */
class PassingProvider implements InstanceProvider {

    private final InstanceProvider provider;

    PassingProvider(InstanceProvider provider) {
        this.provider = provider;
    }

    @Override
    public List<Instance> list() {
        return provider.list();
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        provider.launch(open);
    }

    @Override
    public void launch(List<LaunchRequest> open, Set<InstanceId> leaving) {
        provider.launch(open, leaving);
    }

    @Override
    public void terminate(InstanceId id) {
        provider.terminate(id);
    }

    @Override
    public void terminateAll(Collection<InstanceId> ids) {
        provider.terminateAll(ids);
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
        return provider.staleness();
    }
}
