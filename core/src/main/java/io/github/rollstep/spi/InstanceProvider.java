package io.github.rollstep.spi;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import java.time.Duration;
import java.util.Collection;
import java.util.List;

/**
 * Lists, launches and terminates the instances of one fleet.
 *
 * <p>Threads: calls may come from any thread, and {@code launch} and {@code terminate} may run at the same time. The
 * engine makes one call of each method at a time, bounds each by its call time-out, and interrupts the thread then. A call
 * that was interrupted ends soon, leaves the thread interrupted, and asks nothing of the platform any more.
 *
 * <p>Held by {@code InstanceProviderContract} of the testkit. A provider that can tell of changes also implements
 * {@link Watchable}.
 */
public interface InstanceProvider {

    /**
     * Lists the whole fleet, whoever started it: also what is starting, stopping or failed, and nothing of another fleet.
     *
     * <p>Blocks until the platform has answered. An instance is listed until it is gone; one that exited by itself stays
     * listed as {@link Instance.State#FAILED} until it is terminated, if the platform allows. The order has no meaning.
     *
     * @return empty if the fleet has no instance; never because the platform could not tell
     * @throws ProviderException if the list cannot be had whole
     */
    List<Instance> list();

    /**
     * Makes sure that each open launch has its instance.
     *
     * <p>Returns when the platform has accepted, not when they are ready. A repeat with a token that was accepted starts
     * nothing, even if its instance has failed since. Platforms that take a number (an Auto Scaling group) set the number
     * of instances to what exists plus what is open, and list instances without tokens.
     *
     * @param open every launch that is intended and not yet seen in {@link #list()}; not empty
     * @throws ProviderException if it is not known of some of them whether an instance was started; retryable if asking
     *     again may help. It may have succeeded for some: the next list shows the truth. Not retryable for a launch of another
     *     fleet, of which nothing is started
     */
    void launch(List<LaunchRequest> open);

    /**
     * Tells an instance to stop, and takes it out of the list when it is gone.
     *
     * <p>Returns when the platform has accepted, not when it is gone. A repeat, or an instance that is gone, is fine and
     * changes nothing. An instance of another fleet is not touched.
     *
     * @throws ProviderException if it is not known whether the platform accepted
     */
    void terminate(InstanceId id);

    /**
     * {@link #terminate} for many; adapters override it where one call of the platform does.
     *
     * @throws ProviderException if it is not known of some; the others are accepted
     */
    default void terminateAll(Collection<InstanceId> ids) {
        Bulk.forEach(ids, this::terminate);
    }

    /**
     * How old the answer of {@link #list()} may be: a change that took effect longer ago is in it. The default is zero,
     * which adapters on one machine keep and pay nothing for.
     */
    default Duration staleness() {
        return Duration.ZERO;
    }
}
