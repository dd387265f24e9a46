package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import org.junit.jupiter.api.Test;

/** What old and new instances share while both exist: connections, memory, licences. */
class BudgetsTest {

    private static RolloutPolicy.Builder allAtOnce() {
        return oneByOne().batches(Batches.sliding(Quota.percent(100))).maxSurge(Quota.percent(100));
    }

    private static void rejects(String message, RolloutPolicy.Builder policy) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(policy.build(), 4))
                .withMessage(message);
    }

    @Test
    void theScarcestOfSeveralBindsEveryLaunch() {
        RolloutPolicy policy = allAtOnce()
                .budget(ResourceBudget.of("memory", 64, 8))
                .budget(ResourceBudget.of("db connections", 100, 15, 10))
                .budget(ResourceBudget.of("licences", 7, 1))
                .build();
        Scene scene = Scene.of(4, policy);

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2, launch r1-2 v2",
                        "admit r1-1, admit r1-2",
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-3 v2, launch r1-4 v2",
                        "admit r1-3, admit r1-4",
                        "drain c, drain d",
                        "terminate c, terminate d");
        assertThat(scene.state.extremes().peak())
                .as("6 times 15, and 10 reserved")
                .isEqualTo(6);
    }

    @Test
    void drainingAndStoppingInstancesHoldTheirShare() {
        Scene scene = Scene.of(
                3,
                allAtOnce().budget(ResourceBudget.of("db connections", 75, 15)).build());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2");
        scene.obey().plan();
        scene.obey();
        assertThat(scene.plan()).containsExactly("drain a", "drain b");

        assertThat(scene.drains("a", 2).drains("b", 0).plan()).containsExactly("terminate b");
        assertThat(scene.stops("b").plan())
                .as("one drains, one stops, all 75 are taken")
                .isEmpty();
        assertThat(scene.waits())
                .contains("surge cap 5 of 5 (db connections: (75 slots - 0 reserved) / 15 per instance = 5 instances): "
                        + "a is draining, open requests: 2");
        assertThat(scene.gone("b").plan()).containsExactly("launch r1-3 v2");
    }

    @Test
    void instancesThatFailedAndStillExistHoldTheirShare() {
        Scene scene = Scene.of(
                2,
                allAtOnce()
                        .maxFailedInstances(3)
                        .budget(ResourceBudget.of("db connections", 45, 15))
                        .build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1");
        assertThat(scene.plan()).containsExactly("terminate r1-1");

        assertThat(scene.afterSeconds(5).stops("r1-1").plan()).isEmpty();
        assertThat(scene.gone("r1-1").plan()).containsExactly("launch r1-2 v2");
    }

    @Test
    void aBudgetThatTheDesiredCountDoesNotFitIsRejectedWithTheArithmetic() {
        rejects(
                "footprint must be >= desired (4), was 3: "
                        + "db connections: (60 slots - 5 reserved) / 15 per instance = 3 instances",
                oneByOne().budget(ResourceBudget.of("db connections", 60, 15, 5)));
    }

    @Test
    void aBudgetThatASurgeOfOneDoesNotFitIsRejectedWithTheArithmetic() {
        rejects(
                "footprint must be > desired - maxUnavailable (4), was 4: "
                        + "db connections: (70 slots - 0 reserved) / 15 per instance = 4 instances; "
                        + "nothing could ever be replaced",
                oneByOne().budget(ResourceBudget.of("db connections", 70, 15)));
    }

    @Test
    void fallsBackToStopFirstWhereUnavailabilityIsAllowed() {
        RolloutPolicy policy = oneByOne()
                .maxUnavailable(1)
                .budget(ResourceBudget.of("db connections", 40, 15))
                .build();
        Scene scene = Scene.of(2, policy);

        assertThat(scene.run())
                .containsExactly(
                        "drain a",
                        "terminate a",
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2",
                        "admit r1-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.extremes().peak()).isEqualTo(2);
    }

    @Test
    void theRollBackHoldsToTheBudgetToo() {
        Scene scene = Scene.of(
                2,
                allAtOnce().budget(ResourceBudget.of("db connections", 45, 15)).build());
        scene.runFor(6);
        assertThat(scene.fleet.keySet()).containsExactly("b", "r1-1", "r1-2");

        scene.state = scene.state.rollBack(scene.now, Reason.of(Reason.Code.BY_HAND, "by hand"));

        assertThat(scene.run())
                .containsExactly(
                        "drain r1-2", "terminate r1-2", "launch r1-3 v1", "admit r1-3", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.extremes().peak()).isEqualTo(3);
    }
}
