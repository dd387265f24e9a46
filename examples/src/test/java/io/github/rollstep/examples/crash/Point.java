package io.github.rollstep.examples.crash;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A moment of a controller's life: just before or just after one of its calls, which are counted from 1.
 *
 * @param name whose calls are counted; empty if all are
 */
record Point(String name, int call, Side side) {

    private static final Pattern TEXT = Pattern.compile("([a-zA-Z]*)(\\d+):(before|after)");

    enum Side {
        BEFORE,
        AFTER
    }

    Point(int call, Side side) {
        this("", call, side);
    }

    /** @param text as {@link #toString} writes it, {@code 17:after} or {@code launch2:after} */
    static Point parse(String text) {
        Matcher parts = TEXT.matcher(text.trim());
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "a point must be a name or none, a number, a colon, before or after, was " + text);
        }
        return new Point(
                parts.group(1),
                Integer.parseInt(parts.group(2)),
                Side.valueOf(parts.group(3).toUpperCase(Locale.ROOT)));
    }

    @Override
    public String toString() {
        return name + call + ":" + side.name().toLowerCase(Locale.ROOT);
    }
}
