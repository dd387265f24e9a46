package io.github.rollstep.health;

import java.time.Duration;

/** Checks of settings that both probing checkers have. */
final class Settings {

    /** How many probes are under way at once. */
    static final int AT_ONCE = 256;

    private Settings() {}

    static int threshold(String name, int value) {
        if (value < 1 || value > 100) {
            throw new IllegalArgumentException("%s must be within 1 to 100, was %d".formatted(name, value));
        }
        return value;
    }

    static Duration interval(Duration value) {
        if (value.isNegative() || value.compareTo(Duration.ofMinutes(10)) > 0) {
            throw new IllegalArgumentException("interval must be within PT0S to PT10M, was " + value);
        }
        return value;
    }

    static Duration timeout(Duration value) {
        if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(Duration.ofMinutes(10)) > 0) {
            throw new IllegalArgumentException("timeout must be within PT0.001S to PT10M, was " + value);
        }
        return value;
    }
}
