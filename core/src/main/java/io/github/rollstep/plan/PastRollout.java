package io.github.rollstep.plan;

import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What is kept of a rollout that is over.
 *
 * @param from what was serving when it began; empty if nothing was
 * @param restart whether it replaced also what ran the target already
 * @param phase the phase it ended in; one that is not final if it was superseded
 * @param reason why it ended so
 * @param startedBy who asked for it
 * @param limits as of its end
 * @param launches how many launches it intended
 * @param failures how many instances failed that were not retried
 * @param peak the most instances that existed at once
 * @param fewestServing the fewest that were serving at once; empty if nobody looked
 */
public record PastRollout(
        RolloutId rollout,
        Optional<Revision> from,
        Revision to,
        boolean restart,
        RolloutPhase phase,
        Reason reason,
        String startedBy,
        Instant startedAt,
        Instant endedAt,
        Limits limits,
        int launches,
        int failures,
        int peak,
        OptionalInt fewestServing) {

    /** What is kept of it, if it was over by then. */
    static PastRollout of(RolloutState state, Instant now) {
        return new PastRollout(
                state.rollout(),
                state.baseline(),
                state.target(),
                state.restart(),
                state.phase(),
                state.phaseReason(),
                state.startedBy(),
                state.clocks().startedAt(),
                state.phase().isFinal() ? state.phaseSince() : now,
                state.limits(),
                state.launches(),
                state.failures().count(),
                state.extremes().peak(),
                state.extremes().fewestServing());
    }

    public Duration duration() {
        return Duration.between(startedAt, endedAt);
    }

    /** Whether another one took its place before it had ended. */
    public boolean superseded() {
        return !phase.isFinal();
    }
}
