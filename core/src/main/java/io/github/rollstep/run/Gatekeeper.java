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
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Asks the gates when it is their time, and keeps what they said of the present batch: before the rollout begins, after each whole
 * batch, and while a batch slides and something of the new revision serves.
 *
 * <p>A gate that is slow holds up no step: its answer is taken when it is there. Only the first look waits for all of them, within the
 * call time-out: nothing is done yet, and what fails already must be known. What was said of an earlier batch does not count.
 */
final class Gatekeeper {

    private static final Duration PATIENCE = Duration.ofMillis(200);
    private static final Duration WHILE_CALLED = Duration.ofDays(1);
    private static final Verdict NOT_ASKED = Verdict.waits("has not answered yet");

    private final Calls calls;
    private final Duration interval;
    private final Map<Gate, Asked> asked = new HashMap<>();
    private Moment moment = Moment.NEVER;

    /** What a verdict is about: one that was given of another moment is not about this one. */
    private record Moment(boolean begun, int batch, boolean whole) {
        private static final Moment NEVER = new Moment(false, -1, false);
    }

    private static final class Asked {
        Verdict verdict = NOT_ASKED;
        Instant next = Instant.MIN;
        Calls.@Nullable Pending<Verdict> pending;
        Moment about = Moment.NEVER;
        boolean heard;

        /** A call in progress goes on, and its answer will not count: the gate is not asked twice at a time. */
        void startAnew() {
            verdict = NOT_ASKED;
            next = Instant.MIN;
            heard = false;
        }
    }

    Gatekeeper(List<Gate> gates, Calls calls, Duration interval) {
        this.calls = calls;
        this.interval = interval;
        gates.forEach(gate -> asked.put(gate, new Asked()));
    }

    /** Gives up what was asked and is not answered. */
    void close() {
        for (Asked one : asked.values()) {
            if (one.pending != null) {
                one.pending.giveUp();
                one.pending = null;
            }
        }
    }

    /** What each gate says now, by name. */
    Map<String, Verdict> verdicts(RolloutState state, FleetCounts counts, RolloutPolicy policy, Instant now) {
        asked.values().forEach(one -> {
            one.heard = false;
            listen(one, Duration.ZERO);
        });
        if (asked.isEmpty() || state.back() || !state.phase().isActive()) {
            return Map.of();
        }
        boolean whole = state.batch().wholeSince().isPresent();
        Moment present = new Moment(state.surveyed(), state.batch().index(), whole);
        if (!present.equals(moment)) {
            moment = present;
            asked.values().forEach(Asked::startAnew);
        }
        boolean slides = counts.updated() > 0
                && policy.batches()
                        .slidesFrom(state.batch().index(), state.limits().desired());
        if (whole || slides || !state.surveyed()) {
            Gate.Context context = context(state, counts, now);
            asked.forEach((gate, one) -> ask(gate, one, context, now));
            long end = System.nanoTime() + (state.surveyed() ? PATIENCE : WHILE_CALLED).toNanos(); // For all of them.
            asked.values().forEach(one -> listen(one, Duration.ofNanos(end - System.nanoTime())));
        }
        Map<String, Verdict> verdicts = new HashMap<>();
        asked.forEach((gate, one) -> verdicts.put(gate.name(), one.verdict));
        return verdicts;
    }

    /** Not one whose answer has just come: that is to be acted upon first. */
    private void ask(Gate gate, Asked one, Gate.Context context, Instant now) {
        if (one.pending == null && !one.heard && !now.isBefore(one.next)) {
            one.pending = calls.start(
                    "gate " + gate.name(), () -> Objects.requireNonNull(gate.judge(context), "the verdict was null"));
            one.about = moment;
            one.next = now.plus(interval);
        }
    }

    private void listen(Asked one, Duration patience) {
        Calls.@Nullable Pending<Verdict> pending = one.pending;
        if (pending == null || !pending.isDone(patience)) {
            return;
        }
        one.pending = null;
        Verdict verdict;
        try {
            verdict = pending.result();
        } catch (ProviderException e) {
            verdict = cannotTell(e);
        }
        if (one.about.equals(moment)) {
            one.verdict = verdict;
            one.heard = true;
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
