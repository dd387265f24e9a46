package io.github.rollstep;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How many instances are replaced together.
 *
 * <p>Barriers stand: each batch is whole, every new instance of it serving and every old one out of traffic, before the next
 * begins; between two of them the rollout may pause, ask its gates and wait for an approval. Sliding batches refill at once: as soon
 * as one instance serves, the next is launched. The two go together: {@code ramp(of(1), percent(25)).thenSliding()} risks one
 * instance, and once it serves goes as fast as the limits allow. Immutable.
 */
public final class Batches {

    private static final int MOST_DOUBLINGS = 30;

    private final List<Quota> sizes;
    private final boolean doubling;
    private final boolean slides;
    private final Duration pause;

    /** @param doubling whether the batches are 1, 2, 4, ... up to the only size */
    private Batches(List<Quota> sizes, boolean doubling, boolean slides, Duration pause) {
        sizes.forEach(size -> Require.that(!size.isZero(), "batch size must be > 0, was %s", size));
        this.sizes = List.copyOf(sizes);
        this.doubling = doubling;
        this.slides = slides;
        this.pause = pause;
    }

    /** At most {@code size} in flight, refilled at once; a percentage rounds up. */
    public static Batches sliding(Quota size) {
        return new Batches(List.of(size), false, true, Duration.ZERO);
    }

    /** Whole batches of {@code size}, one after the other without a pause; a percentage rounds up. */
    public static Batches fixed(Quota size) {
        return ramp(size);
    }

    /**
     * Whole batches of these sizes; the last one repeats; a percentage rounds up.
     *
     * @throws IllegalArgumentException if none is given
     */
    public static Batches ramp(Quota... sizes) {
        Require.that(sizes.length > 0, "ramp must have at least one size, had none");
        return new Batches(List.of(sizes), false, false, Duration.ZERO);
    }

    /** Whole batches of 1, 2, 4, ... up to {@code most}, which repeats; a percentage rounds up. */
    public static Batches doubling(Quota most) {
        return new Batches(List.of(most), true, false, Duration.ZERO);
    }

    /** The same batches, but that the last size slides once its turn has come. */
    public Batches thenSliding() {
        return new Batches(sizes, doubling, true, pause);
    }

    /** The same batches after a whole one of this size. */
    public Batches after(Quota first) {
        Require.that(!doubling, "a first batch must be before batches of given sizes, was before %s", this);
        List<Quota> all = new ArrayList<>(List.of(first));
        all.addAll(sizes);
        return new Batches(all, false, slides, pause);
    }

    /**
     * The same batches with a pause between one and the next; after the last one there is none (see
     * {@link RolloutPolicy.Builder#bake}).
     *
     * @throws IllegalArgumentException if there is nothing but a sliding batch, which has no "between"
     */
    public Batches pause(Duration pause) {
        Require.that(
                !(slides && sizes.size() == 1 && !doubling),
                "pause must be between whole batches, was set on %s",
                this);
        return new Batches(sizes, doubling, slides, Require.notNegative("pause", pause));
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
        int size = sizes.get(Math.min(index, sizes.size() - 1)).roundUp(desired);
        int bounded = doubling ? Math.min(1 << Math.min(index, MOST_DOUBLINGS), size) : size;
        return Math.max(1, Math.min(desired, bounded));
    }

    /** Whether from this index on, counted from 0, there is one sliding batch to the end. */
    public boolean slidesFrom(int index, int desired) {
        Require.atLeast("index", 0, index);
        boolean last = doubling ? size(index, desired) == size(MOST_DOUBLINGS, desired) : index >= sizes.size() - 1;
        return slides && last;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Batches that
                && sizes.equals(that.sizes)
                && doubling == that.doubling
                && slides == that.slides
                && pause.equals(that.pause);
    }

    @Override
    public int hashCode() {
        return Objects.hash(sizes, doubling, slides, pause);
    }

    @Override
    public String toString() {
        Stream<String> names = sizes.stream().map(Quota::toString);
        String text = doubling
                ? "doubling up to " + sizes.get(0)
                : sizes.size() > 1
                        ? "ramp " + names.collect(Collectors.joining(", "))
                        : (slides ? "sliding " : "fixed ") + sizes.get(0);
        String end = slides && (doubling || sizes.size() > 1) ? ", then sliding" : "";
        return text + end + (pause.isZero() ? "" : ", pause " + Require.text(pause));
    }
}
