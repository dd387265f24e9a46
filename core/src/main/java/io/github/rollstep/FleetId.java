package io.github.rollstep;

/**
 * Names a fleet: all instances of one service. Rollstep touches nothing outside it.
 *
 * @param value 1 to 63 characters of {@code [a-z0-9.-]}, beginning and ending with a letter or digit, so that it can be
 *     part of a label, a file name and a launch token on every platform
 */
public record FleetId(String value) implements Comparable<FleetId> {

    public FleetId {
        Require.matches("fleet", "[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", value);
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
