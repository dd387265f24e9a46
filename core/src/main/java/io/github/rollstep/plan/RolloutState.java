package io.github.rollstep.plan;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * All that a rollout remembers between two steps; what a controller finds again after a crash. Immutable.
 *
 * @param target the revision to roll out
 * @param startedBy who asked for it
 * @param restart whether what was there when it began is replaced even if it runs the target already
 * @param baseline the revision that was serving when the rollout began; empty before the first look at the fleet, and if
 *     there was none
 * @param plannedDesired the desired count when it began; until the new revision has proved itself, it does not grow beyond it
 * @param surveyed whether the fleet was looked at
 * @param back whether the rollout goes back to the baseline; kept while paused
 * @param phaseReason why it is in this phase
 * @param launches how many launches were intended; the next token has the ordinal after it
 * @param instances by token, then id; nobody else's order
 * @param vacated places whose instance is gone and whose successor is not launched yet; the oldest first
 * @param zones how many instances each zone had at the first look; 0 for one that went down and was given up
 * @param failingBefore names of gates that failed before the rollout began, and have not passed since
 * @param observed how long things took in this rollout; empty while nothing was seen to end
 * @param held the settings of the platform as they were before the rollout changed them: to be put back after it. Empty if it
 *     changes none, and when all are back
 * @param answers what became of the requests that were left for the controller of the fleet
 */
public record RolloutState(
        FleetId fleet,
        RolloutId rollout,
        Revision target,
        String startedBy,
        boolean restart,
        Optional<Revision> baseline,
        Limits limits,
        int plannedDesired,
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
        List<Place> vacated,
        Map<String, Integer> zones,
        Set<String> failingBefore,
        Optional<Timings> observed,
        Optional<String> held,
        Answers answers,
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
     * @param wholeSince when this batch was whole for the first time; empty before
     * @param released whether somebody approved of it, or resumed the pause after it
     */
    public record BatchPosition(int index, int goal, Optional<Instant> wholeSince, boolean released) {

        static final BatchPosition START = new BatchPosition(0, 0, Optional.empty(), false);
    }

    /**
     * The failed instances.
     *
     * @param count all that came since the rollout began and were not to be retried; never shrinks
     * @param forgiven how many of these somebody knew of and resumed
     * @param retried how many failures were made up for by a retry, or will be; never shrinks
     * @param retries the numbers of the attempts that are to be made
     * @param lastAt the time of the last one
     */
    public record FailureLedger(int count, int forgiven, int retried, List<Integer> retries, Optional<Instant> lastAt) {

        static final FailureLedger EMPTY = new FailureLedger(0, 0, 0, List.of(), Optional.empty());

        public FailureLedger {
            retries = List.copyOf(retries);
        }
    }

    /**
     * @param peak the most instances that existed at once
     * @param fewestServing the fewest that were serving at once
     */
    public record Extremes(int peak, OptionalInt fewestServing) {}

    /**
     * What the fleet remembers from one rollout to the next.
     *
     * @param verified the revision of the last rollout that succeeded
     * @param failed ids of revisions whose rollout failed, not to be tried again unless asked; the {@value #MOST_FAILED} that failed
     *     last, the oldest first
     * @param timings how long things took in the last rollout that launched something
     * @param past the rollouts before this one, the newest first
     */
    public record History(
            Optional<Revision> verified, Set<String> failed, Optional<Timings> timings, List<PastRollout> past) {

        static final int MOST_FAILED = 100;

        static final History NONE = new History(Optional.empty(), Set.of(), Optional.empty(), List.of());

        public History {
            past = List.copyOf(past);
            failed = failed.stream()
                    .skip(Math.max(0, failed.size() - MOST_FAILED))
                    .collect(Collectors.collectingAndThen(
                            Collectors.toCollection(LinkedHashSet::new), Collections::unmodifiableSet));
        }

        History afterFailure(Revision target) {
            Set<String> all = without(target);
            all.add(target.id());
            return new History(verified, all, timings, past);
        }

        /** @param whole whether all run it: only then is it verified */
        History afterSuccess(Revision target, boolean whole) {
            return new History(whole ? Optional.of(target) : verified, without(target), timings, past);
        }

        private Set<String> without(Revision target) {
            Set<String> others = new LinkedHashSet<>(failed);
            others.remove(target.id());
            return others;
        }
    }

    /**
     * What became of the requests that were left for the controller of the fleet.
     *
     * @param upTo the number of the last one that was answered, 0 if none was; never shrinks
     * @param refused those of the last ones that were refused, by number, and why
     */
    public record Answers(long upTo, Map<Long, String> refused) {

        /** So many refusals are kept for those who asked. */
        private static final int KEPT = 16;

        public static final Answers NONE = new Answers(0, Map.of());

        public Answers {
            refused = sorted(refused);
        }

        Answers and(long number, Optional<String> refusal) {
            TreeMap<Long, String> all = new TreeMap<>(refused);
            refusal.ifPresent(why -> all.put(number, why));
            while (all.size() > KEPT) {
                all.pollFirstEntry();
            }
            return new Answers(Math.max(upTo, number), all);
        }
    }

    public RolloutState {
        instances = List.copyOf(instances);
        vacated = List.copyOf(vacated);
        zones = sorted(zones);
        failingBefore = failingBefore.isEmpty() ? Set.of() : Collections.unmodifiableSet(new TreeSet<>(failingBefore));
    }

    private static <K extends Comparable<K>, V> Map<K, V> sorted(Map<K, V> map) {
        return map.isEmpty() ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(map));
    }

    /** The state of a rollout that begins now; see the other one. */
    public static RolloutState begin(
            FleetId fleet,
            RolloutId rollout,
            Revision target,
            Limits limits,
            Instant now,
            Optional<RolloutState> previous) {
        return begin(fleet, rollout, target, false, limits, now, previous);
    }

    /**
     * The state of a rollout that begins now.
     *
     * @param restart whether to replace also what runs the target already
     * @param previous the fleet's last state. If it has ended, its history is kept; if not, it is superseded: the new
     *     rollout goes on from the mix that is there, with what is known of each instance, and would go back to where the
     *     superseded one would have gone; so it would after one that failed or was aborted, if that revision still serves
     */
    public static RolloutState begin(
            FleetId fleet,
            RolloutId rollout,
            Revision target,
            boolean restart,
            Limits limits,
            Instant now,
            Optional<RolloutState> previous) {
        return new RolloutState(
                fleet,
                rollout,
                target,
                "",
                restart,
                previous.flatMap(RolloutState::nextBaseline),
                limits,
                limits.desired(),
                false,
                false,
                RolloutPhase.ROLLING,
                now,
                Reason.of(Code.STARTED, "started"),
                new Clocks(now, now, now, OptionalInt.empty()),
                BatchPosition.START,
                FailureLedger.EMPTY,
                new Extremes(0, OptionalInt.empty()),
                0,
                previous.stream()
                        .flatMap(p -> p.instances.stream()
                                .map(instance -> Member.carriedOver(
                                        instance,
                                        now,
                                        p.phase.isFinal() ? Optional.of(p.phaseSince) : Optional.empty())))
                        .toList(),
                previous.filter(p -> !p.phase.isComplete())
                        .map(RolloutState::vacated)
                        .orElse(List.of()),
                Map.of(),
                Set.of(),
                Optional.empty(),
                previous.flatMap(RolloutState::held),
                previous.map(RolloutState::answers).orElse(Answers.NONE),
                previous.map(p -> p.historyAfter(now)).orElse(History.NONE));
    }

    private History historyAfter(Instant now) {
        List<PastRollout> past = new ArrayList<>(history.past);
        past.add(0, PastRollout.of(this, now));
        return new History(history.verified, history.failed, timings(), past);
    }

    /** The same, of what asked for it, and with no more of the past than that. */
    public RolloutState startedBy(String who, int rollouts, Duration age) {
        Instant since = clocks.startedAt.minus(age);
        Draft draft = draft();
        draft.startedBy = who;
        draft.history = new History(
                history.verified,
                history.failed,
                history.timings,
                history.past.stream()
                        .filter(past -> past.endedAt().isAfter(since))
                        .limit(rollouts)
                        .toList());
        return draft.state();
    }

    /** The rollouts of the fleet that are over, this one among them if it has ended; the newest first. */
    public List<PastRollout> past() {
        return phase.isFinal() ? historyAfter(phaseSince).past : history.past;
    }

    /** The same, with one more request answered: obeyed, or refused for this reason. */
    public RolloutState answered(long number, Optional<String> refusal) {
        Draft draft = draft();
        draft.answers = answers.and(number, refusal);
        return draft.state();
    }

    /** The same, on a platform whose settings are changed for it; those that are held already stay as they were before. */
    public RolloutState holding(Optional<String> settings) {
        Draft draft = draft();
        draft.held = held.isPresent() ? held : settings;
        return draft.state();
    }

    /** The same, with the settings of the platform put back. */
    public RolloutState restored() {
        Draft draft = draft();
        draft.held = Optional.empty();
        return draft.state();
    }

    /** Whether nothing is left to do: it has ended, and what it changed on the platform is as before. */
    public boolean isOver() {
        return phase.isFinal() && held.isEmpty();
    }

    /** The revision that the fleet is left with: the target if it has succeeded, else the one it came from. */
    public Revision outcome() {
        return phase == RolloutPhase.SUCCEEDED ? target : baseline.orElse(target);
    }

    /** The revision that the present direction leads to. */
    public Revision goal() {
        return back ? baseline.orElse(target) : target;
    }

    /** Where the next rollout would go back to; empty if that is to be seen from what serves then. */
    private Optional<Revision> nextBaseline() {
        boolean halfRolled = phase == RolloutPhase.FAILED || phase == RolloutPhase.ABORTED;
        return baseline.filter(revision -> !phase.isFinal()
                || (halfRolled
                        && instances.stream()
                                .anyMatch(instance -> instance.revision().equals(revision)
                                        && instance.served()
                                        && instance.intent() == InstanceRecord.Intent.NONE)));
    }

    /** How many batches of the present direction are whole. */
    public int batchesDone() {
        return batch.index + (batch.wholeSince.isPresent() ? 1 : 0);
    }

    /** How long things take, as seen in this rollout or, before it has launched anything, in an earlier one. */
    public Optional<Timings> timings() {
        return observed.filter(seen -> !seen.startAtMost().isZero()).or(history::timings);
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
     * Goes on in the direction it was paused in; the pause does not count in any deadline, and failures that are known are
     * forgiven.
     *
     * @throws IllegalStateException if it is not paused
     */
    public RolloutState resume(Instant now) {
        if (phase != RolloutPhase.PAUSED) {
            throw new IllegalStateException(
                    "rollout %s is %s: only one that is paused can resume".formatted(rollout, phase));
        }
        RolloutState resumed = become(
                back ? RolloutPhase.ROLLING_BACK : RolloutPhase.ROLLING, now, Reason.of(Code.BY_HAND, "resumed"));
        Draft draft = resumed.draft();
        draft.failures =
                new FailureLedger(failures.count, failures.count, failures.retried, failures.retries, failures.lastAt);
        if (phaseReason.code() == Code.CHECKPOINT) {
            draft.batch = draft.released();
        } else if (phaseReason.code() != Code.BY_HAND) {
            // Held by a deadline or a failure: whoever resumes gives it the whole time again.
            draft.clocks = new Clocks(clocks.startedAt, now, now, OptionalInt.empty());
        }
        return draft.state();
    }

    /**
     * Lets the rollout go on after the batch that it waits for an approval of; the wait does not count in any deadline.
     *
     * @throws IllegalStateException if it waits for none
     */
    public RolloutState approve(Instant now, Reason reason) {
        if (phase != RolloutPhase.AWAITING_APPROVAL) {
            throw new IllegalStateException("rollout %s is %s and waits for no approval".formatted(rollout, phase));
        }
        Draft draft = become(RolloutPhase.ROLLING, now, reason).draft();
        draft.batch = draft.released();
        return draft.state();
    }

    /**
     * Goes on with limits for another desired count. What grows is launched in the new revision once it has proved itself, and is
     * watched as long as the rest; a pause that has begun between two batches goes on.
     *
     * @throws IllegalStateException if it has ended
     */
    public RolloutState resize(Limits limits) {
        if (phase.isFinal()) {
            throw new IllegalStateException("rollout %s has ended: %s".formatted(rollout, phase));
        }
        Draft draft = draft();
        draft.limits = limits;
        draft.batch = new BatchPosition(
                batch.index, batch.goal, staysWhole(limits) ? batch.wholeSince : Optional.empty(), batch.released);
        return draft.state();
    }

    /** Whether the present batch, if it is whole, is so with these limits, too: not if it grows, nor if it becomes the last. */
    private boolean staysWhole(Limits resized) {
        boolean last = batch.goal >= limits.desired() - limits.kept();
        return last ? resized.desired() <= limits.desired() : batch.goal < resized.desired() - resized.kept();
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
        draft.batch = BatchPosition.START;
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
        return baseline.isPresent() && (restart || !baseline.get().equals(target));
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
            draft.batch = new BatchPosition(
                    batch.index, batch.goal, batch.wholeSince.map(whole -> whole.plus(held)), batch.released);
            draft.instances = instances.stream()
                    .map(instance -> Member.afterHold(instance, held, now))
                    .toList();
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
        String startedBy;
        Optional<Revision> baseline;
        Limits limits;
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
        List<Place> vacated;
        Map<String, Integer> zones;
        Set<String> failingBefore;
        Optional<Timings> observed;
        Optional<String> held;
        Answers answers;
        History history;

        Draft(RolloutState from) {
            this.from = from;
            startedBy = from.startedBy;
            baseline = from.baseline;
            limits = from.limits;
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
            instances = from.instances;
            vacated = from.vacated;
            zones = from.zones;
            failingBefore = from.failingBefore;
            observed = from.observed;
            held = from.held;
            answers = from.answers;
            history = from.history;
        }

        RolloutState state() {
            return new RolloutState(
                    from.fleet,
                    from.rollout,
                    from.target,
                    startedBy,
                    from.restart,
                    baseline,
                    limits,
                    from.plannedDesired,
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
                    vacated,
                    zones,
                    failingBefore,
                    observed,
                    held,
                    answers,
                    history);
        }

        private BatchPosition released() {
            return new BatchPosition(batch.index, batch.goal, batch.wholeSince, true);
        }
    }
}
