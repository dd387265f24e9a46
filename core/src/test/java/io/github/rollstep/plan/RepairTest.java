package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Health;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A rollout to the revision that runs already: what was there before and is broken is replaced, and costs nothing of the budget. */
class RepairTest {

    private static final RolloutPolicy POLICY = oneByOne()
            .unhealthyGrace(Duration.ofSeconds(30))
            .startDeadline(Duration.ofMinutes(5))
            .onFailure(FailurePolicy.STOP)
            .build();

    /** Three of v1, and a rollout to v1. */
    private static Scene healing() {
        return Scene.of(3, POLICY).rollTo("v1", 3);
    }

    private static void assertHealed(Scene scene) {
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isZero();
        assertThat(scene.state.history().failed()).doesNotContain("v1");
    }

    @Test
    void replacesWhatHadExitedBefore() {
        Scene scene = healing().exits("b");

        assertThat(scene.plan()).containsExactly("launch r2-1 v1", "terminate b");
        assertThat(scene.plan.failures()).isEmpty();
        assertThat(scene.reasons()).contains("b runs v1 and has exited");
        assertThat(scene.obey().run()).containsExactly("admit r2-1");
        assertHealed(scene);
    }

    @Test
    void replacesAWholeFleetThatHadExitedBefore() {
        Scene scene = healing().exits("a", "b", "c");

        scene.run();

        assertHealed(scene);
        assertThat(scene.fleet.keySet()).containsExactly("r2-1", "r2-2", "r2-3");
    }

    @Test
    void aRevertGetsThroughThoughOneOfTheOldHasExitedSince() {
        Scene scene = Scene.of(3, POLICY);
        scene.steps(1);
        scene.exits("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(FAILED);

        scene.exits("b").rollTo("v1", 3).run();

        assertHealed(scene);
        assertThat(scene.fleet.keySet()).containsExactly("a", "c", "r2-1");
    }

    @Test
    void replacesWhatIsIllBeyondTheGrace() {
        Scene scene = Scene.of(3, POLICY);
        scene.plan();
        scene.rollTo("v1", 3).ill("b").plan();
        assertThat(scene.afterSeconds(29).plan()).doesNotContain("drain b");

        scene.afterSeconds(1).run();

        assertHealed(scene);
        assertThat(scene.fleet.keySet()).contains("a", "c").doesNotContain("b");
    }

    @Test
    void replacesWhatDoesNotServeByTheDeadline() {
        Scene scene = healing().health(Health.unknown("no answer"), "b");
        scene.plan();

        scene.after(Duration.ofMinutes(5)).run();

        assertHealed(scene);
        assertThat(scene.fleet.keySet()).containsExactly("a", "c", "r2-1");
    }

    @Test
    void replacesWhatExitsInTheMiddleAndWasThereBefore() {
        Scene scene = healing().exits("b");
        scene.plan();
        scene.obey().afterSeconds(1).exits("c");

        scene.run();

        assertHealed(scene);
        assertThat(scene.fleet.keySet()).containsExactly("a", "r2-1", "r2-2");
    }

    @Test
    void whatItLaunchesItselfCounts() {
        Scene scene = healing().exits("b");
        scene.plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.obey().afterSeconds(1).exits("r2-1");

        scene.plan();

        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.state.phaseReason().code()).isEqualTo(Code.FAILURE_BUDGET);
    }
}
