package io.github.rollstep.health;

import io.github.rollstep.Require;
import java.time.Duration;

/** Checks of settings that both probing checkers have. */
final class Settings {

    /** How many probes are under way at once. */
    static final int AT_ONCE = 256;

    private static final Duration LONGEST = Duration.ofMinutes(10);

    private Settings() {}

    static int threshold(String name, int value) {
        return Require.within(name, 1, 100, value);
    }

    static Duration interval(Duration value) {
        return Require.within("interval", Duration.ZERO, LONGEST, value);
    }

    static Duration timeout(Duration value) {
        return Require.within("timeout", Duration.ofMillis(1), LONGEST, value);
    }
}
