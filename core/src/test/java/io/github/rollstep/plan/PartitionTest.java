package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.AWAITING_APPROVAL;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Rolling some first, and leaving some as they are. */
class PartitionTest {

    private static final Reason APPROVED = Reason.of(Code.BY_HAND, "approved by ann");

    // ---- canary

    @Test
    void rollsTheCanaryAndWaitsForAnApproval() {
        Scene scene = Scene.of(4, oneByOne().canary(2).build());

        assertThat(scene.runFor(60))
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain b",
                        "terminate b");
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
        assertThat(scene.waits()).containsExactly("batch 1 is done: 2 of 4 serve v2, approval needed");

        scene.state = scene.state.approve(scene.now, APPROVED);
        assertThat(scene.run())
                .containsExactly(
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain c",
                        "terminate c",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain d",
                        "terminate d");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aCanaryInPercentRoundsUp() {
        Scene scene =
                Scene.of(11, oneByOne().canary(Quota.percent(10)).maxSurge(4).build());

        scene.runFor(60);

        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
        assertThat(scene.fleet.keySet()).contains("c", "r1-1", "r1-2").doesNotContain("a", "b", "r1-3");
    }

    @Test
    void theCanaryComesBeforeTheRampAndIsItsFirstBatch() {
        Scene scene = Scene.of(
                5,
                oneByOne()
                        .canary(1)
                        .batches(Batches.ramp(Quota.of(2), Quota.of(3)))
                        .maxSurge(3)
                        .pauseAfter(2)
                        .build());
        scene.runFor(60);
        scene.state = scene.state.approve(scene.now, APPROVED);

        assertThat(scene.runFor(60))
                .containsExactly(
                        "launch r1-2 v2, launch r1-3 v2",
                        "admit r1-2, admit r1-3",
                        "drain b, drain c",
                        "terminate b, terminate c");
        assertThat(scene.waits()).containsExactly("batch 2 is done: paused, as the policy asks for");
    }

    @Test
    void aCanaryLargerThanTheFleetDoesNotHang() {
        Scene scene = Scene.of(2, oneByOne().canary(5).build());
        scene.runFor(60);
        assertThat(scene.waits()).containsExactly("batch 1 is done: 2 of 2 serve v2, approval needed");

        scene.state = scene.state.approve(scene.now, APPROVED);
        scene.plan();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aCanaryThatFailsIsReplacedByWhatWasServing() {
        Scene scene =
                Scene.of(3, oneByOne().canary(1).minReady(Duration.ofMinutes(1)).build());
        scene.runFor(5);
        scene.exits("r1-1");

        assertThat(scene.run()).as("no old instance was touched").containsExactly("terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    // ---- partition

    @Test
    void leavesThePartitionAsItIsAndEndsAsAPartialRolloutThatSaysSo() {
        Scene scene = Scene.of(4, oneByOne().partition(2).build());

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
        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "r1-1", "r1-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("2 of 4 serve v2, a partial rollout: 2 stay as they were, on purpose");
    }

    @Test
    void aPartialRolloutDoesNotChangeTheVerifiedRevision() {
        Scene scene = Scene.of(3, oneByOne().build()).rollTo("v1", 3);
        scene.run();
        scene.policy = oneByOne().partition(1).build();
        scene.rollTo("v2", 3).run();
        assertThat(scene.state.history().verified()).contains(Revision.of("v1"));

        scene.policy = oneByOne().build();
        scene.rollTo("v3", 3).plan();

        assertThat(scene.state.baseline()).as("where v3 would go back to").contains(Revision.of("v1"));
    }

    @Test
    void aPartialRolloutIsCompletedByOneWithoutAPartition() {
        Scene scene = Scene.of(3, oneByOne().partition(1).build());
        scene.run();
        scene.policy = oneByOne().build();

        assertThat(scene.rollTo("v2", 3).run())
                .containsExactly("launch r2-1 v2", "admit r2-1", "drain c", "terminate c");
        assertThat(scene.state.history().verified()).contains(Revision.of("v2"));
    }

    @Test
    void aPartitionInPercentRoundsUp() {
        Scene scene = Scene.of(5, oneByOne().partition(Quota.percent(50)).build());

        scene.run();

        assertThat(scene.fleet.keySet()).containsExactly("c", "d", "e", "r1-1", "r1-2");
    }

    @Test
    void aPartitionThatLeavesNothingToRollIsRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Scene.of(3, oneByOne().partition(3).build()))
                .withMessage("partition must be < desired (3), was 3: nothing would be rolled");
    }

    @Test
    void keepsThoseThatServe() {
        Scene scene = Scene.of(3, oneByOne().partition(1).build());
        scene.exits("c");

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2, terminate c",
                        "admit r1-1",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain a",
                        "terminate a");
        assertThat(scene.state.phaseReason().text()).endsWith("a partial rollout: 1 stay as they were, on purpose");
    }

    @Test
    void oneOfThePartitionThatDiesIsReplacedByTheNewRevision() {
        Scene scene =
                Scene.of(3, oneByOne().partition(2).bake(Duration.ofMinutes(5)).build());
        scene.runFor(60);
        scene.exits("c");

        assertThat(scene.run()).containsExactly("launch r1-2 v2, terminate c", "admit r1-2");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("2 of 3 serve v2, a partial rollout: 1 stay as they were, on purpose");
    }

    @Test
    void oneOfThePartitionIsReplacedOnceItIsIllForGoodAndNotBefore() {
        Scene scene = Scene.of(
                3,
                oneByOne()
                        .partition(1)
                        .bake(Duration.ofMinutes(5))
                        .unhealthyGrace(Duration.ofSeconds(30))
                        .build());
        scene.runFor(60);

        assertThat(scene.ill("c").runFor(30)).as("it may recover").isEmpty();
        assertThat(scene.runFor(10)).containsExactly("launch r1-3 v2, drain c", "admit r1-3, terminate c");
    }

    @Test
    void oneOfThePartitionThatRecoversIsKept() {
        Scene scene =
                Scene.of(3, oneByOne().partition(1).bake(Duration.ofMinutes(5)).build());
        scene.runFor(60);
        scene.ill("c").runFor(20);

        assertThat(scene.health(Health.healthy(), "c").run()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aRollBackKnowsNoPartition() {
        Scene scene =
                Scene.of(3, oneByOne().partition(1).bake(Duration.ofMinutes(5)).build());
        scene.runFor(60);

        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "by hand"));

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-3 v1",
                        "admit r1-3",
                        "drain r1-2",
                        "terminate r1-2",
                        "launch r1-4 v1",
                        "admit r1-4",
                        "drain r1-1",
                        "terminate r1-1");
        assertThat(scene.state.phaseReason().text()).isEqualTo("3 of 3 serve v1");
    }

    @Test
    void theLastBatchOfAPartialRolloutIsSmaller() {
        Scene scene = Scene.of(
                6,
                oneByOne()
                        .batches(Batches.ramp(Quota.of(1), Quota.of(3)))
                        .maxSurge(3)
                        .partition(3)
                        .build());

        assertThat(scene.run())
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2, launch r1-3 v2",
                        "admit r1-2, admit r1-3",
                        "drain b, drain c",
                        "terminate b, terminate c");
    }

    @Test
    void ofThoseThatDoNotServeOneThatIsSeenIsKept() {
        Scene scene = Scene.of(2, oneByOne().partition(1).build());
        scene.platform = new Platform(true, false, Duration.ofSeconds(5), Duration.ofMinutes(1));
        scene.plan();

        scene.ill("a").gone("b").afterSeconds(1).plan();

        assertThat(scene.plan.departing()).as("a is kept").isEmpty();
        assertThat(scene.plan.counts().existing()).as("b may still be there").isEqualTo(3);
    }

    @Test
    void aRolloutThatTurnsBackForAStallKnowsNoPartitionFromThatStepOn() {
        RolloutPolicy policy = oneByOne()
                .batches(Batches.fixed(Quota.of(1)))
                .rollbackBatches(Batches.fixed(Quota.of(1)))
                .maxSurge(2)
                .partition(1)
                .build();
        Scene scene = Scene.of(4, policy);
        assertThat(scene.steps(6))
                .containsExactly(
                        "launch r1-1 v2", "admit r1-1", "drain a", "terminate a", "launch r1-2 v2", "admit r1-2");
        assertThat(scene.plan()).as("and the router ignores it").containsExactly("drain b");
        for (int minute = 0; minute < 9; minute++) {
            scene.after(Duration.ofMinutes(1)).plan();
        }
        assertThat(scene.state.phase()).isEqualTo(ROLLING);

        assertThat(scene.after(Duration.ofMinutes(1)).plan()).containsExactly("launch r1-3 v1", "drain r1-2");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }
}
