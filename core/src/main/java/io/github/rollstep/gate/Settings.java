package io.github.rollstep.gate;

import java.time.Duration;

/** Checks of settings that both gates have. */
final class Settings {

    private Settings() {}

    static String name(String value) {
        if (value.isBlank() || value.length() > 100 || value.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "name must have 1 to 100 characters, not all blank and none of control, was \"%s\""
                            .formatted(value));
        }
        return value;
    }

    static Duration within(String name, Duration least, Duration most, Duration value) {
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(
                    "%s must be within %s to %s, was %s".formatted(name, least, most, value));
        }
        return value;
    }

    static void that(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
