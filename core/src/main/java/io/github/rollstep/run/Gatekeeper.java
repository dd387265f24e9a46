package io.github.rollstep.run;

import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Asks the gates when it is their time, and keeps what they said of the present batch: before the rollout begins, after each whole
 * batch, and while a batch slides and something of the new revision serves.
 *
 * <p>A gate that is slow holds up no step: its answer is taken when it is there. What was said of an earlier batch does not count.
 */
final class Gatekeeper {

    private static final Duration PATIENCE = Duration.ofMillis(200);
    private static final Verdict NOT_ASKED = Verdict.waits("has not answered yet");

    private final List<Gate> gates;
    private final Calls calls;
    private final Duration interval;
    private final Map<Gate, Asked> asked = new HashMap<>();
    private @Nullable Moment moment;

    /** What a verdict is about: one that was given of another moment is not about this one. */
    private record Moment(boolean begun, int batch, boolean whole) {}

    private static final class Asked {
        Verdict verdict = NOT_ASKED;
        Calls.@Nullable Pending<Verdict> pending;
        Instant next = Instant.MIN;
    }

    Gatekeeper(List<Gate> gates, Calls calls, Duration interval) {
        this.gates = gates;
        this.calls = calls;
        this.interval = interval;
    }

    /** What each gate says now, by name. */
    Map<String, Verdict> verdicts(RolloutState state, FleetCounts counts, RolloutPolicy policy, Instant now) {
        if (gates.isEmpty() || state.back() || !state.phase().isActive()) {
            return Map.of();
        }
        boolean whole = state.batch().wholeSince().isPresent();
        Moment present = new Moment(state.surveyed(), state.batch().index(), whole);
        if (!present.equals(moment)) {
            moment = present;
            asked.clear();
        }
        boolean slides = counts.updated() > 0
                && policy.batches()
                        .slidesFrom(state.batch().index(), state.limits().desired());
        if (whole || slides || !state.surveyed()) {
            Gate.Context context = context(state, counts, now);
            gates.forEach(gate -> ask(gate, context, now));
            gates.forEach(gate -> listen(gate));
        }
        Map<String, Verdict> verdicts = new HashMap<>();
        gates.forEach(gate -> verdicts.put(gate.name(), asked(gate).verdict));
        return verdicts;
    }

    private Asked asked(Gate gate) {
        return asked.computeIfAbsent(gate, key -> new Asked());
    }

    private void ask(Gate gate, Gate.Context context, Instant now) {
        Asked state = asked(gate);
        if (state.pending == null && !now.isBefore(state.next)) {
            try {
                state.pending = calls.start("gate " + gate.name(), () -> gate.judge(context));
            } catch (ProviderException e) {
                state.verdict = cannotTell(e);
            }
            state.next = now.plus(interval);
        }
    }

    private void listen(Gate gate) {
        Asked state = asked(gate);
        Calls.@Nullable Pending<Verdict> pending = state.pending;
        if (pending == null || !pending.isDone(PATIENCE)) {
            return;
        }
        state.pending = null;
        try {
            state.verdict = pending.result();
        } catch (ProviderException e) {
            state.verdict = cannotTell(e);
        }
    }

    private static Verdict cannotTell(ProviderException e) {
        return Verdict.waits("cannot tell: " + e.getMessage());
    }

    private static Gate.Context context(RolloutState state, FleetCounts counts, Instant now) {
        boolean whole = state.batch().wholeSince().isPresent();
        boolean baking = whole
                && counts.updated() >= state.limits().desired() - state.limits().kept();
        return new Gate.Context(
                state.fleet(),
                state.rollout(),
                state.target(),
                state.baseline(),
                state.batchesDone(),
                baking,
                counts,
                Duration.between(state.batch().wholeSince().orElse(now), now));
    }
}
