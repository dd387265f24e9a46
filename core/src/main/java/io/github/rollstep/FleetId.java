package io.github.rollstep;

import java.util.regex.Pattern;

/**
 * Names a fleet: all instances of one service. Rollstep touches nothing outside it.
 *
 * @param value 1 to 63 characters of {@code [a-z0-9.-]}, beginning and ending with a letter or digit, so that it can be
 *     part of a label, a file name and a launch token on every platform
 */
public record FleetId(String value) implements Comparable<FleetId> {

    private static final Pattern VALUE = Pattern.compile("[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?");

    public FleetId {
        Require.matches("fleet", VALUE, value);
    }

    public static FleetId of(String value) {
        return new FleetId(value);
    }

    @Override
    public int compareTo(FleetId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
