package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Quota;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** How a rollout ends or turns back, what it says then, and what is remembered of it. */
class EndTest {

    // ---- what is remembered

    @Test
    void aRevisionThatFailedIsRememberedUntilItSucceeds() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();
        assertThat(scene.state.history().failed()).containsExactly("v2");
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);

        scene.rollTo("v2", 1).run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.history().failed()).isEmpty();
    }

    @Test
    void aRollBackThatFailsSaysNothingAgainstTheRevisionFromBefore() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.steps(4);
        scene.rollBackByHand();

        scene.plan(scene.snapshot().withFault("no such image"));

        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.state.history().failed()).isEmpty();
    }

    // ---- what is said

    private static String endOf(int instances) {
        Scene scene =
                Scene.of(instances, oneByOne().onFailure(FailurePolicy.STOP).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(FAILED);
        return scene.state.phaseReason().text();
    }

    @Test
    void anEndNamesTwentyInstancesAndCountsTheRest() {
        assertThat(endOf(19))
                .contains("a runs v1 (is serving)", "s runs v1 (is serving)")
                .endsWith("r1-1 runs v2 (has exited)");
        assertThat(endOf(25))
                .contains("t runs v1 (is serving)")
                .doesNotContain("u runs")
                .endsWith(" and 6 more");
    }

    @Test
    void anEndThatNobodySawSaysSo() {
        Scene scene = Scene.of(2, oneByOne().onFailure(FailurePolicy.STOP).build());
        scene.plan();

        scene.after(Duration.ofMinutes(10));
        scene.plan(FleetSnapshot.blind(scene.now, scene.platform, "timed out"));

        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("no progress for 10m; the fleet cannot be seen: timed out");
    }

    // ---- turning back

    @Test
    void whatStillDrainsServesAgainInTheStepThatTurnsBackForAStall() {
        Scene scene =
                Scene.of(2, oneByOne().drainDeadline(Duration.ofMinutes(5)).build());
        scene.steps(3);
        scene.drains("a", 3);
        assertThat(scene.waits()).isNotEmpty();

        assertThat(scene.after(Duration.ofMinutes(10)).plan())
                .as("its drain deadline has passed, but it is wanted again")
                .containsExactly("admit a");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    // ---- a failure that somebody resumed

    @Test
    void theBakeGoesOnAfterAFailureThatSomebodyResumed() {
        Scene scene = Scene.of(
                1,
                oneByOne()
                        .bake(Duration.ofHours(1))
                        .onFailure(FailurePolicy.PAUSE)
                        .build());
        scene.runFor(60);
        scene.exits("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);

        scene.state = scene.state.resume(scene.now);

        assertThat(scene.run()).containsExactly("terminate r1-1", "launch r1-2 v2", "admit r1-2");
        assertThat(scene.state.phaseReason().text()).isEqualTo("1 of 1 serve v2");
        assertThat(scene.now).isAfter(Scene.START.plus(Duration.ofHours(1)));
    }

    @Test
    void thePauseBetweenTwoBatchesGoesOnAfterAFailureThatSomebodyResumed() {
        Scene scene = Scene.of(
                2,
                oneByOne()
                        .batches(Batches.fixed(Quota.of(1)).pause(Duration.ofHours(1)))
                        .onFailure(FailurePolicy.PAUSE)
                        .build());
        scene.runFor(60);
        scene.plan(scene.snapshot().withFault("quota exceeded"));
        assertThat(scene.state.phaseReason().code()).isEqualTo(Code.FAULT);

        scene.state = scene.state.resume(scene.now);

        assertThat(scene.runFor(1800)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.waits()).contains("pause before batch 2");
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void theHundredRevisionsThatFailedLastAreRemembered() {
        Scene scene = Scene.of(1, oneByOne().onFailure(FailurePolicy.STOP).build());
        fail(scene);
        for (int i = 3; i <= 102; i++) {
            fail(scene.rollTo("v" + i, 1));
        }
        assertThat(scene.state.history().failed()).hasSize(100).startsWith("v3").endsWith("v102");

        fail(scene.rollTo("v3", 1));
        fail(scene.rollTo("v103", 1));

        assertThat(scene.state.history().failed()).hasSize(100).startsWith("v5").endsWith("v102", "v3", "v103");
    }

    private static void fail(Scene scene) {
        while (!scene.state.phase().isFinal()) {
            scene.plan();
            scene.obey().plan.actions().stream()
                    .filter(action -> action instanceof Action.Launch)
                    .map(action -> ((Action.Launch) action).token().value())
                    .forEach(scene::exits);
            scene.afterSeconds(1);
        }
    }
}
