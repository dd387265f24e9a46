package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.ZoneOrder;
import io.github.rollstep.plan.Reason.Code;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Who leaves first. */
class OrderTest {

    private static final String COST = "rollstep.deletion-cost";

    /** Those that were drained, in that order. */
    private static List<String> drained(List<String> lines) {
        return lines.stream()
                .flatMap(line -> List.of(line.split(", ")).stream())
                .filter(action -> action.startsWith("drain "))
                .map(action -> action.substring("drain ".length()))
                .toList();
    }

    @Test
    void deadThenIllOutdatedOnesLeaveBeforeThoseThatServe() {
        Scene scene = Scene.of(4, oneByOne().build()).ill("c").exits("d");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2, terminate d",
                        "admit r1-1",
                        "launch r1-2 v2, drain c",
                        "admit r1-2, terminate c",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain a",
                        "terminate a",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain b",
                        "terminate b");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void whatASupersededRolloutLeftHalfRolledLeavesBeforeTheGoodOriginals() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(6);
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "r1-1", "r1-2");

        assertThat(scene.rollTo("v3", 3).run())
                .containsExactly(
                        "drain r1-1",
                        "terminate r1-1",
                        "launch r2-1 v3",
                        "admit r2-1",
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r2-2 v3",
                        "admit r2-2",
                        "drain b",
                        "terminate b",
                        "launch r2-3 v3",
                        "admit r2-3",
                        "drain c",
                        "terminate c");
    }

    @Test
    void whatAnAbortedRolloutLeftHalfRolledLeavesBeforeTheGoodOriginalsAlsoWhereItIsMore() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(8);
        assertThat(scene.fleet.keySet()).containsExactly("c", "r1-1", "r1-2");
        scene.state = scene.state.abort(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(drained(scene.rollTo("v3", 3).run())).containsExactly("r1-1", "r1-2", "c");
        assertThat(scene.state.baseline()).contains(Revision.of("v1"));
    }

    @Test
    void neverGoesBackToTheRevisionWhoseRolloutFailedWhileTheOneBeforeStillServes() {
        Scene scene = Scene.of(3, oneByOne().onFailure(FailurePolicy.STOP).build());
        scene.steps(8);
        scene.plan(scene.snapshot().withFault("no such image"));
        assertThat(scene.state.phase()).isEqualTo(FAILED);
        scene.policy = oneByOne().build();
        scene.rollTo("v3", 3).plan();
        scene.starts("r2-1").exits("r2-1").plan();

        assertThat(scene.state.goal()).isEqualTo(Revision.of("v1"));
        scene.obey();
        assertThat(scene.run())
                .containsExactly(
                        "launch r2-2 v1",
                        "admit r2-2",
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r2-3 v1",
                        "admit r2-3",
                        "drain r1-1",
                        "terminate r1-1");
    }

    @Test
    void afterAnAbortWithNoneOfTheRevisionFromBeforeLeftItGoesBackToWhatServes() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(7);
        scene.state = scene.state.abort(scene.now, Reason.of(Code.BY_HAND, "by hand"));
        scene.gone("b");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2");

        scene.rollTo("v3", 2).plan();

        assertThat(scene.state.baseline()).contains(Revision.of("v2"));
    }

    @Test
    void oneZoneAfterTheOtherInTheOrderOfTheirNames() {
        Scene scene = Scene.of(
                        4, oneByOne().zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER).build())
                .told(instance -> instance.zone("y"), "a", "c")
                .told(instance -> instance.zone("x"), "b", "d");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain d",
                        "terminate d",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain a",
                        "terminate a",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain c",
                        "terminate c");
    }

    @Test
    void withinAZoneTheCheaperGoesFirst() {
        Scene scene = Scene.of(
                        4, oneByOne().zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER).build())
                .told(instance -> instance.zone("y").labels(Map.of(COST, "1")), "a", "c")
                .told(instance -> instance.zone("x").labels(Map.of(COST, "7")), "b")
                .told(instance -> instance.zone("x").labels(Map.of(COST, "6")), "d");

        assertThat(drained(scene.run())).containsExactly("d", "b", "a", "c");
    }

    @Test
    void theCheaperToDeleteGoesFirstAndALabelThatIsNoNumberCostsNothing() {
        Scene scene = Scene.of(4, oneByOne().build())
                .told(instance -> instance.labels(Map.of(COST, "5")), "a")
                .told(instance -> instance.labels(Map.of(COST, "-1")), "c")
                .told(instance -> instance.labels(Map.of(COST, "much")), "d");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain c",
                        "terminate c",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain b",
                        "terminate b",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain d",
                        "terminate d",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain a",
                        "terminate a");
    }

    @Test
    void theLabelOfTheCostMayHaveAnotherName() {
        Scene scene = Scene.of(2, oneByOne().deletionCostLabel("cost").build())
                .told(instance -> instance.labels(Map.of("cost", "2", COST, "0")), "a")
                .told(instance -> instance.labels(Map.of("cost", "1", COST, "9")), "b");

        assertThat(drained(scene.run())).containsExactly("b", "a");
    }

    @Test
    void theOldestGoesFirstAndOfTheSameAgeTheFirstById() {
        Scene scene = Scene.of(4, oneByOne().build());
        scene.serving("a", "v1", 9).serving("d", "v1", 5).serving("c", "v1", 5).serving("b", "v1", 7);

        assertThat(drained(scene.run())).containsExactly("c", "d", "b", "a");
    }

    @Test
    void aGivenOrderComesBeforeCostAndAge() {
        Comparator<Instance> leaderLast =
                Comparator.comparing(instance -> instance.labels().containsKey("leader"));
        Scene scene = Scene.of(3, oneByOne().order(leaderLast).build())
                .told(instance -> instance.labels(Map.of("leader", "yes")), "a")
                .told(instance -> instance.labels(Map.of(COST, "9")), "b");

        assertThat(scene.run())
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
                        "admit r1-3",
                        "drain a",
                        "terminate a");
    }

    @Test
    void noGivenOrderKeepsWhatIsIllOrHalfRolledBeforeWhatIsGood() {
        Comparator<Instance> byName =
                Comparator.comparing(instance -> instance.id().value());
        Scene scene = Scene.of(4, oneByOne().order(byName).build()).ill("d");
        scene.serving("c", "v0", 50);

        assertThat(drained(scene.run())).containsExactly("d", "c", "a", "b");
    }

    @Test
    void theOrderOfARollBackIsTurnedRound() {
        Comparator<Instance> byName =
                Comparator.comparing(instance -> instance.id().value());
        Scene scene = Scene.of(3, oneByOne().order(byName).build());
        scene.steps(11);
        assertThat(scene.fleet.keySet()).containsExactly("c", "r1-1", "r1-2", "r1-3");

        assertThat(drained(scene.rollBackByHand().run())).containsExactly("r1-3", "r1-2", "r1-1");
    }

    private static List<String> departing(Scene scene) {
        scene.plan();
        return scene.plan.departing().stream().map(InstanceId::value).toList();
    }

    @Test
    void ofThoseThatDoNotServeTheIllGoFirst() {
        Scene scene = Scene.of(3, oneByOne().build()).isOut("a").ill("b");

        assertThat(departing(scene)).containsExactly("b", "a", "c");
    }

    @Test
    void theZonesComeInTheOrderOfTheirNamesBeforeAge() {
        Scene scene = Scene.of(
                        3, oneByOne().zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER).build())
                .inZone("y", "a", "c")
                .inZone("x", "b");

        assertThat(departing(scene)).containsExactly("b", "a", "c");
    }

    @Test
    void aRollBackTakesTheNewestFirstWhateverItsZone() {
        Scene scene = Scene.of(
                        3, oneByOne().zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER).build())
                .inZone("x", "a")
                .inZone("y", "b", "c");
        scene.steps(11);
        assertThat(scene.fleet.keySet()).containsExactly("c", "r1-1", "r1-2", "r1-3");

        scene.inZone("y", "r1-1").inZone("x", "r1-2", "r1-3").rollBackByHand();

        assertThat(departing(scene)).containsExactly("r1-3", "r1-2", "r1-1");
    }

    @Test
    void anOrdinalOfManyDigitsIsNoneToStumbleOver() {
        Scene scene = Scene.of(2, oneByOne().ordered().build())
                .told(instance -> instance.slot("db-98765432109876"), "a")
                .told(instance -> instance.slot("db-7"), "b");

        assertThat(departing(scene)).containsExactly("a", "b");
    }
}
