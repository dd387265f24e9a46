package io.github.rollstep;

import java.util.regex.Pattern;

/**
 * Names one intended launch, so that asking for it again starts nothing twice. Derived from the rollout and an ordinal,
 * it is the same after a crash of the controller.
 *
 * @param value 1 to 64 characters of {@code [a-z0-9-]}: fits a container name and a client token of EC2
 */
public record LaunchToken(String value) implements Comparable<LaunchToken> {

    private static final Pattern VALUE = Pattern.compile("[a-z0-9-]{1,64}");

    public LaunchToken {
        Require.matches("launch token", VALUE, value);
    }

    public static LaunchToken of(String value) {
        return new LaunchToken(value);
    }

    @Override
    public int compareTo(LaunchToken other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
