package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Retries, crash loops, what is kept of the failed, and what the platform said last. */
class FailureDetailTest {

    private static List<String> failures(Scene scene) {
        return scene.plan.failures().stream()
                .map(failure -> failure.reason().text())
                .toList();
    }

    /** The launch shows up and exits. */
    private static Scene crash(Scene scene, String token) {
        return scene.starts(token)
                .told(instance -> instance.detail("exit code 1"), token)
                .exits(token);
    }

    // ---- retries

    @Test
    void aFailedLaunchIsRetriedAfterGrowingDelaysAndCountsOnceItsRetriesAreUsedUp() {
        Scene scene = Scene.of(2, oneByOne().retries(2).build());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2");

        assertThat(crash(scene, "r1-1").plan()).containsExactly("terminate r1-1");
        assertThat(failures(scene)).containsExactly("r1-1 exited: exit code 1; attempt 1 of 3");
        assertThat(scene.obey().plan()).isEmpty();
        assertThat(scene.waits()).contains("1s after failure 1");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("launch r1-2 v2");

        assertThat(crash(scene, "r1-2").plan()).containsExactly("terminate r1-2");
        assertThat(failures(scene)).containsExactly("r1-2 exited: exit code 1; attempt 2 of 3");
        assertThat(scene.obey().afterSeconds(1).plan()).isEmpty();
        assertThat(scene.waits()).contains("2s after failure 2");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("launch r1-3 v2");
        assertThat(scene.state.failures().count()).isZero();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);

        assertThat(crash(scene, "r1-3").plan()).containsExactly("terminate r1-3");
        assertThat(scene.state.failures().count()).isOne();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        scene.obey().plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.fleet.keySet()).containsExactly("a", "b");
    }

    @Test
    void aRetryThatServesHasCostNothingOfTheBudget() {
        Scene scene = Scene.of(1, oneByOne().retries(1).build());
        scene.plan();
        crash(scene, "r1-1");

        assertThat(scene.run())
                .containsExactly("terminate r1-1", "launch r1-2 v2", "admit r1-2", "drain a", "terminate a");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isZero();
        assertThat(scene.state.failures().retried()).isOne();
    }

    @Test
    void eachOfABatchHasItsOwnRetries() {
        Scene scene = Scene.of(
                2,
                oneByOne()
                        .batches(Batches.sliding(Quota.of(2)))
                        .maxSurge(2)
                        .retries(1)
                        .build());
        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2");
        crash(scene, "r1-1").plan();
        crash(scene.obey().afterSeconds(1), "r1-2").plan();
        assertThat(failures(scene)).containsExactly("r1-2 exited: exit code 1; attempt 1 of 2");
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.obey().afterSeconds(2);

        assertThat(scene.plan()).containsExactly("launch r1-3 v2", "launch r1-4 v2");
        crash(scene, "r1-4").plan();
        assertThat(scene.state.failures().count()).isOne();
    }

    @Test
    void theRetriesSurviveACrashOfTheController() {
        Scene scene = Scene.of(1, oneByOne().retries(1).build());
        scene.plan();
        crash(scene, "r1-1").plan();
        scene.obey().afterSeconds(1).plan();
        RolloutState persisted = scene.state;

        assertThat(persisted.instances())
                .filteredOn(record -> record.token().isPresent())
                .extracting(InstanceRecord::attempt)
                .containsExactly(2);
        crash(scene, "r1-2").plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void oneThatNeverStartsIsRetriedToo() {
        Scene scene = Scene.of(
                1, oneByOne().retries(1).startDeadline(Duration.ofMinutes(2)).build());
        scene.plan();
        scene.starts("r1-1").after(Duration.ofMinutes(2));

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(failures(scene))
                .containsExactly("r1-1 is not serving 2m after its launch: is starting; attempt 1 of 2");
        scene.obey().afterSeconds(1);
        assertThat(scene.plan()).containsExactly("launch r1-2 v2");
    }

    // ---- crash loops

    @Test
    void aCrashLoopIsCountedBeforeTheStartDeadline() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.starts("r1-1").told(instance -> instance.restarts(2), "r1-1").plan();
        assertThat(scene.state.failures().count()).isZero();

        scene.afterSeconds(3).told(instance -> instance.restarts(3).detail("exit code 137: out of memory"), "r1-1");

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(failures(scene))
                .containsExactly(
                        "r1-1 crashes in turns, started again 3 times, at most 2 may: exit code 137: out of memory");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void maxRestartsZeroForgivesNone() {
        Scene scene = Scene.of(2, oneByOne().maxRestarts(0).build());
        scene.plan();
        scene.starts("r1-1").told(instance -> instance.restarts(1), "r1-1").plan();

        assertThat(scene.state.failures().count()).isOne();
    }

    @Test
    void oneStartedAgainAfterItHadServedHasFailedAtOnce() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.told(instance -> instance.restarts(1).detail("exit code 1"), "r1-1");

        scene.plan();

        assertThat(failures(scene))
                .containsExactly("r1-1 was serving and has been started again by the platform: exit code 1");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void restartsBeforeItServedAreForgivenOnceItServes() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.starts("r1-1").told(instance -> instance.restarts(2), "r1-1").plan();
        scene.comesUp("r1-1").told(instance -> instance.restarts(2), "r1-1");

        assertThat(scene.run()).containsExactly("admit r1-1", "drain a", "terminate a");
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void restartsOfAnOldOneAreNoFailureOfTheRollout() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.told(instance -> instance.restarts(7), "a", "b");
        scene.obey();

        scene.run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isZero();
    }

    // ---- what is kept of the failed

    @Test
    void aFailedOneIsKeptAlsoAfterTheEndAndTheNextRolloutRemovesIt() {
        Scene scene = Scene.of(
                2, oneByOne().maxSurge(3).maxFailedInstances(1).keepFailed(1).build());
        scene.plan();
        crash(scene, "r1-1");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-2 v2",
                        "admit r1-2",
                        "launch r1-3 v2, drain a",
                        "admit r1-3, terminate a",
                        "drain b",
                        "terminate b");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2", "r1-3");
        assertThat(scene.state.phaseReason().text()).isEqualTo("2 of 2 serve v2, 1 that failed kept");

        assertThat(scene.rollTo("v3", 2).plan()).containsExactly("launch r2-1 v3", "terminate r1-1");
    }

    @Test
    void aRollBackKeepsAFailedOneToo() {
        Scene scene = Scene.of(2, oneByOne().keepFailed(1).build());
        scene.plan();
        crash(scene, "r1-1");

        assertThat(scene.run()).isEmpty();
        assertThat(scene.fleet.keySet()).containsExactly("a", "b", "r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.phaseReason().text()).isEqualTo("2 of 2 serve v1, 1 that failed kept");
        assertThat(scene.rollTo("v1", 2).run()).containsExactly("terminate r1-1");
    }

    @Test
    void aKeptFailedOneCountsInTheFootprintAndGoesWhenItsRoomIsNeeded() {
        Scene scene = Scene.of(2, oneByOne().maxFailedInstances(1).keepFailed(1).build());
        scene.plan();
        crash(scene, "r1-1");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.plan.counts().existing()).isEqualTo(3);
        assertThat(scene.plan.counts().kept()).isOne();
        assertThat(scene.waits()).contains("r1-1 has failed and is kept");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate r1-1");
        assertThat(scene.reasons()).containsExactly("the room of r1-1 is needed");
        assertThat(scene.obey().plan()).containsExactly("launch r1-2 v2");
        assertThat(scene.state.extremes().peak()).isEqualTo(3);
    }

    @Test
    void noMoreAreKeptThanAskedFor() {
        Scene scene = Scene.of(
                3,
                oneByOne()
                        .batches(Batches.sliding(Quota.of(3)))
                        .maxSurge(3)
                        .maxFailedInstances(3)
                        .keepFailed(1)
                        .build());
        scene.plan();
        crash(crash(scene, "r1-1"), "r1-2").starts("r1-3");

        assertThat(scene.plan()).containsExactly("terminate r1-2");
        assertThat(scene.plan.counts().kept()).isOne();
    }

    @Test
    void aLivingFailedOneIsTakenOutOfTrafficBeforeItIsKept() {
        Scene scene = Scene.of(
                2,
                oneByOne()
                        .maxSurge(2)
                        .maxFailedInstances(1)
                        .keepFailed(1)
                        .unhealthyGrace(Duration.ofSeconds(5))
                        .build());
        scene.steps(3);
        scene.ill("r1-1").plan();

        assertThat(scene.afterSeconds(5).steps(3))
                .containsExactly("admit r1-2, terminate a", "launch r1-3 v2, drain r1-1", "admit r1-3");
        assertThat(scene.plan.counts().kept()).isOne();
        scene.health(Health.healthy(), "r1-1");
        assertThat(scene.steps(20)).noneMatch(line -> line.contains("admit r1-1"));
        assertThat(scene.fleet).containsKey("r1-1");
    }

    @Test
    void aKeptFailedOneThatTheRouterLetsInIsDrainedAgain() {
        Scene scene = Scene.of(
                1, oneByOne().startDeadline(Duration.ofMinutes(2)).keepFailed(1).build());
        scene.plan();
        scene.comesUp("r1-1")
                .health(Health.unknown("no answer"), "r1-1")
                .after(Duration.ofMinutes(2))
                .plan();
        assertThat(scene.plan.counts().kept()).isOne();
        RolloutState kept = scene.state;
        assertThat(kept.phase()).isEqualTo(ROLLING_BACK);

        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain r1-1");
        assertThat(scene.obey().run()).isEmpty();
        assertThat(scene.fleet.keySet()).containsExactly("a", "r1-1");
    }

    // ---- last words

    @Test
    void theFailureSaysWhatThePlatformSaidLast() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.starts("r1-1")
                .told(instance -> instance.detail("exit code 3: cannot bind port 80"), "r1-1")
                .exits("r1-1")
                .plan();

        assertThat(failures(scene)).containsExactly("r1-1 exited: exit code 3: cannot bind port 80");
        assertThat(scene.state.phaseReason())
                .isEqualTo(Reason.of(
                        Code.FAILURE_BUDGET, "1 failed, at most 0 may: r1-1 exited: exit code 3: cannot bind port 80"));
    }

    @Test
    void oneThatCannotStartSaysWhyAtItsDeadline() {
        Scene scene =
                Scene.of(2, oneByOne().startDeadline(Duration.ofMinutes(2)).build());
        scene.plan();
        scene.starts("r1-1").told(instance -> instance.detail("image shop:v2 not found"), "r1-1");
        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("r1-1 is starting (image shop:v2 not found)");

        scene.after(Duration.ofMinutes(2)).plan();

        assertThat(failures(scene))
                .containsExactly("r1-1 is not serving 2m after its launch: is starting (image shop:v2 not found)");
    }
}
