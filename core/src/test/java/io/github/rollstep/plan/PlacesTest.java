package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ABORTED;
import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Stop first, and in the place of the one that went: names, zones and labels stay. */
class PlacesTest {

    private static RolloutPolicy.Builder stopFirst() {
        return oneByOne().maxSurge(0).maxUnavailable(1);
    }

    /** a, b, c, ... are db-0, db-1, db-2, ... */
    private static Scene database(int instances, RolloutPolicy policy) {
        Scene scene = Scene.of(instances, policy).tellsPlaces();
        return scene.inSlots("db", scene.fleet.keySet().toArray(String[]::new));
    }

    private static List<String> slots(Scene scene) {
        return scene.fleet.values().stream()
                .map(observed -> observed.instance().slot().orElse("none"))
                .sorted()
                .toList();
    }

    // ---- the place of the one that went

    @Test
    void theSuccessorTakesSlotZoneAndLabelsOfTheOneItReplaces() {
        Scene scene = database(2, stopFirst().build())
                .make(instance -> instance.zone("z1").labels(Map.of("disk", "d-17")), "a");
        scene.runFor(2);

        assertThat(scene.plan()).containsExactly("launch r1-1 v2 in db-0");
        Place place = scene.plan.actions().get(0).accept(PLACE);
        assertThat(place)
                .isEqualTo(new Place(
                        Optional.of(InstanceId.of("a")),
                        Optional.of("db-0"),
                        Optional.of("z1"),
                        Map.of("disk", "d-17")));
    }

    private static final Action.Cases<Place> PLACE = new Action.Cases<>() {
        @Override
        public Place launch(Action.Launch action) {
            return action.place();
        }

        @Override
        public Place admit(Action.Admit action) {
            return Place.anywhere();
        }

        @Override
        public Place drain(Action.Drain action) {
            return Place.anywhere();
        }

        @Override
        public Place terminate(Action.Terminate action) {
            return Place.anywhere();
        }
    };

    @Test
    void everySuccessorTakesThePlaceOfItsOwnPredecessor() {
        Scene scene = database(
                3,
                stopFirst()
                        .maxUnavailable(2)
                        .batches(Batches.sliding(Quota.of(2)))
                        .build());

        assertThat(scene.run())
                .containsExactly(
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r1-1 v2 in db-0, launch r1-2 v2 in db-1",
                        "admit r1-1, admit r1-2",
                        "drain c",
                        "terminate c",
                        "launch r1-3 v2 in db-2",
                        "admit r1-3");
        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");
    }

    @Test
    void aSuccessorThatFailsLeavesItsPlaceToTheNext() {
        Scene scene = database(2, stopFirst().maxFailedInstances(1).build());
        scene.runFor(3);
        scene.exits("r1-1");

        assertThat(scene.run())
                .containsExactly(
                        "terminate r1-1",
                        "launch r1-2 v2 in db-0",
                        "admit r1-2",
                        "drain b",
                        "terminate b",
                        "launch r1-3 v2 in db-1",
                        "admit r1-3");
    }

    @Test
    void aSuccessorThatNeverAppearsLeavesItsPlaceToTheNext() {
        Scene scene = database(2, stopFirst().maxFailedInstances(1).build());
        scene.runFor(2);
        scene.plan();
        assertThat(scene.after(scene.policy.startDeadline()).plan()).isEmpty();

        assertThat(scene.afterSeconds(1).plan()).containsExactly("launch r1-2 v2 in db-0");
    }

    @Test
    void aPlatformThatKnowsOfNoPlacesStillHasThemKept() {
        Scene scene = database(2, stopFirst().maxFailedInstances(1).build());
        scene.runFor(3);
        Observed unnamed = scene.fleet.get("r1-1");
        scene.fleet.put(
                "r1-1",
                new Observed(
                        Instance.builder(
                                        unnamed.instance().id(),
                                        unnamed.instance().revision(),
                                        Instance.State.FAILED)
                                .token(unnamed.instance().token().orElseThrow())
                                .build(),
                        unnamed.health(),
                        Routing.out()));

        assertThat(scene.runFor(3)).containsExactly("terminate r1-1", "launch r1-2 v2 in db-0", "admit r1-2");
    }

    @Test
    void aRollBackPutsEachBackInItsPlace() {
        Scene scene = database(3, stopFirst().build());
        scene.runFor(8);
        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.run())
                .containsExactly(
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r1-3 v1 in db-1",
                        "admit r1-3",
                        "drain r1-1",
                        "terminate r1-1",
                        "launch r1-4 v1 in db-0",
                        "admit r1-4");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void placesSurviveASupersedingRollout() {
        Scene scene = database(3, stopFirst().build());
        scene.runFor(2);
        assertThat(slots(scene)).as("db-0 is gone").containsExactly("db-1", "db-2");
        scene.plan();
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused"));

        scene.rollTo("v3", 3).run();

        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aVacatedPlaceIsTakenByTheRolloutThatSupersedes() {
        Scene scene = database(3, stopFirst().build());
        scene.runFor(2);
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused"));
        scene.plan();

        assertThat(scene.rollTo("v3", 3).runFor(2)).containsExactly("launch r2-1 v3 in db-0", "admit r2-1");
    }

    @Test
    void aVacatedPlaceIsTakenByTheRolloutAfterOneThatWasAborted() {
        Scene scene = database(3, stopFirst().build());
        scene.runFor(2);
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused"));
        scene.plan();
        scene.state = scene.state.abort(scene.now, Reason.of(Code.BY_HAND, "aborted"));
        assertThat(scene.state.phase()).isEqualTo(ABORTED);

        assertThat(scene.rollTo("v3", 3).runFor(2)).containsExactly("launch r2-1 v3 in db-0", "admit r2-1");
    }

    @Test
    void thePlaceOfAFailedSuccessorIsTakenByTheFix() {
        Scene scene = database(3, stopFirst().onFailure(FailurePolicy.STOP).build());
        scene.runFor(3);
        scene.exits("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(FAILED);

        assertThat(scene.rollTo("v3", 3).run())
                .startsWith("terminate r1-1", "launch r2-1 v3 in db-0", "admit r2-1", "drain b", "terminate b");
        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");
    }

    @Test
    void shrinkingGivesUpThePlaceOfTheFirstThatLeaves() {
        Scene scene = database(3, stopFirst().ordered().build()).rollTo("v2", 2);

        assertThat(scene.run())
                .containsExactly(
                        "drain c",
                        "terminate c",
                        "drain b",
                        "terminate b",
                        "launch r2-1 v2 in db-1",
                        "admit r2-1",
                        "drain a",
                        "terminate a",
                        "launch r2-2 v2 in db-0",
                        "admit r2-2");
    }

    @Test
    void shrinkingGivesUpAPlaceWithoutANameBeforeAnyThatHasOne() {
        Scene scene = Scene.of(
                        3,
                        stopFirst()
                                .maxUnavailable(2)
                                .batches(Batches.sliding(Quota.of(2)))
                                .build())
                .tellsPlaces()
                .inSlots("db", "a");
        assertThat(scene.steps(2)).containsExactly("drain a, drain b", "terminate a, terminate b");

        assertThat(scene.resizeTo(2).plan()).containsExactly("launch r1-1 v2 in db-0", "drain c");
        assertThat(scene.state.vacated()).isEmpty();
    }

    @Test
    void aLaunchThatNeverCameLeavesNoPlaceWhereItHadNone() {
        Scene scene = Scene.of(
                        1,
                        stopFirst()
                                .startDeadline(Duration.ofMinutes(2))
                                .maxFailedInstances(1)
                                .build())
                .rollTo("v2", 2);
        assertThat(scene.plan()).containsExactly("launch r2-1 v2");

        scene.after(Duration.ofMinutes(2)).plan();
        scene.plan();

        assertThat(scene.state.instances()).hasSize(1);
        assertThat(scene.state.vacated()).isEmpty();
    }

    @Test
    void aPlaceThatWasGivenUpIsNotTakenByTheNextRollout() {
        Scene scene = database(3, stopFirst().build()).rollTo("v1", 2);
        scene.run();
        assertThat(slots(scene)).containsExactly("db-0", "db-1");

        scene.rollTo("v2", 2).run();

        assertThat(slots(scene)).containsExactly("db-0", "db-1");
    }

    @Test
    void whatDiesInTheMiddleIsReplacedInItsOwnPlace() {
        Scene scene = database(3, stopFirst().build());
        scene.runFor(4);
        scene.exits("c");

        scene.run();

        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void startFirstTakesNoPlaceBecauseItIsNotFreeYet() {
        Scene scene = database(1, oneByOne().build());

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
    }

    // ---- ordered

    @Test
    void rollsFromTheHighestOrdinalDownToThePartition() {
        Scene scene = database(3, stopFirst().ordered().partition(1).build());

        assertThat(scene.run())
                .containsExactly(
                        "drain c",
                        "terminate c",
                        "launch r1-1 v2 in db-2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2 in db-1",
                        "admit r1-2");
        assertThat(scene.fleet.keySet()).as("db-0 stays").containsExactly("a", "r1-1", "r1-2");
    }

    @Test
    void ordinalsAreNumbersAndNotText() {
        Scene scene = database(12, stopFirst().ordered().build());

        assertThat(scene.run().stream().filter(line -> line.startsWith("drain")).limit(4))
                .containsExactly("drain l", "drain k", "drain j", "drain i");
    }

    @Test
    void oneOrdinalThatMayNotGoBlocksAllAfterIt() {
        Scene scene = database(3, stopFirst().ordered().build());
        FleetSnapshot vetoed = scene.snapshot().withRefusals(Map.of(InstanceId.of("c"), "it leads"));

        assertThat(scene.plan(vetoed)).isEmpty();
        assertThat(scene.waits()).contains("c may not stop now: it leads");
        assertThat(scene.plan()).containsExactly("drain c");
    }

    @Test
    void withoutAnOrderOneThatMayNotGoBlocksNoOther() {
        Scene scene = database(3, stopFirst().build());
        FleetSnapshot vetoed = scene.snapshot().withRefusals(Map.of(InstanceId.of("a"), "it leads"));

        assertThat(scene.plan(vetoed)).containsExactly("drain b");
    }

    @Test
    void theNextOrdinalWaitsUntilTheOneBeforeServes() {
        Scene scene = database(3, stopFirst().ordered().build());
        scene.runFor(2);
        scene.plan();
        scene.starts("r1-1");

        assertThat(scene.runFor(120)).isEmpty();
        assertThat(scene.waits()).contains("r1-1 is starting");
    }

    @Test
    void aPartitionOfOrdinalsDoesNotMoveWhenTheLowestIsIllForAMoment() {
        Scene scene = database(3, stopFirst().ordered().partition(1).build()).ill("a");
        scene.plan();
        scene.obey().afterSeconds(5).health(Health.healthy(), "a");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(new TreeSet<>(scene.fleet.keySet())).containsExactly("a", "r1-1", "r1-2");
    }

    @Test
    void anOrderedFleetRollsBackFromTheOneThatWasRolledLast() {
        Scene scene = database(3, stopFirst().ordered().build());
        scene.runFor(8);

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.run())
                .containsExactly(
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r1-3 v1 in db-1",
                        "admit r1-3",
                        "drain r1-1",
                        "terminate r1-1",
                        "launch r1-4 v1 in db-2",
                        "admit r1-4");
    }

    @Test
    void anOrderedFixGetsThroughWhenAHighOrdinalIsBroken() {
        Scene scene = database(3, stopFirst().ordered().build()).exits("c").ill("b");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(slots(scene)).containsExactly("db-0", "db-1", "db-2");
    }

    @Test
    void startFirstTakesNoPlaceAlsoWhereOneIsFreeByThen() {
        Scene scene = database(2, oneByOne().build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain b",
                        "terminate b");
    }
}
