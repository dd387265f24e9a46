package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.AWAITING_APPROVAL;
import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How many go together, what stands between two batches, and what comes after the last one. */
class BatchingTest {

    private static RolloutPolicy.Builder batches(Batches batches) {
        return oneByOne().batches(batches).maxSurge(Quota.percent(100));
    }

    /** How many were launched in each step that launched any. */
    private static List<Long> launches(List<String> lines) {
        return lines.stream()
                .map(line -> line.split("launch", -1).length - 1L)
                .filter(count -> count > 0)
                .toList();
    }

    // ---- sizes

    @Test
    void aSlidingBatchRefillsWhatServes() {
        Scene scene = Scene.of(
                5, oneByOne().batches(Batches.sliding(Quota.of(2))).maxSurge(2).build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2, launch r1-2 v2",
                        "admit r1-1, admit r1-2",
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-3 v2, launch r1-4 v2",
                        "admit r1-3, admit r1-4",
                        "drain c, drain d",
                        "terminate c, terminate d",
                        "launch r1-5 v2",
                        "admit r1-5",
                        "drain e",
                        "terminate e");
    }

    @Test
    void aSlidingBatchWaitsForNoneThatLags() {
        Scene scene = Scene.of(4, batches(Batches.sliding(Quota.of(2))).build());
        scene.plan();
        scene.comesUp("r1-1").starts("r1-2").plan();

        assertThat(scene.isIn("r1-1").plan()).containsExactly("launch r1-3 v2", "drain a");
    }

    @Test
    void aFixedBatchWaitsForTheLastOfIt() {
        Scene scene = Scene.of(4, batches(Batches.fixed(Quota.of(2))).build());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2");
        scene.comesUp("r1-1").starts("r1-2").plan();

        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain a");
        assertThat(scene.obey().plan()).containsExactly("terminate a");
        assertThat(scene.obey().plan()).as("r1-2 lags").isEmpty();
        assertThat(scene.waits()).contains("r1-2 is starting");

        scene.comesUp("r1-2").plan();
        scene.isIn("r1-2").plan();
        scene.obey().plan();
        assertThat(scene.obey().plan()).containsExactly("launch r1-3 v2", "launch r1-4 v2");
    }

    @Test
    void fixedBatchesEndWithTheRest() {
        Scene scene = Scene.of(5, batches(Batches.fixed(Quota.of(2))).build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2, launch r1-2 v2",
                        "admit r1-1, admit r1-2",
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-3 v2, launch r1-4 v2",
                        "admit r1-3, admit r1-4",
                        "drain c, drain d",
                        "terminate c, terminate d",
                        "launch r1-5 v2",
                        "admit r1-5",
                        "drain e",
                        "terminate e");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void theLastSizeOfARampRepeats() {
        Scene scene =
                Scene.of(6, batches(Batches.ramp(Quota.of(1), Quota.of(2))).build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2, launch r1-3 v2",
                        "admit r1-2, admit r1-3",
                        "drain b, drain c",
                        "terminate b, terminate c",
                        "launch r1-4 v2, launch r1-5 v2",
                        "admit r1-4, admit r1-5",
                        "drain d, drain e",
                        "terminate d, terminate e",
                        "launch r1-6 v2",
                        "admit r1-6",
                        "drain f",
                        "terminate f");
    }

    @Test
    void sizesInPercentRoundUp() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.percent(5), Quota.percent(25));
        Scene scene = Scene.of(21, batches(ramp).build());

        assertThat(launches(scene.run())).containsExactly(1L, 2L, 6L, 6L, 6L);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void doublingDoublesUpToItsMostWhichRepeats() {
        Scene scene = Scene.of(17, batches(Batches.doubling(Quota.of(4))).build());

        assertThat(launches(scene.run())).containsExactly(1L, 2L, 4L, 4L, 4L, 2L);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aBatchLargerThanTheSurgeIsLaunchedAsRoomComesFreeAndIsStillOneBatch() {
        Scene scene = Scene.of(
                4,
                batches(Batches.fixed(Quota.of(3)).pause(Duration.ofMinutes(1)))
                        .maxSurge(2)
                        .build());

        assertThat(scene.runFor(30))
                .containsExactly(
                        "launch r1-1 v2, launch r1-2 v2",
                        "admit r1-1, admit r1-2",
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.waits()).contains("pause before batch 2");
    }

    // ---- then sliding

    @Test
    void theSlidingPartIsLaunchedOnceTheFirstIsHealthyButOldOnesLeaveAfterTheSoak() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding();
        Scene scene = Scene.of(
                4, batches(ramp).maxSurge(3).minReady(Duration.ofSeconds(10)).build());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.starts("r1-1").plan()).isEmpty();
        assertThat(scene.comesUp("r1-1").plan())
                .as("healthy")
                .containsExactly("admit r1-1", "launch r1-2 v2", "launch r1-3 v2");

        assertThat(scene.isIn("r1-1").plan()).as("in").isEmpty();
        scene.starts("r1-2").starts("r1-3");
        assertThat(scene.afterSeconds(9).plan()).as("r1-1 soaks").isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
        assertThat(scene.obey().plan()).containsExactly("terminate a");
        assertThat(scene.obey().plan()).containsExactly("launch r1-4 v2");
    }

    @Test
    void theSlidingPartWaitsForTheSoakIfAGateStandsBefore() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding();
        Scene scene = Scene.of(4, batches(ramp).minReady(Duration.ofSeconds(10)).build());
        scene.gate("errors", Verdict.pass()).plan();
        scene.comesUp("r1-1").plan();

        assertThat(scene.isIn("r1-1").plan()).isEmpty();
        assertThat(scene.afterSeconds(10).plan()).containsExactly("drain a");
        assertThat(scene.obey().plan()).containsExactly("terminate a");
        assertThat(scene.obey().plan()).containsExactly("launch r1-2 v2", "launch r1-3 v2", "launch r1-4 v2");
    }

    @Test
    void theSlidingPartWaitsForThePauseBeforeIt() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding().pause(Duration.ofMinutes(1));
        Scene scene = Scene.of(4, batches(ramp).build());

        assertThat(scene.runFor(60)).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
        assertThat(scene.waits()).contains("pause before batch 2");
        assertThat(scene.runFor(6)).startsWith("launch r1-2 v2, launch r1-3 v2, launch r1-4 v2");
    }

    @Test
    void theSlidingPartWaitsForTheApprovalBeforeIt() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding();
        Scene scene = Scene.of(4, batches(ramp).approveAfter(1).build());

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
    }

    @Test
    void theSlidingPartWaitsForTheResumeBeforeIt() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding();
        Scene scene = Scene.of(4, batches(ramp).pauseAfter(1).build());

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
    }

    @Test
    void launchingAheadDoesNotPassThePointOfNoReturn() {
        Batches ramp = Batches.ramp(Quota.of(1), Quota.of(3)).thenSliding();
        Scene scene = Scene.of(
                4,
                batches(ramp)
                        .minReady(Duration.ofSeconds(10))
                        .forwardOnlyAfter(1)
                        .build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();

        scene.afterSeconds(5).exits("r1-1").plan();

        assertThat(scene.state.phase()).as("batch 1 was never done").isEqualTo(ROLLING_BACK);
    }

    @Test
    void theRecommendedDefaultRisksOneInstance() {
        Scene scene = Scene.of(20, RolloutPolicy.defaults());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.comesUp("r1-1").ill("r1-1").plan()).isEmpty();

        assertThat(scene.after(Duration.ofMinutes(5)).plan()).containsExactly("terminate r1-1");
        assertThat(scene.obey().plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.extremes().fewestServing()).hasValue(20);
    }

    // ---- between two

    @Test
    void pausesBetweenBatchesAndNotAfterTheLast() {
        Scene scene = Scene.of(
                2,
                batches(Batches.fixed(Quota.of(1)).pause(Duration.ofMinutes(1))).build());

        assertThat(scene.runFor(64)).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
        assertThat(scene.run()).containsExactly("launch r1-2 v2", "admit r1-2", "drain b", "terminate b");
        assertThat(scene.now).isBefore(Scene.START.plusSeconds(75));
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFailureInThePauseBetweenTwoBatchesIsNotHidden() {
        Scene scene = Scene.of(
                3,
                batches(Batches.fixed(Quota.of(1)).pause(Duration.ofHours(1))).build());
        scene.runFor(600);
        scene.exits("r1-1");

        assertThat(scene.run()).containsExactly("terminate r1-1", "launch r1-2 v1", "admit r1-2");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void noDeadlineRunsInAPauseBetweenBatches() {
        Scene scene = Scene.of(
                2,
                batches(Batches.fixed(Quota.of(1)).pause(Duration.ofHours(3))).build());

        scene.runFor(10);
        scene.after(Duration.ofHours(3)).run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    // ---- after the last

    @Test
    void bakesAfterTheLastBatch() {
        Scene scene = Scene.of(1, oneByOne().bake(Duration.ofMinutes(30)).build());
        scene.runFor(5);

        assertThat(scene.runFor(1799)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.waits()).containsExactly("bakes 30m, until 2026-11-24T00:30:04Z");
        assertThat(scene.plan.wakeAt()).contains(Scene.START.plusSeconds(1804));
        scene.runFor(1);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFleetThatSomebodyElseReplacesBakesNevertheless() {
        Scene scene = Scene.of(
                2,
                batches(Batches.fixed(Quota.of(1))).bake(Duration.ofMinutes(30)).build());
        scene.plan();
        scene.comesUp("r1-1").isIn("r1-1").serving("x", "v2", 2000).gone("a", "b");

        assertThat(scene.runFor(1800)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFailureWhileItBakesRollsBack() {
        Scene scene = Scene.of(
                2,
                batches(Batches.sliding(Quota.of(2)))
                        .bake(Duration.ofMinutes(30))
                        .build());
        scene.runFor(1500);
        scene.ill("r1-2");

        assertThat(scene.runFor(30)).isEmpty();
        assertThat(scene.runFor(10))
                .containsExactly(
                        "launch r1-3 v1, launch r1-4 v1, drain r1-2",
                        "admit r1-3, admit r1-4, terminate r1-2",
                        "drain r1-1",
                        "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.history().verified()).isEmpty();
    }

    @Test
    void aFailureWithinTheBudgetIsReplacedWhileItBakes() {
        Scene scene = Scene.of(
                2, oneByOne().bake(Duration.ofMinutes(30)).maxFailedInstances(1).build());
        scene.runFor(600);
        scene.exits("r1-1");

        assertThat(scene.run()).containsExactly("terminate r1-1", "launch r1-3 v2", "admit r1-3");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    // ---- back

    @Test
    void aRollBackGoesAtItsOwnPaceWithoutBakingAndPausesNowhere() {
        Scene scene = Scene.of(
                4,
                batches(Batches.fixed(Quota.of(1)))
                        .bake(Duration.ofHours(1))
                        .pauseAfter(4)
                        .build());
        scene.runFor(30);
        scene.after(Duration.ofHours(1)).plan();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.runFor(10))
                .containsExactly(
                        "launch r1-5 v1, launch r1-6 v1, launch r1-7 v1, launch r1-8 v1",
                        "admit r1-5, admit r1-6, admit r1-7, admit r1-8",
                        "drain r1-4, drain r1-3, drain r1-2, drain r1-1",
                        "terminate r1-1, terminate r1-2, terminate r1-3, terminate r1-4");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }
}
