package io.github.rollstep.docker;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Checks of arguments, with messages that give the name, the rule and the value. */
final class Require {

    private Require() {}

    static String matches(String name, String pattern, String value) {
        that(Pattern.matches(pattern, value), "%s must match %s, was \"%s\"", name, pattern, value);
        return value;
    }

    static void that(boolean holds, String message, @Nullable Object... values) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(values));
        }
    }
}
