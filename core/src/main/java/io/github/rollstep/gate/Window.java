package io.github.rollstep.gate;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What was counted of late, by samples that come when they come.
 *
 * <p>It begins with the newest sample that is not younger than the window's length, and so covers a little more than that; with
 * the oldest younger one if there is none or if it is older than twice the length. So it never covers more than twice its length,
 * and samples that are further apart than it is long still fill it. About 200 samples are kept: of three within a hundredth of
 * the length the second goes. Not safe for use by several threads.
 */
final class Window {

    private static final int PARTS = 100;

    private final Duration length;
    private final Duration resolution;
    private final Deque<Sample> samples = new ArrayDeque<>();
    private Share sum = Share.NONE;

    /** @param sum what was counted until then, from the first sample on */
    private record Sample(Instant at, Share sum) {}

    Window(Duration length) {
        this.length = length;
        resolution = length.dividedBy(PARTS);
    }

    /** @param increase since the sample before */
    void add(Instant at, Share increase) {
        sum = sum.plus(increase);
        while (!samples.isEmpty() && samples.getLast().at().isAfter(at)) {
            samples.removeLast(); // the clock was set back
        }
        thin(at);
        samples.addLast(new Sample(at, sum));
        Instant start = at.minus(length);
        while (samples.size() > 1 && !second().at().isAfter(start)) {
            samples.removeFirst();
        }
        if (samples.getFirst().at().isBefore(start.minus(length))) {
            samples.removeFirst();
        }
    }

    private void thin(Instant next) {
        if (samples.size() > 1) {
            Sample last = samples.removeLast();
            if (Duration.between(samples.getLast().at(), next).compareTo(resolution) >= 0) {
                samples.addLast(last);
            }
        }
    }

    private Sample second() {
        return samples.stream().skip(1).findFirst().orElseThrow();
    }

    /** What was counted within the window; of nothing if there is but one sample in it. */
    Share recent() {
        return sum.minus(samples.getFirst().sum());
    }

    /** What was counted since the first sample. */
    Share overall() {
        return sum;
    }

    int size() {
        return samples.size();
    }
}
