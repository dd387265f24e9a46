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
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** The arithmetic and the order of plans; among them each fault of other engines that concerns planning. */
class RollingPlannerTest {

    // ---- order

    @Test
    void replacesOneAfterTheOtherStartFirst() {
        Scene scene = Scene.of(3, oneByOne().build());

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
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text()).isEqualTo("3 of 3 serve v2");
        assertThat(scene.state.extremes()).isEqualTo(new RolloutState.Extremes(4, OptionalInt.of(3)));
    }

    @Test
    void startsFirstAlsoWithAFleetOfOne() {
        Scene scene = Scene.of(1, oneByOne().build());

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "admit r1-1", "drain a", "terminate a");
    }

    @Test
    void stopsFirstWhenNoSurgeIsPossible() {
        Scene scene = Scene.of(2, oneByOne().maxSurge(0).maxUnavailable(1).build());

        assertThat(scene.run())
                .containsExactly(
                        "drain a",
                        "terminate a",
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain b",
                        "terminate b",
                        "launch r1-2 v2",
                        "admit r1-2");
        assertThat(scene.state.extremes()).isEqualTo(new RolloutState.Extremes(2, OptionalInt.of(1)));
    }

    @Test
    void doesNothingWhenAllIsOnTarget() {
        Scene scene = Scene.of(2, oneByOne().build()).rollTo("v1", 2);

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void doesNotDependOnTheOrderOfTheList() {
        Scene scene = Scene.of(5, oneByOne().maxUnavailable(2).build());
        RolloutState state = scene.state;

        scene.plan();
        Plan one = scene.plan;
        scene.state = state;
        scene.plan(scene.shuffled());

        assertThat(scene.plan).isEqualTo(one);
    }

    @Test
    void samePlanAfterItsActionsWereAskedDoesNothingTwice() {
        Scene scene = Scene.of(3, oneByOne().build());

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.plan()).isEmpty();
    }

    @Test
    void launchesAWholeSlidingBatchAndRefillsAtOnce() {
        Scene scene = Scene.of(
                4, oneByOne().batches(Batches.sliding(Quota.of(2))).maxSurge(2).build());

        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2");
        scene.comesUp("r1-1").starts("r1-2").plan();
        scene.isIn("r1-1");

        assertThat(scene.plan()).containsExactly("drain a");
        scene.isOut("a").plan();
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-3 v2");
    }

    @Test
    void barriersStandAndPauseBetweenBatches() {
        Batches pairs = Batches.fixed(Quota.of(2)).pause(Duration.ofMinutes(1));
        Scene scene = Scene.of(4, oneByOne().batches(pairs).maxSurge(2).build());

        scene.plan();
        scene.obey().plan();
        scene.obey().plan();
        scene.obey().plan();
        scene.obey();
        assertThat(scene.plan())
                .as("the first batch is whole; the pause begins")
                .isEmpty();
        assertThat(scene.waitCodes()).contains(Code.BATCH_PAUSE);
        assertThat(scene.plan.wakeAt()).contains(scene.now.plusSeconds(60));

        assertThat(scene.afterSeconds(59).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("launch r1-3 v2", "launch r1-4 v2");
        scene.obey();
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void batchIsNotWholeBeforeItsOldInstancesAreGone() {
        Scene scene = Scene.of(
                4, oneByOne().batches(Batches.fixed(Quota.of(1))).maxSurge(2).build());

        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1");
        assertThat(scene.plan()).containsExactly("drain a");
        scene.drains("a", 3);

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("a is draining, open requests: 3");
    }

    // ---- limits

    @Test
    void stoppingInstancesCountInTheFootprint() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();

        assertThat(scene.stops("a").plan()).isEmpty();
        assertThat(scene.waits()).contains("surge cap 4 of 4 (desired 3 + maxSurge 1): a is still stopping");
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-2 v2");
    }

    @Test
    void databaseConnectionsBoundTheFootprint() {
        RolloutPolicy policy = oneByOne()
                .maxSurge(Quota.percent(100))
                .batches(Batches.sliding(Quota.of(4)))
                .budget(ResourceBudget.of("db connections", 75, 15))
                .build();
        Scene scene = Scene.of(4, policy);

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.waits())
                .contains("surge cap 4 of 5 (db connections: (75 slots - 0 reserved) / 15 per instance = 5 instances)");
    }

    @Test
    void neverDropsBelowTheAvailabilityFloor() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").ill("c");

        assertThat(scene.plan()).as("c is ill, so that a and b must stay").containsExactly("drain c");
    }

    @Test
    void existingAboveTheFootprintNeverGrows() {
        Scene scene = Scene.of(6, oneByOne().build()).rollTo("v2", 3);

        assertThat(scene.plan()).containsExactly("drain a");
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.extremes().peak()).isEqualTo(6);
    }

    @Test
    void soakCountsFromTheRoutersConfirmation() {
        Scene scene = Scene.of(1, oneByOne().minReady(Duration.ofSeconds(10)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.afterSeconds(30).isIn("r1-1");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("r1-1 is healthy, not yet for minReady 10s");
        assertThat(scene.afterSeconds(9).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
    }

    @Test
    void soakBeginsAnewAfterABreak() {
        Scene scene = Scene.of(1, oneByOne().minReady(Duration.ofSeconds(10)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.afterSeconds(9).ill("r1-1").plan();
        scene.afterSeconds(1).health(Health.healthy(), "r1-1").plan();

        assertThat(scene.afterSeconds(9).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
    }

    @Test
    void badRevisionCostsOneBatchOfAThousand() {
        Scene scene = Scene.of(
                        20,
                        oneByOne()
                                .maxSurge(Quota.percent(25))
                                .batches(Batches.sliding(Quota.percent(25)))
                                .build())
                .rollTo("v2", 20);
        assertThat(scene.plan()).hasSize(5);
        for (int i = 1; i <= 5; i++) {
            scene.starts("r2-" + i);
        }
        scene.exits("r2-1").plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        assertThat(scene.plan.actions())
                .as("no good instance is touched")
                .allSatisfy(action -> assertThat(action).isInstanceOf(Action.Terminate.class))
                .hasSize(5);
    }

    // ---- in and out of traffic

    @Test
    void admitsNothingThatIsNotHealthy() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();

        assertThat(scene.comesUp("r1-1")
                        .health(Health.unknown("no answer yet"), "r1-1")
                        .plan())
                .isEmpty();
        assertThat(scene.ill("r1-1").plan()).isEmpty();
        assertThat(scene.health(Health.healthy(), "r1-1").plan()).containsExactly("admit r1-1");
    }

    @Test
    void terminatesOnlyAfterTheRouterConfirmedThatItIsOut() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();

        assertThat(scene.plan())
                .as("asked, and the router still sends requests")
                .isEmpty();
        assertThat(scene.drains("a", 1).plan()).as("a request is open").isEmpty();
        assertThat(scene.drains("a", 0).plan()).containsExactly("terminate a");
        assertThat(scene.reasons()).containsExactly("a has no open request");
    }

    @Test
    void terminatesWithOpenRequestsAfterTheDrainDeadlineAndSaysSo() {
        Scene scene =
                Scene.of(1, oneByOne().drainDeadline(Duration.ofSeconds(20)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.afterSeconds(1).drains("a", 2).plan();

        assertThat(scene.afterSeconds(19).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate a");
        assertThat(scene.reasons()).containsExactly("a still has 2 open requests after 20s");
    }

    @Test
    void neverTerminatesWhatTheRouterFeedsHoweverLongItIgnoresTheDrain() {
        Scene scene =
                Scene.of(1, oneByOne().drainDeadline(Duration.ofSeconds(20)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1");
        for (int i = 0; i < 60; i++) {
            assertThat(scene.plan()).containsExactly("drain a");
            scene.afterSeconds(1);
        }

        scene.drains("a", 1).plan();
        assertThat(scene.afterSeconds(19).plan())
                .as("the deadline has begun anew")
                .isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate a");
    }

    @Test
    void aDrainThatTakesEffectLateHasItsWholeDeadline() {
        Scene scene =
                Scene.of(1, oneByOne().drainDeadline(Duration.ofSeconds(20)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.health(Health.unknown("cannot tell"), "r1-1");
        for (int i = 0; i < 25; i++) {
            assertThat(scene.afterSeconds(1).plan()).as("it is needed").isEmpty();
        }

        assertThat(scene.drains("a", 2).plan()).isEmpty();
        assertThat(scene.afterSeconds(19).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate a");
    }

    @Test
    void isNotAskedToStopAgainWhileItsHealthCannotBeToldAndTooFewServe() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.platform = new Platform(false, false, Duration.ZERO, Duration.ofMinutes(1));
        scene.plan();
        assertThat(scene.comesUp("r1-1").plan()).contains("terminate a");

        scene.health(Health.unknown("cannot tell"), "a", "b", "r1-1");
        assertThat(scene.afterSeconds(5).plan()).doesNotContain("terminate a");
    }

    @Test
    void drainsAgainWhatTheRouterForgot() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1");
        assertThat(scene.plan()).containsExactly("drain a");

        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
        assertThat(scene.reasons()).containsExactly("a was drained and still takes requests");
    }

    @Test
    void leavingIsOneActionWhereThePlatformDrains() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.platform = new Platform(true, true, Duration.ZERO, Duration.ofMinutes(1));

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "admit r1-1", "terminate a");
    }

    @Test
    void aFleetWithoutARouterServesWhenHealthy() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.platform = new Platform(false, false, Duration.ZERO, Duration.ofMinutes(1));

        assertThat(scene.run()).containsExactly("launch r1-1 v2", "terminate a", "launch r1-2 v2", "terminate b");
    }

    // ---- a fix gets through

    @Test
    void aFixGetsThroughWhenEveryOldInstanceIsDead() {
        Scene scene = Scene.of(3, oneByOne().maxSurge(0).maxUnavailable(1).build());
        scene.exits("a", "b", "c");

        assertThat(scene.plan())
                .as("dead ones go first and free")
                .containsExactly("terminate a", "terminate b", "terminate c");
        scene.obey();
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFixGetsThroughWhenEveryOldInstanceIsIll() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.ill("a", "b", "c");

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void theBudgetIsNotChargedForWhatIsDownAlready() {
        Scene scene = Scene.of(4, oneByOne().maxSurge(0).maxUnavailable(1).build());
        scene.exits("d");

        assertThat(scene.plan()).containsExactly("terminate d");
        scene.obey();
        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
    }

    @Test
    void theHealthOfTheDrainingSideBlocksNothing() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.drains("a", 0).ill("a");

        assertThat(scene.plan()).containsExactly("terminate a");
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-2 v2");
    }

    @Test
    void aRouterThatLostItsServersGetsThemBackBeforeTheyAreReplaced() {
        Scene scene = Scene.of(3, oneByOne().build()).serving("d", "v0", 0).isOut("a", "b", "c", "d");

        assertThat(scene.plan())
                .as("there is no room for a successor, and nobody serves")
                .containsExactly("admit a", "admit b", "admit c", "admit d");
        scene.obey().run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    // ---- health is never latched

    @Test
    void anInstanceThatFallsIllAfterItServedCountsAsNotServingAgain() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();
        scene.gone("a").plan();
        scene.comesUp("r1-2").plan();

        assertThat(scene.isIn("r1-2").ill("r1-1").plan()).as("b must stay").isEmpty();
        assertThat(scene.waitCodes()).contains(Code.AVAILABILITY);
        assertThat(scene.afterSeconds(5).health(Health.healthy(), "r1-1").plan())
                .containsExactly("drain b");
    }

    @Test
    void aRecoveredInstanceTriggersNoSecondRemoval() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.ill("a").isOut("a");
        assertThat(scene.plan()).containsExactly("terminate a");

        assertThat(scene.health(Health.healthy(), "a").plan()).isEmpty();
        assertThat(scene.state.instances())
                .filteredOn(record -> record.intent() == InstanceRecord.Intent.TERMINATE)
                .hasSize(1);
    }

    @Test
    void aLateFailureIsCountedHoweverLongItServed() {
        Scene scene =
                Scene.of(2, oneByOne().unhealthyGrace(Duration.ofSeconds(30)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.drains("a", 1).plan();
        scene.after(Duration.ofMinutes(5)).plan();
        scene.ill("r1-1").plan();
        assertThat(scene.state.failures().count()).isZero();

        scene.afterSeconds(30).plan();

        assertThat(scene.state.failures().count()).isOne();
        assertThat(scene.plan.failures().get(0).reason().text())
                .isEqualTo("r1-1 was serving and is unhealthy for 30s: HTTP 503");
    }

    // ---- failure

    @Test
    void anInstanceThatNeverStartsFailsAtTheStartDeadline() {
        Scene scene =
                Scene.of(3, oneByOne().startDeadline(Duration.ofMinutes(2)).build());
        scene.plan();
        scene.starts("r1-1").plan();

        scene.afterSeconds(119).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("1 failed, at most 0 may: r1-1 is not serving 2m after its launch: is starting");
        assertThat(scene.gone("r1-1").plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void aLaunchThatNeverAppearsFailsToo() {
        Scene scene =
                Scene.of(3, oneByOne().startDeadline(Duration.ofMinutes(2)).build());
        scene.plan();

        scene.after(Duration.ofMinutes(2)).plan();
        assertThat(scene.state.failures().count()).isOne();
    }

    @Test
    void failuresWithinTheBudgetAreReplacedWithGrowingDelay() {
        Scene scene = Scene.of(3, oneByOne().maxFailedInstances(1).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1");

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.obey();
        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("1s after failure 1");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("launch r1-2 v2");
    }

    @Test
    void theFailurePolicyMayPause() {
        Scene scene = Scene.of(3, oneByOne().onFailure(FailurePolicy.PAUSE).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.waitCodes()).contains(Code.PAUSED);
    }

    @Test
    void theFailurePolicyMayStopAndSaysWhichInstanceRunsWhat() {
        Scene scene = Scene.of(1, oneByOne().onFailure(FailurePolicy.STOP).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.state.phaseReason().text())
                .contains("a runs v1 (is serving)")
                .contains("r1-1 runs v2 (has exited)");
    }

    @Test
    void failureCountNeverShrinks() {
        Scene scene = Scene.of(3, oneByOne().onFailure(FailurePolicy.PAUSE).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.state.failures().count()).isOne();
        scene.gone("r1-1").run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isOne();
    }

    @Test
    void aCallThatCanNeverSucceedFollowsTheFailurePolicy() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();

        scene.plan(scene.snapshot().withFault("no such image"));

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        assertThat(scene.state.phaseReason()).isEqualTo(Reason.of(Code.FAULT, "the platform refuses: no such image"));
    }

    @Test
    void aStallEndsInsteadOfHanging() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();
        scene.stops("a");

        scene.after(Duration.ofMinutes(10)).plan();

        assertThat(scene.state.phaseReason().code()).isEqualTo(Code.STALLED);
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void theTotalDeadlineEndsWhatGoesOnTooLongAndARollBackHasTheSameTimeAgain() {
        Scene scene =
                Scene.of(3, oneByOne().totalDeadline(Duration.ofMinutes(4)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();
        scene.gone("a");
        scene.after(Duration.ofMinutes(4).minusSeconds(1)).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);

        scene.afterSeconds(1).plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        assertThat(scene.state.phaseReason()).isEqualTo(Reason.of(Code.TOTAL_DEADLINE, "not finished after 4m"));
        scene.after(Duration.ofMinutes(4)).plan();
        assertThat(scene.state.phase()).isEqualTo(FAILED);
    }

    @Test
    void aBlindSnapshotBeginsNothingButDeadlinesPass() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        FleetSnapshot blind = FleetSnapshot.blind(scene.now, scene.platform, "timed out");

        assertThat(scene.plan(blind)).isEmpty();
        assertThat(scene.waits()).containsExactly("timed out");

        scene.after(Duration.ofMinutes(11));
        scene.plan(FleetSnapshot.blind(scene.now, scene.platform, "timed out"));
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void anInstanceThatNeverStopsHoldsUpNoOtherAndStillCounts() {
        Scene scene = Scene.of(
                3, oneByOne().maxSurge(2).stopDeadline(Duration.ofSeconds(30)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();
        scene.stops("a").comesUp("r1-2").plan();
        assertThat(scene.isIn("r1-2").plan()).as("one leaves at a time").isEmpty();

        assertThat(scene.afterSeconds(30).plan()).containsExactly("terminate a", "drain b");
        assertThat(scene.plan.counts().existing()).isEqualTo(5);
    }

    @Test
    void whatWasKeptAfterAFailureGoesWithTheNextRollout() {
        Scene scene = Scene.of(3, oneByOne().keepFailed(1).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();
        scene.plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.fleet).containsKey("r1-1");

        scene.rollTo("v3", 3);

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(scene.reasons()).containsExactly("r1-1 runs v2 and has exited");
        assertThat(scene.gone("r1-1").plan()).containsExactly("launch r2-1 v3");
    }

    // ---- back

    @Test
    void rollsBackToWhatWasServingNotToTheNumberBefore() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.run();
        scene.rollTo("v3", 3).run();
        scene.rollTo("v1", 3).plan();

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.state.goal()).isEqualTo(Revision.of("v3"));
    }

    @Test
    void neverRollsBackToARevisionThatWasNotServing() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.ill("a", "b").plan();
        scene.starts("r1-1").exits("r1-1").plan();

        assertThat(scene.state.phase()).isEqualTo(FAILED);
        assertThat(scene.state.phaseReason().text()).contains("there is no revision to go back to");
    }

    @Test
    void rollBackReadmitsWhatWasOnlyDrainingInsteadOfLaunching() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.drains("a", 3);

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.plan()).containsExactly("admit a");
        assertThat(scene.reasons()).containsExactly("a is wanted again");
        assertThat(scene.isIn("a").plan()).containsExactly("drain r1-1");
        scene.obey();
        assertThat(scene.run()).containsExactly("terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void whatIsWantedAgainDoesNotCountWhileADrainOfItMayStillTakeEffect() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain a");

        scene.rollBackByHand();

        assertThat(scene.plan()).as("a is in the router yet").isEmpty();
        assertThat(scene.waits())
                .contains(
                        "a is wanted again, and a drain of it may still take effect", "2 serving, 2 must: r1-1 stays");
        assertThat(scene.isOut("a").plan()).as("now it has").containsExactly("admit a");
        assertThat(scene.isIn("a").plan()).containsExactly("drain r1-1");
    }

    @Test
    void aDrainThatWasLostCountsNoLongerOnceItCanNotTakeEffect() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.rollBackByHand();

        assertThat(scene.afterSeconds(59).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain r1-1");
    }

    @Test
    void onRollBackWhatIsHealthyAndShutOutMakesRoomWhereNothingElseCan() {
        RolloutPolicy stopFirst = oneByOne()
                .batches(Batches.sliding(Quota.of(2)))
                .maxSurge(0)
                .maxUnavailable(1)
                .build();
        Scene scene = Scene.of(2, stopFirst);
        scene.plan();
        scene.isOut("a").plan();
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.resizeTo(3).plan()).containsExactly("launch r1-2 v2");
        scene.comesUp("r1-1").comesUp("r1-2").plan();

        scene.rollBackByHand();

        assertThat(scene.plan()).as("never let in, and in the way").containsExactly("drain r1-1");
        scene.obey();
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void rollBackTakesTheNewestFirstAndTouchesOnlyWhatChanged() {
        Scene scene = Scene.of(
                4, oneByOne().rollbackBatches(Batches.sliding(Quota.of(1))).build());
        for (int i = 0; i < 9; i++) {
            scene.plan();
            scene.obey().afterSeconds(1);
        }
        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "r1-1", "r1-2", "r1-3");

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.run())
                .containsExactly(
                        "terminate r1-3",
                        "launch r1-4 v1",
                        "admit r1-4",
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r1-5 v1",
                        "admit r1-5",
                        "drain r1-1",
                        "terminate r1-1");
        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "r1-4", "r1-5");
    }

    @Test
    void aRollBackIsNeverRolledBack() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.isOut("a").plan();
        scene.gone("a").plan();
        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        scene.plan();
        scene.after(Duration.ofMinutes(11)).plan();
        assertThat(scene.state.phase())
                .as("the open launch is given up, which is progress")
                .isEqualTo(ROLLING_BACK);

        scene.after(Duration.ofMinutes(11)).plan();

        assertThat(scene.state.phase()).isEqualTo(FAILED);
    }

    @Test
    void aPausedRollBackIsNotCompleteAndGoesOnBackwards() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1").plan();
        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused"));

        scene.gone("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    // ---- holding

    @Test
    void beginsNothingOnHealthyInstancesWhilePaused() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.isIn("r1-1");
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused by hand"));

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("paused by hand");
        assertThat(scene.after(Duration.ofDays(3)).plan()).isEmpty();

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.plan()).as("no deadline ran while paused").containsExactly("drain a");
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
    }

    @Test
    void letsInWhatGetsHealthyWhilePaused() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "paused by hand"));

        assertThat(scene.comesUp("r1-1").plan()).containsExactly("admit r1-1");
    }

    // ---- superseded, resized, found

    @Test
    void onSupersedeTheHalfRolledLeaveBeforeTheGoodOriginals() {
        Scene scene = Scene.of(3, oneByOne().build());
        for (int i = 0; i < 6; i++) {
            scene.plan();
            scene.obey().afterSeconds(1);
        }
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "r1-1", "r1-2");
        scene.rollTo("v3", 3);

        assertThat(scene.run())
                .containsSubsequence("drain r1-1", "drain r1-2", "drain b", "drain c")
                .contains("launch r2-1 v3");
        assertThat(scene.state.baseline()).contains(Revision.of("v1"));
    }

    @Test
    void aSupersedingRolloutMeasuresItsDeadlinesAnew() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.after(Duration.ofMinutes(4)).rollTo("v3", 3).plan();
        scene.after(Duration.ofMinutes(4)).plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING);
    }

    @Test
    void resizeDoesNotGrowTheOldRevision() {
        Scene scene = Scene.of(3, oneByOne().build()).rollTo("v2", 5);

        List<String> lines = scene.run();

        assertThat(lines).noneMatch(line -> line.contains(" v1"));
        assertThat(scene.fleet).hasSize(5);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void shrinkingTakesTheNewestOfWhatServesTheTarget() {
        Scene scene = Scene.of(4, oneByOne().build()).rollTo("v1", 2);

        assertThat(scene.run()).containsExactly("drain c", "terminate c", "drain d", "terminate d");
    }

    @Test
    void aLaunchThatIsNotSeenIsNotLaunchedTwice() {
        Scene scene = Scene.of(
                3, oneByOne().maxSurge(3).batches(Batches.sliding(Quota.of(3))).build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        assertThat(scene.plan()).hasSize(3);

        assertThat(scene.afterSeconds(2).plan()).as("the list is stale").isEmpty();
        assertThat(scene.afterSeconds(3).plan())
                .as("asked again with the same tokens")
                .containsExactly("launch r1-1 v2", "launch r1-2 v2", "launch r1-3 v2");
        assertThat(scene.plan.counts().existing()).isEqualTo(6);
    }

    @Test
    void aLeftoverOfACrashIsFoundByItsTokenAndNotDoubled() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        RolloutState persisted = scene.state;
        scene.comesUp("r1-1").afterSeconds(40);
        scene.state = persisted;

        assertThat(scene.plan()).containsExactly("admit r1-1");
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
    }

    @Test
    void aNumberedPlatformsInstanceIsBoundToTheOldestOpenLaunch() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.serving("i-77", "v2", 2000).isOut("i-77");

        assertThat(scene.plan()).containsExactly("admit i-77");
        assertThat(scene.plan.counts().existing()).isEqualTo(3);
    }

    @Test
    void whatAStaleListSaysIsGoneNeedsNoProof() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();

        scene.ends("a").afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(3);
        scene.afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing()).as("listed so again").isEqualTo(3);
    }

    @Test
    void aLaunchWhoseInstanceIsGoneHasFailed() {
        Scene scene = Scene.of(3, oneByOne().maxFailedInstances(0).build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();
        scene.comesUp("r1-1").ends("r1-1").afterSeconds(1).plan();

        assertThat(scene.state.failures().count()).isEqualTo(1);
        assertThat(scene.plan.counts().existing()).isEqualTo(3);
    }

    @Test
    void oneAbsenceInAStaleListProvesNothing() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();
        Observed a = scene.fleet.get("a");

        scene.gone("a").afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
        assertThat(scene.waits()).contains("a is missing from the list and not yet believed gone");
        scene.afterSeconds(4).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
        scene.afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(3);

        scene.fleet.put("a", a);
        scene.afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing())
                .as("an older list shows it once more")
                .isEqualTo(4);
        assertThat(scene.plan.counts().serving())
                .as("it has to soak before it counts")
                .isEqualTo(2);
    }

    @Test
    void aGapInOurLookingProvesNoAbsence() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();

        scene.gone("a").afterSeconds(1).plan();
        scene.afterSeconds(2).plan();
        scene.afterSeconds(60).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(4);

        assertThat(scene.plan.wakeAt()).hasValueSatisfying(at -> assertThat(at).isBefore(scene.now.plusSeconds(5)));
        scene.afterSeconds(4).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
        scene.afterSeconds(1).plan();
        assertThat(scene.plan.counts().existing()).isEqualTo(3);
    }

    @Test
    void openRequestsHaveTheirTimeFromWhenTheDrainIsSeenToHaveTakenEffect() {
        Scene scene =
                Scene.of(1, oneByOne().drainDeadline(Duration.ofSeconds(20)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain a");

        assertThat(scene.drains("a", 2).afterSeconds(30).plan())
                .as("nobody knows since when")
                .isEmpty();
        assertThat(scene.afterSeconds(19).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate a");
    }

    @Test
    void oneWhoseDrainMayStillTakeEffectIsNotHadBackAsServing() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        assertThat(scene.isIn("r1-1").plan()).contains("drain a");

        scene.rollBackByHand().plan();
        assertThat(scene.plan.counts().serving()).as("a may be out at any time").isEqualTo(2);
        assertThat(scene.plan.actions()).isEmpty();

        assertThat(scene.drains("a", 0).plan()).containsExactly("admit a");
    }

    @Test
    void oneThatWasDrainedTwiceDoesNotCountBeforeTheSecondDrainIsOver() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        assertThat(scene.isIn("r1-1").plan()).contains("drain a");
        assertThat(scene.afterSeconds(5).plan()).containsExactly("drain a");

        assertThat(scene.rollBackByHand().drains("a", 1).plan()).containsExactly("admit a");
        assertThat(scene.isIn("a").afterSeconds(59).plan()).isEmpty();

        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain r1-1");
    }

    @Test
    void oneThatAStaleListShowsStartingMayBeServing() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();

        scene.told(instance -> instance.state(Instance.State.STARTING), "a").health(Health.unknown("not checked"), "a");
        assertThat(scene.plan()).isEmpty();
    }

    @Test
    void theFloorHoldsAgainstADeathInTheMiddle() {
        Scene scene = Scene.of(3, oneByOne().maxUnavailable(1).build());
        scene.plan();
        scene.exits("b").plan();

        assertThat(scene.plan.actions().stream().map(Action::reason).map(Reason::code))
                .doesNotContain(Code.OUTDATED);
    }

    @Test
    void everyPlanSaysWhatItWaitsFor() {
        Scene scene = Scene.of(3, oneByOne().build());

        for (int i = 0; i < 40 && !scene.state.phase().isFinal(); i++) {
            scene.plan();
            assertThat(scene.plan.actions().isEmpty() && scene.plan.waits().isEmpty())
                    .as("a plan without action and reason at %s", scene.now)
                    .isEqualTo(scene.state.phase().isFinal());
            if (i % 2 == 1) {
                scene.obey();
            }
            scene.afterSeconds(1);
        }
        assertThat(Optional.of(scene.state.phase())).contains(SUCCEEDED);
    }
}
