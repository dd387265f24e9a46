package io.github.rollstep.plan;

import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.BatchPosition;
import io.github.rollstep.plan.RolloutState.Clocks;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Moves from one batch to the next. A batch is whole when every instance of the goal that it may have is serving and every other
 * one that it may replace is gone. Then come, in this order, the pause (after the last batch: the bake), the gates, and
 * the approval; only then the next batch begins, or the rollout is done. A roll-back has pauses alone. A sliding batch that nothing
 * of this stands before does not wait for the soak.
 */
final class Batching {

    private final Pass pass;

    private Batching(Pass pass) {
        this.pass = pass;
    }

    /** Makes the first batch of a direction the present one. */
    static void begin(Pass pass) {
        if (pass.state.batch().goal() == 0) {
            new Batching(pass).move(0, pass.count(pass::isOfGoal));
        }
    }

    /** @return whether the last batch is whole and nothing holds the rollout at its end */
    static boolean advance(Pass pass) {
        begin(pass);
        return new Batching(pass).advance();
    }

    private boolean advance() {
        int goal = pass.batchGoal();
        boolean last = goal >= pass.goalCount();
        if (!isWhole(goal)) {
            if (!last && mayLaunchAhead(goal)) {
                move(pass.state.batch().index() + 1, goal);
            }
            return false;
        }
        Duration dwell = last ? pass.bake() : pass.batches().pause();
        if (pass.state.batch().wholeSince().isEmpty()) {
            becomeWhole(goal);
        }
        Optional<Reason> hold = dwell(dwell, last).or(this::gates);
        hold.ifPresent(pass.waits::add);
        if (hold.isPresent() || asksSomebody()) {
            return false;
        }
        if (!last) {
            move(pass.state.batch().index() + 1, goal);
        }
        return last;
    }

    /**
     * A sliding batch that nothing stands before is launched as soon as what came before is healthy: a revision that never gets there
     * has cost no more, and launching takes no capacity away. What is outdated leaves after the soak, as ever. The point of no
     * return is passed by a batch that is whole, never ahead of it.
     */
    private boolean mayLaunchAhead(int goal) {
        int index = pass.state.batch().index();
        boolean unjudged = pass.state.back()
                || (pass.snapshot.gates().isEmpty()
                        && !pass.policy.approvesAfter(index + 1)
                        && !pass.policy.pausesAfter(index + 1));
        boolean mayTurn = pass.policy.isForwardOnly(index) == pass.policy.isForwardOnly(index + 1);
        return unjudged
                && mayTurn
                && pass.batches().pause().isZero()
                && pass.batches().slidesFrom(index + 1, pass.limits.desired())
                && pass.count(member -> pass.isWanted(member) && !member.isLeaving() && member.isHealthy()) >= goal;
    }

    private boolean isWhole(int goal) {
        return pass.updated() >= goal
                && pass.count(member -> !pass.stays(member) && !member.isKept() && !pass.isStuck(member))
                        <= pass.goalCount() - goal;
    }

    private void becomeWhole(int goal) {
        BatchPosition batch = pass.state.batch();
        pass.edit(
                draft -> draft.batch = new BatchPosition(batch.index(), goal, Optional.of(pass.now), batch.released()));
    }

    /** A pause does not count in the stall deadline, not even if that began anew within it. */
    private Optional<Reason> dwell(Duration dwell, boolean last) {
        BatchPosition batch = pass.state.batch();
        Instant until = batch.wholeSince().orElse(pass.now).plus(dwell);
        if (pass.due(until)) {
            return Optional.empty();
        }
        Clocks clocks = pass.state.clocks();
        if (until.isAfter(clocks.progressAt())) {
            pass.edit(draft ->
                    draft.clocks = new Clocks(clocks.startedAt(), clocks.directionSince(), until, clocks.progress()));
        }
        return Optional.of(
                last
                        ? Reason.of(Code.BAKE, "bakes %s, until %s".formatted(Waits.text(dwell), until))
                        : Reason.of(Code.BATCH_PAUSE, "pause before batch %d".formatted(batch.index() + 2)));
    }

    private Optional<Reason> gates() {
        if (pass.state.back() || pass.snapshot.gates().isEmpty()) {
            return Optional.empty();
        }
        Map<String, Verdict> gates = new TreeMap<>(pass.snapshot.gates());
        return gates.entrySet().stream()
                .filter(gate ->
                        !gate.getValue().passes() && !pass.state.failingBefore().contains(gate.getKey()))
                .findFirst()
                .map(gate -> Reason.of(
                        Code.GATE,
                        "gate %s: %s".formatted(gate.getKey(), gate.getValue().reason())));
    }

    /** Holds the rollout if somebody has to say that it may go on. */
    private boolean asksSomebody() {
        int number = pass.state.batch().index() + 1;
        if (pass.state.back() || pass.state.batch().released()) {
            return false;
        }
        if (pass.policy.approvesAfter(number)) {
            String text = "batch %d is done: %d of %d serve %s, approval needed"
                    .formatted(number, pass.updated(), pass.limits.desired(), pass.goal());
            pass.state = pass.state.become(RolloutPhase.AWAITING_APPROVAL, pass.now, Reason.of(Code.APPROVAL, text));
            return true;
        }
        if (pass.policy.pausesAfter(number)) {
            String text = "batch %d is done: paused, as the policy asks for".formatted(number);
            pass.state = pass.state.pause(pass.now, Reason.of(Code.CHECKPOINT, text));
            return true;
        }
        return false;
    }

    private void move(int index, int from) {
        int desired = pass.limits.desired();
        int goal = pass.batches().slidesFrom(index, desired)
                ? desired
                : Math.min(desired, from + pass.batches().size(index, desired));
        pass.edit(draft -> draft.batch = new BatchPosition(index, goal, Optional.empty(), false));
    }
}
