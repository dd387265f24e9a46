package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class EventuallyTest {

    private final AtomicInteger looks = new AtomicInteger();

    @Test
    void looksAFewTimesAlsoIfTheTimeIsOver() {
        Eventually.holds(
                Duration.ZERO, () -> assertThat(looks.incrementAndGet()).isEqualTo(5));
    }

    @Test
    void givesUpWithTheLastFailure() {
        assertThatThrownBy(() -> Eventually.holds(
                        Duration.ZERO, () -> assertThat(looks.incrementAndGet()).isZero()))
                .isInstanceOf(AssertionError.class)
                .hasMessageStartingWith("not within PT0S")
                .hasMessageContaining("was: 5");
    }

    @Test
    void anErrorEndsIt() {
        assertThatIllegalStateException()
                .isThrownBy(() -> Eventually.get(Duration.ofMinutes(1), () -> {
                    throw new IllegalStateException("at look " + looks.incrementAndGet());
                }))
                .withMessage("at look 1");
    }
}
