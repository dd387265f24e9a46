package io.github.rollstep.plan;

import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.PolicyAdvisor.Advice;
import io.github.rollstep.plan.PolicyAdvisor.Choice;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The best policy of small fleets is known: start 30, soak 10, drain 5, stop 10 seconds. */
class PolicyAdvisorTest {

    private static final Timings TIMINGS =
            Timings.start(ofSeconds(30)).drain(ofSeconds(5)).stop(ofSeconds(10));

    private static PolicyAdvisor.Builder advisor(int desired) {
        return PolicyAdvisor.builder(desired, TIMINGS);
    }

    private static Choice best(PolicyAdvisor.Builder advisor) {
        return advisor.build().advise().best().orElseThrow();
    }

    @Test
    void withRoomForAllItLaunchesAllAtOnce() {
        Choice best = best(advisor(4));

        assertThat(best).hasToString("sliding 4, surge 4, unavailable 0");
        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(55));
    }

    /** 100 connections of 12 each leave room for 8: three cycles of two. */
    @Test
    void aBudgetBoundsTheSurge() {
        Choice best = best(advisor(6).budget(ResourceBudget.of("db connections", 100, 12)));

        assertThat(best).hasToString("sliding 2, surge 2, unavailable 0");
        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(3 * 55));
        assertThat(best.forecast().peak()).isEqualTo(8);
    }

    @Test
    void whereThereIsRoomForNoneMoreItStopsFirst() {
        Choice best = best(advisor(6).maxInstances(6).minServing(4));

        assertThat(best).hasToString("sliding 2, surge 0, unavailable 2");
        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(3 * 55));
        assertThat(best.forecast().fewestServing()).isEqualTo(4);
    }

    @Test
    void theFirstBatchBoundsWhatABadReleaseCosts() {
        Choice best = best(advisor(6).maxFirstBatch(1));

        assertThat(best.badRelease().bad()).isEqualTo(1);
        assertThat(best.badRelease().capacityTaken()).isZero();
    }

    /** The others are launched once the first is healthy, after 30; with room for four or more it takes 30 + 55. */
    @Test
    void ofTwoEquallyFastOnesTheSmallerPeakIsAdvised() {
        Choice best = best(advisor(4).maxFirstBatch(1));

        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(30 + 55));
        assertThat(best.forecast().peak()).isEqualTo(8);
        assertThat(best).hasToString("ramp 1, 4, then sliding, surge 4, unavailable 0");
    }

    /** The two that the first one leaves are stopped as soon as it is healthy, after 4; two at first hold up the third for longer. */
    @Test
    void aFirstBatchThatIsSmallerThanItMayBeIsAdvisedWhereThatIsFaster() {
        Timings slowToStop = Timings.start(ofSeconds(4)).drain(ofSeconds(7)).stop(ofSeconds(25));

        Choice best = best(PolicyAdvisor.builder(3, slowToStop)
                .minServing(1)
                .maxInstances(4)
                .maxFirstBatch(2));

        assertThat(best).hasToString("ramp 1, 3, then sliding, surge 1, unavailable 2");
        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(50));
    }

    @Test
    void theBaseGivesTheRest() {
        RolloutPolicy base = RolloutPolicy.builder()
                .minReady(Duration.ZERO)
                .maxInstances(5)
                .maxFailedInstances(2)
                .build();

        Choice best = best(advisor(4).base(base));

        assertThat(best.policy().minReady()).isEqualTo(Duration.ZERO);
        assertThat(best.policy().maxFailedInstances()).isEqualTo(base.maxFailedInstances());
        assertThat(best.forecast().limits().orElseThrow().footprint()).isEqualTo(5);
        assertThat(best.forecast().duration()).isEqualTo(ofSeconds(4 * 45));
    }

    @Test
    void whatDoesNotFitIsImpossibleByArithmetic() {
        Advice advice = advisor(7)
                .budget(ResourceBudget.of("db connections", 100, 15))
                .build()
                .advise();

        assertThat(advice.best()).isEmpty();
        assertThat(advice.table())
                .isEqualTo(
                        "impossible: desired must be <= 6 (db connections: (100 slots - 0 reserved) / 15 per instance = "
                                + "6 instances), was 7\n");
    }

    @Test
    void whatCanNeitherLaunchNorStopFirstIsImpossibleByArithmetic() {
        Advice advice = advisor(6).maxInstances(6).build().advise();

        assertThat(advice.impossible())
                .contains("maxInstances 6 - desired 6 = 0 to launch first, desired 6 - minServing 6 = 0 to stop first: "
                        + "nothing could ever be replaced");
    }

    @Test
    void aDeadlineThatNoneKeepsIsImpossibleByArithmetic() {
        RolloutPolicy base =
                RolloutPolicy.builder().startDeadline(ofSeconds(35)).build();

        Advice advice = advisor(3).base(base).build().advise();

        assertThat(advice.impossible().orElseThrow())
                .startsWith("startDeadline must be >= start 30s + admit 0s + minReady 10s = 40s, was 35s");
    }

    @Test
    void runnersUpComeToSomethingElse() {
        Advice advice = advisor(6).minServing(5).maxInstances(8).build().advise();

        assertThat(advice.runnersUp()).hasSizeBetween(1, 3);
        assertThat(advice.table().lines().count())
                .isEqualTo(1 + 2 + advice.runnersUp().size() + 2);
        assertThat(advice.table()).contains("  and of a bad release");
    }

    @Test
    void settingsAreChecked() {
        assertThatIllegalArgumentException().isThrownBy(() -> advisor(0)).withMessage("desired must be >= 1, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> advisor(3).minServing(4))
                .withMessage("minServing must be <= desired (3), was 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> advisor(3).maxFirstBatch(0))
                .withMessage("maxFirstBatch must be >= 1, was 0");
    }

    @Test
    void whatIsAdvisedHoldsToTheMostInstancesWhoeverAsksForIt() {
        assertThat(best(advisor(2).maxInstances(3)).policy().maxInstances()).hasValue(3);
    }

    @Test
    void theSpreadOfStartsIsForecastToo() {
        Timings spread =
                Timings.start(ofSeconds(20), ofSeconds(40)).drain(ofSeconds(5)).stop(ofSeconds(10));

        Choice best = best(PolicyAdvisor.builder(4, spread));

        assertThat(best.forecast()).isEqualTo(Forecast.of(best.policy(), 4, spread));
        assertThat(best).hasToString("sliding 4, surge 4, unavailable 0");
    }

    @Test
    void aDeadlineThatTheSlowestStartMissesIsImpossibleToo() {
        RolloutPolicy base =
                RolloutPolicy.builder().startDeadline(ofSeconds(45)).build();

        Advice advice = PolicyAdvisor.builder(11, Timings.start(ofSeconds(20), ofSeconds(40)))
                .base(base)
                .build()
                .advise();

        assertThat(advice.best()).isEmpty();
        assertThat(advice.impossible().orElseThrow()).startsWith("startDeadline must be >= start 40s");
    }

    @Test
    void theBatchesOfTheBaseAreAdvisedWhereNoneAreFaster() {
        Choice best = best(advisor(1).minServing(0).maxInstances(2));

        assertThat(best).hasToString("ramp 1, 25 %, then sliding, surge 1, unavailable 1");
        assertThat(best.policy().batches()).isEqualTo(RolloutPolicy.defaults().batches());
    }
}
