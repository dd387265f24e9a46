package io.github.rollstep.spi;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

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
     * listed as {@link Instance.State#FAILED} until it is terminated, if the platform allows. The order has no meaning. What is
     * launched and terminated next was decided by this list: while a rollout is in progress, none is asked for in between.
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
     * {@link #launch(List)} on a platform that takes a number: the engine calls this one. What leaves does not count in the number,
     * whatever the list says of it; it is terminated by name, by a call of its own that may come before or after this one.
     *
     * @param leaving what is told to stop, by the record, also if the request for it has not been sent yet or was lost
     */
    default void launch(List<LaunchRequest> open, Set<InstanceId> leaving) {
        launch(open);
    }

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
     * The platform's own settings that a rollout changes while it lasts, as they are now; changes nothing. They are kept in the record
     * before the first of them is changed, so that whoever comes after a crash can put them back.
     *
     * @param target of the rollout that is about to begin
     * @return text that this provider understands; empty, the default, if it changes none
     * @throws ProviderException not retryable, with the reason, if the platform is in a state in which no rollout can work, or the target
     *     is none that can be launched
     */
    default Optional<String> settings(Revision target) {
        return Optional.empty();
    }

    /**
     * Changes what would disturb the rollout. Called before the first action of each controller, and when the limits or the
     * direction have changed; a repeat changes nothing.
     *
     * @param settings as they were
     * @param atMost how many instances may exist at once
     * @param goal what is launched from now on
     * @throws ProviderException if it is not known whether all is changed; nothing is launched or stopped meanwhile
     */
    default void hold(String settings, int atMost, Revision goal) {}

    /**
     * Puts the settings back, after the rollout has ended, whoever ended it and however; a repeat changes nothing.
     *
     * @param settings as they were
     * @param outcome what the fleet was left with: what the platform launches by itself from now on
     * @throws ProviderException if it is not known whether all is back
     */
    default void restore(String settings, Revision outcome) {}

    /**
     * How old the answer of {@link #list()} may be: a change that took effect longer ago is in it. The default is zero,
     * which adapters on one machine keep and pay nothing for.
     */
    default Duration staleness() {
        return Duration.ZERO;
    }
}
