package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetCounts;
import java.time.Duration;
import java.util.Optional;

/**
 * An outside judge of a rollout: an error ratio, an alarm, a test suite, another team.
 *
 * <p>Asked once before the first batch, so that one which fails already is known; after each batch, until it passes; and while
 * baking, until the end. Never asked while the rollout goes back. Threads: one call at a time for each fleet; a gate shared by
 * several fleets must be safe for use by several threads.
 */
public interface Gate {

    /** For messages and for the record; the same after a restart, and no two gates of a fleet have the same. */
    String name();

    /**
     * Judges the rollout as it stands. Blocks until it can tell; the engine bounds the call by its call time-out, and asks again
     * after its gate interval.
     *
     * @throws RuntimeException if it cannot tell: counts as {@link Verdict.Outcome#WAIT}, with the message as the reason
     */
    Verdict judge(Context context);

    /**
     * What is judged.
     *
     * @param target the new revision
     * @param baseline the revision that was serving when the rollout began; empty if there was none
     * @param batch how many batches are done: 0 before the rollout began
     * @param baking whether the last batch is done
     * @param counts the fleet in numbers, as of the last step
     * @param waited how long this batch has been done
     */
    record Context(
            FleetId fleet,
            RolloutId rollout,
            Revision target,
            Optional<Revision> baseline,
            int batch,
            boolean baking,
            FleetCounts counts,
            Duration waited) {}
}
