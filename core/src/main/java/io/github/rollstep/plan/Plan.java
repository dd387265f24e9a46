package io.github.rollstep.plan;

import io.github.rollstep.InstanceId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What to do now, what to remember, and when to look again.
 *
 * @param actions independent of each other; to be taken after {@code next} is persisted
 * @param next the state to persist; equal to the one that was given if nothing changed
 * @param waits what is waited for; not empty unless the rollout has ended or there are actions
 * @param failures instances that are counted as failed from now on
 * @param departing living instances that are to leave and were not told to before, those that are next first; also those that
 *     a limit, a gate or a veto makes stay for now
 * @param counts the fleet in numbers
 * @param wakeAt when something is due even if nothing changes on the platform; empty if nothing is
 */
public record Plan(
        List<Action> actions,
        RolloutState next,
        List<Reason> waits,
        List<Failure> failures,
        List<InstanceId> departing,
        FleetCounts counts,
        Optional<Instant> wakeAt) {

    public Plan {
        actions = List.copyOf(actions);
        waits = List.copyOf(waits);
        failures = List.copyOf(failures);
        departing = List.copyOf(departing);
    }

    /**
     * An instance that is counted as failed.
     *
     * @param id empty if it never appeared
     */
    public record Failure(Optional<InstanceId> id, Reason reason) {}
}
