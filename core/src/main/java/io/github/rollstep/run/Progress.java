package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A rollout at one moment.
 *
 * @param from what was serving when it began; empty before the first step, or if nothing other than {@code to} was
 * @param to the target, also while it rolls back
 * @param reason why it is in its phase
 * @param counts as of the last step
 * @param waits what is waited for, what holds up most first
 * @param elapsed since it began
 * @param remaining an estimate of the time until all serve the goal, the rate so far in this direction going on; empty
 *     before the first does, while held and after the end
 * @param peak the most instances that existed at once
 * @param fewestServing the fewest that were serving at once; empty before the first step
 */
public record Progress(
        FleetId fleet,
        RolloutId rollout,
        Optional<Revision> from,
        Revision to,
        RolloutPhase phase,
        Reason reason,
        Limits limits,
        FleetCounts counts,
        List<Reason> waits,
        Duration elapsed,
        Optional<Duration> remaining,
        int peak,
        OptionalInt fewestServing) {

    public Progress {
        waits = List.copyOf(waits);
    }

    static Progress of(RolloutState state, FleetCounts counts, List<Reason> waits, Instant now) {
        return new Progress(
                state.fleet(),
                state.rollout(),
                state.baseline(),
                state.target(),
                state.phase(),
                state.phaseReason(),
                state.limits(),
                counts,
                waits,
                Duration.between(state.clocks().startedAt(), state.phase().isFinal() ? state.phaseSince() : now),
                remaining(state, counts.updated(), now),
                state.extremes().peak(),
                state.extremes().fewestServing());
    }

    private static Optional<Duration> remaining(RolloutState state, int updated, Instant now) {
        if (!state.phase().isActive() || updated == 0) {
            return Optional.empty();
        }
        int left = Math.max(0, state.limits().desired() - updated);
        return Optional.of(Duration.between(state.clocks().directionSince(), now)
                .multipliedBy(left)
                .dividedBy(updated));
    }
}
