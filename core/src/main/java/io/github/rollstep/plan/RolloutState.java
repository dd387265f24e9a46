package io.github.rollstep.plan;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * All that a rollout remembers between two steps; what a controller finds again after a crash. Immutable.
 *
 * @param target the revision to roll out
 * @param baseline the revision that was serving when the rollout began; empty before the first look at the fleet, and if
 *     there was none
 * @param surveyed whether the fleet was looked at
 * @param back whether the rollout goes back to the baseline; kept while paused
 * @param phaseReason why it is in this phase
 * @param launches how many launches were intended; the next token has the ordinal after it
 * @param instances by token, then id; nobody else's order
 * @param tombstones instances believed gone, and until when a list that still shows them is not believed
 */
public record RolloutState(
        FleetId fleet,
        RolloutId rollout,
        Revision target,
        Optional<Revision> baseline,
        Limits limits,
        boolean surveyed,
        boolean back,
        RolloutPhase phase,
        Instant phaseSince,
        Reason phaseReason,
        Clocks clocks,
        BatchPosition batch,
        FailureLedger failures,
        Extremes extremes,
        int launches,
        List<InstanceRecord> instances,
        Map<InstanceId, Instant> tombstones,
        History history) {

    /**
     * What the deadlines are measured from. Moved on by the length of each hold.
     *
     * @param startedAt when the rollout began; never moved
     * @param directionSince when it set out in its present direction
     * @param progressAt when it last came closer to its goal than ever before in this direction; may be in the future
     *     during a pause between batches
     * @param progress how close that was
     */
    public record Clocks(Instant startedAt, Instant directionSince, Instant progressAt, OptionalInt progress) {}

    /**
     * Where the rollout stands among its batches.
     *
     * @param index of the present batch, from 0
     * @param goal how many instances of the goal revision there may be by the end of this batch
     * @param pauseUntil the end of the pause before this batch
     */
    public record BatchPosition(int index, int goal, Optional<Instant> pauseUntil) {}

    /**
     * The failed instances.
     *
     * @param count all since the rollout began; never shrinks
     * @param forgiven how many of these somebody knew of and resumed
     * @param lastAt the time of the last one
     */
    public record FailureLedger(int count, int forgiven, Optional<Instant> lastAt) {}

    /**
     * @param peak the most instances that existed at once
     * @param fewestServing the fewest that were serving at once
     */
    public record Extremes(int peak, OptionalInt fewestServing) {}

    /**
     * What the fleet remembers from one rollout to the next.
     *
     * @param verified the revision of the last rollout that succeeded
     * @param failed ids of revisions whose rollout failed, not to be tried again unless asked
     */
    public record History(Optional<Revision> verified, Set<String> failed) {
        public History {
            failed = Collections.unmodifiableSet(new TreeSet<>(failed));
        }
    }

    public RolloutState {
        instances = List.copyOf(instances);
        tombstones = Collections.unmodifiableMap(new TreeMap<>(tombstones));
    }

    /**
     * The state of a rollout that begins now.
     *
     * @param previous the fleet's last state. If it has ended, its history is kept; if not, it is superseded: the new
     *     rollout goes on from the mix that is there, with what is known of each instance, and would go back to where the
     *     superseded one would have gone
     */
    public static RolloutState begin(
            FleetId fleet,
            RolloutId rollout,
            Revision target,
            Limits limits,
            Instant now,
            Optional<RolloutState> previous) {
        return new RolloutState(
                fleet,
                rollout,
                target,
                previous.filter(p -> !p.phase.isFinal()).flatMap(RolloutState::baseline),
                limits,
                false,
                false,
                RolloutPhase.ROLLING,
                now,
                Reason.of(Code.STARTED, "started"),
                new Clocks(now, now, now, OptionalInt.empty()),
                new BatchPosition(0, 0, Optional.empty()),
                new FailureLedger(0, 0, Optional.empty()),
                new Extremes(0, OptionalInt.empty()),
                0,
                previous.stream()
                        .flatMap(p -> p.instances.stream())
                        .map(instance -> Member.carriedOver(instance, now))
                        .toList(),
                previous.map(RolloutState::tombstones).orElse(Map.of()),
                previous.map(RolloutState::history).orElse(new History(Optional.empty(), Set.of())));
    }

    /** The revision that the present direction leads to. */
    public Revision goal() {
        return back ? baseline.orElse(target) : target;
    }

    /** The token of the next launch. */
    LaunchToken nextToken() {
        return rollout.token(launches + 1);
    }

    /**
     * Holds the rollout.
     *
     * @throws IllegalStateException if the phase may not become PAUSED
     */
    public RolloutState pause(Instant now, Reason reason) {
        return become(RolloutPhase.PAUSED, now, reason);
    }

    /**
     * Goes on in the direction it was held in; the hold does not count in any deadline, and failures that are known are
     * forgiven.
     *
     * @throws IllegalStateException if it is not held
     */
    public RolloutState resume(Instant now) {
        if (!phase.isHeld()) {
            throw new IllegalStateException(
                    "rollout %s is %s: only one that is held can resume".formatted(rollout, phase));
        }
        RolloutState resumed = become(
                back ? RolloutPhase.ROLLING_BACK : RolloutPhase.ROLLING, now, Reason.of(Code.BY_HAND, "resumed"));
        Draft draft = resumed.draft();
        draft.failures = new FailureLedger(failures.count, failures.count, failures.lastAt);
        if (phaseReason.code() != Code.BY_HAND) {
            // Held by a deadline or a failure: whoever resumes gives it the whole time again.
            draft.clocks = new Clocks(clocks.startedAt, now, now, OptionalInt.empty());
        }
        return draft.state();
    }

    /**
     * Sets out for the baseline.
     *
     * @throws IllegalStateException if it is going back already, has ended, or there is nothing to go back to
     */
    public RolloutState rollBack(Instant now, Reason reason) {
        if (back) {
            throw new IllegalStateException("rollout %s is rolling back already".formatted(rollout));
        }
        if (!canGoBack()) {
            throw new IllegalStateException(
                    "rollout %s has no revision to go back to: none other than %s was serving when it began"
                            .formatted(rollout, target));
        }
        Draft draft = become(RolloutPhase.ROLLING_BACK, now, reason).draft();
        draft.back = true;
        draft.clocks = new Clocks(clocks.startedAt, now, now, OptionalInt.empty());
        draft.batch = new BatchPosition(0, 0, Optional.empty());
        return draft.state();
    }

    /**
     * Ends the rollout and leaves the fleet as it is.
     *
     * @throws IllegalStateException if it has ended
     */
    public RolloutState abort(Instant now, Reason reason) {
        return become(RolloutPhase.ABORTED, now, reason);
    }

    boolean canGoBack() {
        return baseline.isPresent() && !baseline.get().equals(target);
    }

    /** Changes the phase by the table; leaving a hold moves the clocks on by its length. */
    RolloutState become(RolloutPhase next, Instant now, Reason reason) {
        if (!phase.mayBecome(next)) {
            throw new IllegalStateException(
                    "rollout %s is %s, which may not become %s".formatted(rollout, phase, next));
        }
        Draft draft = draft();
        draft.phase = next;
        draft.phaseSince = now;
        draft.phaseReason = reason;
        if (phase.isHeld() && !next.isHeld()) {
            Duration held = Duration.between(phaseSince, now);
            draft.clocks = new Clocks(
                    clocks.startedAt, clocks.directionSince.plus(held), clocks.progressAt.plus(held), clocks.progress);
            draft.batch = new BatchPosition(batch.index, batch.goal, batch.pauseUntil.map(until -> until.plus(held)));
            draft.instances.replaceAll(instance -> Member.afterHold(instance, held, now));
        } else if (phase.isHeld()) {
            draft.phaseSince = phaseSince;
        }
        return draft.state();
    }

    Draft draft() {
        return new Draft(this);
    }

    /** A state in the making; never leaves this package. */
    static final class Draft {
        final RolloutState from;
        Optional<Revision> baseline;
        boolean surveyed;
        boolean back;
        RolloutPhase phase;
        Instant phaseSince;
        Reason phaseReason;
        Clocks clocks;
        BatchPosition batch;
        FailureLedger failures;
        Extremes extremes;
        int launches;
        List<InstanceRecord> instances;
        Map<InstanceId, Instant> tombstones;
        History history;

        Draft(RolloutState from) {
            this.from = from;
            baseline = from.baseline;
            surveyed = from.surveyed;
            back = from.back;
            phase = from.phase;
            phaseSince = from.phaseSince;
            phaseReason = from.phaseReason;
            clocks = from.clocks;
            batch = from.batch;
            failures = from.failures;
            extremes = from.extremes;
            launches = from.launches;
            instances = new ArrayList<>(from.instances);
            tombstones = new TreeMap<>(from.tombstones);
            history = from.history;
        }

        RolloutState state() {
            return new RolloutState(
                    from.fleet,
                    from.rollout,
                    from.target,
                    baseline,
                    from.limits,
                    surveyed,
                    back,
                    phase,
                    phaseSince,
                    phaseReason,
                    clocks,
                    batch,
                    failures,
                    extremes,
                    launches,
                    instances,
                    tombstones,
                    history);
        }
    }
}
