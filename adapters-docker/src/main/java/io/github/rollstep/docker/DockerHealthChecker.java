package io.github.rollstep.docker;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the engine's own health check says of containers, as the provider's list shows it: no call more a step. Containers
 * without a health check are unknown, and never become serving by this checker.
 *
 * <p>It reacts as slowly as the check's interval, which the engine also waits before the first probe, and each probe costs the
 * host 70 to 100 ms of CPU. {@link io.github.rollstep.health.HttpHealthChecker} from outside sees a container ready within
 * milliseconds and costs next to nothing: prefer it where the containers can be reached; {@code HealthCheckers} combines both.
 *
 * <p>Safe for use by several threads.
 */
public final class DockerHealthChecker implements HealthChecker {

    private final DockerInstanceProvider provider;

    /** @param provider whose lists it reads: that of the same fleet */
    public DockerHealthChecker(DockerInstanceProvider provider) {
        this.provider = provider;
    }

    @Override
    public Health check(Instance instance) {
        return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("not listed"));
    }

    /** {@inheritDoc} Directly after a list it asks the engine nothing; else it lists once. */
    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        if (instances.isEmpty()) {
            return Map.of();
        }
        Map<InstanceId, Health> listed = provider.engineHealth();
        Map<InstanceId, Health> verdicts = new HashMap<>();
        for (Instance instance : instances) {
            verdicts.put(instance.id(), listed.getOrDefault(instance.id(), Health.unknown("the container is gone")));
        }
        return verdicts;
    }
}
