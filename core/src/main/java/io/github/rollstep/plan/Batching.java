package io.github.rollstep.plan;

import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.BatchPosition;
import io.github.rollstep.plan.RolloutState.Clocks;
import java.time.Instant;
import java.util.Optional;

/**
 * Moves from one batch to the next. A batch of barriers is done when every instance of the goal that it may have is serving
 * and every other one that it may replace is gone.
 */
final class Batching {

    private final Pass pass;

    private Batching(Pass pass) {
        this.pass = pass;
    }

    /** @return whether the present batch is open for launches and departures, which it is not during a pause */
    static boolean advance(Pass pass) {
        return new Batching(pass).advance();
    }

    private boolean advance() {
        int desired = pass.limits.desired();
        if (pass.state.batch().goal() == 0) {
            int begun = pass.count(pass::isOfGoal);
            move(0, pass.batches().barriers() ? begun + pass.batchSize() : desired, Optional.empty());
        }
        BatchPosition batch = pass.state.batch();
        if (isDone(batch)) {
            int next = batch.index() + 1;
            Instant until = pass.now.plus(pass.batches().pause());
            move(next, batch.goal() + pass.batches().size(next, desired), Optional.of(until));
            Clocks clocks = pass.state.clocks();
            pass.edit(draft ->
                    draft.clocks = new Clocks(clocks.startedAt(), clocks.directionSince(), until, clocks.progress()));
        }
        Optional<Instant> pause = pass.state.batch().pauseUntil();
        if (pause.isPresent() && !pass.due(pause.get())) {
            pass.wait(
                    Code.BATCH_PAUSE,
                    "pause before batch %d".formatted(pass.state.batch().index() + 1));
            return false;
        }
        return true;
    }

    private boolean isDone(BatchPosition batch) {
        int desired = pass.limits.desired();
        return batch.goal() < desired
                && batch.pauseUntil().filter(until -> !pass.due(until)).isEmpty()
                && pass.updated() >= batch.goal()
                && pass.count(member -> !pass.isWanted(member) && !pass.isStuck(member)) <= desired - batch.goal();
    }

    private void move(int index, int goal, Optional<Instant> pauseUntil) {
        int bounded = Math.min(goal, pass.limits.desired());
        pass.edit(draft -> draft.batch = new BatchPosition(index, bounded, pauseUntil));
    }
}
