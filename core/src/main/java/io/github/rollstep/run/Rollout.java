package io.github.rollstep.run;

import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

/**
 * The handle of a rollout. Safe for use by several threads. Commands take effect between steps: they wait for the one in
 * progress, so that after {@code pause()} returned nothing new is begun.
 *
 * <p>Each command throws {@link ProviderException} if it could not be recorded, or it is not known whether it was: it may take effect
 * nevertheless, and may be given again. It throws {@link IllegalStateException} also if another controller has taken over, or this one is
 * closed.
 */
public interface Rollout {

    RolloutId id();

    RolloutPhase phase();

    /** As of the last step or command; does not wait for the one in progress. */
    Progress progress();

    /**
     * One pass of observe, plan, persist, act; returns the plan that was made. For hosts with their own scheduler, see
     * {@link RollingUpdate.Builder#hostDriven}; where the engine drives, it is merely one step more. Does nothing after
     * the end.
     *
     * @throws IllegalStateException if another controller has taken over, or this one is closed
     */
    Plan step();

    /**
     * When the next step is due, for hosts that make them: earlier ones find nothing new as a rule, later ones lose time. Empty after the
     * end, and where another controller drives.
     */
    Optional<Instant> nextStepAt();

    /**
     * Waits for the end.
     *
     * @return the final progress, empty if it is not reached in this time
     * @throws IllegalStateException if another controller has taken over, or this one is closed
     */
    Optional<Progress> await(Duration timeout) throws InterruptedException;

    /** Completes with the final progress; exceptionally as {@link #await} throws. What depends on it runs on the common pool unless it names an executor. */
    CompletionStage<Progress> end();

    /** @throws IllegalStateException if it may not be paused now */
    void pause();

    /** @throws IllegalStateException if it is not paused */
    void resume();

    /**
     * Lets it go on after the batch that it waits for an approval of.
     *
     * @param by who approves, for the record
     * @throws IllegalStateException if it waits for none
     */
    void approve(String by);

    /**
     * Goes back to the revision that was serving when the rollout began.
     *
     * @throws IllegalStateException if it goes back already, has ended, is past its point of no return, or there is nothing to go
     *     back to
     */
    void rollBack(String reason);

    /**
     * Ends the rollout and leaves the fleet as it is, also what is draining.
     *
     * @throws IllegalStateException if it has ended
     */
    void abort();
}
