package io.github.rollstep;

/**
 * A number of instances, or a percentage of the desired count.
 *
 * <p>The rounding is that of Kubernetes' Deployment: percent of surge rounds up, of unavailable down, so that a limit
 * never allows more downtime than was asked for.
 */
public sealed interface Quota {

    /** @throws IllegalArgumentException if negative */
    static Quota of(int count) {
        return new Count(Require.atLeast("count", 0, count));
    }

    /** @throws IllegalArgumentException if not within 0 to 100 */
    static Quota percent(int percent) {
        Require.that(percent >= 0 && percent <= 100, "percent must be within 0 to 100, was %d", percent);
        return new Percent(percent);
    }

    /** The number for {@code desired} instances; a percentage rounds up. */
    int roundUp(int desired);

    /** The number for {@code desired} instances; a percentage rounds down. */
    int roundDown(int desired);

    /** Whether it is 0 for every desired count. */
    boolean isZero();

    record Count(int count) implements Quota {
        @Override
        public int roundUp(int desired) {
            return count;
        }

        @Override
        public int roundDown(int desired) {
            return count;
        }

        @Override
        public boolean isZero() {
            return count == 0;
        }

        @Override
        public String toString() {
            return Integer.toString(count);
        }
    }

    record Percent(int percent) implements Quota {
        @Override
        public int roundUp(int desired) {
            return (int) (((long) desired * percent + 99) / 100);
        }

        @Override
        public int roundDown(int desired) {
            return (int) ((long) desired * percent / 100);
        }

        @Override
        public boolean isZero() {
            return percent == 0;
        }

        @Override
        public String toString() {
            return percent + " %";
        }
    }
}
