package io.github.rollstep;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The sizes of batches, whatever the sizes that were asked for. */
class BatchesPropertyTest {

    @Provide
    Arbitrary<Quota> quotas() {
        return Arbitraries.oneOf(
                Arbitraries.integers().between(1, 2_000_000).map(Quota::of),
                Arbitraries.integers().between(1, 100).map(Quota::percent));
    }

    @Provide
    Arbitrary<Batches> batches() {
        Arbitrary<Batches> ramps =
                quotas().list().ofMinSize(1).ofMaxSize(5).map(sizes -> Batches.ramp(sizes.toArray(Quota[]::new)));
        Arbitrary<Batches> paces = Arbitraries.oneOf(
                ramps, quotas().map(Batches::doubling), quotas().map(Batches::sliding), quotas().map(Batches::fixed));
        Arbitrary<Batches> sliding =
                Combinators.combine(paces, Arbitraries.of(true, false)).as((b, s) -> s ? b.thenSliding() : b);
        return Arbitraries.oneOf(sliding, Combinators.combine(sliding, quotas()).as(Batches::after));
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void aBatchHasOneToAll(
            @ForAll("batches") Batches batches,
            @ForAll @IntRange(max = 100) int index,
            @ForAll @IntRange(min = 1, max = 1_000_000) int desired) {
        assertThat(batches.size(index, desired)).isBetween(1, desired);
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void aLargerFleetHasNoSmallerBatches(
            @ForAll("batches") Batches batches,
            @ForAll @IntRange(max = 100) int index,
            @ForAll @IntRange(min = 1, max = 1_000_000) int one,
            @ForAll @IntRange(min = 1, max = 1_000_000) int other) {
        assertThat(batches.size(index, Math.min(one, other)))
                .isLessThanOrEqualTo(batches.size(index, Math.max(one, other)));
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void doublingNeverShrinksNorMoreThanDoublesAndReachesItsMost(
            @ForAll("quotas") Quota most, @ForAll @IntRange(min = 1, max = 1_000_000) int desired) {
        Batches doubling = Batches.doubling(most);

        assertThat(doubling.size(0, desired)).isOne();
        for (int i = 0; i < 40; i++) {
            int size = doubling.size(i, desired);
            assertThat(doubling.size(i + 1, desired)).isBetween(size, 2 * size);
        }
        assertThat(doubling.size(40, desired)).isEqualTo(Math.min(desired, most.roundUp(desired)));
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void theLastSizeOfARampRepeats(
            @ForAll("quotas") Quota first,
            @ForAll("quotas") Quota last,
            @ForAll @IntRange(max = 100) int further,
            @ForAll @IntRange(min = 1, max = 1_000_000) int desired) {
        assertThat(Batches.ramp(first, last).size(1 + further, desired))
                .isEqualTo(Batches.fixed(last).size(0, desired));
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void theFirstSizesOfTheRecommendedDefaultAreOneAndAQuarter(
            @ForAll @IntRange(min = 1, max = 1_000_000) int desired) {
        Batches batches = RolloutPolicy.defaults().batches();

        assertThat(batches.size(0, desired)).isOne();
        assertThat(batches.size(1, desired)).isEqualTo(Math.max(1, (desired + 3) / 4));
        assertThat(batches.slidesFrom(0, desired)).isFalse();
        assertThat(batches.slidesFrom(1, desired)).isTrue();
    }

    @Property(edgeCases = EdgeCasesMode.NONE)
    void onceItSlidesItSlidesToTheEnd(
            @ForAll("batches") Batches batches, @ForAll @IntRange(min = 1, max = 1_000_000) int desired) {
        List<Boolean> slides = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            slides.add(batches.slidesFrom(i, desired));
        }

        assertThat(slides.lastIndexOf(false)).isLessThan(slides.contains(true) ? slides.indexOf(true) : 50);
    }
}
