package io.github.rollstep;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names one intended launch, so that asking for it again starts nothing twice. Derived from the rollout and an ordinal,
 * it is the same after a crash of the controller.
 *
 * @param value 1 to 64 characters of {@code [a-z0-9-]}: fits a container name and a client token of EC2
 */
public record LaunchToken(String value) implements Comparable<LaunchToken> {

    private static final Pattern VALUE = Pattern.compile("[a-z0-9-]{1,64}");
    private static final Pattern PARTS = Pattern.compile("(.+)-([0-9]{1,10})");

    public LaunchToken {
        Require.matches("launch token", VALUE, value);
    }

    public static LaunchToken of(String value) {
        return new LaunchToken(value);
    }

    /**
     * The rollout that intended the launch. One that takes it over, because it was still open, leaves the token as it is.
     *
     * @throws IllegalArgumentException if it is not a token of {@link RolloutId#token}
     */
    public RolloutId rollout() {
        return RolloutId.of(parts().group(1));
    }

    /**
     * Its number among the launches of that rollout.
     *
     * @throws IllegalArgumentException if it is not a token of {@link RolloutId#token}
     */
    public int ordinal() {
        return Integer.parseInt(parts().group(2));
    }

    private Matcher parts() {
        Matcher parts = PARTS.matcher(value);
        if (!parts.matches()) {
            throw new IllegalArgumentException("launch token must be a rollout id and a number, was " + value);
        }
        return parts;
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
