package io.github.rollstep;

import java.time.Duration;
import java.util.Objects;

/**
 * How many instances are replaced together.
 *
 * <p>Sliding batches refill at once: as soon as one instance serves, the next is launched. Barriers stand: each batch is
 * whole, every new instance of it serving and every old one gone, before the next begins.
 */
public final class Batches {

    private final boolean barriers;
    private final Quota size;
    private final Duration pause;

    private Batches(boolean barriers, Quota size, Duration pause) {
        Require.that(!size.isZero(), "batch size must be > 0, was %s", size);
        this.barriers = barriers;
        this.size = size;
        this.pause = pause;
    }

    /** At most {@code size} in flight, refilled at once; a percentage rounds up. */
    public static Batches sliding(Quota size) {
        return new Batches(false, size, Duration.ZERO);
    }

    /** Whole batches of {@code size}, one after the other without a pause; a percentage rounds up. */
    public static Batches fixed(Quota size) {
        return new Batches(true, size, Duration.ZERO);
    }

    /**
     * The same batches with a pause between one and the next; after the last one there is none.
     *
     * @throws IllegalArgumentException if these are sliding batches, which have no "between"
     */
    public Batches pause(Duration pause) {
        Require.that(barriers, "pause must be between fixed batches, was set on %s", this);
        return new Batches(true, size, Require.notNegative("pause", pause));
    }

    public boolean barriers() {
        return barriers;
    }

    public Duration pause() {
        return pause;
    }

    /**
     * The size of the batch with this index.
     *
     * @param index counted from 0
     * @return 1 to {@code desired}
     */
    public int size(int index, int desired) {
        Require.atLeast("index", 0, index);
        return Math.max(1, Math.min(desired, size.roundUp(desired)));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Batches that
                && barriers == that.barriers
                && size.equals(that.size)
                && pause.equals(that.pause);
    }

    @Override
    public int hashCode() {
        return Objects.hash(barriers, size, pause);
    }

    @Override
    public String toString() {
        String text = (barriers ? "fixed " : "sliding ") + size;
        return pause.isZero() ? text : text + ", pause " + Require.text(pause);
    }
}
