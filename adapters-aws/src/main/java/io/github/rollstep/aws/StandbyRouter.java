package io.github.rollstep.aws;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Drains by standby, and admits by its end: what is in standby is warm, and back in the time of a registration. */
final class StandbyRouter implements TrafficRouter {

    private final AutoScalingGroupProvider provider;
    private final TargetGroupRouter targets;

    StandbyRouter(AutoScalingGroupProvider provider, TargetGroupRouter targets) {
        this.provider = provider;
        this.targets = targets;
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        return targets.routes(instances);
    }

    @Override
    public void admit(Instance instance) {
        admitAll(List.of(instance));
    }

    @Override
    public void drain(Instance instance) {
        drainAll(List.of(instance));
    }

    /** What is in service is registered by the group. */
    @Override
    public void admitAll(Collection<Instance> instances) {
        provider.exitStandby(instances.stream().map(Instance::id).toList());
    }

    @Override
    public void drainAll(Collection<Instance> instances) {
        provider.enterStandby(instances.stream().map(Instance::id).toList());
    }

    @Override
    public Duration longestDrain() {
        return targets.longestDrain();
    }

    @Override
    public String toString() {
        return "standby of " + provider;
    }
}
