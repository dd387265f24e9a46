package io.github.rollstep.testkit;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that stands still until it is moved. Safe for use by several threads. */
public final class ManualClock implements InstantSource {

    private Instant now;

    public ManualClock(Instant start) {
        now = start;
    }

    @Override
    public synchronized Instant instant() {
        return now;
    }

    /**
     * Moves on.
     *
     * @return the new time
     * @throws IllegalArgumentException if negative
     */
    public synchronized Instant advance(Duration by) {
        if (by.isNegative()) {
            throw new IllegalArgumentException("advance must be >= 0, was " + by);
        }
        now = now.plus(by);
        return now;
    }

    /**
     * Moves on to a time.
     *
     * @throws IllegalArgumentException if that time has passed
     */
    public synchronized void advanceTo(Instant to) {
        if (to.isBefore(now)) {
            throw new IllegalArgumentException("advanceTo must be >= %s (now), was %s".formatted(now, to));
        }
        now = to;
    }

    /** Sets any time, also an earlier one: what a correction of a computer's clock does. */
    public synchronized void jumpTo(Instant to) {
        now = to;
    }

    @Override
    public String toString() {
        return "manual clock at " + instant();
    }
}
