package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who may not stop now stays, and says why. */
class VetoTest {

    /** db-0, db-1 and db-2, one of which may be missing. */
    private static Scene ordered() {
        return Scene.of(3, oneByOne().maxSurge(0).maxUnavailable(1).ordered().build())
                .told(instance -> instance.slot("db-0"), "a")
                .told(instance -> instance.slot("db-1"), "b")
                .told(instance -> instance.slot("db-2"), "c");
    }

    private static List<InstanceId> ids(String... ids) {
        return List.of(ids).stream().map(InstanceId::of).toList();
    }

    @Test
    void whoMayNotStopStaysWithItsReasonAndTheOthersGo() {
        Scene scene = Scene.of(3, oneByOne().build()).refuses("a", "leads the quorum");

        assertThat(scene.steps(60))
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain c",
                        "terminate c",
                        "launch r1-3 v2",
                        "admit r1-3");
        assertThat(scene.waits()).contains("a may not stop now: leads the quorum");
        assertThat(scene.waitCodes()).contains(Code.VETO);

        assertThat(scene.refusesNobody().run()).containsExactly("drain a", "terminate a");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aRefusalOfAllTakesNobodyOutAndBreaksNoLimit() {
        Scene scene = Scene.of(2, oneByOne().maxUnavailable(1).build())
                .refuses("a", "is copying")
                .refuses("b", "is copying");

        assertThat(scene.steps(30)).containsExactly("launch r1-1 v2", "admit r1-1");
        assertThat(scene.waits()).contains("a may not stop now: is copying");
        assertThat(scene.state.extremes().peak()).isEqualTo(3);
    }

    @Test
    void aRefusalThatNeverEndsDoesNotHangForEver() {
        Scene scene = Scene.of(2, oneByOne().build()).refuses("a", "leads").refuses("b", "follows");

        scene.run();

        assertThat(scene.state.phase()).as("r1-1 may go").isEqualTo(ROLLED_BACK);
        assertThat(scene.fleet.keySet()).containsExactly("a", "b");
    }

    @Test
    void oneThatMayNotGoWhenTheRestIsDoneEndsTheRolloutWithoutARollBack() {
        Scene scene = Scene.of(2, oneByOne().build()).refuses("a", "leads");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.fleet.keySet()).containsExactly("a", "r1-1", "r1-2");
    }

    @Test
    void inOrderTheHighestNumberGoesFirst() {
        Scene scene = ordered();

        assertThat(scene.run())
                .containsExactly(
                        "drain c",
                        "terminate c",
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain a",
                        "terminate a",
                        "launch r1-3 v2",
                        "admit r1-3");
    }

    @Test
    void inOrderNobodyOvertakesWhoMayNotGo() {
        Scene scene = ordered().refuses("c", "is copying");

        assertThat(scene.steps(20)).isEmpty();
        assertThat(scene.waits()).contains("c may not stop now: is copying");

        assertThat(scene.refusesNobody().steps(3)).containsExactly("drain c", "terminate c", "launch r1-1 v2");
    }

    @Test
    void theNumberOfASlotIsNotComparedAsText() {
        Scene scene = Scene.of(
                        3, oneByOne().maxSurge(0).maxUnavailable(1).ordered().build())
                .told(instance -> instance.slot("db-9"), "a")
                .told(instance -> instance.slot("db-10"), "b");

        assertThat(scene.run())
                .filteredOn(line -> line.startsWith("drain"))
                .containsExactly("drain b", "drain a", "drain c");
    }

    @Test
    void isHeardInARollBackToo() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(8);
        assertThat(scene.fleet.keySet()).containsExactly("c", "r1-1", "r1-2");
        scene.rollBackByHand().refuses("r1-2", "leads now");

        assertThat(scene.steps(8))
                .containsExactly(
                        "launch r1-3 v1", "admit r1-3", "drain r1-1", "terminate r1-1", "launch r1-4 v1", "admit r1-4");
        assertThat(scene.waits()).contains("r1-2 may not stop now: leads now");
        assertThat(scene.refusesNobody().run()).containsExactly("drain r1-2", "terminate r1-2");
    }

    @Test
    void isHeardAlsoForOneThatIsIll() {
        Scene scene = Scene.of(2, oneByOne().maxUnavailable(1).build()).ill("a").refuses("a", "holds the only copy");

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.waits()).contains("a may not stop now: holds the only copy");
    }

    @Test
    void isNeverAskedForTheDead() {
        Scene scene = Scene.of(3, oneByOne().build()).exits("b").refuses("b", "leads");

        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "terminate b");
        assertThat(scene.plan.departing()).isEqualTo(ids("a", "c"));
    }

    @Test
    void whoWasLetGoIsNotAskedForAgain() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(2);
        assertThat(scene.plan()).containsExactly("drain a");
        scene.obey().refuses("a", "leads");

        assertThat(scene.plan()).containsExactly("terminate a");
        assertThat(scene.plan.departing()).isEqualTo(ids("b"));
    }

    @Test
    void candidatesAreTheLivingThatAreToLeaveInTheirOrder() {
        Scene scene = Scene.of(4, oneByOne().build()).ill("c").exits("d");

        scene.plan();
        assertThat(scene.plan.departing())
                .as("also those that a limit keeps for now")
                .isEqualTo(ids("c", "a", "b"));

        scene.refuses("c", "leads").plan();
        assertThat(scene.plan.departing()).as("a refusal changes nothing").isEqualTo(ids("c", "a", "b"));
    }

    @Test
    void nobodyIsACandidateWhilePausedOrWhenAllIsInPlace() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "by hand"));
        scene.plan();
        assertThat(scene.plan.departing()).isEmpty();

        scene.state = scene.state.resume(scene.now);
        scene.run();
        assertThat(scene.plan.departing()).isEmpty();
    }

    @Test
    void aBatchIsNotFilledByWhoMayNotGo() {
        Scene scene = Scene.of(
                        4,
                        oneByOne()
                                .batches(Batches.fixed(Quota.of(2)))
                                .maxSurge(0)
                                .maxUnavailable(2)
                                .build())
                .refuses("a", "leads");

        assertThat(scene.plan()).containsExactly("drain b", "drain c");
        assertThat(scene.afterSeconds(1).isOut("b", "c").plan()).containsExactly("terminate b", "terminate c");
    }

    @Test
    void whatIsKeptForARollBackGoesWithoutBeingAskedForAgain() {
        Scene scene = Scene.of(1, oneByOne().retainOld(Duration.ofMinutes(5)).build());
        scene.steps(4);
        scene.refuses("a", "leads");

        assertThat(scene.run()).containsExactly("terminate a");
    }

    @Test
    void whoTurnedBackWithAllInPlaceSaysSoAndLooksAgainAtOnce() {
        Scene scene = Scene.of(2, oneByOne().maxSurge(0).maxUnavailable(1).build())
                .refuses("a", "is copying")
                .refuses("b", "is copying");
        scene.plan();

        assertThat(scene.after(Duration.ofMinutes(10)).plan()).isEmpty();
        assertThat(scene.waits()).containsExactly("all seems to be in place, looks again");
        assertThat(scene.plan.wakeAt()).contains(scene.now);
        scene.plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }
}
