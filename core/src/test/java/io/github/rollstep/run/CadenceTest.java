package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** When the next look is due. */
class CadenceTest {

    private static final Instant BEGIN = Instant.parse("2026-11-25T00:00:00Z");
    private static final Reason REASON = Reason.of(Reason.Code.STARTED, "");
    private static final Action DRAIN = new Action.Drain(InstanceId.of("a"), REASON);
    private static final Action TERMINATE = new Action.Terminate(InstanceId.of("a"), REASON);

    private final RolloutState state = RolloutState.begin(
            FleetId.of("shop"),
            RolloutId.of("r1"),
            Revision.of("v2"),
            Limits.resolve(RolloutPolicy.defaults(), 3),
            BEGIN,
            Optional.empty());
    private Instant now = BEGIN;

    private Plan plan(Optional<Instant> wakeAt, Action... actions) {
        return new Plan(List.of(actions), state, List.of(), List.of(), List.of(), FleetCounts.none(), wakeAt);
    }

    /** The seconds, from this step on, at which it is looked until then. */
    private List<Long> looks(Cadence cadence, Action action, int seconds) {
        Instant acted = now;
        List<Long> looks = new ArrayList<>();
        Instant next = cadence.next(plan(Optional.empty(), action), true, now);
        while (Duration.between(acted, next).toSeconds() < seconds) {
            now = next;
            looks.add(Duration.between(acted, now).toSeconds());
            next = cadence.next(plan(Optional.empty()), false, now);
        }
        now = next;
        looks.add(Duration.between(acted, now).toSeconds());
        return looks;
    }

    @Test
    void doublesUpToThePollingIntervalWhereListsAreNotStale() {
        Cadence cadence = new Cadence(Duration.ofSeconds(20), Duration.ZERO, BEGIN);

        assertThat(looks(cadence, DRAIN, 60)).containsExactly(1L, 3L, 7L, 15L, 31L, 51L, 71L);
    }

    @Test
    void looksNoMoreOftenThanListsAreNewAndIsLateByAQuarterAtMost() {
        Cadence cadence = new Cadence(Duration.ofSeconds(30), Duration.ofSeconds(5), BEGIN);

        assertThat(looks(cadence, DRAIN, 60)).containsExactly(10L, 20L, 30L, 40L, 50L, 62L);
    }

    @Test
    void doesNotLookAgainBeforeWhatTheSameTookLastTime() {
        Cadence cadence = new Cadence(Duration.ofSeconds(30), Duration.ofSeconds(5), BEGIN);
        looks(cadence, DRAIN, 20);
        looks(cadence, TERMINATE, 10);

        assertThat(looks(cadence, DRAIN, 20)).containsExactly(20L);
        assertThat(looks(cadence, TERMINATE, 20)).as("it takes longer now").containsExactly(10L, 20L);
        looks(cadence, DRAIN, 10);
        assertThat(looks(cadence, TERMINATE, 10)).as("the shortest one counts").containsExactly(10L);
    }

    @Test
    void neverLooksLessOftenThanAskedForOrLaterThanThePlanWants() {
        Cadence cadence = new Cadence(Duration.ofSeconds(30), Duration.ofSeconds(5), BEGIN);
        looks(cadence, DRAIN, 100);
        looks(cadence, TERMINATE, 5);

        assertThat(looks(cadence, DRAIN, 100)).containsExactly(30L, 60L, 90L, 120L);
        assertThat(cadence.next(plan(Optional.of(now.plusSeconds(1)), TERMINATE), true, now))
                .isEqualTo(now.plusSeconds(1));
    }
}
