package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The random part of the pace: what is due soon is not late for it. */
class PacerTest {

    @Test
    void longDelaysAreLengthenedByATenthAtMostAndEachByItsOwn() {
        Duration delay = Duration.ofSeconds(30);
        Set<Duration> delays =
                Stream.generate(() -> Pacer.later(delay)).limit(100).collect(Collectors.toSet());

        assertThat(delays)
                .hasSizeGreaterThan(10)
                .allMatch(one -> one.compareTo(delay) >= 0 && one.compareTo(Duration.ofSeconds(33)) < 0);
    }

    @Test
    void shortOnesAreAsAskedFor() {
        assertThat(Pacer.later(Duration.ofMillis(1_999))).isEqualTo(Duration.ofMillis(1_999));
        assertThat(Pacer.later(Duration.ofMillis(-5))).isEqualTo(Duration.ofMillis(-5));
    }
}
