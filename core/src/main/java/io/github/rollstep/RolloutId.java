package io.github.rollstep;

import java.util.regex.Pattern;

/**
 * Names one rollout. Unique over all fleets and for all time, or a token of an earlier rollout would be met again.
 *
 * @param value 1 to 48 characters of {@code [a-z0-9-]}; leaves room for the ordinal in a {@link LaunchToken}
 */
public record RolloutId(String value) {

    private static final Pattern VALUE = Pattern.compile("[a-z0-9-]{1,48}");

    public RolloutId {
        Require.matches("rollout id", VALUE, value);
    }

    public static RolloutId of(String value) {
        return new RolloutId(value);
    }

    /** The token of this rollout's launch number {@code ordinal}, counted from 1. */
    public LaunchToken token(int ordinal) {
        return new LaunchToken(value + "-" + Require.atLeast("ordinal", 1, ordinal));
    }

    /** Whether the token is one of this rollout's. */
    public boolean owns(LaunchToken token) {
        String name = token.value();
        return name.startsWith(value) && name.lastIndexOf('-') == value.length();
    }

    @Override
    public String toString() {
        return value;
    }
}
