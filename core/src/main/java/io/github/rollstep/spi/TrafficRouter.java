package io.github.rollstep.spi;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;

/**
 * Sends requests to instances, and stops to.
 *
 * <p>Threads: calls may come from any thread; {@code admitAll} and {@code drainAll} may run at the same time. A call that was
 * interrupted ends soon and leaves the thread interrupted. Held by {@code TrafficRouterContract} of the testkit. A router that can
 * tell when a drained instance has become quiet also implements {@link Watchable}.
 */
public interface TrafficRouter {

    /**
     * What the router really does with each of these instances, now; blocks until it has answered.
     *
     * @param instances what the provider lists now, for routers that know addresses and no ids. One that is missing here may
     *     still be running, as lists are stale; what the router keeps of it may go only if that is certain
     * @return an instance that is missing is out. The map may hold others too; they are not touched
     * @throws ProviderException if the router cannot tell: what is out may be stopped, so silence is no answer
     */
    Map<InstanceId, Routing> routes(Collection<Instance> instances);

    /**
     * Asks for new requests to reach the instance; returns when the router has accepted. {@link #routes} says when it is
     * in. A repeat changes nothing; one that was draining takes new requests again.
     *
     * @throws ProviderException if it is not known whether the router accepted; not retryable if the instance cannot be a
     *     target at all (it has no address)
     */
    void admit(Instance instance);

    /**
     * Stops new requests to the instance and lets the open ones end; returns when the router has accepted. An instance that
     * is quiet may be forgotten by the router at once. A repeat, or an instance that the router does not know, is fine.
     *
     * @throws ProviderException if it is not known whether the router accepted
     */
    void drain(Instance instance);

    /** {@link #admit} for many; it may succeed for some. */
    default void admitAll(Collection<Instance> instances) {
        Bulk.forEach(instances, this::admit);
    }

    /** {@link #drain} for many; it may succeed for some. */
    default void drainAll(Collection<Instance> instances) {
        Bulk.forEach(instances, this::drain);
    }

    /**
     * Whether the platform itself drains what it terminates, as an Auto Scaling group does with its targets. Then leaving
     * is one action, which costs availability from that moment; {@code drain} is never called. The default is false.
     */
    default boolean drainsOnTerminate() {
        return false;
    }

    /**
     * How long the open requests of what was drained may take by the router's own rule. The engine refuses a policy whose drain deadline
     * (where the platform drains, its stop deadline) is shorter: it would cut them. The default is zero: the router has no such rule.
     *
     * @throws ProviderException if the router cannot tell
     */
    default Duration longestDrain() {
        return Duration.ZERO;
    }
}
