package io.github.rollstep.run;

import io.github.rollstep.Revision;
import io.github.rollstep.plan.RolloutState;
import java.util.Optional;

/** The settings of the platform that a rollout changes: held while it lasts, put back after it. */
final class Custody {

    private final Adapters adapters;
    private final Calls calls;
    private Optional<Held> held = Optional.empty();

    /** What it is held for. */
    private record Held(int atMost, Revision goal) {}

    Custody(Adapters adapters, Calls calls) {
        this.adapters = adapters;
        this.calls = calls;
    }

    /** Once for this controller, and again when the limits or the direction have changed. */
    void hold(RolloutState state) {
        Optional<Held> needed =
                state.held().map(settings -> new Held(state.limits().footprint(), state.goal()));
        if (!needed.equals(held)) {
            state.held()
                    .ifPresent(settings -> calls.run(
                            "hold settings",
                            () -> adapters.provider()
                                    .hold(settings, state.limits().footprint(), state.goal())));
            held = needed;
        }
    }

    void restore(RolloutState state) {
        state.held()
                .ifPresent(settings ->
                        calls.run("restore settings", () -> adapters.provider().restore(settings, state.outcome())));
    }
}
