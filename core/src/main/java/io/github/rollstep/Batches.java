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
 * <p>Barriers stand: each batch is whole, every new instance of it serving and every old one gone, before the next
 * begins; between two of them the rollout may pause, ask its gates and wait for an approval. Sliding batches refill at once: as soon
 * as one instance serves, the next is launched. The two go together: {@code ramp(of(1), percent(25)).thenSliding()} risks one
 * instance, and goes as fast as the limits allow once that one is healthy; it waits for the soak, too, if gates, an approval or a pause
 * stand between. Immutable.
 */
public final class Batches {

    private static final int MOST_DOUBLINGS = 30;

    private final List<Quota> first;
    private final Quota last;
    private final boolean doubling;
    private final boolean slides;
    private final Duration pause;

    /**
     * @param first whole batches that come once
     * @param doubling whether then come 1, 2, 4, ... up to {@code last}
     * @param slides whether the last size slides
     */
    private Batches(List<Quota> first, Quota last, boolean doubling, boolean slides, Duration pause) {
        this.first = List.copyOf(first);
        this.last = last;
        this.doubling = doubling;
        this.slides = slides;
        this.pause = pause;
        Stream.concat(first.stream(), Stream.of(last))
                .forEach(size -> Require.that(!size.isZero(), "batch size must be > 0, was %s", size));
        boolean nothingButSliding = slides && first.isEmpty() && !doubling;
        Require.that(pause.isZero() || !nothingButSliding, "pause must be between whole batches, was set on %s", this);
    }

    /** At most {@code size} in flight, refilled at once; a percentage rounds up. */
    public static Batches sliding(Quota size) {
        return new Batches(List.of(), size, false, true, Duration.ZERO);
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
        List<Quota> all = List.of(sizes);
        int last = all.size() - 1;
        return new Batches(all.subList(0, last), all.get(last), false, false, Duration.ZERO);
    }

    /** Whole batches of 1, 2, 4, ... up to {@code most}, which repeats; a percentage rounds up. */
    public static Batches doubling(Quota most) {
        return new Batches(List.of(), most, true, false, Duration.ZERO);
    }

    /**
     * The same batches, but that the last size slides once its turn has come.
     *
     * @throws IllegalArgumentException if there is nothing else, and a pause between them
     */
    public Batches thenSliding() {
        return new Batches(first, last, doubling, true, pause);
    }

    /** The same batches after a whole one of this size. */
    public Batches after(Quota size) {
        List<Quota> all = new ArrayList<>(List.of(size));
        all.addAll(first);
        return new Batches(all, last, doubling, slides, pause);
    }

    /**
     * The same batches with a pause between one and the next; after the last one there is none (see
     * {@link RolloutPolicy.Builder#bake}).
     *
     * @throws IllegalArgumentException if there is nothing but a sliding batch, which has no "between"
     */
    public Batches pause(Duration pause) {
        return new Batches(first, last, doubling, slides, Require.notNegative("pause", pause));
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
        int further = index - first.size();
        int size = (further < 0 ? first.get(index) : last).roundUp(desired);
        int bounded = doubling && further >= 0 ? Math.min(1 << Math.min(further, MOST_DOUBLINGS), size) : size;
        return Math.max(1, Math.min(desired, bounded));
    }

    /** Whether from this index on, counted from 0, there is one sliding batch to the end. */
    public boolean slidesFrom(int index, int desired) {
        Require.atLeast("index", 0, index);
        int further = index - first.size();
        return slides && further >= 0 && (!doubling || 1 << Math.min(further, MOST_DOUBLINGS) >= last.roundUp(desired));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Batches that
                && first.equals(that.first)
                && last.equals(that.last)
                && doubling == that.doubling
                && slides == that.slides
                && pause.equals(that.pause);
    }

    @Override
    public int hashCode() {
        return Objects.hash(first, last, doubling, slides, pause);
    }

    @Override
    public String toString() {
        String sizes = Stream.concat(first.stream(), Stream.of(last))
                .map(Quota::toString)
                .collect(Collectors.joining(", "));
        String shape = doubling ? "" : first.isEmpty() ? slides ? "sliding " : "fixed " : "ramp ";
        String text = doubling
                ? first.stream().map(size -> size + ", then ").collect(Collectors.joining()) + "doubling up to " + last
                : shape + sizes;
        String end = slides && (doubling || !first.isEmpty()) ? ", then sliding" : "";
        return text + end + (pause.isZero() ? "" : ", pause " + Require.text(pause));
    }
}
