package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class DepartedTest {

    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final Duration STALENESS = Duration.ofSeconds(5);
    private static final Duration MOMENT = Duration.ofMillis(1);

    private final Departed departed = new Departed(STALENESS);

    private static Instance one(Instance.State state) {
        return Instance.builder(InstanceId.of("i-1"), Revision.of("v1"), state).build();
    }

    private static Instance gone() {
        return one(Instance.State.GONE);
    }

    @Test
    void whoIsMissingAndWasNotToldToStopMayComeYet() {
        assertThat(departed.missing(List.of(one(Instance.State.RUNNING)), NOW)).isEmpty();
        assertThat(departed.missing(List.of(), NOW.plus(STALENESS))).isEmpty();
    }

    @Test
    void whoWasToldToStopIsGoneWhenALaterListThanAnyOldOneLacksIt() {
        departed.leaves(one(Instance.State.RUNNING), NOW);

        assertThat(departed.missing(List.of(), NOW.plus(STALENESS).minus(MOMENT)))
                .isEmpty();
        assertThat(departed.missing(List.of(), NOW.plus(STALENESS))).containsExactly(gone());
    }

    @Test
    void whoIsListedIsNotGone() {
        departed.leaves(one(Instance.State.RUNNING), NOW);

        assertThat(departed.missing(List.of(one(Instance.State.STOPPING)), NOW.plus(STALENESS)))
                .isEmpty();
    }

    @Test
    void whoWasListedAsStoppingIsGoneInTheSameWay() {
        departed.missing(List.of(one(Instance.State.STOPPING)), NOW);

        assertThat(departed.missing(List.of(), NOW.plus(STALENESS).minus(MOMENT)))
                .isEmpty();
        assertThat(departed.missing(List.of(), NOW.plus(STALENESS))).containsExactly(gone());
    }

    /** The list of a repeat is older than what it says. */
    @Test
    void aRepeatChangesNothingOfTheTime() {
        departed.leaves(one(Instance.State.RUNNING), NOW);
        departed.leaves(one(Instance.State.RUNNING), NOW.plus(STALENESS));

        assertThat(departed.missing(List.of(), NOW.plus(STALENESS))).containsExactly(gone());
    }

    @Test
    void itIsForgottenAfterAnHour() {
        departed.leaves(one(Instance.State.RUNNING), NOW);

        assertThat(departed.missing(List.of(), NOW.plus(Departed.REMEMBERED))).containsExactly(gone());
        assertThat(departed.missing(List.of(), NOW.plus(Departed.REMEMBERED).plus(MOMENT)))
                .isEmpty();
    }
}
