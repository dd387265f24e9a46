package io.github.rollstep.spi;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * Says whether instances can do their work.
 *
 * <p>The engine asks only of running instances. Threads: one call of {@link #checkAll} at a time for each fleet; a checker
 * shared by several fleets must be safe for use by several threads. A check that was interrupted ends soon, leaves the thread
 * interrupted, and calls nobody unhealthy for it. Held by {@code HealthCheckerContract} of the testkit.
 */
@FunctionalInterface
public interface HealthChecker {

    /**
     * Checks one instance; blocks until it has answered or the checker's own time-out has passed.
     *
     * @return {@code UNKNOWN} if the checker cannot tell of this one; a time-out of the instance is {@code UNHEALTHY}
     * @throws ProviderException if the checker cannot tell of any
     */
    Health check(Instance instance);

    /**
     * Checks many; adapters override it to do so in parallel or by one call. The default asks one after the other.
     *
     * @param instances may be empty
     * @return a verdict for each; one that is missing counts as {@code UNKNOWN}
     * @throws ProviderException if the checker cannot tell of any
     */
    default Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> verdicts = new HashMap<>();
        for (Instance instance : instances) {
            verdicts.put(instance.id(), check(instance));
        }
        return verdicts;
    }
}
