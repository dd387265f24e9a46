package io.github.rollstep.plan;

import io.github.rollstep.Batches;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.FailureLedger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The working sheet of one run of the planner: what is known at its beginning, and what has been decided so far. */
final class Pass {

    /** What is asked again because no effect is seen is asked no faster than this. */
    private static final Duration RESEND = Duration.ofSeconds(1);

    final Instant now;
    final FleetSnapshot snapshot;
    final Platform platform;
    final RolloutPolicy policy;
    final Limits limits;
    final List<Member> members = new ArrayList<>();
    final Set<Member> surplus = new HashSet<>();
    final List<Action> actions = new ArrayList<>();
    final List<Reason> waits = new ArrayList<>();
    final List<Plan.Failure> failures = new ArrayList<>();
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
            wakeAt = now;
        }
    }

    /** Whether the request for its intent may be sent: the first time, or again because no effect is seen. */
    boolean maySend(Member member) {
        return member.sentAt.isEmpty() || due(member.sentAt.get().plus(longer(RESEND, platform.staleness())));
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

    int batchSize() {
        return batches().size(state.batch().index(), limits.desired());
    }

    /** Of the revision that is the goal, and not failed. Surplus ones included. */
    boolean isOfGoal(Member member) {
        return member.revision.equals(state.goal()) && !member.failed;
    }

    boolean isWanted(Member member) {
        return isOfGoal(member) && !surplus.contains(member);
    }

    boolean isOutdated(Member member) {
        return !member.revision.equals(state.goal());
    }

    /** Told to stop so long ago that it holds up no other instance any more. */
    boolean isStuck(Member member) {
        return member.intent == Intent.TERMINATE && due(member.intentSince.plus(policy.stopDeadline()));
    }

    /** An admit was sent whose effect was not seen, and which may still take effect. */
    boolean isAdmitInDoubt(Member member) {
        return member.admitSentAt
                .filter(sent -> !due(sent.plus(platform.requestLife()).plus(platform.staleness())))
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
        return (int) members.stream().filter(condition).count();
    }

    Stream<Member> seen() {
        return members.stream().filter(member -> member.seen != null);
    }

    void countFailure(Member member, String text) {
        member.failed = true;
        edit(draft -> draft.failures =
                new FailureLedger(draft.failures.count() + 1, draft.failures.forgiven(), Optional.of(now)));
        failures.add(new Plan.Failure(member.id, Reason.of(Code.INSTANCE_FAILED, text)));
    }

    Plan plan() {
        List<InstanceRecord> records =
                members.stream().sorted(Member.ORDER).map(Member::record).toList();
        edit(draft -> draft.instances = records);
        return new Plan(actions, state, waits, failures, counts(), Optional.ofNullable(wakeAt));
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
                state.failures().count());
    }

    static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }

    Revision goal() {
        return state.goal();
    }
}
