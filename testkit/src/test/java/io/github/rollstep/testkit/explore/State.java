package io.github.rollstep.testkit.explore;

import io.github.rollstep.plan.RolloutPhase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The platform and what the controller remembers of it, as far as they make a difference; the order of the cells does not. */
final class State {

    /** v1, v2, v3 by their numbers; what there is none of. */
    static final int NO_REVISION = 3;

    static final int OLD = 0;
    static final int TARGET = 1;
    static final int NEXT = 2;

    private static final RolloutPhase[] PHASES = RolloutPhase.values();

    boolean controllersTurn;
    int faults;
    int target = TARGET;
    int baseline = NO_REVISION;
    int desired;
    int plannedDesired;
    boolean surveyed;
    boolean back;
    RolloutPhase phase = RolloutPhase.ROLLING;
    boolean byHand;
    int batch;
    int batchGoal;
    boolean whole;
    boolean released;
    int failures;
    int forgiven;
    int failedAgo;
    int verified = NO_REVISION;
    int failedRevisions;
    int vacated;
    final List<Cell> cells = new ArrayList<>();

    State() {}

    /** Cells are copied. */
    State(State other) {
        controllersTurn = other.controllersTurn;
        faults = other.faults;
        target = other.target;
        baseline = other.baseline;
        desired = other.desired;
        plannedDesired = other.plannedDesired;
        surveyed = other.surveyed;
        back = other.back;
        phase = other.phase;
        byHand = other.byHand;
        batch = other.batch;
        batchGoal = other.batchGoal;
        whole = other.whole;
        released = other.released;
        failures = other.failures;
        forgiven = other.forgiven;
        failedAgo = other.failedAgo;
        verified = other.verified;
        failedRevisions = other.failedRevisions;
        vacated = other.vacated;
        other.cells.forEach(cell -> cells.add(new Cell(cell)));
    }

    long[] pack() {
        return pack(cells.stream()
                .filter(cell -> !cell.isNothing())
                .mapToLong(Cell::pack)
                .toArray());
    }

    /** With these cells in place of its own; they are sorted. */
    long[] pack(long[] packed) {
        Arrays.sort(packed);
        long[] words = new long[packed.length + 1];
        words[0] = header();
        System.arraycopy(packed, 0, words, 1, packed.length);
        return words;
    }

    private long header() {
        Bits bits = new Bits(0);
        bits.put(controllersTurn);
        bits.put(faults, 2);
        bits.put(target, 2);
        bits.put(baseline, 2);
        bits.put(desired, 4);
        bits.put(plannedDesired, 4);
        bits.put(surveyed);
        bits.put(back);
        bits.put(phase.ordinal(), 3);
        bits.put(byHand);
        bits.put(batch, 3);
        bits.put(batchGoal, 4);
        bits.put(whole);
        bits.put(released);
        bits.put(failures, 4);
        bits.put(forgiven, 4);
        bits.put(failedAgo, 5);
        bits.put(verified, 2);
        bits.put(failedRevisions, 3);
        bits.put(vacated, 4);
        return bits.word();
    }

    static State unpack(long[] words) {
        Bits bits = new Bits(words[0]);
        State state = new State();
        state.controllersTurn = bits.take();
        state.faults = bits.take(2);
        state.target = bits.take(2);
        state.baseline = bits.take(2);
        state.desired = bits.take(4);
        state.plannedDesired = bits.take(4);
        state.surveyed = bits.take();
        state.back = bits.take();
        state.phase = PHASES[bits.take(3)];
        state.byHand = bits.take();
        state.batch = bits.take(3);
        state.batchGoal = bits.take(4);
        state.whole = bits.take();
        state.released = bits.take();
        state.failures = bits.take(4);
        state.forgiven = bits.take(4);
        state.failedAgo = bits.take(5);
        state.verified = bits.take(2);
        state.failedRevisions = bits.take(3);
        state.vacated = bits.take(4);
        for (int i = 1; i < words.length; i++) {
            state.cells.add(Cell.unpack(words[i]));
        }
        return state;
    }

    int goal() {
        return back ? baseline : target;
    }

    int existing() {
        int count = 0;
        for (Cell cell : cells) {
            count += cell.exists() ? 1 : 0;
        }
        return count;
    }

    /** Ended, or held because the policy says so: nothing more has to come of itself. */
    boolean isGoal() {
        return phase.isFinal() || (phase.isHeld() && !byHand);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("%s%s to v%d, failed %d, faults left %d"
                .formatted(phase, byHand ? " by hand" : "", goal() + 1, failures, faults));
        cells.forEach(cell -> text.append("\n      ").append(cell));
        return text.toString();
    }
}
