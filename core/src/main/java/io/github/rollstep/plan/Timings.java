package io.github.rollstep.plan;

import java.time.Duration;

/**
 * How long things take on a platform, as a {@link Forecast} assumes it. What is not given takes no time.
 *
 * <pre>{@code
 * Timings timings = Timings.start(ofSeconds(25), ofSeconds(35)).drain(ofSeconds(5)).stop(ofSeconds(30));
 * }</pre>
 *
 * @param startAtLeast from launch to healthy, the fastest instance
 * @param startAtMost from launch to healthy, the slowest one; the others lie evenly between, the first in the middle
 * @param admit from asking it in until the router confirms
 * @param drain how long the open requests of one that leaves take
 * @param stop from terminate to gone
 */
public record Timings(Duration startAtLeast, Duration startAtMost, Duration admit, Duration drain, Duration stop) {

    /** A year is "never", and keeps every sum within range. */
    private static final Duration MOST = Duration.ofDays(366);

    /** So few different starts, that events fall together and a forecast for thousands takes few steps. */
    private static final int STARTS = 11;

    /** Coprime to the number of starts, so that each comes once in a turn, and neighbours in time lie far apart. */
    private static final int STRIDE = 7;

    public Timings {
        within("start at least", Duration.ZERO, startAtLeast);
        within("start at most", startAtLeast, startAtMost);
        within("admit", Duration.ZERO, admit);
        within("drain", Duration.ZERO, drain);
        within("stop", Duration.ZERO, stop);
    }

    /** Every instance takes the same time from launch to healthy. */
    public static Timings start(Duration start) {
        return start(start, start);
    }

    public static Timings start(Duration atLeast, Duration atMost) {
        return new Timings(atLeast, atMost, Duration.ZERO, Duration.ZERO, Duration.ZERO);
    }

    public Timings admit(Duration admit) {
        return new Timings(startAtLeast, startAtMost, admit, drain, stop);
    }

    public Timings drain(Duration drain) {
        return new Timings(startAtLeast, startAtMost, admit, drain, stop);
    }

    public Timings stop(Duration stop) {
        return new Timings(startAtLeast, startAtMost, admit, drain, stop);
    }

    static final Timings NONE = start(Duration.ZERO);

    /** With one more start that was seen. */
    Timings seenStart(Duration time) {
        boolean first = startAtMost.isZero();
        return new Timings(
                first || time.compareTo(startAtLeast) < 0 ? time : startAtLeast,
                Pass.longer(startAtMost, time),
                admit,
                drain,
                stop);
    }

    /** The same with every start in the middle of the spread: far fewer different times, so a quick first estimate. */
    Timings withoutSpread() {
        Duration middle = startOf(0);
        return new Timings(middle, middle, admit, drain, stop);
    }

    /** From launch to healthy of the launch with this number, from 0. No chance in it: the same number, the same time. */
    Duration startOf(int launch) {
        long place = (STARTS / 2 + (long) STRIDE * launch) % STARTS;
        return startAtLeast.plus(
                startAtMost.minus(startAtLeast).multipliedBy(place).dividedBy(STARTS - 1));
    }

    private static void within(String name, Duration least, Duration value) {
        if (value.compareTo(least) < 0 || value.compareTo(MOST) > 0) {
            throw new IllegalArgumentException("%s must be within %s to 366 days, was %s"
                    .formatted(name, least.isZero() ? "0" : Waits.text(least), Waits.text(value)));
        }
    }

    @Override
    public String toString() {
        String start = startAtLeast.equals(startAtMost)
                ? Waits.text(startAtLeast)
                : Waits.text(startAtLeast) + " to " + Waits.text(startAtMost);
        return "start %s, admit %s, drain %s, stop %s"
                .formatted(start, Waits.text(admit), Waits.text(drain), Waits.text(stop));
    }
}
