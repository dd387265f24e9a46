package io.github.rollstep.gate;

import io.github.rollstep.Require;

/** Checks of settings that both gates have. */
final class Settings {

    private Settings() {}

    static String name(String value) {
        Require.that(
                !value.isBlank() && value.length() <= 100 && value.chars().noneMatch(Character::isISOControl),
                "name must have 1 to 100 characters, not all blank and none of control, was \"%s\"",
                value);
        return value;
    }
}
