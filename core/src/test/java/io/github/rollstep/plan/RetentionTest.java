package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Replaced instances that are kept for a roll-back, and rollouts that have no way back. */
class RetentionTest {

    private static final Duration KEPT = Duration.ofMinutes(30);

    private static RolloutPolicy.Builder retaining() {
        return oneByOne().maxSurge(2).retainOld(KEPT);
    }

    /** r1-1 and r1-2 serve, a and b are kept. */
    private static Scene replaced() {
        Scene scene = Scene.of(2, retaining().build());
        assertThat(scene.steps(6))
                .containsExactly("launch r1-1 v2", "admit r1-1", "launch r1-2 v2, drain a", "admit r1-2", "drain b");
        return scene;
    }

    // ---- kept

    @Test
    void replacedOnesAreDrainedAndKeptRunningAndGoAfterTheTime() {
        Scene scene = replaced();
        assertThat(scene.fleet.keySet()).containsExactly("a", "b", "r1-1", "r1-2");
        assertThat(scene.plan.counts().kept()).isEqualTo(2);
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
        assertThat(scene.waits()).contains("2 instances (a, b): a is kept for a roll-back");

        scene.now = scene.now.plus(KEPT).minusSeconds(4);
        assertThat(scene.plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate a");
        assertThat(scene.reasons()).containsExactly("a was kept long enough");
        scene.obey().afterSeconds(1);
        assertThat(scene.state.phase()).as("b is still kept").isEqualTo(ROLLING);
        assertThat(scene.run()).containsExactly("terminate b");
        assertThat(scene.state.phaseReason().text()).isEqualTo("2 of 2 serve v2");
    }

    @Test
    void theStallDeadlineDoesNotStrikeWhileOldOnesAreKept() {
        Scene scene = replaced();

        assertThat(scene.run()).containsExactly("terminate a", "terminate b");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(Duration.between(Scene.START, scene.now)).isGreaterThan(KEPT);
    }

    @Test
    void norDoesItBesideAPartition() {
        Scene scene = Scene.of(3, retaining().partition(1).build());

        assertThat(scene.runFor(1200)).noneMatch(line -> line.contains("terminate"));
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFleetThatIsNotSeenMeanwhileHasNotStalled() {
        Scene scene = replaced();
        scene.plan();

        scene.after(Duration.ofMinutes(20));
        scene.plan(FleetSnapshot.blind(scene.now, scene.platform, "timed out"));

        assertThat(scene.state.phase()).isEqualTo(ROLLING);
    }

    @Test
    void theStallDeadlineBeginsAnewWhenTheTimeIsOver() {
        Scene scene = Scene.of(1, retaining().build());
        scene.steps(5);
        assertThat(scene.after(KEPT).plan()).containsExactly("terminate a");
        scene.stops("a").afterSeconds(1).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);

        scene.after(Duration.ofMinutes(9)).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.after(Duration.ofMinutes(2)).plan();
        assertThat(scene.state.phaseReason().code()).isEqualTo(Code.STALLED);
    }

    @Test
    void whatIsKeptHidesNoStallOfTheRest() {
        Scene scene = Scene.of(2, retaining().build());
        scene.steps(4);
        assertThat(scene.plan()).containsExactly("drain b");
        assertThat(scene.plan.counts().kept()).isOne();

        for (int i = 0; i < 10; i++) {
            scene.after(Duration.ofMinutes(1)).plan();
        }

        assertThat(scene.state.phaseReason().text())
                .as("the router ignores the drain of b")
                .startsWith("no progress for 10m");
    }

    @Test
    void aKeptOneGoesWhenItsRoomIsNeeded() {
        Scene scene = Scene.of(3, retaining().maxSurge(1).build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain b",
                        "terminate b",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.extremes().peak()).isEqualTo(4);
        assertThat(Duration.between(Scene.START, scene.now))
                .as("the last one had room")
                .isGreaterThan(KEPT);
    }

    @Test
    void ofThoseThatAreKeptTheFirstGoesForRoom() {
        Scene scene = Scene.of(3, retaining().build());

        assertThat(scene.steps(6))
                .as("five may exist")
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "launch r1-2 v2, drain a",
                        "admit r1-2",
                        "terminate a",
                        "launch r1-3 v2, drain b");
        assertThat(scene.plan.counts().kept()).isZero();
    }

    @Test
    void anIllKeptOneGoesAtOnce() {
        Scene scene = replaced().ill("a");

        assertThat(scene.plan()).containsExactly("terminate a");
        assertThat(scene.reasons()).containsExactly("a was kept and is unhealthy (HTTP 503)");
        scene.obey().exits("b");
        assertThat(scene.plan()).containsExactly("terminate b");
        scene.obey().plan();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void oneThatIsIllWhenItIsReplacedIsNotKept() {
        Scene scene = Scene.of(1, retaining().build()).ill("a");

        assertThat(scene.run()).containsExactly("launch r1-1 v2, drain a", "admit r1-1, terminate a");
        assertThat(Duration.between(Scene.START, scene.now)).isLessThan(KEPT);
    }

    @Test
    void whatASupersededRolloutLeftHalfRolledIsNotKept() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.policy = retaining().build();
        scene.rollTo("v3", 2);

        assertThat(scene.steps(9))
                .containsExactly(
                        "launch r2-1 v3",
                        "admit r2-1",
                        "launch r2-2 v3, drain r1-1",
                        "admit r2-2, terminate r1-1",
                        "drain b");
        assertThat(scene.fleet.keySet()).containsExactly("b", "r2-1", "r2-2");
    }

    @Test
    void aKeptOneThatTheRouterLetsInIsDrainedAgain() {
        Scene scene = replaced().isIn("a");

        assertThat(scene.plan()).containsExactly("drain a");
        scene.obey().afterSeconds(1);
        assertThat(scene.plan()).isEmpty();
        assertThat(scene.plan.counts().kept()).isEqualTo(2);
    }

    @Test
    void aKeptOneThatVanishesIsNoFailure() {
        Scene scene = replaced().gone("a", "b");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void whatIsKeptStaysWhilePausedHoweverLongSoThatARollBackHasItBack() {
        Scene scene = replaced();
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.after(KEPT.multipliedBy(2)).plan()).isEmpty();

        assertThat(scene.rollBackByHand().plan()).containsExactly("admit a", "admit b");
    }

    // ---- had back

    @Test
    void aRollBackHasThemBackAtOnceAndLaunchesNothing() {
        Scene scene = replaced();

        assertThat(scene.rollBackByHand().run())
                .containsExactly("admit a, admit b", "drain r1-2, drain r1-1", "terminate r1-1, terminate r1-2");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.extremes().fewestServing()).hasValue(2);
    }

    @Test
    void aFailureHasThemBackByItself() {
        Scene scene = replaced().exits("r1-2");

        assertThat(scene.plan())
                .as("a and b, and not one of them is launched")
                .containsExactly("admit a", "admit b", "terminate r1-2");
        assertThat(scene.obey().run()).containsExactly("drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void aRollBackLaunchesOnlyWhatIsNotKeptAnyMore() {
        Scene scene = replaced().ill("a");
        scene.plan();
        scene.obey().afterSeconds(1);

        assertThat(scene.rollBackByHand().run())
                .containsExactly(
                        "admit b, launch r1-3 v1",
                        "admit r1-3, drain r1-2",
                        "terminate r1-2, drain r1-1",
                        "terminate r1-1");
    }

    @Test
    void supersedingWithTheOldRevisionHasThemBackToo() {
        Scene scene = replaced().rollTo("v1", 2);

        assertThat(scene.run())
                .containsExactly("admit a, admit b", "drain r1-1", "terminate r1-1", "drain r1-2", "terminate r1-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void anIllKeptOneIsNotHadBack() {
        Scene scene = replaced().health(Health.unknown("no answer"), "a").rollBackByHand();

        assertThat(scene.plan()).containsExactly("admit b", "terminate a");
    }

    // ---- no way back

    @Test
    void forwardOnlyPausesInsteadOfRollingBack() {
        Scene scene = Scene.of(3, oneByOne().forwardOnly().build());
        scene.steps(4);
        scene.plan();
        scene.starts("r1-2").exits("r1-2");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("1 failed, at most 0 may: r1-2 exited: no detail; there is no way back (forwardOnly)");

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.run())
                .containsExactly(
                        "terminate r1-2",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain b",
                        "terminate b",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void forwardOnlyAfterTwoBatchesRollsBackBeforeAndPausesThen() {
        RolloutPolicy policy = oneByOne()
                .batches(Batches.fixed(Quota.of(1)))
                .forwardOnlyAfter(2)
                .build();
        for (int batches : List.of(1, 2)) {
            Scene scene = Scene.of(3, policy);
            scene.steps(4 * batches);
            assertThat(scene.plan()).containsExactly("launch r1-%d v2".formatted(batches + 1));
            assertThat(scene.state.batchesDone()).isEqualTo(batches);
            scene.starts("r1-" + (batches + 1)).exits("r1-" + (batches + 1)).plan();

            assertThat(scene.state.phase()).isEqualTo(batches < 2 ? ROLLING_BACK : PAUSED);
        }
    }

    @Test
    void forwardOnlyPausesAlsoForAStallAndForACallThatCanNeverSucceed() {
        Scene scene = Scene.of(1, oneByOne().forwardOnly().build());
        scene.plan(scene.snapshot().withFault("no such image"));
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.state.phaseReason().code()).isEqualTo(Code.FAULT);

        Scene stalled =
                Scene.of(1, oneByOne().maxFailedInstances(9).forwardOnly().build());
        stalled.plan();
        stalled.after(Duration.ofMinutes(10)).plan();
        assertThat(stalled.state.phase()).isEqualTo(PAUSED);
        assertThat(stalled.state.phaseReason().code()).isEqualTo(Code.STALLED);
    }

    @Test
    void forwardOnlyDoesNotSoftenTheFailurePolicyStop() {
        Scene scene = Scene.of(
                1, oneByOne().forwardOnly().onFailure(FailurePolicy.STOP).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();

        assertThat(scene.state.phase()).isEqualTo(RolloutPhase.FAILED);
    }
}
