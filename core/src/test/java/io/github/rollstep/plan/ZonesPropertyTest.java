package io.github.rollstep.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The shares of the zones, whatever they had. */
class ZonesPropertyTest {

    private static final int MOST = 1_000_000;

    @Provide
    Arbitrary<Map<String, Integer>> zones() {
        return Arbitraries.maps(
                        Arbitraries.strings().withCharRange('a', 'z').ofLength(2),
                        Arbitraries.oneOf(
                                Arbitraries.integers().between(0, 10),
                                Arbitraries.integers().between(0, MOST)))
                .ofMinSize(1)
                .ofMaxSize(8)
                .filter(counts -> counts.values().stream().anyMatch(count -> count > 0));
    }

    private static int sum(Map<String, Integer> counts) {
        return counts.values().stream().mapToInt(Integer::intValue).sum();
    }

    @Property
    void sharesAddUpToTheDesiredCount(
            @ForAll("zones") Map<String, Integer> counts, @ForAll @IntRange(min = 1, max = MOST) int desired) {
        Map<String, Integer> shares = Zones.shares(counts, desired);

        assertThat(shares.keySet()).isEqualTo(counts.keySet());
        assertThat(sum(shares)).isEqualTo(desired);
    }

    @Property
    void aShareIsItsProportionRoundedUpOrDown(
            @ForAll("zones") Map<String, Integer> counts, @ForAll @IntRange(min = 1, max = MOST) int desired) {
        long total = sum(counts);

        Zones.shares(counts, desired).forEach((zone, share) -> {
            long exact = desired * (long) counts.get(zone);
            assertThat((long) share).isBetween(exact / total, (exact + total - 1) / total);
        });
    }

    @Property
    void aZoneThatHasMoreGetsNoLess(
            @ForAll("zones") Map<String, Integer> counts, @ForAll @IntRange(min = 1, max = MOST) int desired) {
        Map<String, Integer> shares = Zones.shares(counts, desired);

        counts.forEach((a, many) -> counts.forEach((b, few) -> {
            if (many > few) {
                assertThat(shares.get(a)).isGreaterThanOrEqualTo(shares.get(b));
            }
        }));
    }

    @Property
    void aFleetThatKeepsItsSizeKeepsItsZones(@ForAll("zones") Map<String, Integer> counts) {
        assertThat(Zones.shares(counts, sum(counts))).isEqualTo(counts);
    }

    @Property
    void aZoneThatHadNoneGetsNone(
            @ForAll("zones") Map<String, Integer> counts, @ForAll @IntRange(min = 1, max = MOST) int desired) {
        Map<String, Integer> shares = Zones.shares(counts, desired);

        counts.forEach((zone, count) -> {
            if (count == 0) {
                assertThat(shares.get(zone)).isZero();
            }
        });
    }
}
