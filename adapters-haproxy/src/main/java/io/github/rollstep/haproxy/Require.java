package io.github.rollstep.haproxy;

import java.time.Duration;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Checks of arguments, with messages that give the name, the rule and the value. */
final class Require {

    private Require() {}

    static String matches(String name, String pattern, String value) {
        that(Pattern.matches(pattern, value), "%s must match %s, was \"%s\"", name, pattern, value);
        return value;
    }

    static int within(String name, int least, int most, int value) {
        that(value >= least && value <= most, "%s must be within %d to %d, was %d", name, least, most, value);
        return value;
    }

    static Duration within(String name, Duration least, Duration most, Duration value) {
        that(
                value.compareTo(least) >= 0 && value.compareTo(most) <= 0,
                "%s must be within %s to %s, was %s",
                name,
                least,
                most,
                value);
        return value;
    }

    static void that(boolean holds, String message, @Nullable Object... values) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(values));
        }
    }
}
