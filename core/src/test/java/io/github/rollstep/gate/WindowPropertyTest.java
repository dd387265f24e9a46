package io.github.rollstep.gate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** The window against a list of everything. */
class WindowPropertyTest {

    private static final Duration LENGTH = Duration.ofSeconds(100);

    /** @param gap to the sample before, in milliseconds */
    record Step(long gap, int bad, int good) {
        Share share() {
            return new Share(bad, bad + good);
        }
    }

    /** @param from the sample before */
    private record Counted(Instant from, Instant to, Share share) {}

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Long> gaps = Arbitraries.frequencyOf(
                Tuple.of(5, Arbitraries.longs().between(0, 1_000)),
                Tuple.of(3, Arbitraries.longs().between(1_000, 100_000)),
                Tuple.of(1, Arbitraries.longs().between(100_000, 500_000)),
                Tuple.of(1, Arbitraries.of(0L, 400L, 99_999L, 100_000L, 100_001L, 200_000L, 200_001L)));
        Arbitrary<Integer> counts = Arbitraries.integers().between(0, 1000);
        return Combinators.combine(gaps, counts, counts).as(Step::new).list().ofMaxSize(60);
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void coversTheWindowAndNeverMoreThanTwiceItsLength(@ForAll("steps") List<Step> steps) {
        Instant now = Instant.parse("2026-11-24T02:15:30Z");
        Window window = new Window(LENGTH);
        window.add(now, Share.NONE);
        List<Counted> all = new ArrayList<>();
        for (Step step : steps) {
            Instant before = now;
            now = now.plusMillis(step.gap());
            all.add(new Counted(before, now, step.share()));
            window.add(now, step.share());

            Instant start = now.minus(LENGTH);
            Instant earliest = start.minus(LENGTH);
            Share least = sum(all.stream()
                    .filter(one -> !one.from().isBefore(start) && one.to().isAfter(start)));
            Share most = sum(all.stream().filter(one -> !one.from().isBefore(earliest)));
            assertThat(window.recent().total()).isBetween(least.total(), most.total());
            assertThat(window.recent().bad()).isBetween(least.bad(), most.bad());
            assertThat(window.overall()).isEqualTo(sum(all.stream()));
            if (step.gap() <= LENGTH.multipliedBy(2).toMillis()) {
                assertThat(window.recent().total())
                        .as("the last step is always seen")
                        .isGreaterThanOrEqualTo(step.share().total());
            }
        }
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void coversTheWindowWithoutAGapIfAskedOftenEnough(@ForAll("steps") List<Step> steps) {
        Instant now = Instant.parse("2026-11-24T02:15:30Z");
        Window window = new Window(LENGTH);
        window.add(now, Share.NONE);
        List<Counted> all = new ArrayList<>();
        for (Step step : steps) {
            Instant before = now;
            now = now.plusMillis(Math.min(step.gap(), 99_000));
            all.add(new Counted(before, now, step.share()));
            window.add(now, step.share());

            Instant start = now.minus(LENGTH);
            assertThat(window.recent().total())
                    .isGreaterThanOrEqualTo(
                            sum(all.stream().filter(one -> one.to().isAfter(start)))
                                    .total());
        }
    }

    /** Asked without a pause for ten windows. */
    @Property(tries = 20, edgeCases = EdgeCasesMode.NONE)
    void keepsABoundedNumberOfSamplesAndStaysExact(@ForAll("pauses") int millis) {
        Instant now = Instant.parse("2026-11-24T02:15:30Z");
        Window window = new Window(LENGTH);
        window.add(now, Share.NONE);
        for (long time = 0; time < LENGTH.toMillis() * 10; time += millis) {
            now = now.plusMillis(millis);
            window.add(now, new Share(0, 1));
            assertThat(window.size()).isLessThanOrEqualTo(204);
        }
        double exact = LENGTH.toMillis() / (double) millis;
        assertThat(window.recent().total()).isBetween(Math.floor(exact), exact * 1.01 + 1);
    }

    @Provide
    Arbitrary<Integer> pauses() {
        return Arbitraries.integers().between(20, 2000);
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void neverCountsLessThanNothingWhateverTheClockDoes(@ForAll("steps") List<Step> steps, @ForAll long seed) {
        Instant now = Instant.parse("2026-11-24T02:15:30Z");
        Random random = new Random(seed);
        Window window = new Window(LENGTH);
        for (Step step : steps) {
            now = now.plusMillis(random.nextInt(4) == 0 ? -step.gap() : step.gap());
            window.add(now, step.share());
            assertThat(window.recent().total()).isBetween(0.0, window.overall().total());
            assertThat(window.size()).isPositive();
        }
    }

    private static Share sum(Stream<Counted> counted) {
        return counted.map(Counted::share).reduce(Share.NONE, Share::plus);
    }
}
