package io.github.rollstep.plan;

import io.github.rollstep.Batches;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.Clocks;
import io.github.rollstep.plan.RolloutState.FailureLedger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The working sheet of one run of the planner: what is known at its beginning, and what has been decided so far. */
final class Pass {

    /** What is asked again because no effect is seen is asked no faster than this. */
    private static final Duration RESEND = Duration.ofSeconds(1);

    private static final Duration LONGEST = Duration.ofDays(366);

    final Instant now;
    final FleetSnapshot snapshot;
    final Platform platform;
    final RolloutPolicy policy;
    final Limits limits;
    final List<Member> members = new ArrayList<>();
    final Set<Member> surplus = new HashSet<>();
    final Set<Member> partition = new HashSet<>();
    final List<Action> actions = new ArrayList<>();
    final List<Reason> waits = new ArrayList<>();
    final List<Plan.Failure> failures = new ArrayList<>();
    final List<InstanceId> departing = new ArrayList<>();
    RolloutState state;
    private @Nullable Instant wakeAt;

    Pass(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        this.snapshot = snapshot;
        this.state = state;
        this.policy = policy;
        now = snapshot.now();
        platform = snapshot.platform();
        limits = state.limits();
        state.instances().forEach(instance -> members.add(new Member(instance)));
    }

    /** Whether this time has come; if not, the plan will look again then. */
    boolean due(Instant time) {
        if (now.isBefore(time)) {
            wakeAt = wakeAt == null || time.isBefore(wakeAt) ? time : wakeAt;
            return false;
        }
        return true;
    }

    /** What this run turned round (a roll-back, a drain taken back) may have put all in place: the next one will see. */
    void sayIfIdle() {
        if (state.phase().isActive() && actions.isEmpty() && waits.isEmpty()) {
            wait(Code.COMPLETE, "all seems to be in place, looks again");
            lookAgain();
        }
    }

    /** For what was decided and changes nothing on the platform: what follows from it is due now. */
    void lookAgain() {
        wakeAt = now;
    }

    /** Whether the request for its intent may be sent: the first time, or again because no effect is seen. */
    boolean maySend(Member member) {
        Optional<Instant> sent =
                member.intent == Intent.DRAIN ? member.sentAt.or(() -> Optional.of(member.intentSince)) : member.sentAt;
        return sent.isEmpty() || due(sent.get().plus(longer(RESEND, platform.staleness())));
    }

    void wait(Code code, String text) {
        waits.add(Reason.of(code, text));
    }

    void edit(Consumer<RolloutState.Draft> change) {
        RolloutState.Draft draft = state.draft();
        change.accept(draft);
        state = draft.state();
    }

    Batches batches() {
        return state.back() ? policy.rollbackBatches() : policy.batches();
    }

    /** How long the whole fleet is watched at the end. */
    Duration bake() {
        return state.back() ? Duration.ZERO : policy.bake();
    }

    int batchSize() {
        return batches().size(state.batch().index(), earned());
    }

    /** How many of the goal there shall be in the end. */
    int goalCount() {
        return limits.desired() - partition.size();
    }

    /** How many of the goal there may be by the end of the present batch; one at least, or it could never prove itself. */
    int batchGoal() {
        int most = Math.max(1, goalCount() - (limits.desired() - earned()));
        boolean slides = batches().slidesFrom(state.batch().index(), limits.desired());
        return slides ? most : Math.min(state.batch().goal(), most);
    }

    /** The desired count, as far as the goal has earned it: it grows only once one of the goal has served. */
    int earned() {
        boolean proven = limits.desired() <= state.plannedDesired()
                || state.back()
                || members.stream().anyMatch(member -> isOfGoal(member) && member.served);
        return proven ? limits.desired() : state.plannedDesired();
    }

    /** Healthy, and new requests reach it: serving but for the soak. */
    boolean isIn(Member member) {
        return member.isHealthy() && (!platform.routed() || member.routing().state() == Routing.State.IN);
    }

    /** Of the revision that is the goal, and not failed. Surplus ones included. */
    boolean isOfGoal(Member member) {
        return !isOutdated(member) && !member.failed;
    }

    boolean isWanted(Member member) {
        return isOfGoal(member) && !surplus.contains(member);
    }

    /** Wanted, or kept on what it runs on purpose. */
    boolean stays(Member member) {
        return isWanted(member) || partition.contains(member);
    }

    /** Nothing is known against it: it may serve while too few do, whatever it runs. */
    boolean isGood(Member member) {
        return !member.failed
                && !state.history().failed().contains(member.revision.id())
                && !(state.back() && member.revision.equals(state.target()));
    }

    boolean isOutdated(Member member) {
        return !member.revision.equals(state.goal()) || (state.restart() && !state.back() && member.early);
    }

    /** Whether of those that run the goal revision the ones that were there when the rollout began are better. */
    boolean wantsOriginals() {
        return state.restart() && state.back();
    }

    /** Started by us, in this rollout. */
    boolean isOurs(Member member) {
        return member.token.filter(state.rollout()::owns).isPresent();
    }

    /** Nothing can be started beside what it replaces: each successor takes the place of one that has gone. */
    boolean isInPlace() {
        return limits.footprint() == limits.desired();
    }

    /** Told to stop so long ago that it holds up no other instance any more. */
    boolean isStuck(Member member) {
        return member.intent == Intent.TERMINATE && due(member.intentSince.plus(policy.stopDeadline()));
    }

    /** Nothing that was asked of it for its intent can take effect any more, and what did would be seen. */
    boolean isSettled(Member member) {
        Instant sent = member.sentAt.orElse(member.intentSince);
        return due(sent.plus(platform.requestLife()).plus(platform.staleness()));
    }

    /** An admit was sent whose effect was not seen, and which may still take effect. */
    boolean isAdmitInDoubt(Member member) {
        return isInDoubt(member.admitSentAt);
    }

    /** A drain was sent whose effect was not seen, and which may still take effect. */
    boolean isDrainInDoubt(Member member) {
        return isInDoubt(member.drainSentAt);
    }

    private boolean isInDoubt(Optional<Instant> sent) {
        return sent.filter(at -> !due(at.plus(platform.requestLife()).plus(platform.staleness())))
                .isPresent();
    }

    /** Whether what leaves goes through the router first. */
    boolean drainsFirst() {
        return platform.routed() && !platform.drainsOnTerminate();
    }

    int serving() {
        return count(Member::isServing);
    }

    /** Serving the goal revision, and wanted. */
    int updated() {
        return count(member -> isWanted(member) && member.isServing());
    }

    int count(Predicate<Member> condition) {
        int count = 0;
        for (Member member : members) {
            count += condition.test(member) ? 1 : 0;
        }
        return count;
    }

    /** Those for which this holds. */
    List<Member> those(Predicate<Member> condition) {
        List<Member> those = new ArrayList<>();
        for (Member member : members) {
            if (condition.test(member)) {
                those.add(member);
            }
        }
        return those;
    }

    /** Those for which this holds, in this order. */
    List<Member> those(Predicate<Member> condition, Comparator<Member> order) {
        List<Member> those = those(condition);
        if (those.size() > 1) {
            those.sort(order);
        }
        return those;
    }

    Stream<Member> seen() {
        return members.stream().filter(member -> member.seen != null);
    }

    /** Notes how long something took; what a clock that was set back would have as less than nothing does not count. */
    void took(Instant since, BiFunction<Timings, Duration, Timings> noted) {
        Duration time = Duration.between(since, now);
        if (!time.isNegative() && time.compareTo(LONGEST) < 0) {
            Timings seen = state.observed().orElse(Timings.NONE);
            edit(draft -> draft.observed = Optional.of(noted.apply(seen, time)));
        }
    }

    /**
     * Counts it, or has it tried again if it may be. What was there when the rollout began tells nothing of what it does: it costs
     * nothing, or no fleet that is broken could be mended.
     */
    void countFailure(Member member, String text) {
        member.failed = true;
        if (member.early) {
            return;
        }
        FailureLedger ledger = state.failures();
        boolean retried = isOurs(member) && member.attempt <= policy.retries();
        List<Integer> retries = new ArrayList<>(ledger.retries());
        if (retried) {
            retries.add(member.attempt + 1);
        }
        edit(draft -> draft.failures = new FailureLedger(
                ledger.count() + (retried ? 0 : 1),
                ledger.forgiven(),
                ledger.retried() + (retried ? 1 : 0),
                retries,
                Optional.of(now)));
        String more = retried ? "; attempt %d of %d".formatted(member.attempt, policy.retries() + 1) : "";
        failures.add(new Plan.Failure(member.id, Reason.of(Code.INSTANCE_FAILED, text + more)));
    }

    /** It is closer than before, now or at the end of a pause. */
    void noteProgress(OptionalInt progress) {
        Clocks clocks = state.clocks();
        Instant at = now.isAfter(clocks.progressAt()) ? now : clocks.progressAt();
        edit(draft -> draft.clocks = new Clocks(clocks.startedAt(), clocks.directionSince(), at, progress));
    }

    Plan plan() {
        List<InstanceRecord> records = new ArrayList<>(members.size());
        members.sort(Member.ORDER);
        members.forEach(member -> records.add(member.record()));
        edit(draft -> draft.instances = records);
        return new Plan(actions, state, waits, failures, departing, counts(), Optional.ofNullable(wakeAt));
    }

    private FleetCounts counts() {
        return new FleetCounts(
                members.size(),
                serving(),
                updated(),
                count(m -> isWanted(m) && !m.isLeaving() && !m.isServing()),
                count(m -> isOutdated(m) && !m.isLeaving()),
                count(m -> m.intent == Intent.DRAIN && !m.isStopping()),
                count(Member::isStopping),
                count(Member::isKept),
                state.failures().count());
    }

    static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }

    Revision goal() {
        return state.goal();
    }
}
