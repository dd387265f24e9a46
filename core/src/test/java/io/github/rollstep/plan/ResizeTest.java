package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.AWAITING_APPROVAL;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.Extremes;
import java.time.Duration;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Another desired count in the middle of a rollout. */
class ResizeTest {

    private static final Duration PAUSE = Duration.ofMinutes(5);

    private static RolloutPolicy pairs() {
        return oneByOne()
                .batches(Batches.fixed(Quota.of(2)).pause(PAUSE))
                .maxSurge(2)
                .bake(PAUSE)
                .build();
    }

    // ---- growing

    @Test
    void growthIsLaunchedInTheNewRevisionOnceItHasProvedItself() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.resizeTo(5).starts("r1-1").plan();
        assertThat(scene.waits()).contains("grows from 3 to 5 once v2 has proved itself");

        assertThat(scene.comesUp("r1-1").run())
                .containsExactly(
                        "admit r1-1",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain a",
                        "terminate a",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain b",
                        "terminate b",
                        "launch r1-5 v2",
                        "admit r1-5",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.phaseReason().text()).isEqualTo("5 of 5 serve v2");
        assertThat(scene.state.extremes()).isEqualTo(new Extremes(6, OptionalInt.of(3)));
    }

    @Test
    void aRevisionThatNeverProvesItselfIsNotGrownAndItsRollBackGrowsTheOldOne() {
        Scene scene = Scene.of(
                3, oneByOne().batches(Batches.sliding(Quota.of(9))).maxSurge(3).build());
        assertThat(scene.resizeTo(6).plan())
                .as("not more than the three that were planned")
                .containsExactly("launch r1-1 v2", "launch r1-2 v2", "launch r1-3 v2");
        scene.starts("r1-1").starts("r1-2").starts("r1-3").exits("r1-1");

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        scene.obey().afterSeconds(1);
        assertThat(scene.run())
                .containsExactly(
                        "launch r1-4 v1, launch r1-5 v1, launch r1-6 v1, terminate r1-2, terminate r1-3",
                        "admit r1-4, admit r1-5, admit r1-6");
        assertThat(scene.state.phaseReason().text()).isEqualTo("6 of 6 serve v1");
    }

    @Test
    void growthStopsFirstWhereThereIsRoom() {
        Scene scene = Scene.of(2, oneByOne().maxSurge(0).maxUnavailable(1).build());
        scene.plan();
        scene.obey().afterSeconds(1);

        assertThat(scene.resizeTo(4).run())
                .containsExactly(
                        "launch r1-1 v2, terminate a",
                        "admit r1-1",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain b",
                        "terminate b",
                        "launch r1-4 v2",
                        "admit r1-4");
        assertThat(scene.state.extremes().peak()).isEqualTo(4);
    }

    @Test
    void growthBesideAPartitionProvesItselfWithOne() {
        Scene scene = Scene.of(4, oneByOne().partition(Quota.percent(50)).build());
        scene.resizeTo(10);

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        scene.obey();
        assertThat(scene.run())
                .containsExactly(
                        "admit r1-1",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "launch r1-5 v2",
                        "admit r1-5",
                        "launch r1-6 v2",
                        "admit r1-6");
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("6 of 10 serve v2, a partial rollout: 4 stay as they were, on purpose");
    }

    @Test
    void barriersStandAlsoForGrowth() {
        Scene scene = Scene.of(
                4, oneByOne().batches(Batches.fixed(Quota.of(2))).maxSurge(2).build());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "r1-1", "r1-2");

        assertThat(scene.resizeTo(8).run())
                .containsExactly(
                        "launch r1-3 v2, launch r1-4 v2",
                        "admit r1-3, admit r1-4",
                        "launch r1-5 v2, launch r1-6 v2",
                        "admit r1-5, admit r1-6",
                        "launch r1-7 v2, launch r1-8 v2",
                        "admit r1-7, admit r1-8",
                        "drain c, drain d",
                        "terminate c, terminate d");
        assertThat(scene.state.extremes()).isEqualTo(new Extremes(10, OptionalInt.of(4)));
    }

    @Test
    void growthInTheBakeIsLaunchedAndWatchedAsLong() {
        Scene scene = Scene.of(2, oneByOne().bake(PAUSE).build());
        scene.steps(9);
        assertThat(scene.waitCodes()).containsExactly(Code.BAKE);
        scene.after(Duration.ofMinutes(4)).resizeTo(3);

        assertThat(scene.steps(3)).containsExactly("launch r1-3 v2", "admit r1-3");
        assertThat(scene.waitCodes()).containsExactly(Code.BAKE);
        assertThat(scene.plan.wakeAt()).contains(scene.now.minusSeconds(1).plus(PAUSE));
        assertThat(scene.run()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void growthInARollBackIsOfTheOldRevision() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.rollBackByHand().resizeTo(3);

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-2 v1, launch r1-3 v1", "admit r1-2, admit r1-3", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void nothingGrowsWhilePaused() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.resizeTo(4).plan()).isEmpty();

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.plan()).containsExactly("launch r1-2 v2");
    }

    // ---- shrinking

    @Test
    void shrinkingTakesOutdatedOnesAndLaunchesNothingForThem() {
        Scene scene = Scene.of(5, oneByOne().build());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "d", "e", "r1-1");

        assertThat(scene.resizeTo(2).run())
                .containsExactly(
                        "drain b",
                        "terminate b",
                        "drain c",
                        "terminate c",
                        "drain d",
                        "terminate d",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain e",
                        "terminate e");
        assertThat(scene.state.extremes()).isEqualTo(new Extremes(6, OptionalInt.of(2)));
    }

    @Test
    void shrinkingTakesOutdatedOnesBeforeAnyOfTheNewRevision() {
        Scene scene = Scene.of(5, oneByOne().build());
        scene.steps(12);
        assertThat(scene.fleet.keySet()).containsExactly("d", "e", "r1-1", "r1-2", "r1-3");

        assertThat(scene.resizeTo(2).run())
                .containsExactly("drain d", "terminate d", "drain e", "terminate e", "drain r1-3", "terminate r1-3");
    }

    @Test
    void shrinkingTakesAnIllOneOfTheNewRevisionBeforeThoseThatServe() {
        Scene scene = Scene.of(4, oneByOne().build());
        scene.steps(14);
        assertThat(scene.fleet.keySet()).containsExactly("d", "r1-1", "r1-2", "r1-3", "r1-4");
        scene.ill("r1-2").resizeTo(3);

        assertThat(scene.run()).containsExactly("drain r1-2", "terminate r1-2", "drain d", "terminate d");
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void shrinkingWhileALaunchIsOpenTakesNoneThatServesTheNewRevision() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(8);
        assertThat(scene.plan()).containsExactly("launch r1-3 v2");
        scene.resizeTo(2);

        assertThat(scene.plan()).containsExactly("drain c");
        assertThat(scene.isOut("c").starts("r1-3").plan()).containsExactly("terminate c");
        assertThat(scene.obey().run()).containsExactly("terminate r1-3");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void shrinkingNeverGoesBelowTheNewFloor() {
        Scene scene = Scene.of(
                4,
                oneByOne()
                        .batches(Batches.sliding(Quota.of(4)))
                        .maxUnavailable(1)
                        .build());
        scene.steps(2);
        scene.resizeTo(3);

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.fleet).hasSize(3);
        assertThat(scene.state.extremes().fewestServing()).hasValue(2);
    }

    @Test
    void shrinkingToWhatServesTheNewRevisionEndsWithoutAnotherLaunch() {
        Scene scene = Scene.of(4, pairs());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "r1-1", "r1-2");

        assertThat(scene.resizeTo(2).run()).containsExactly("drain c, drain d", "terminate c, terminate d");
        assertThat(scene.state.phaseReason().text()).isEqualTo("2 of 2 serve v2");
    }

    // ---- while it waits

    @Test
    void aResizeBetweenTwoBatchesDoesNotBeginThePauseAnew() {
        Scene scene = Scene.of(6, pairs());
        scene.steps(5);
        assertThat(scene.waitCodes()).contains(Code.BATCH_PAUSE);
        scene.after(Duration.ofMinutes(4));
        for (int desired : new int[] {7, 9, 8, 6}) {
            scene.resizeTo(desired).afterSeconds(14);
            assertThat(scene.plan()).isEmpty();
        }

        assertThat(scene.afterSeconds(4).plan()).containsExactly("launch r1-3 v2", "launch r1-4 v2");
    }

    @Test
    void shrinkingDoesNotBeginTheBakeAnew() {
        Scene scene = Scene.of(4, oneByOne().bake(PAUSE).build());
        scene.steps(17);
        assertThat(scene.waitCodes()).containsExactly(Code.BAKE);
        scene.after(Duration.ofMinutes(4)).resizeTo(3);

        assertThat(scene.steps(3)).containsExactly("drain r1-4", "terminate r1-4");
        scene.afterSeconds(57).plan();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void shrinkingToTheEndBakesForTheWholeTime() {
        Scene scene = Scene.of(4, pairs());
        scene.steps(5);
        scene.after(Duration.ofMinutes(4)).resizeTo(2);

        assertThat(scene.steps(3)).containsExactly("drain c, drain d", "terminate c, terminate d");
        assertThat(scene.waitCodes()).containsExactly(Code.BAKE);
        assertThat(scene.after(PAUSE.minusSeconds(3)).plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.afterSeconds(2).plan();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void anApprovalIsNotLostToAResize() {
        Scene scene = Scene.of(3, oneByOne().canary(1).build());
        scene.steps(5);
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);

        scene.state = scene.state.approve(scene.now, Reason.of(Code.BY_HAND, "approved"));
        scene.resizeTo(4);

        assertThat(scene.plan()).containsExactly("launch r1-2 v2");
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
    }

    @Test
    void aRolloutThatHasEndedIsNotResized() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.run();

        assertThatIllegalStateException()
                .isThrownBy(() -> scene.resizeTo(2))
                .withMessage("rollout r1 has ended: SUCCEEDED");
    }

    // ---- what was leaving, or has not begun

    @Test
    void growingHasThoseBackThatAShrinkHadDrained() {
        Scene scene = Scene.of(3, oneByOne().bake(PAUSE).build());
        scene.steps(14);
        assertThat(scene.resizeTo(2).plan()).containsExactly("drain r1-3");
        scene.drains("r1-3", 1);

        assertThat(scene.resizeTo(3).plan()).containsExactly("admit r1-3");
    }

    @Test
    void aRollBackOfAShrunkFleetHasNoMoreBackThanItNeeds() {
        Scene scene = Scene.of(
                2, oneByOne().maxSurge(2).retainOld(Duration.ofHours(1)).build());
        scene.steps(6);
        assertThat(scene.plan.counts().kept()).isEqualTo(2);

        assertThat(scene.resizeTo(1).rollBackByHand().plan()).containsExactly("admit a", "terminate b");
    }

    @Test
    void aBatchThatIsLargerThanTheFleetWasGrowsNothingUnproven() {
        Scene scene = Scene.of(
                3, oneByOne().batches(Batches.sliding(Quota.of(6))).maxSurge(10).build());

        assertThat(scene.resizeTo(6).plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2", "launch r1-3 v2");
    }

    @Test
    void shrinkingToTheEndOfAPartialRolloutBakesForTheWholeTime() {
        Scene scene = Scene.of(
                4,
                oneByOne()
                        .batches(Batches.fixed(Quota.of(1)).pause(PAUSE))
                        .partition(Quota.percent(50))
                        .bake(PAUSE)
                        .build());
        scene.steps(5);
        assertThat(scene.state.batch().wholeSince()).isPresent();

        assertThat(scene.resizeTo(2).state.batch().wholeSince())
                .as("one of two is all that is rolled")
                .isEmpty();
    }

    @Test
    void shrinkingAPartialRolloutDoesNotBeginItsBakeAnew() {
        Scene scene = Scene.of(
                3,
                oneByOne()
                        .batches(Batches.fixed(Quota.of(1)))
                        .partition(1)
                        .bake(PAUSE)
                        .build());
        scene.steps(9);
        assertThat(scene.waitCodes()).contains(Code.BAKE);

        assertThat(scene.resizeTo(2).state.batch().wholeSince()).isPresent();
    }

    @Test
    void aShorterFleetHasForgottenThePlacesThatItHadOnceTheNextRolloutBegins() {
        Scene scene = Scene.of(3, oneByOne().maxSurge(0).maxUnavailable(1).build())
                .inSlots("db", "a", "b", "c")
                .rollTo("v1", 2);
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);

        assertThat(scene.rollTo("v2", 3).state.vacated()).isEmpty();
    }
}
