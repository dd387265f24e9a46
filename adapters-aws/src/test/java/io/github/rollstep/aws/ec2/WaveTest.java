package io.github.rollstep.aws.ec2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.aws.LaunchTemplates;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WaveTest {

    private static final FleetId FLEET = FleetId.of("web");
    private static final RolloutId ROLLOUT = RolloutId.of("r-1");
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final Revision ONE = LaunchTemplates.revision("lt-0123456789abcdef0", 1);
    private static final Revision TWO = LaunchTemplates.revision("lt-0123456789abcdef0", 2);

    /** The value of a tag. */
    private static final int MOST = 256;

    private static LaunchRequest request(
            FleetId fleet, RolloutId rollout, int ordinal, Revision revision, Instant intendedAt) {
        return new LaunchRequest(fleet, rollout, rollout.token(ordinal), revision, Place.anywhere(), intendedAt);
    }

    private static List<Wave> waves(Stream<Integer> ordinals) {
        return Wave.of(
                ordinals.map(ordinal -> request(FLEET, ROLLOUT, ordinal, ONE, NOW))
                        .toList(),
                (request, ordinal) -> "");
    }

    private static Wave wave(LaunchRequest request, String zone) {
        List<Wave> waves = Wave.of(List.of(request), (any, ordinal) -> zone);
        assertThat(waves).hasSize(1);
        return waves.get(0);
    }

    @Test
    void theTextNamesRanges() {
        assertThat(waves(Stream.of(23, 1, 2, 3, 5, 6)))
                .singleElement()
                .extracting(Wave::text)
                .isEqualTo("0+1-3,5-6,23");
        assertThat(Wave.parse("0+1-3,5-6,23")).containsExactly(1, 2, 3, 5, 6, 23);
        assertThat(waves(Stream.of(65, 66, 127)))
                .singleElement()
                .extracting(Wave::text)
                .isEqualTo("64+1-2,63");
        assertThat(Wave.parse("64+1-2,63")).containsExactly(65, 66, 127);
    }

    @Test
    void theOrdinalsAreThoseOfTheTextWhateverIsMissing() {
        Random random = new Random(7);
        for (int i = 0; i < 2_000; i++) {
            int first = Wave.WINDOW * (1 + random.nextInt(20_000));
            int share = 1 + random.nextInt(99);
            List<Integer> some = IntStream.range(first, first + Wave.WINDOW)
                    .filter(ordinal -> random.nextInt(100) < share)
                    .boxed()
                    .toList();
            for (Wave wave : waves(some.stream())) {
                assertThat(wave.ordinals()).isEqualTo(some);
                assertThat(Wave.parse(wave.text())).isEqualTo(some);
                assertThat(wave.text()).hasSizeLessThanOrEqualTo(MOST);
            }
        }
    }

    /** Each run of so many, with so many missing after it; in windows of ordinals as long as they may become. */
    @ParameterizedTest
    @CsvSource({"1,1", "2,1", "2,2", "3,1", "3,2", "4,1", "64,0"})
    void theTextFitsIntoATag(int run, int missing) {
        for (int any : List.of(1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 2_000_000_000)) {
            int first = (any / Wave.WINDOW + 1) * Wave.WINDOW;
            for (int shift = 0; shift < run + missing; shift++) {
                List<Integer> some = new ArrayList<>();
                for (int i = 0; i < Wave.WINDOW; i++) {
                    if ((i + shift) % (run + missing) < run) {
                        some.add(first + i);
                    }
                }
                assertThat(waves(some.stream()))
                        .singleElement()
                        .satisfies(wave -> assertThat(wave.text()).hasSizeLessThanOrEqualTo(MOST));
            }
        }
    }

    @Test
    void whatIsStillOpenIsAskedForByTheSameTokens() {
        List<Wave> all = waves(IntStream.rangeClosed(1, 200).boxed());
        Set<String> tokens = new HashSet<>();
        all.forEach(wave -> tokens.add(wave.clientToken()));
        assertThat(tokens).as("one for each window").hasSize(200 / Wave.WINDOW + 1);

        List<Wave> some = waves(IntStream.rangeClosed(1, 200)
                .filter(ordinal -> ordinal % 7 == 3)
                .boxed());

        assertThat(some).extracting(Wave::clientToken).containsExactlyInAnyOrderElementsOf(tokens);
    }

    @Test
    void theTokenOfAnotherWaveIsAnotherOne() {
        Wave wave = wave(request(FLEET, ROLLOUT, 1, ONE, NOW), "a");
        List<Wave> others = List.of(
                wave(request(FleetId.of("shop"), ROLLOUT, 1, ONE, NOW), "a"),
                wave(request(FLEET, RolloutId.of("r-2"), 1, ONE, NOW), "a"),
                wave(request(FLEET, ROLLOUT, 1, TWO, NOW), "a"),
                wave(request(FLEET, ROLLOUT, 1, ONE, NOW.plusNanos(1)), "a"),
                wave(request(FLEET, ROLLOUT, 1, ONE, NOW), "b"),
                wave(request(FLEET, ROLLOUT, 1 + Wave.WINDOW, ONE, NOW), "a"));

        Set<String> tokens = new HashSet<>(Set.of(wave.clientToken()));
        others.forEach(other -> tokens.add(other.clientToken()));

        assertThat(tokens).hasSize(7);
    }

    @Test
    void aTokenIsNoLongerThanAwsTakes() {
        RolloutId longest = RolloutId.of("r".repeat(48));
        Wave wave = wave(request(FleetId.of("f".repeat(48)), longest, 999_999, ONE, NOW), "eu-west-1a");

        assertThat(wave.clientToken()).hasSizeBetween(1, 64).matches("[0-9a-f]+");
    }

    @Test
    void launchesOfOneDecisionAndZoneGoTogetherInTheOrderOfTheirNumbers() {
        List<LaunchRequest> open = IntStream.of(4, 1, 3, 2)
                .mapToObj(ordinal -> request(FLEET, ROLLOUT, ordinal, ONE, ordinal == 4 ? NOW.plusSeconds(30) : NOW))
                .toList();

        List<Wave> waves = Wave.of(open, (request, ordinal) -> ordinal % 2 == 0 ? "a" : "b");

        assertThat(waves)
                .extracting(wave -> wave.zone() + ":" + wave.text())
                .containsExactlyInAnyOrder("b:0+1,3", "a:0+2", "a:0+4");
    }

    @Test
    void launchesThatAnEarlierRolloutLeftOpenAreAWaveOfTheirOwn() {
        LaunchRequest left = request(FLEET, RolloutId.of("r-0"), 3, ONE, NOW);

        List<Wave> waves = Wave.of(List.of(left, request(FLEET, ROLLOUT, 1, ONE, NOW)), (request, ordinal) -> "");

        assertThat(waves)
                .extracting(wave -> wave.first().rollout() + ":" + wave.text())
                .containsExactly("r-0:0+3", "r-1:0+1");
        assertThat(waves.get(0).clientToken())
                .isEqualTo(wave(left, "").clientToken())
                .isNotEqualTo(waves.get(1).clientToken());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "1-20", "0+", "0+1-", "0+1,,2", "0+100", "0+1-999999999", "+1", "99999999999+1"})
    void garbageIsNoText(String text) {
        assertThatThrownBy(() -> Wave.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
