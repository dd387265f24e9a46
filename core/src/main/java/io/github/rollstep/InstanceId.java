package io.github.rollstep;

import java.util.regex.Pattern;

/**
 * The platform's own name of an instance. It is never used again for another instance of the fleet while a rollout runs.
 *
 * @param value 1 to 256 printable characters without white space
 */
public record InstanceId(String value) implements Comparable<InstanceId> {

    private static final Pattern VALUE = Pattern.compile("[\\x21-\\x7e]{1,256}");

    public InstanceId {
        Require.matches("instance id", VALUE, value);
    }

    public static InstanceId of(String value) {
        return new InstanceId(value);
    }

    @Override
    public int compareTo(InstanceId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
