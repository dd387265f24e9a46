package io.github.rollstep.plan;

import static io.github.rollstep.plan.Forecast.Release.HEALTHY;
import static io.github.rollstep.plan.Forecast.Release.NEVER_HEALTHY;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The numbers of a forecast against arithmetic by hand: start 30, soak 10, drain 5, stop 10 seconds. */
class ForecastTest {

    private static final Timings TIMINGS =
            Timings.start(ofSeconds(30)).drain(ofSeconds(5)).stop(ofSeconds(10));

    private static RolloutPolicy.Builder oneByOne() {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(1)))
                .maxSurge(1)
                .minReady(ofSeconds(10))
                .startDeadline(ofSeconds(60));
    }

    private static Forecast forecast(RolloutPolicy.Builder policy, int desired) {
        return Forecast.of(policy, desired, TIMINGS, HEALTHY);
    }

    /** Each takes 30 + 10 until it serves, and 5 + 10 until the one it replaces has left the room for the next. */
    @Test
    void oneByOneTakesTheTimeOfEachCycle() {
        RolloutPolicy policy = oneByOne().build();

        Forecast forecast = Forecast.of(policy, 3, TIMINGS);

        assertThat(forecast)
                .isEqualTo(new Forecast(
                        3,
                        Optional.of(Limits.resolve(policy, 3)),
                        Optional.of(RolloutPhase.SUCCEEDED),
                        ofSeconds(3 * 55),
                        Optional.empty(),
                        1,
                        0,
                        4,
                        List.of(),
                        3,
                        3,
                        3,
                        0,
                        Optional.empty()));
    }

    @Test
    void barriersAreBatchesWithTheirPauses() {
        RolloutPolicy.Builder twoByTwo = oneByOne().maxSurge(2);

        Forecast plain = forecast(twoByTwo.batches(Batches.fixed(Quota.of(2))), 5);
        Forecast paused = forecast(twoByTwo.batches(Batches.fixed(Quota.of(2)).pause(ofSeconds(20))), 5);

        assertThat(plain.batches()).isEqualTo(3);
        assertThat(plain.duration()).isEqualTo(ofSeconds(3 * 55));
        assertThat(plain.peak()).isEqualTo(7);
        assertThat(paused.batches()).isEqualTo(3);
        assertThat(paused.duration()).isEqualTo(ofSeconds(3 * 55 + 2 * 20));
    }

    /** Drain 5, stop 10, start 30, soak 10; twice. */
    @Test
    void stopFirstTakesCapacityAndNoSurge() {
        Forecast forecast = forecast(oneByOne().maxSurge(0).maxUnavailable(1), 2);

        assertThat(forecast.duration()).isEqualTo(ofSeconds(2 * 55));
        assertThat(forecast.peak()).isEqualTo(2);
        assertThat(forecast.fewestServing()).isEqualTo(1);
        assertThat(forecast.capacityTaken()).isEqualTo(1);
    }

    @Test
    void admissionComesBeforeTheSoak() {
        Forecast forecast = Forecast.of(oneByOne().build(), 1, TIMINGS.admit(ofSeconds(3)));

        assertThat(forecast.duration()).isEqualTo(ofSeconds(58));
    }

    /** The first start lies in the middle, 25; the second is the second fastest, 21; all are over when the slowest is. */
    @Test
    void startsAreSpreadEvenly() {
        Timings timings = Timings.start(ofSeconds(20), ofSeconds(30));
        RolloutPolicy atOnce = oneByOne()
                .batches(Batches.sliding(Quota.percent(100)))
                .maxSurge(Quota.percent(100))
                .minReady(Duration.ZERO)
                .build();

        assertThat(Forecast.of(atOnce, 1, timings).duration()).isEqualTo(ofSeconds(25));
        assertThat(Forecast.of(atOnce, 2, timings).duration()).isEqualTo(ofSeconds(25));
        assertThat(Forecast.of(atOnce, 11, timings).duration()).isEqualTo(ofSeconds(30));
        assertThat(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))
                .extracting(launch -> timings.startOf(launch).toSeconds())
                .containsExactly(25L, 21L, 28L, 24L, 20L, 27L, 23L, 30L, 26L, 22L, 29L, 25L);
    }

    /** (100 - 10) / 15 = 6 exist at most: two cycles of two. */
    @Test
    void theBudgetIsTakenUpToWhatIsNotReserved() {
        Forecast forecast = forecast(
                oneByOne()
                        .batches(Batches.sliding(Quota.of(4)))
                        .maxSurge(4)
                        .budget(ResourceBudget.of("db connections", 100, 15, 10)),
                4);

        assertThat(forecast.usages()).containsExactly(new Forecast.Usage("db connections", 90, 100, 10));
        assertThat(forecast.peak()).isEqualTo(6);
        assertThat(forecast.duration()).isEqualTo(ofSeconds(2 * 55));
    }

    // ---- a bad release

    @Test
    void aBadReleaseCostsOneInstanceAndNoCapacityWhereTheFirstBatchIsOne() {
        Forecast forecast = Forecast.of(oneByOne().build(), 4, TIMINGS, NEVER_HEALTHY);

        assertThat(forecast.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(forecast.turnedAfter()).contains(ofSeconds(60));
        assertThat(forecast.duration()).isEqualTo(ofSeconds(70));
        assertThat(forecast.bad()).isEqualTo(1);
        assertThat(forecast.launched()).isEqualTo(1);
        assertThat(forecast.capacityTaken()).isZero();
        assertThat(forecast.never())
                .contains("1 failed, at most 0 may: new-1 is not serving 1m after its launch: is unhealthy "
                        + "(never gets healthy)");
    }

    /** Drained and gone at 15, failed at 75, gone at 85, and the old one is back after 40 more. */
    @Test
    void aBadReleaseStopFirstTakesCapacityUntilTheOldOneIsBack() {
        Forecast forecast = Forecast.of(oneByOne().maxSurge(0).maxUnavailable(1).build(), 2, TIMINGS, NEVER_HEALTHY);

        assertThat(forecast.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(forecast.turnedAfter()).contains(ofSeconds(75));
        assertThat(forecast.duration()).isEqualTo(ofSeconds(125));
        assertThat(forecast.bad()).isEqualTo(1);
        assertThat(forecast.launched()).isEqualTo(2);
        assertThat(forecast.capacityTaken()).isEqualTo(1);
    }

    @Test
    void aFailurePolicyThatPausesIsWhereItEnds() {
        Forecast paused = Forecast.of(oneByOne().onFailure(FailurePolicy.PAUSE).build(), 4, TIMINGS, NEVER_HEALTHY);
        Forecast stopped = Forecast.of(oneByOne().onFailure(FailurePolicy.STOP).build(), 4, TIMINGS, NEVER_HEALTHY);

        assertThat(paused.phase()).contains(RolloutPhase.PAUSED);
        assertThat(paused.duration()).isEqualTo(ofSeconds(60));
        assertThat(paused.holds()).isZero();
        assertThat(stopped.phase()).contains(RolloutPhase.FAILED);
        assertThat(stopped.never()).isEqualTo(paused.never());
    }

    // ---- what can never finish

    @Test
    void aPolicyThatIsRejectedIsAForecastThatSaysWhy() {
        Forecast forecast = forecast(oneByOne().maxSurge(0), 3);

        assertThat(forecast.never())
                .contains("maxSurge and maxUnavailable must not both be 0: nothing could ever be replaced");
        assertThat(forecast.phase()).isEmpty();
        assertThat(forecast.succeeds()).isFalse();
        assertThat(forecast.table()).isEqualTo("""
                        ends  rejected
                        why   maxSurge and maxUnavailable must not both be 0: nothing could ever be replaced
                        """);
    }

    @Test
    void aFleetThatDoesNotFitIsAForecastWithTheArithmetic() {
        Forecast forecast = forecast(oneByOne().budget(ResourceBudget.of("db connections", 100, 15)), 7);

        assertThat(forecast.never())
                .contains("footprint must be >= desired (7), was 6: db connections: (100 slots - 0 reserved) / 15 per "
                        + "instance = 6 instances");
        assertThat(forecast).hasToString("rejected: " + forecast.never().get());
    }

    @Test
    void aStartThatIsLongerThanItsDeadlineIsProvenByArithmetic() {
        Forecast forecast = Forecast.of(oneByOne().build(), 2, Timings.start(ofSeconds(40), ofSeconds(51)));

        assertThat(forecast.phase()).contains(RolloutPhase.SUCCEEDED);

        forecast = Forecast.of(oneByOne().build(), 8, Timings.start(ofSeconds(40), ofSeconds(51)));

        assertThat(forecast.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(forecast.never())
                .contains("startDeadline must be >= start 51s + admit 0s + minReady 10s = 1m1s, was 1m: "
                        + "1 failed, at most 0 may: new-8 is not serving 1m after its launch: is healthy, not "
                        + "yet for minReady 10s");
    }

    @Test
    void aTotalDeadlineIsProvenByTheTimeThatIsNeeded() {
        Forecast forecast = forecast(oneByOne().totalDeadline(ofSeconds(120)), 3);

        assertThat(forecast.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(forecast.turnedAfter()).contains(ofSeconds(120));
        assertThat(forecast.never()).contains("totalDeadline must be >= 2m45s, was 2m: not finished after 2m");
        assertThat(forecast(oneByOne().totalDeadline(ofSeconds(165)), 3).succeeds())
                .isTrue();
    }

    @Test
    void oneThatDoesNotStopIsProvenByWhatIsWaitedFor() {
        Forecast forecast = Forecast.of(oneByOne().build(), 1, TIMINGS.stop(Duration.ofHours(1)));

        assertThat(forecast.phase()).contains(RolloutPhase.FAILED);
        assertThat(forecast.duration()).isEqualTo(ofSeconds(40 + 600));
        assertThat(forecast.never()).contains("no progress for 10m: old-1 is still stopping");
    }

    @Test
    void keepingWhatFailedTakesNoTime() {
        Forecast kept = Forecast.of(oneByOne().keepFailed(1), 3, TIMINGS, NEVER_HEALTHY);

        assertThat(kept.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(kept.duration()).isEqualTo(ofSeconds(60));
    }

    /** Start 30, soak 10, drain 5, twice; then the second is kept, and takes 10 to stop. There is room for both. */
    @Test
    void retainingWhatWasReplacedHoldsUpNoBatch() {
        RolloutPolicy.Builder policy =
                oneByOne().batches(Batches.fixed(Quota.of(1))).maxSurge(2).retainOld(Duration.ofMinutes(15));

        assertThat(forecast(policy, 2).duration()).isEqualTo(ofSeconds(2 * 45 + 15 * 60 + 10));
    }

    // ---- from a fleet as observed

    @Test
    void aFleetOnTargetNeedsNothing() {
        Scene scene = Scene.of(2, oneByOne().build()).rollTo("v1", 2);

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.phase()).contains(RolloutPhase.SUCCEEDED);
        assertThat(forecast.duration()).isZero();
        assertThat(forecast.batches()).isZero();
        assertThat(forecast.launched()).isZero();
    }

    @Test
    void fromTheMiddleItTakesWhatIsLeft() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.starts("r1-1").plan();

        Forecast forecast = Forecast.from(scene.afterSeconds(20).snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.duration()).isEqualTo(ofSeconds(3 * 55 - 20));
        assertThat(forecast.launched()).isEqualTo(2);
        assertThat(forecast.peak()).isEqualTo(4);
    }

    @Test
    void whatIsIllStaysIllAndTakesNoCapacity() {
        Scene scene = Scene.of(3, oneByOne().build()).ill("b");

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.phase()).contains(RolloutPhase.SUCCEEDED);
        assertThat(forecast.servingBefore()).isEqualTo(2);
        assertThat(forecast.fewestServing()).isEqualTo(2);
        assertThat(forecast.capacityTaken()).isZero();
    }

    @Test
    void anIllFleetOnTargetIsReplacedAfterItsDeadline() {
        Scene scene = Scene.of(1, oneByOne().build()).rollTo("v1", 1);
        scene.health(Health.unknown("no answer"), "a");

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.phase()).contains(RolloutPhase.SUCCEEDED);
        assertThat(forecast.launched()).isOne();
        assertThat(forecast.duration()).isGreaterThan(scene.policy.startDeadline());
    }

    @Test
    void aFleetThatCannotBeSeenIsNotForecast() {
        Scene scene = Scene.of(1, oneByOne().build());

        Forecast forecast = Forecast.from(
                FleetSnapshot.blind(scene.now, scene.platform, "the list timed out"),
                scene.state,
                scene.policy,
                TIMINGS);

        assertThat(forecast.never()).contains("the fleet cannot be seen: the list timed out");
        assertThat(forecast.phase()).contains(RolloutPhase.ROLLING);
    }

    @Test
    void oneThatIsHeldGoesOnAtOnce() {
        Scene scene = Scene.of(3, oneByOne().build());
        RolloutState held = scene.state.pause(scene.now, Reason.of(Reason.Code.BY_HAND, "paused"));

        Forecast forecast = Forecast.from(scene.snapshot(), held, scene.policy, TIMINGS);

        assertThat(forecast.succeeds()).isTrue();
        assertThat(forecast.holds()).isEqualTo(1);
    }

    /** Three lists in a row must agree before one that is missing is believed gone: 55 becomes more, but not forever. */
    @Test
    void staleListsAreLookedAtOften() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.platform = new Platform(true, false, ofSeconds(5), ofSeconds(30));

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.succeeds()).isTrue();
        assertThat(forecast.duration()).isBetween(ofSeconds(2 * 60), ofSeconds(2 * 60 + 2 * 35));
    }

    // ---- pure, and for people

    @Test
    void theSameInputGivesTheSameForecast() {
        Timings timings = Timings.start(ofSeconds(20), ofSeconds(33)).stop(ofSeconds(7));
        RolloutPolicy policy = RolloutPolicy.defaults();
        Scene scene = Scene.of(5, policy);
        RolloutState before = scene.state;

        Forecast first = Forecast.from(scene.snapshot(), scene.state, policy, timings);

        assertThat(Forecast.from(scene.shuffled(), scene.state, policy, timings))
                .isEqualTo(first);
        assertThat(scene.state).isSameAs(before);
        assertThat(Forecast.of(policy, 50, timings)).isEqualTo(Forecast.of(policy, 50, timings));
    }

    @Test
    void tablesAreAligned() {
        RolloutPolicy.Builder policy = oneByOne().budget(ResourceBudget.of("db connections", 100, 15));
        Map<String, Forecast> forecasts = new LinkedHashMap<>();
        forecasts.put("good", Forecast.of(policy, 4, TIMINGS, HEALTHY));
        forecasts.put("bad", Forecast.of(policy, 4, TIMINGS, NEVER_HEALTHY));
        forecasts.put("too many", Forecast.of(policy, 7, TIMINGS, HEALTHY));

        assertThat(forecasts.get("good").table()).isEqualTo("""
                        limits          desired 4, at most 5 exist (desired 4 + maxSurge 1), at least 4 serve
                        ends            SUCCEEDED after 3m40s
                        batches         1
                        peak            5 instances
                        db connections  75 of 100
                        fewest serving  4 of 4
                        launched        4
                        """);
        assertThat(Forecast.compare(forecasts)).isEqualTo("""
                                  ends         after  batches  peak  fewest serving  launched  bad  db connections
                        good      SUCCEEDED    3m40s        1     5               4         4    0       75 of 100
                        bad       ROLLED_BACK  1m10s        1     5               4         1    1       75 of 100
                        too many  rejected         -        -     -               -         -    -               -
                        bad:
                          1 failed, at most 0 may: new-1 is not serving 1m after its launch: is unhealthy (never gets healthy)
                        too many:
                          footprint must be >= desired (7), was 6: db connections: (100 slots - 0 reserved) / 15 per instance = 6 instances
                        """);
    }

    @Test
    void timingsAreChecked() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Timings.start(ofSeconds(-1)))
                .withMessage("start at least must be within 0 to 366 days, was -1s");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Timings.start(ofSeconds(35), ofSeconds(25)))
                .withMessage("start at most must be within 35s to 366 days, was 25s");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TIMINGS.stop(Duration.ofDays(400)))
                .withMessage("stop must be within 0 to 366 days, was 9600h");
        assertThat(TIMINGS.admit(ofSeconds(1))).hasToString("start 30s, admit 1s, drain 5s, stop 10s");
    }

    // ---- from what is on its way

    /** r1-1 serves, and a was told to stop so many seconds ago, or to let its requests end. */
    private static Scene leaving(boolean draining, int seconds) {
        Scene scene = Scene.of(1, oneByOne().minReady(Duration.ZERO).build());
        assertThat(scene.steps(2)).containsExactly("launch r1-1 v2", "admit r1-1");
        assertThat(scene.plan()).containsExactly("drain a");
        if (draining) {
            return scene.drains("a", 1).afterSeconds(seconds);
        }
        assertThat(scene.isOut("a").plan()).containsExactly("terminate a");
        return scene.stops("a").afterSeconds(seconds);
    }

    private static Duration left(Scene scene) {
        return Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS.admit(ofSeconds(3)))
                .duration();
    }

    @Test
    void whatStopsIsGoneWhenItsTimeIsOver() {
        assertThat(left(leaving(false, 4))).isEqualTo(ofSeconds(10 - 4));
    }

    @Test
    void whatShouldBeGoneByNowTakesItsWholeTimeOnceMore() {
        assertThat(left(leaving(false, 60))).isEqualTo(ofSeconds(10));
    }

    @Test
    void whatDrainsStopsWhenItsRequestsHaveEnded() {
        assertThat(left(leaving(true, 2))).isEqualTo(ofSeconds(5 - 2 + 10));
    }

    @Test
    void whereThePlatformDrainsWhatServedTakesBothTimesAndWhatNeverServedOne() {
        Scene served = Scene.of(1, oneByOne().minReady(Duration.ZERO).build());
        served.platform = new Platform(true, true, Duration.ZERO, ofSeconds(30));
        served.steps(2);
        assertThat(served.plan()).containsExactly("terminate a");
        assertThat(left(served.stops("a").isOut("a").afterSeconds(4))).isEqualTo(ofSeconds(5 + 10 - 4));

        Scene never = Scene.of(1, oneByOne().minReady(Duration.ZERO).build());
        never.platform = served.platform;
        never.plan();
        assertThat(never.starts("r1-1").rollBackByHand().plan()).containsExactly("terminate r1-1");
        assertThat(left(never.stops("r1-1").afterSeconds(4))).isEqualTo(ofSeconds(10 - 4));
    }

    @Test
    void whereThePlatformDrainsLeavingTakesBothTimes() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.platform = new Platform(true, true, Duration.ZERO, ofSeconds(30));

        assertThat(left(scene)).isEqualTo(ofSeconds(30 + 3 + 10 + 5 + 10));
    }

    @Test
    void withoutARouterNothingIsAdmittedAndNothingDrains() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.platform = new Platform(false, true, Duration.ZERO, ofSeconds(30));
        scene.isOut("a", "b");

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS.admit(ofSeconds(3)));

        assertThat(forecast.servingBefore()).isEqualTo(2);
        assertThat(forecast.duration()).isEqualTo(ofSeconds(2 * (30 + 10 + 10)));
    }

    @Test
    void whatTheRouterIsAboutToLetInIsInWhenItsTimeIsOver() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        assertThat(scene.comesUp("r1-1").plan()).containsExactly("admit r1-1");
        Observed up = scene.fleet.get("r1-1");
        scene.fleet.put("r1-1", new Observed(up.instance(), up.health(), new Routing(Routing.State.ADMITTING, 0)));

        assertThat(left(scene.afterSeconds(1))).isEqualTo(ofSeconds(3 - 1 + 10 + 5 + 10));
    }

    @Test
    void whatRunsAndIsNotHealthyYetComesUpInTheTimeOfAStart() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.comesUp("r1-1").health(Health.unknown("no answer yet"), "r1-1").plan();

        assertThat(left(scene.afterSeconds(20))).isEqualTo(ofSeconds(30 - 20 + 3 + 10 + 5 + 10));
    }

    @Test
    void successorsComeUpInTheZonesThatTheyAreAskedTo() {
        Scene scene = Scene.of(
                        4,
                        oneByOne()
                                .batches(Batches.sliding(Quota.of(4)))
                                .maxSurge(4)
                                .maxSurgePerZone(Quota.of(1))
                                .build())
                .inZone("x", "a", "b")
                .inZone("y", "c", "d");

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.peak()).as("two zones, one more in each").isEqualTo(6);
        assertThat(forecast.duration()).isEqualTo(ofSeconds(2 * 55));
    }

    // ---- held, or on its way back

    @Test
    void approvalsAreGivenAtOnce() {
        Forecast forecast = forecast(oneByOne().canary(1), 3);

        assertThat(forecast.holds()).isOne();
        assertThat(forecast.duration()).isEqualTo(ofSeconds(3 * 55));
        assertThat(forecast.table()).contains("held 1 times");
    }

    @Test
    void oneThatAFailureHoldsGoesOnToo() {
        Scene scene = Scene.of(2, oneByOne().onFailure(FailurePolicy.PAUSE).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();
        assertThat(scene.state.phase()).isEqualTo(RolloutPhase.PAUSED);

        Forecast forecast = Forecast.from(scene.snapshot(), scene.state, scene.policy, TIMINGS);

        assertThat(forecast.succeeds()).isTrue();
        assertThat(forecast.holds()).isOne();
    }

    @Test
    void aRollBackNeverReachesTheTarget() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(2);

        Forecast forecast = Forecast.from(scene.snapshot(), scene.rollBackByHand().state, scene.policy, TIMINGS);

        assertThat(forecast.phase()).contains(RolloutPhase.ROLLED_BACK);
        assertThat(forecast.never()).contains("2 of 2 serve v1");
    }

    // ---- one line, one table

    @Test
    void aForecastInOneLineSaysItAll() {
        assertThat(forecast(oneByOne(), 3))
                .hasToString("SUCCEEDED after 2m45s, batches 1, peak 4, fewest serving 3 of 3, launched 3, bad 0");
        assertThat(Forecast.of(oneByOne().build(), 1, TIMINGS, NEVER_HEALTHY))
                .hasToString("ROLLED_BACK after 1m10s, batches 1, peak 2, fewest serving 1 of 1, launched 1, bad 1: "
                        + "1 failed, at most 0 may: new-1 is not serving 1m after its launch: is unhealthy "
                        + "(never gets healthy)");
    }

    @Test
    void theTableOfABadReleaseSaysWhenItFails() {
        RolloutPolicy.Builder policy = oneByOne().budget(ResourceBudget.of("db connections", 100, 15, 10));

        assertThat(Forecast.of(policy, 2, TIMINGS, NEVER_HEALTHY).table()).isEqualTo("""
                        limits          desired 2, at most 3 exist (desired 2 + maxSurge 1), at least 2 serve
                        ends            ROLLED_BACK after 1m10s
                        fails           after 1m
                        batches         1
                        peak            3 instances
                        db connections  45 of 90
                        fewest serving  2 of 2
                        launched        1, of them bad 1
                        why             1 failed, at most 0 may: new-1 is not serving 1m after its launch: is unhealthy (never gets healthy)
                        """);
    }

    @Test
    void eachBudgetHasItsOwnColumn() {
        Map<String, Forecast> forecasts = new LinkedHashMap<>();
        RolloutPolicy.Builder memory = oneByOne().budget(ResourceBudget.of("memory", 64, 4));
        forecasts.put("memory", forecast(memory, 2));
        forecasts.put("both", forecast(memory.budget(ResourceBudget.of("licences", 9, 1)), 2));

        assertThat(Forecast.compare(forecasts)).isEqualTo("""
                                ends       after  batches  peak  fewest serving  launched  bad    memory  licences
                        memory  SUCCEEDED  1m50s        1     3               2         2    0  12 of 64         -
                        both    SUCCEEDED  1m50s        1     3               2         2    0  12 of 64    3 of 9
                        """);
    }

    @Test
    void theFirstColumnOfATableStandsToTheLeftAndARowMayBeShort() {
        assertThat(new TextTable().row("no", "of").row("7", "12").row("11")).hasToString("no  of\n7   12\n11\n");
    }

    @Test
    void eachTimeIsChecked() {
        Duration tooLong = Duration.ofDays(366).plusSeconds(1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TIMINGS.admit(tooLong))
                .withMessageStartingWith("admit must be within 0 to 366 days");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TIMINGS.drain(ofSeconds(-1)))
                .withMessage("drain must be within 0 to 366 days, was -1s");
        assertThat(TIMINGS.stop(Duration.ofDays(366)).stop()).isEqualTo(Duration.ofDays(366));
    }
}
