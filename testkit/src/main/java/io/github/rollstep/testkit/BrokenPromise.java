package io.github.rollstep.testkit;

import java.time.Instant;
import java.util.List;

/**
 * A promise that was seen broken.
 *
 * @param text who broke it, by what, and by how much; a controller is {@code #} and its number
 * @param history what was observed, asked and said before, the oldest first; its last lines are what the action was decided on
 */
public record BrokenPromise(Promise promise, Instant at, String text, List<String> history) {

    public BrokenPromise {
        history = List.copyOf(history);
    }

    @Override
    public String toString() {
        return "%s broken at %s: %s\n    %s".formatted(promise, at, text, String.join("\n    ", history));
    }
}
