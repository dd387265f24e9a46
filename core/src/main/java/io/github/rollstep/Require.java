package io.github.rollstep;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Checks of arguments, with messages that give the name, the rule and the value; for the settings of adapters, too. Each throws
 * {@link IllegalArgumentException}.
 */
public final class Require {

    private Require() {}

    static String matches(String name, Pattern pattern, String value) {
        if (!pattern.matcher(value).matches()) {
            throw new IllegalArgumentException("%s must match %s, was \"%s\"".formatted(name, pattern, value));
        }
        return value;
    }

    /** Checks a text against a regular expression. */
    public static String matches(String name, String pattern, String value) {
        return matches(name, Pattern.compile(pattern), value);
    }

    static int atLeast(String name, int least, int value) {
        if (value < least) {
            throw new IllegalArgumentException("%s must be >= %d, was %d".formatted(name, least, value));
        }
        return value;
    }

    /** Checks a number, both bounds included. */
    public static int within(String name, int least, int most, int value) {
        that(value >= least && value <= most, "%s must be within %d to %d, was %d", name, least, most, value);
        return value;
    }

    /** Checks a duration, both bounds included. */
    public static Duration within(String name, Duration least, Duration most, Duration value) {
        boolean holds = value.compareTo(least) >= 0 && value.compareTo(most) <= 0;
        that(holds, "%s must be within %s to %s, was %s", name, least, most, value);
        return value;
    }

    static Duration notNegative(String name, Duration value) {
        if (value.isNegative()) {
            throw new IllegalArgumentException("%s must be >= 0, was %s".formatted(name, text(value)));
        }
        return bounded(name, value);
    }

    static Duration positive(String name, Duration value) {
        if (value.isNegative() || value.isZero()) {
            throw new IllegalArgumentException("%s must be > 0, was %s".formatted(name, text(value)));
        }
        return bounded(name, value);
    }

    /** Checks any rule, of one argument or of a combination; the message is a format of these values. */
    public static void that(boolean holds, String message, @Nullable Object... values) {
        if (!holds) {
            throw new IllegalArgumentException(message.formatted(values));
        }
    }

    /** A duration as people write it: 30s, 1h5m, 0.25s. */
    static String text(Duration value) {
        return value.toString().substring(2).toLowerCase(Locale.ROOT);
    }

    /** A year is "never" for a deadline, and keeps every sum of instants and durations within range. */
    private static Duration bounded(String name, Duration value) {
        if (value.compareTo(Duration.ofDays(366)) > 0) {
            throw new IllegalArgumentException("%s must be <= 366 days, was %s".formatted(name, text(value)));
        }
        return value;
    }
}
