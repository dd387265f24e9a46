package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a hold does to deadlines, and what is said of a rollout that waits. */
class HoldTest {

    private static Scene startsWithinTwoMinutes() {
        Scene scene = Scene.of(
                2, oneByOne().maxSurge(2).startDeadline(Duration.ofMinutes(2)).build());
        scene.plan();
        return scene.starts("r1-1");
    }

    private static void pause(Scene scene) {
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused by hand"));
    }

    private static void resume(Scene scene) {
        scene.state = scene.state.resume(scene.now);
    }

    // ---- deadlines

    @Test
    void theStartDeadlineStandsStill() {
        Scene scene = startsWithinTwoMinutes();
        scene.plan();
        pause(scene.afterSeconds(60));
        resume(scene.after(Duration.ofHours(1)));

        scene.afterSeconds(59).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.afterSeconds(1).plan();
        assertThat(scene.state.phaseReason().text()).contains("r1-1 is not serving 2m after its launch");
    }

    @Test
    void whatAppearedInTheHoldHasItsWholeTimeFromTheResumeAndNoMore() {
        Scene scene = startsWithinTwoMinutes().comesUp("r1-1").isIn("r1-1");
        scene.plan();
        pause(scene);
        scene.after(Duration.ofMinutes(50)).serving("x", "v2", 0).isOut("x").ill("x");
        scene.plan();
        resume(scene.after(Duration.ofMinutes(10)));

        scene.afterSeconds(119).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.afterSeconds(1).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    // ---- what is said

    @Test
    void theHoldIsSaidBeforeWhatTheInstancesDo() {
        Scene scene = startsWithinTwoMinutes();
        pause(scene);

        scene.plan();

        assertThat(scene.waits()).containsExactly("paused by hand", "r1-1 is starting");
    }

    @Test
    void threeAreNamedAndOfMoreTheFirstThree() {
        Scene three = Scene.of(
                3, oneByOne().batches(Batches.sliding(Quota.of(3))).maxSurge(4).build());
        three.plan();
        assertThat(three.waits()).contains("3 instances (r1-1, r1-2, r1-3): r1-1 is launched and not yet seen");

        Scene four = Scene.of(
                4, oneByOne().batches(Batches.sliding(Quota.of(4))).maxSurge(4).build());
        four.plan();
        assertThat(four.waits()).contains("4 instances (r1-1, r1-2, r1-3, ...): r1-1 is launched and not yet seen");
    }

    @Test
    void theCountsSayWhereEachInstanceStands() {
        Scene scene = Scene.of(
                4, oneByOne().batches(Batches.sliding(Quota.of(2))).maxSurge(3).build());
        scene.plan();
        scene.comesUp("r1-1").starts("r1-2").plan();
        scene.isIn("r1-1").plan();
        scene.drains("a", 1);

        scene.plan();

        assertThat(scene.plan.counts()).isEqualTo(new FleetCounts(7, 4, 1, 2, 3, 1, 0, 0, 0));
    }

    // ---- what is remembered

    @Test
    void aBatchIsDoneOnceItIsWhole() {
        Scene scene = Scene.of(
                2,
                oneByOne()
                        .batches(Batches.fixed(Quota.of(1)).pause(Duration.ofMinutes(1)))
                        .build());
        scene.steps(4);
        assertThat(scene.state.batchesDone()).isZero();

        scene.plan();

        assertThat(scene.state.batchesDone()).isOne();
    }

    @Test
    void theTimesOfTheLastRolloutStandInUntilThisOneHasStartedSomething() {
        Scene scene = Scene.of(1, oneByOne().maxSurge(0).maxUnavailable(1).build());
        scene.steps(3);
        scene.afterSeconds(20).run();
        Timings last = scene.state.timings().orElseThrow();
        assertThat(last.startAtMost()).isGreaterThan(Duration.ofSeconds(19));

        scene.rollTo("v3", 1).steps(2);

        assertThat(scene.state.observed()).as("a drain was seen").isPresent();
        assertThat(scene.state.timings()).contains(last);
        scene.run();
        assertThat(scene.state.timings()).isEqualTo(scene.state.observed());
    }
}
