package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.ZoneOrder;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Zone by zone or scattered, limits of each zone, and zones that are down. */
class ZonesTest {

    /** a and b are in zone x, c and d in zone y. */
    private static Scene twoByTwo(RolloutPolicy.Builder policy) {
        return Scene.of(4, policy.build())
                .inZone("x", "a", "b")
                .inZone("y", "c", "d")
                .tellsPlaces();
    }

    private static RolloutPolicy.Builder oneZoneAfterAnother() {
        return oneByOne().zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER);
    }

    private static RolloutPolicy.Builder scattered() {
        return oneByOne().zoneOrder(ZoneOrder.SCATTERED);
    }

    private static Map<String, Integer> zones(Scene scene) {
        Map<String, Integer> zones = new TreeMap<>();
        scene.fleet.values().forEach(o -> zones.merge(o.instance().zone().orElse("none"), 1, Integer::sum));
        return zones;
    }

    // ---- the order

    @Test
    void zonesAreNotLookedAtUnlessThePolicyAsksForIt() {
        assertThat(twoByTwo(oneByOne()).runFor(4))
                .containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
    }

    @Test
    void theSuccessorsOfAZoneThatIsGivenUpTakeTheirPlacesElsewhere() {
        Scene scene = twoByTwo(scattered().maxSurge(0).maxUnavailable(1).maxUnavailablePerZone(Quota.of(1)))
                .exits("a", "b");

        scene.run();

        assertThat(zones(scene)).containsOnlyKeys("y");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void finishesOneZoneBeforeItBeginsTheNext() {
        Scene scene = twoByTwo(oneZoneAfterAnother()).inZone("y", "a").inZone("x", "d");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2 in zone x",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2 in zone x",
                        "admit r1-2",
                        "drain d",
                        "terminate d",
                        "launch r1-3 v2 in zone y",
                        "admit r1-3",
                        "drain a",
                        "terminate a",
                        "launch r1-4 v2 in zone y",
                        "admit r1-4",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void theNextZoneIsNotBegunWhileOneOfTheFirstStillDrains() {
        Scene scene = twoByTwo(
                oneZoneAfterAnother().batches(Batches.sliding(Quota.of(4))).maxSurge(4));
        assertThat(scene.plan())
                .as("zone y has to wait")
                .containsExactly("launch r1-1 v2 in zone x", "launch r1-2 v2 in zone x");
        scene.obey().plan();
        scene.obey().plan();
        scene.drains("a", 3).isOut("b").plan();

        assertThat(scene.gone("b").plan()).isEmpty();
        assertThat(scene.waits()).contains("a is draining, open requests: 3");
        scene.drains("a", 0).plan();
        assertThat(scene.plan()).containsExactly("launch r1-3 v2 in zone y", "launch r1-4 v2 in zone y");
    }

    @Test
    void oneZoneAfterAnotherStopsFirstWithoutASurge() {
        Scene scene =
                twoByTwo(oneZoneAfterAnother().maxSurge(0).maxUnavailable(2).batches(Batches.sliding(Quota.of(4))));

        assertThat(scene.run())
                .containsExactly(
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-1 v2 in zone x, launch r1-2 v2 in zone x",
                        "admit r1-1, admit r1-2",
                        "drain c, drain d",
                        "terminate c, terminate d",
                        "launch r1-3 v2 in zone y, launch r1-4 v2 in zone y",
                        "admit r1-3, admit r1-4");
    }

    @Test
    void scattersOverTheZones() {
        assertThat(twoByTwo(scattered()).run())
                .containsExactly(
                        "launch r1-1 v2 in zone x",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2 in zone y",
                        "admit r1-2",
                        "drain c",
                        "terminate c",
                        "launch r1-3 v2 in zone x",
                        "admit r1-3",
                        "drain b",
                        "terminate b",
                        "launch r1-4 v2 in zone y",
                        "admit r1-4",
                        "drain d",
                        "terminate d");
    }

    @Test
    void aRollBackKeepsTheZonesInBalanceToo() {
        Scene scene = twoByTwo(scattered());
        scene.runFor(8);

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));
        scene.run();

        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(zones(scene)).isEqualTo(Map.of("x", 2, "y", 2));
    }

    @Test
    void eachZoneKeepsItsShareOfAFleetThatIsNotEven() {
        Scene scene = twoByTwo(scattered()).inZone("x", "c");

        scene.run();

        assertThat(zones(scene)).isEqualTo(Map.of("x", 3, "y", 1));
    }

    // ---- limits of a zone

    @Test
    void noZoneExceedsItsSurge() {
        Scene scene = twoByTwo(
                oneByOne().batches(Batches.sliding(Quota.of(4))).maxSurge(4).maxSurgePerZone(Quota.of(1)));

        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x", "launch r1-2 v2 in zone y");
        assertThat(scene.waits()).contains("no zone has room for one more");
        scene.comesUp("r1-1").starts("r1-2").plan();
        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain a");
        scene.obey().plan();
        assertThat(scene.obey().plan()).as("zone x has room again").containsExactly("launch r1-3 v2 in zone x");
    }

    @Test
    void theStoppingOnesOfAZoneCountInItsSurge() {
        Scene scene = twoByTwo(
                oneByOne().batches(Batches.sliding(Quota.of(4))).maxSurge(4).maxSurgePerZone(Quota.of(1)));
        scene.plan();
        scene.comesUp("r1-1").starts("r1-2").plan();
        scene.isIn("r1-1").plan();
        scene.obey().plan();

        assertThat(scene.stops("a").plan()).isEmpty();
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-3 v2 in zone x");
    }

    @Test
    void noZoneDropsBelowItsFloor() {
        Scene scene = twoByTwo(oneByOne()
                .batches(Batches.sliding(Quota.of(4)))
                .maxSurge(0)
                .maxUnavailable(2)
                .maxUnavailablePerZone(Quota.of(1)));

        assertThat(scene.plan()).as("a and c, not a and b").containsExactly("drain a", "drain c");
        assertThat(scene.obey().plan()).containsExactly("terminate a", "terminate c");
        assertThat(scene.obey().plan()).containsExactly("launch r1-1 v2 in zone x", "launch r1-2 v2 in zone y");
        scene.obey().plan();
        assertThat(scene.isIn("r1-1", "r1-2").plan()).containsExactly("drain b", "drain d");
    }

    @Test
    void aFloorOfEachZoneOfWhichNoneIsDownHoldsTheLastOfAZone() {
        Scene scene = twoByTwo(oneByOne()
                        .batches(Batches.sliding(Quota.of(4)))
                        .maxSurge(2)
                        .maxUnavailable(4)
                        .maxUnavailablePerZone(Quota.of(1)))
                .ill("a");

        scene.plan();

        assertThat(scene.plan.actions().stream()
                        .filter(Action.Drain.class::isInstance)
                        .map(action -> action.accept(DRAINED)))
                .as("b is the last that serves in x")
                .contains("c")
                .doesNotContain("b");
        assertThat(scene.waits()).contains("zone x: 1 serving, 1 must: b stays");
    }

    private static final Action.Cases<String> DRAINED = new Action.Cases<>() {
        @Override
        public String launch(Action.Launch action) {
            return "";
        }

        @Override
        public String admit(Action.Admit action) {
            return "";
        }

        @Override
        public String drain(Action.Drain action) {
            return action.id().value();
        }

        @Override
        public String terminate(Action.Terminate action) {
            return "";
        }
    };

    // ---- zones that are down

    @Test
    void aZoneThatIsDownDoesNotBlockTheOthersAndItsSuccessorsGoElsewhere() {
        Scene scene = twoByTwo(oneZoneAfterAnother()).exits("a", "b");

        List<String> lines = scene.run();

        assertThat(lines)
                .containsExactly(
                        "launch r1-1 v2 in zone y, terminate a, terminate b",
                        "admit r1-1",
                        "launch r1-2 v2 in zone y",
                        "admit r1-2",
                        "launch r1-3 v2 in zone y",
                        "admit r1-3",
                        "drain c",
                        "terminate c",
                        "launch r1-4 v2 in zone y",
                        "admit r1-4",
                        "drain d",
                        "terminate d");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void scatteredDoesNotWaitForAZoneThatIsDownEither() {
        Scene scene = twoByTwo(scattered().maxUnavailablePerZone(Quota.of(1))).ill("a", "b");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(zones(scene)).containsOnlyKeys("y");
    }

    @Test
    void aZoneThatIsDownIsTheLastResortWhenTheOthersAreFull() {
        Scene scene = twoByTwo(oneByOne().maxSurgePerZone(Quota.of(1)))
                .exits("a", "b")
                .ill("c", "d");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2 in zone x, terminate a, terminate b",
                        "admit r1-1",
                        "launch r1-2 v2 in zone x",
                        "admit r1-2",
                        "launch r1-3 v2 in zone x, drain c",
                        "admit r1-3, terminate c",
                        "launch r1-4 v2 in zone y, drain d",
                        "admit r1-4, terminate d");
    }

    @Test
    void oneThatDiedAloneSaysNothingOfItsZone() {
        Scene scene = Scene.of(3, scattered().build())
                .inZone("x", "a")
                .inZone("y", "b")
                .inZone("z", "c")
                .exits("b");

        scene.run();

        assertThat(zones(scene)).isEqualTo(Map.of("x", 1, "y", 1, "z", 1));
    }

    @Test
    void aFixGetsThroughWhenAllZonesAreDown() {
        for (ZoneOrder order : ZoneOrder.values()) {
            Scene scene = twoByTwo(oneByOne()
                            .zoneOrder(order)
                            .maxSurgePerZone(Quota.of(1))
                            .maxUnavailablePerZone(Quota.of(1)))
                    .exits("a", "b")
                    .ill("c", "d");

            List<String> lines = scene.run();

            assertThat(scene.state.phase())
                    .as("%s %s %s", order, lines, scene.state.phaseReason())
                    .isEqualTo(SUCCEEDED);
            assertThat(scene.fleet).as("%s", order).hasSize(4);
        }
    }

    @Test
    void aZoneThatGoesDownInTheMiddleDoesNotBlockTheOthers() {
        Scene scene = twoByTwo(oneZoneAfterAnother().maxFailedInstances(4));
        scene.runFor(4);
        scene.exits("r1-1", "b");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.fleet).hasSize(4);
    }

    @Test
    void aPlatformThatPutsThemWhereItLikesIsTakenAsItIs() {
        Scene scene = twoByTwo(oneZoneAfterAnother());
        for (int i = 0; i < 100 && !scene.state.phase().isFinal(); i++) {
            scene.plan();
            scene.obey().afterSeconds(1);
            scene.fleet.keySet().stream()
                    .filter(id -> id.startsWith("r1"))
                    .toList()
                    .forEach(id -> scene.inZone("z", id));
        }

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(zones(scene)).isEqualTo(Map.of("z", 4));
    }

    @Test
    void aFleetWithoutZonesIsRolledUnderAnyZoneOrder() {
        for (ZoneOrder order : ZoneOrder.values()) {
            Scene scene = Scene.of(
                    3,
                    oneByOne()
                            .zoneOrder(order)
                            .maxSurgePerZone(Quota.of(1))
                            .maxUnavailablePerZone(Quota.of(0))
                            .build());

            scene.run();

            assertThat(scene.state.phase()).as("%s", order).isEqualTo(SUCCEEDED);
        }
    }

    // ---- shares

    @Test
    void whatSharesLeaveOverGoesToTheLargestRemainders() {
        assertThat(Zones.shares(Map.of("x", 5, "y", 3, "z", 1), 4)).isEqualTo(Map.of("x", 2, "y", 1, "z", 1));
        assertThat(Zones.shares(Map.of("x", 1, "y", 1), 3)).isEqualTo(Map.of("x", 2, "y", 1));
    }

    // ---- where a launch goes

    @Test
    void theZoneThatLosesOneGetsTheNextEvenIfItIsNotItsTurn() {
        Scene scene = twoByTwo(scattered().maxSurge(2)).refuses("a", "stays").refuses("b", "stays");
        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x");

        scene.comesUp("r1-1").isIn("r1-1").gone("c", "d");

        assertThat(scene.plan()).as("y has none, x has three of two").containsExactly("launch r1-2 v2 in zone y");
    }

    @Test
    void oneThatLeavesIsMissingInItsZone() {
        Scene scene = twoByTwo(scattered().maxSurge(2).maxUnavailable(1))
                .refuses("a", "stays")
                .refuses("b", "stays");
        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x", "drain c");
        scene.drains("c", 1).comesUp("r1-1").inZone("y", "r1-1").isIn("r1-1").exits("d");
        scene.gone("d").plan();

        assertThat(scene.plan.actions()).isNotEmpty();
        assertThat(zonesOfLaunches(scene)).containsExactly("y");
    }

    private static List<String> zonesOfLaunches(Scene scene) {
        return scene.plan.actions().stream()
                .filter(Action.Launch.class::isInstance)
                .map(action -> ((Action.Launch) action).place().zone().orElse("none"))
                .toList();
    }

    @Test
    void inPlaceOneThatLeavesHoldsItsPlaceInItsZone() {
        Scene scene = twoByTwo(scattered().maxSurge(0).maxUnavailable(3)).rollTo("v2", 6);
        assertThat(scene.plan()).containsExactly("launch r2-1 v2 in zone x", "drain a");
        scene.drains("a", 1).comesUp("r2-1").isIn("r2-1");

        assertThat(scene.plan()).containsExactly("launch r2-2 v2 in zone y");
    }

    @Test
    void inPlaceEachSuccessorGoesWhereItsOwnPredecessorWas() {
        Scene scene = twoByTwo(scattered()
                        .batches(Batches.sliding(Quota.of(3)))
                        .maxSurge(0)
                        .maxUnavailable(3))
                .refuses("b", "stays");
        assertThat(scene.steps(2))
                .containsExactly("drain a, drain c, drain d", "terminate a, terminate c, terminate d");

        assertThat(scene.plan())
                .containsExactly("launch r1-1 v2 in zone x", "launch r1-2 v2 in zone y", "launch r1-3 v2 in zone y");
    }

    // ---- one after another

    private static RolloutPolicy.Builder allAtOnce() {
        return oneZoneAfterAnother().batches(Batches.sliding(Quota.of(4))).maxSurge(4);
    }

    @Test
    void saysThatAZoneIsFinishedBeforeTheNextIsBegun() {
        Scene scene = twoByTwo(allAtOnce());

        scene.plan();

        assertThat(scene.waits()).contains("zone x is finished before the next one is begun");
    }

    @Test
    void saysThatTheZoneInTurnHasNoRoom() {
        Scene scene = twoByTwo(allAtOnce().maxSurgePerZone(Quota.of(1)));

        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x");
        assertThat(scene.waits()).contains("zone x has room for no more");
    }

    /** a and b are in zone x; c, d and e in zone y, where c and d are ill: with all that serves in x, five do not serve. */
    private static Scene heldUp(RolloutPolicy.Builder policy) {
        return Scene.of(5, policy.maxSurge(2).build())
                .inZone("x", "a", "b")
                .inZone("y", "c", "d", "e")
                .tellsPlaces()
                .ill("c", "d");
    }

    @Test
    void aFullZoneOfWhichNoneMayLeaveDoesNotHoldUpTheOthers() {
        Scene scene = heldUp(oneZoneAfterAnother().maxSurgePerZone(Quota.of(1)));

        assertThat(scene.run())
                .startsWith(
                        "launch r1-1 v2 in zone x, drain c",
                        "admit r1-1, terminate c",
                        "launch r1-2 v2 in zone y, drain d");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void norDoesOneThatHasAllItsSuccessors() {
        Scene scene = heldUp(oneZoneAfterAnother());

        assertThat(scene.run())
                .startsWith(
                        "launch r1-1 v2 in zone x, drain c",
                        "admit r1-1, terminate c",
                        "launch r1-2 v2 in zone x, drain d",
                        "admit r1-2, terminate d",
                        "launch r1-3 v2 in zone y");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void nobodyOfTheNextZoneLeavesWhileThoseOfTheFirstMayNot() {
        Scene scene = twoByTwo(oneZoneAfterAnother()).refuses("a", "leads").refuses("b", "follows");
        assertThat(scene.steps(3)).containsExactly("launch r1-1 v2 in zone x", "admit r1-1");

        assertThat(scene.waits()).contains("a may not stop now: leads", "zone x first: c stays");
        assertThat(scene.plan.counts().existing()).as("as many as may").isEqualTo(5);
    }

    @Test
    void unlessItHasMoreThanItsShareAndTheOthersNeedTheRoom() {
        Scene scene = twoByTwo(oneZoneAfterAnother()).refuses("a", "leads").refuses("b", "follows");
        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x");
        scene.comesUp("r1-1").inZone("y", "r1-1").isIn("r1-1");

        assertThat(scene.plan()).as("the platform put r1-1 into y").containsExactly("drain c");
    }

    @Test
    void aZoneWhoseSuccessorsFailedIsNotFinished() {
        Scene scene = twoByTwo(allAtOnce().maxSurge(0).maxUnavailable(3).retries(1));
        assertThat(scene.steps(3))
                .containsExactly(
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-1 v2 in zone x, launch r1-2 v2 in zone x");
        scene.exits("r1-1", "r1-2").plan();
        scene.gone("r1-1", "r1-2");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("2s after failure 2", "zone x first: c stays");
    }

    @Test
    void whatAZoneLacksHoldsUpNoOtherWhereTheBatchAllowsNoLaunch() {
        Scene scene = twoByTwo(
                oneZoneAfterAnother().batches(Batches.fixed(Quota.of(1))).maxSurge(2));
        for (int i = 0; i < 100 && !scene.state.phase().isFinal(); i++) {
            scene.plan();
            scene.obey().inZone("y", "r1-1", "r1-2", "r1-3", "r1-4").afterSeconds(1);
        }

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(zones(scene)).isEqualTo(Map.of("y", 4));
    }

    @Test
    void norWhereEverySuccessorStopsFirst() {
        Scene scene = twoByTwo(oneZoneAfterAnother().maxSurge(0).maxUnavailable(1));
        for (int i = 0; i < 100 && !scene.state.phase().isFinal(); i++) {
            scene.plan();
            scene.obey().inZone("y", "r1-1", "r1-2", "r1-3", "r1-4").afterSeconds(1);
        }

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    // ---- the floor of a zone

    @Test
    void noZoneHoldsAnyBackOnceEverySuccessorServes() {
        Scene scene = twoByTwo(
                oneByOne().batches(Batches.sliding(Quota.of(4))).maxSurge(4).maxUnavailablePerZone(Quota.of(0)));
        scene.steps(2);
        scene.inZone("y", "r1-1", "r1-2", "r1-3", "r1-4");

        assertThat(scene.plan()).containsExactly("drain a", "drain b", "drain c", "drain d");
    }

    @Test
    void inPlaceOneOfEachZoneMayGoHoweverSmallThePercentage() {
        Scene inPlace = twoByTwo(oneByOne().maxSurge(0).maxUnavailable(1).maxUnavailablePerZone(Quota.percent(10)));
        assertThat(inPlace.plan()).containsExactly("drain a");

        Scene surging = twoByTwo(oneByOne().maxSurge(1).maxUnavailable(1).maxUnavailablePerZone(Quota.percent(10)));
        assertThat(surging.plan()).containsExactly("launch r1-1 v2 in zone x");
        assertThat(surging.waits()).contains("zone x: 2 serving, 2 must: a stays");
    }

    // ---- a zone that is down, once more

    @Test
    void aZoneThatIsDownGetsNoneWhileOneLeavesAZoneThatIsUp() {
        Scene scene = lastResort(Duration.ZERO);
        scene.drains("c", 1).plan();

        assertThat(zonesOfLaunches(scene)).isEmpty();
        assertThat(scene.waits()).contains("no zone has room for one more");
    }

    @Test
    void oneThatIsKeptMakesNoRoomForAnother() {
        Scene scene = lastResort(Duration.ofHours(1));
        scene.plan();
        assertThat(scene.plan.counts().kept()).isOne();
        scene.plan();

        assertThat(zonesOfLaunches(scene)).containsExactly("x");
    }

    /** x is down; y is up and full, and c is leaving it. */
    private static Scene lastResort(Duration retained) {
        Scene scene = twoByTwo(oneByOne()
                        .maxSurge(2)
                        .maxUnavailable(1)
                        .maxSurgePerZone(Quota.of(1))
                        .retainOld(retained))
                .refuses("a", "stays")
                .refuses("b", "stays");
        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in zone x", "drain c");
        scene.comesUp("r1-1").inZone("y", "r1-1").isIn("r1-1").isOut("c").ill("a", "b");
        return scene;
    }

    @Test
    void aZoneOfWhichAllAreIllIsDownFromTheFirstLook() {
        Scene scene = twoByTwo(scattered().maxSurge(2).batches(Batches.sliding(Quota.of(2))))
                .ill("a", "b");

        scene.plan();

        assertThat(zonesOfLaunches(scene)).containsExactly("y", "y");
    }

    @Test
    void aZoneThatWasGivenUpGetsNoneHoweverFullTheOthersAre() {
        Scene scene = twoByTwo(oneZoneAfterAnother().maxSurge(2).maxSurgePerZone(Quota.of(1)))
                .exits("a", "b");

        assertThat(scene.run()).noneMatch(line -> line.contains("in zone x"));
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(zones(scene)).isEqualTo(Map.of("y", 4));
    }
}
