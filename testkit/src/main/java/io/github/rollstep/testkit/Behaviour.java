package io.github.rollstep.testkit;

import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * How the instances of a revision behave in a {@link SimulatedFleet}. What is not set is prompt and good: it runs, is healthy,
 * is routed and is gone at once when asked, and never fails. Immutable.
 */
public final class Behaviour {

    private static final Behaviour PROMPT = builder().build();

    final boolean impossible;
    final boolean exitsAtStart;
    final boolean neverHealthy;
    final Duration healthyAfter;
    final Optional<Duration> exitsAfter;
    final boolean restarted;
    final Optional<Duration> unhealthyAfter;
    final Optional<Duration> recoversAfter;
    final Duration stopTime;
    final Duration admissionDelay;
    final int openRequests;
    final Duration requestTime;
    private final Duration startAtLeast;
    private final Duration startAtMost;

    private Behaviour(Builder builder) {
        impossible = builder.impossible;
        exitsAtStart = builder.exitsAtStart;
        neverHealthy = builder.neverHealthy;
        healthyAfter = builder.healthyAfter;
        exitsAfter = builder.exitsAfter;
        restarted = builder.restarted;
        unhealthyAfter = builder.unhealthyAfter;
        recoversAfter = builder.recoversAfter;
        stopTime = builder.stopTime;
        admissionDelay = builder.admissionDelay;
        openRequests = builder.openRequests;
        requestTime = builder.requestTime;
        startAtLeast = builder.startAtLeast;
        startAtMost = builder.startAtMost;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Everything at once, and nothing ever fails. */
    public static Behaviour prompt() {
        return PROMPT;
    }

    public Builder toBuilder() {
        Builder copy = new Builder();
        copy.impossible = impossible;
        copy.exitsAtStart = exitsAtStart;
        copy.neverHealthy = neverHealthy;
        copy.healthyAfter = healthyAfter;
        copy.exitsAfter = exitsAfter;
        copy.restarted = restarted;
        copy.unhealthyAfter = unhealthyAfter;
        copy.recoversAfter = recoversAfter;
        copy.stopTime = stopTime;
        copy.admissionDelay = admissionDelay;
        copy.openRequests = openRequests;
        copy.requestTime = requestTime;
        copy.startAtLeast = startAtLeast;
        copy.startAtMost = startAtMost;
        return copy;
    }

    Duration startDelay(SplittableRandom random) {
        long spread = startAtMost.minus(startAtLeast).toMillis();
        return spread == 0 ? startAtLeast : startAtLeast.plusMillis(random.nextLong(spread + 1));
    }

    @Override
    public String toString() {
        return ("start %s to %s, healthy after %s, stop %s, admission %s, %d open requests for %s, impossible %b, "
                        + "exits at start %b, never healthy %b, exits after %s, restarted %b, unhealthy after %s, recovers after %s")
                .formatted(
                        startAtLeast,
                        startAtMost,
                        healthyAfter,
                        stopTime,
                        admissionDelay,
                        openRequests,
                        requestTime,
                        impossible,
                        exitsAtStart,
                        neverHealthy,
                        exitsAfter,
                        restarted,
                        unhealthyAfter,
                        recoversAfter);
    }

    /** Not safe for use by several threads. */
    public static final class Builder {
        private boolean impossible;
        private boolean exitsAtStart;
        private boolean neverHealthy;
        private Duration healthyAfter = Duration.ZERO;
        private Optional<Duration> exitsAfter = Optional.empty();
        private boolean restarted;
        private Optional<Duration> unhealthyAfter = Optional.empty();
        private Optional<Duration> recoversAfter = Optional.empty();
        private Duration stopTime = Duration.ZERO;
        private Duration admissionDelay = Duration.ZERO;
        private int openRequests;
        private Duration requestTime = Duration.ZERO;
        private Duration startAtLeast = Duration.ZERO;
        private Duration startAtMost = Duration.ZERO;

        private Builder() {}

        /** The time from launch to running. */
        public Builder startDelay(Duration delay) {
            return startDelay(delay, delay);
        }

        /** The time from launch to running, drawn for each instance from this range, in milliseconds. */
        public Builder startDelay(Duration atLeast, Duration atMost) {
            startAtLeast = notNegative("startDelay", atLeast);
            if (atMost.compareTo(atLeast) < 0) {
                throw new IllegalArgumentException(
                        "startDelay at most must be >= at least (%s), was %s".formatted(atLeast, atMost));
            }
            startAtMost = atMost;
            return this;
        }

        /** The time from running to healthy. */
        public Builder healthyAfter(Duration time) {
            healthyAfter = notNegative("healthyAfter", time);
            return this;
        }

        /** It runs, and stays unhealthy. */
        public Builder neverHealthy() {
            neverHealthy = true;
            return this;
        }

        /** It fails instead of running, after its start delay. */
        public Builder exitsAtStart() {
            exitsAtStart = true;
            return this;
        }

        /** It fails this long after it ran. */
        public Builder exitsAfter(Duration time) {
            exitsAfter = Optional.of(notNegative("exitsAfter", time));
            return this;
        }

        /** It exits this long after it ran, and the platform starts it again each time. */
        public Builder crashesEvery(Duration time) {
            exitsAfter = Optional.of(positive("crashesEvery", time));
            restarted = true;
            return this;
        }

        /** It turns unhealthy this long after it was first healthy and in the router; again after each recovery. */
        public Builder unhealthyAfter(Duration time) {
            unhealthyAfter = Optional.of(positive("unhealthyAfter", time));
            return this;
        }

        /** It is healthy again this long after it turned unhealthy by itself; by default never. */
        public Builder recoversAfter(Duration time) {
            recoversAfter = Optional.of(positive("recoversAfter", time));
            return this;
        }

        /** The time from terminate to gone. One that has failed is gone at once. */
        public Builder stopTime(Duration time) {
            stopTime = notNegative("stopTime", time);
            return this;
        }

        /** The time from admit to in. */
        public Builder admissionDelay(Duration delay) {
            admissionDelay = notNegative("admissionDelay", delay);
            return this;
        }

        /** When it is drained while it is in the router, so many requests are open; they end evenly spread over the time. */
        public Builder openRequests(int count, Duration lastEndsAfter) {
            if (count < 0) {
                throw new IllegalArgumentException("openRequests must be >= 0, was " + count);
            }
            openRequests = count;
            requestTime = notNegative("openRequests last ends after", lastEndsAfter);
            return this;
        }

        /** It can never be launched: the platform refuses with a permanent error. */
        public Builder impossible() {
            impossible = true;
            return this;
        }

        /** @throws IllegalArgumentException if it is to recover from what it never has */
        public Behaviour build() {
            if (recoversAfter.isPresent() && unhealthyAfter.isEmpty()) {
                throw new IllegalArgumentException(
                        "recoversAfter needs unhealthyAfter, was " + recoversAfter.get() + " alone");
            }
            return new Behaviour(this);
        }

        private static Duration notNegative(String name, Duration value) {
            if (value.isNegative()) {
                throw new IllegalArgumentException("%s must be >= 0, was %s".formatted(name, value));
            }
            return value;
        }

        private static Duration positive(String name, Duration value) {
            if (value.isNegative() || value.isZero()) {
                throw new IllegalArgumentException("%s must be > 0, was %s".formatted(name, value));
            }
            return value;
        }
    }
}
