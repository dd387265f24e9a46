package io.github.rollstep.plan;

import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.InstanceRecord.Intent;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Who may leave, who has to stay and why, and what becomes of one that was asked to leave. */
class LeavingTest {

    private static RolloutPolicy.Builder stopFirst(int batch, int unavailable) {
        return oneByOne().batches(Batches.fixed(Quota.of(batch))).maxSurge(0).maxUnavailable(unavailable);
    }

    private static Intent intent(Scene scene, String id) {
        return scene.state.instances().stream()
                .filter(record -> record.id().filter(InstanceId.of(id)::equals).isPresent())
                .findFirst()
                .orElseThrow()
                .intent();
    }

    // ---- asked to leave and needed after all

    @Test
    void oneThatIsNeededIsNotAskedAgainAndStaysOnceNothingThatWasSentCanTakeEffect() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(2);
        assertThat(scene.plan()).containsExactly("drain a");

        assertThat(scene.exits("b").afterSeconds(1).plan()).containsExactly("terminate b");
        assertThat(scene.waits()).contains("2 serving, 3 must: a is not asked again");
        scene.gone("b").afterSeconds(58).plan();
        assertThat(intent(scene, "a")).isEqualTo(Intent.DRAIN);

        scene.afterSeconds(1).plan();
        assertThat(intent(scene, "a")).as("a minute is the life of a request").isEqualTo(Intent.NONE);
        assertThat(scene.plan.counts().serving()).isEqualTo(3);
    }

    // ---- one batch and no more

    @Test
    void noMoreLeaveThanTheBatchReplacesHoweverManyMayBeUnavailable() {
        Scene scene = Scene.of(4, stopFirst(1, 2).build());
        assertThat(scene.plan()).containsExactly("drain a");
        assertThat(scene.waits()).contains("batch of 1 is leaving: b stays");
        scene.obey().plan();
        assertThat(scene.obey().plan()).containsExactly("launch r1-1 v2");

        assertThat(scene.starts("r1-1").plan()).isEmpty();
        assertThat(scene.waits()).containsExactly("r1-1 is starting", "batch 1 ends with 1 of v2: b stays");
    }

    @Test
    void thePartitionIsNoneThatALaterBatchReplaces() {
        Scene scene = Scene.of(4, stopFirst(1, 2).partition(1).build());
        scene.steps(2);
        assertThat(scene.plan()).containsExactly("launch r1-1 v2");

        assertThat(scene.starts("r1-1").plan()).isEmpty();
        assertThat(scene.waits()).containsExactly("r1-1 is starting", "batch 1 ends with 1 of v2: b stays");
    }

    @Test
    void whoMightNotGoBeforeGoesWithinItsBatchOnly() {
        Scene scene = Scene.of(4, stopFirst(2, 3).build())
                .refuses("b", "is copying")
                .refuses("c", "is copying")
                .refuses("d", "is copying");
        assertThat(scene.steps(3)).containsExactly("drain a", "terminate a", "launch r1-1 v2");

        assertThat(scene.refusesNobody().plan()).containsExactly("admit r1-1", "drain b");
        assertThat(scene.waits()).contains("batch 1 ends with 2 of v2: c stays");
    }

    // ---- those that are ill

    @Test
    void ofThoseThatAreIllNoMoreLeaveThanSuccessorsAreThere() {
        Scene scene = Scene.of(
                        3, oneByOne().batches(Batches.sliding(Quota.of(3))).build())
                .ill("a", "b", "c");
        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "drain a");
        scene.drains("a", 1).comesUp("r1-1").plan();

        assertThat(scene.isIn("r1-1").plan()).as("a has not gone yet").isEmpty();
        assertThat(scene.waits()).contains("1 serving, 3 must: b stays");
    }

    @Test
    void ofThoseThatAreIllAsManyLeaveAtOnceAsMayBeUnavailable() {
        Scene scene = Scene.of(3, stopFirst(3, 1).build()).ill("a", "b", "c");

        assertThat(scene.plan()).containsExactly("drain a");
        assertThat(scene.waits()).contains("0 serving, 2 must: b stays");
    }

    // ---- reasons

    @Test
    void whoLeavesIsOutdatedOrMoreThanDesired() {
        Scene outdated = Scene.of(1, oneByOne().build());
        outdated.steps(2);
        outdated.plan();
        assertThat(outdated.reasons()).containsExactly("a runs v1, the goal is v2");

        Scene many = Scene.of(3, oneByOne().build()).rollTo("v1", 2);
        many.plan();
        assertThat(many.reasons()).containsExactly("c is more than the desired 2");
    }

    // ---- kept

    @Test
    void theFailedGoForRoomBeforeTheReplacedThatARollBackWouldHaveBack() {
        Scene scene = Scene.of(
                3,
                oneByOne()
                        .maxSurge(2)
                        .retainOld(Duration.ofHours(1))
                        .keepFailed(1)
                        .maxFailedInstances(1)
                        .build());
        assertThat(scene.steps(3)).containsExactly("launch r1-1 v2", "admit r1-1", "launch r1-2 v2, drain a");
        scene.exits("r1-2").plan();
        assertThat(scene.plan.counts().kept()).isEqualTo(2);

        assertThat(scene.afterSeconds(1).plan()).containsExactly("terminate r1-2");
        assertThat(scene.reasons()).containsExactly("the room of r1-2 is needed");
    }

    @Test
    void aKeptOneThatTheRouterLetsInDrainsLikeAnyOther() {
        Scene scene = Scene.of(1, oneByOne().retainOld(Duration.ofHours(1)).build());
        scene.steps(4);
        assertThat(intent(scene, "a")).isEqualTo(Intent.KEEP);

        assertThat(scene.isIn("a").plan()).containsExactly("drain a");
        assertThat(scene.plan.counts().draining()).isOne();
        assertThat(scene.plan()).as("asked a moment ago").isEmpty();
        assertThat(scene.drains("a", 2).plan()).isEmpty();
        assertThat(scene.waits()).contains("a is draining, open requests: 2");
    }

    @Test
    void aFailedOneThatLivesIsNotKeptWhereNothingTakesItOutOfTraffic() {
        Scene scene = Scene.of(
                1, oneByOne().keepFailed(1).startDeadline(Duration.ofMinutes(2)).build());
        scene.platform = new Platform(false, false, Duration.ZERO, Duration.ofMinutes(1));
        scene.plan();
        scene.comesUp("r1-1").health(Health.unknown("no answer"), "r1-1").plan();

        assertThat(scene.after(Duration.ofMinutes(2)).plan()).containsExactly("terminate r1-1");
    }

    @Test
    void aFailedOneThatIsDeadIsKeptWithoutARouterToo() {
        Scene scene = Scene.of(1, oneByOne().keepFailed(1).build());
        scene.platform = new Platform(false, false, Duration.ZERO, Duration.ofMinutes(1));
        scene.plan();

        assertThat(scene.starts("r1-1").exits("r1-1").plan()).isEmpty();
        assertThat(intent(scene, "r1-1")).isEqualTo(Intent.KEEP);
    }

    // ---- how long it took

    @Test
    void theLongestDrainAndStopAreNotedAndNothingThatWasNoneOfThem() {
        Scene scene = Scene.of(3, oneByOne().maxSurge(0).maxUnavailable(1).build());
        assertThat(scene.plan()).containsExactly("drain a");
        assertThat(scene.drains("a", 1).afterSeconds(5).isOut("a").plan()).containsExactly("terminate a");
        scene.stops("a").afterSeconds(7).gone("a").plan();
        assertThat(scene.state.observed().orElseThrow())
                .isEqualTo(Timings.NONE.drain(Duration.ofSeconds(5)).stop(Duration.ofSeconds(7)));

        scene.after(Duration.ofMinutes(1)).exits("b").plan();
        scene.gone("b", "c").plan();
        assertThat(scene.state.observed().orElseThrow().drain()).isEqualTo(Duration.ofSeconds(5));
        assertThat(scene.state.observed().orElseThrow().stop()).isEqualTo(Duration.ofSeconds(7));
    }

    @Test
    void aClockThatWasSetBackMeasuresNothing() {
        Scene scene = Scene.of(2, oneByOne().maxSurge(0).maxUnavailable(1).build());
        assertThat(scene.plan()).containsExactly("drain a");

        assertThat(scene.isOut("a").after(Duration.ofHours(-1)).plan()).containsExactly("terminate a");

        assertThat(scene.state.observed()).isEmpty();
    }

    // ---- without a router

    private static Scene unrouted(int instances) {
        Scene scene = Scene.of(instances, oneByOne().build());
        scene.platform = new Platform(false, false, Duration.ZERO, Duration.ofMinutes(1));
        scene.plan();
        return scene;
    }

    @Test
    void withoutARouterOneThatIsHealthyAnswersAndIsNotAskedAgainWhileItIsNeeded() {
        Scene scene = unrouted(3);
        assertThat(scene.comesUp("r1-1").plan()).containsExactly("terminate a");

        assertThat(scene.exits("b").afterSeconds(1).plan()).containsExactly("terminate b");
        assertThat(scene.waits()).contains("2 serving, 3 must: a is not asked again");
    }

    @Test
    void withoutARouterOneThatStartsServesNobody() {
        Scene scene = unrouted(2);

        assertThat(scene.starts("r1-1").rollTo("v3", 2).plan()).containsExactly("terminate r1-1");
    }

    @Test
    void withoutARouterOneOfUnknownHealthMayServe() {
        Scene scene = unrouted(3);
        scene.health(Health.unknown("no answer"), "b").starts("r1-1");

        assertThat(scene.plan()).isEmpty();
        assertThat(scene.waits()).contains("2 serving, 3 must: b stays");
    }
}
