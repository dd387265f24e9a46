package io.github.rollstep.plan;

import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What is launched and let in, what has to wait, and what is asked again. */
class ArrivingTest {

    private static RolloutPolicy.Builder pairs() {
        return oneByOne().batches(Batches.sliding(Quota.of(2))).maxSurge(2);
    }

    // ---- let in

    @Test
    void anOutdatedOneIsNotLetInWhileEnoughServe() {
        Scene scene = Scene.of(2, oneByOne().build()).serving("c", "v1", 2).isOut("c");

        assertThat(scene.plan()).containsExactly("terminate c");
    }

    @Test
    void aRevisionThatFailedIsNotLetInHoweverFewServe() {
        Scene scene = Scene.of(2, oneByOne().onFailure(FailurePolicy.STOP).build());
        scene.plan();
        scene.comesUp("r1-1").plan(scene.snapshot().withFault("no such image"));
        assertThat(scene.state.history().failed()).containsExactly("v2");

        assertThat(scene.rollTo("v3", 2).isOut("a", "b").plan())
                .containsExactly("admit a", "admit b", "terminate r1-1");
    }

    @Test
    void onTheWayBackAnyRevisionButTheTargetIsLetInWhileTooFewServe() {
        Scene scene = Scene.of(2, oneByOne().build()).serving("z", "v0", 0).rollTo("v2", 3);
        scene.plan();
        scene.comesUp("r2-1").rollBackByHand().isOut("a", "b", "z");

        assertThat(scene.plan()).containsExactly("admit a", "admit b", "admit z", "terminate r2-1");
    }

    @Test
    void oneThatWasAskedInTwiceStopsOnlyOnceTheSecondRequestCanTakeNoEffect() {
        Scene scene =
                Scene.of(1, oneByOne().drainDeadline(Duration.ofSeconds(20)).build());
        scene.plan();
        assertThat(scene.comesUp("r1-1").plan()).containsExactly("admit r1-1");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("admit r1-1");
        assertThat(scene.reasons()).containsExactly("r1-1 is healthy and still not in the router");

        assertThat(scene.isIn("r1-1").rollBackByHand().plan()).containsExactly("drain r1-1");
        scene.isOut("r1-1");
        assertThat(scene.afterSeconds(59).plan()).doesNotContain("terminate r1-1");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate r1-1");
    }

    @Test
    void oneThatWasAskedInOnceStopsAsSoonAsItIsOut() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.steps(2);

        assertThat(scene.rollBackByHand().plan()).containsExactly("drain r1-1");
        assertThat(scene.isOut("r1-1").plan()).containsExactly("terminate r1-1");
    }

    // ---- launched

    @Test
    void nothingIsWaitedForButTheLaunchWhereOneIsAllThatIsMissing() {
        Scene scene = Scene.of(1, oneByOne().build());

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.reasons()).containsExactly("0 of 1 of v2 exist");
        assertThat(scene.waits()).containsExactly("r1-1 is launched and not yet seen", "1 serving, 1 must: a stays");
    }

    @Test
    void saysHowManyTheBatchHoldsBack() {
        Scene scene = Scene.of(3, pairs().build());

        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2");
        assertThat(scene.waits())
                .containsExactly(
                        "2 instances (r1-1, r1-2): r1-1 is launched and not yet seen",
                        "3 more to launch, 0 in flight of a batch of 2",
                        "3 serving, 3 must: a stays");
    }

    @Test
    void anOpenLaunchIsNotAskedForAgainWhileMoreExistThanMay() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.plan();
        scene.serving("x", "v1", 2000);

        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
    }

    @Test
    void aFailureIsNotWaitedForOnceSomebodyElseHasStartedASuccessor() {
        Scene scene = Scene.of(1, oneByOne().maxSurge(2).maxFailedInstances(1).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").serving("x", "v2", 2000);

        assertThat(scene.plan()).containsExactly("terminate r1-1");
        assertThat(scene.waitCodes()).doesNotContain(Code.BACKOFF);
    }

    @Test
    void aRetryThatIsMadeIsNotMadeAgain() {
        Scene scene = Scene.of(2, pairs().maxFailedInstances(2).retries(1).build());
        scene.plan();
        scene.starts("r1-1").exits("r1-1").plan();
        assertThat(scene.state.failures().retries()).containsExactly(2);

        assertThat(scene.gone("r1-1").afterSeconds(1).plan()).contains("launch r1-3 v2");
        assertThat(scene.state.failures().retries()).isEmpty();
        scene.starts("r1-2").exits("r1-2").plan();
        assertThat(scene.plan.failures().get(0).reason().text()).isEqualTo("r1-2 exited: no detail; attempt 1 of 2");
    }

    // ---- seen

    @Test
    void eachInstanceIsTheLaunchWhoseTokenItCarries() {
        Scene scene = Scene.of(2, pairs().build());
        scene.plan();

        assertThat(scene.comesUp("r1-2").plan()).containsExactly("admit r1-2");
        assertThat(scene.waits()).contains("r1-1 is launched and not yet seen");
        assertThat(scene.afterSeconds(1).plan()).containsExactly("admit r1-2", "launch r1-1 v2");
    }

    @Test
    void instancesWithoutATokenAreOneLaunchEachWhateverTheOrderOfTheList() {
        Scene scene = Scene.of(2, pairs().build());
        scene.plan();
        scene.serving("i-1", "v2", 2000).serving("i-2", "v2", 2000).isOut("i-1", "i-2");
        RolloutState state = scene.state;

        assertThat(scene.plan()).containsExactly("admit i-1", "admit i-2");
        assertThat(scene.plan.counts().existing()).isEqualTo(4);
        Plan one = scene.plan;
        scene.state = state;
        scene.plan(scene.shuffled());
        assertThat(scene.plan).isEqualTo(one);
    }

    @Test
    void anInstanceWithoutATokenIsTheLaunchThatHasWaitedLongest() {
        Scene scene = Scene.of(2, pairs().maxSurge(1).build());
        for (int rollout = 2; rollout <= 9; rollout++) {
            scene.rollTo("v2", 2);
        }
        assertThat(scene.plan()).containsExactly("launch r9-1 v2");
        scene.policy = pairs().build();
        assertThat(scene.rollTo("v2", 2).afterSeconds(1).plan()).containsExactly("launch r9-1 v2", "launch r10-1 v2");

        scene.serving("i-1", "v2", 2000).plan();

        assertThat(scene.state.instances())
                .filteredOn(record -> record.id().isEmpty())
                .extracting(record -> record.token().orElseThrow().value())
                .as("still open")
                .containsExactly("r10-1");
    }

    // ---- how long it took

    @Test
    void theFastestAndTheSlowestStartOfOursAreNotedAndNoRecovery() {
        Scene scene = Scene.of(3, oneByOne().maxSurge(3).build());
        scene.plan();
        serves(scene, "r1-1", 25);
        assertThat(scene.state.observed()).contains(Timings.start(Duration.ofSeconds(25)));
        serves(scene, "r1-2", 20);
        serves(scene, "r1-3", 40);
        Timings seen = Timings.start(Duration.ofSeconds(20), Duration.ofSeconds(40));
        assertThat(scene.state.observed()).contains(seen);

        scene.afterSeconds(60).ill("r1-1").serving("x", "v2", 0).plan();
        scene.health(Health.healthy(), "r1-1").plan();
        assertThat(scene.state.observed()).contains(seen);
    }

    /** What was launched now is healthy and in the router so many seconds later; then the next one is launched. */
    private static void serves(Scene scene, String token, int seconds) {
        scene.afterSeconds(seconds).comesUp(token).isIn(token).plan();
    }
}
