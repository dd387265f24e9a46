package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.AWAITING_APPROVAL;
import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What stands between two batches: gates, approvals and pauses that the policy asks for. */
class GatesTest {

    private static final String[] FIRST = {"launch r1-1 v2", "admit r1-1", "drain a", "terminate a"};
    private static final String[] SECOND = {"launch r1-2 v2", "admit r1-2", "drain b", "terminate b"};

    private static RolloutPolicy.Builder barriers() {
        return oneByOne().batches(Batches.fixed(Quota.of(1)));
    }

    private static Reason byHand(String text) {
        return Reason.of(Code.BY_HAND, text);
    }

    // ---- gates

    @Test
    void aGateThatWaitsHoldsTheNextBatchAndIsShownAsTheReason() {
        Scene scene = Scene.of(2, barriers().build()).gate("errors", Verdict.waits("12 of 50 samples"));

        assertThat(scene.runFor(60)).containsExactly(FIRST);
        assertThat(scene.waits()).first().isEqualTo("gate errors: 12 of 50 samples");
        assertThat(scene.waitCodes()).first().isEqualTo(Code.GATE);

        assertThat(scene.gate("errors", Verdict.pass()).run()).containsExactly(SECOND);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void everyGateMustPass() {
        Scene scene = Scene.of(2, barriers().build())
                .gate("errors", Verdict.pass())
                .gate("latency", Verdict.waits("no answer: timed out"));

        assertThat(scene.runFor(60)).containsExactly(FIRST);
        assertThat(scene.waits()).first().isEqualTo("gate latency: no answer: timed out");
    }

    @Test
    void aGateIsAskedAlsoWhileItBakes() {
        Scene scene =
                Scene.of(1, barriers().bake(Duration.ofMinutes(5)).build()).gate("errors", Verdict.pass());
        scene.runFor(60);
        scene.gate("errors", Verdict.waits("no answer"));

        assertThat(scene.runFor(300)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.waits()).first().isEqualTo("gate errors: no answer");
        scene.gate("errors", Verdict.pass()).plan();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aGateThatFailsWhileItBakesRollsBack() {
        Scene scene =
                Scene.of(1, barriers().bake(Duration.ofMinutes(5)).build()).gate("errors", Verdict.pass());
        scene.runFor(60);

        scene.gate("errors", Verdict.fail("3 % of 1000 fail"));

        assertThat(scene.run()).containsExactly("launch r1-2 v1", "admit r1-2", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void aGateThatFailsInMidBatchRollsBackAtOnceAndIsNotConsultedOnTheWayBack() {
        Scene scene = Scene.of(3, barriers().build()).gate("errors", Verdict.pass());
        assertThat(scene.runFor(6)).containsExactly(FIRST[0], FIRST[1], FIRST[2], FIRST[3], SECOND[0], SECOND[1]);

        scene.gate("errors", Verdict.fail("3 % of 1000 fail"));

        assertThat(scene.runFor(60))
                .containsExactly(
                        "drain r1-2", "terminate r1-2", "launch r1-3 v1", "admit r1-3", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void theReasonOfARollBackNamesTheGate() {
        Scene scene = Scene.of(3, barriers().build()).gate("errors", Verdict.pass());
        scene.plan();

        scene.gate("errors", Verdict.fail("3 % of 1000 fail")).plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        assertThat(scene.state.phaseReason()).isEqualTo(Reason.of(Code.GATE, "gate errors failed: 3 % of 1000 fail"));
    }

    @Test
    void aGateThatFailsFollowsTheFailurePolicy() {
        Scene scene =
                Scene.of(3, barriers().onFailure(FailurePolicy.PAUSE).build()).gate("errors", Verdict.pass());
        scene.runFor(6);

        assertThat(scene.gate("errors", Verdict.fail("bad")).runFor(60)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
    }

    @Test
    void aGateThatCannotAnswerIsNeverAVerdict() {
        Scene scene = Scene.of(2, barriers().build()).gate("errors", Verdict.waits("connection refused"));

        scene.runFor(600);

        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void aGateThatNeverAnswersPausesAndIsNamed() {
        Scene scene = Scene.of(2, barriers().onFailure(FailurePolicy.STOP).build())
                .gate("errors", Verdict.waits("connection refused"));

        scene.runFor(700);

        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.state.phaseReason())
                .isEqualTo(Reason.of(Code.STALLED, "no progress for 10m: gate errors: connection refused"));
        scene.gate("errors", Verdict.pass());
        scene.state = scene.state.resume(scene.now);
        scene.run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aGateThatNeverAnswersWhileItBakesIsNoReasonToGoBack() {
        Scene scene = Scene.of(1, barriers().bake(Duration.ofMinutes(5)).build())
                .gate("errors", Verdict.waits("connection refused"));

        assertThat(scene.runFor(1000)).containsExactly(FIRST);

        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.state.history().failed()).isEmpty();
    }

    @Test
    void anAlarmThatWasRedBeforeTheRolloutBlocksNotTheFix() {
        Scene scene =
                Scene.of(2, barriers().bake(Duration.ofMinutes(1)).build()).gate("errors", Verdict.fail("red"));

        assertThat(scene.run())
                .containsExactly(FIRST[0], FIRST[1], FIRST[2], FIRST[3], SECOND[0], SECOND[1], SECOND[2], SECOND[3]);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void theAlarmThatABadRevisionSetOffBlocksNotTheFixThatSupersedesIt() {
        Scene scene =
                Scene.of(2, barriers().onFailure(FailurePolicy.PAUSE).build()).gate("errors", Verdict.pass());
        scene.runFor(5);
        scene.gate("errors", Verdict.fail("red")).plan();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);

        scene.rollTo("v3", 2).run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void anAlarmThatWasRedBeforeIsHeededAgainOnceItWasGreen() {
        Scene scene = Scene.of(3, barriers().build()).gate("errors", Verdict.fail("red"));
        assertThat(scene.runFor(5)).startsWith(FIRST);
        scene.gate("errors", Verdict.pass()).plan();
        assertThat(scene.state.failingBefore()).isEmpty();

        scene.gate("errors", Verdict.fail("red again")).plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void anAlarmThatWasRedBeforeAndCannotTellNowStillBlocksNothing() {
        Scene scene = Scene.of(1, barriers().build()).gate("errors", Verdict.fail("red"));
        scene.plan();

        scene.gate("errors", Verdict.waits("no answer")).run();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void anAlarmThatWasRedBeforeIsHeededIfThePolicyAsksForIt() {
        Scene scene = Scene.of(2, barriers().heedGatesFailingBefore().build()).gate("errors", Verdict.fail("red"));

        assertThat(scene.run()).as("nothing was begun").isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void aGateThatCouldNotTellBeforeIsHeeded() {
        Scene scene = Scene.of(2, barriers().build()).gate("errors", Verdict.waits("not asked yet"));
        scene.plan();

        scene.gate("errors", Verdict.fail("red")).plan();

        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    // ---- approvals

    @Test
    void waitsForAnApprovalAfterTheBatchAndGoesOnWhenItIsGiven() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());

        assertThat(scene.runFor(10)).containsExactly(FIRST);
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
        assertThat(scene.waits()).containsExactly("batch 1 is done: 1 of 2 serve v2, approval needed");
        assertThat(scene.waitCodes()).containsExactly(Code.APPROVAL);

        scene.state = scene.state.approve(scene.now, byHand("approved by ann"));
        assertThat(scene.run()).containsExactly(SECOND);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void anApprovalIsAskedForAlsoAfterTheLastBatch() {
        Scene scene = Scene.of(1, barriers().approveAfter(1).build());

        assertThat(scene.runFor(10)).containsExactly(FIRST);
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
        scene.state = scene.state.approve(scene.now, byHand("approved by ann"));
        assertThat(scene.plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void nobodyIsAskedBeforeTheGatesHavePassed() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build()).gate("errors", Verdict.waits("12 of 50 samples"));
        scene.runFor(60);
        assertThat(scene.state.phase()).isEqualTo(ROLLING);

        scene.gate("errors", Verdict.pass()).plan();

        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
    }

    @Test
    void resumeIsNoApproval() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());
        scene.runFor(10);

        assertThatIllegalStateException()
                .isThrownBy(() -> scene.state.resume(scene.now))
                .withMessage("rollout r1 is AWAITING_APPROVAL: only one that is paused can resume");
    }

    @Test
    void approvalIsRefusedWhereNoneIsWaitedFor() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());
        scene.plan();

        assertThatIllegalStateException()
                .isThrownBy(() -> scene.state.approve(scene.now, byHand("approved")))
                .withMessage("rollout r1 is ROLLING and waits for no approval");
    }

    @Test
    void aPauseByHandDoesNotStandInForTheApproval() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());
        scene.runFor(10);
        scene.state = scene.state.pause(scene.now, byHand("paused by hand"));
        scene.plan();

        scene.state = scene.state.resume(scene.now);

        assertThat(scene.runFor(10)).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(AWAITING_APPROVAL);
    }

    @Test
    void noDeadlineRunsWhileSomebodyIsAsked() {
        Scene scene = Scene.of(
                2,
                barriers()
                        .approveAfter(1)
                        .totalDeadline(Duration.ofMinutes(11))
                        .bake(Duration.ofSeconds(30))
                        .build());
        scene.runFor(10);
        assertThat(scene.after(Duration.ofDays(30)).plan()).isEmpty();
        scene.state = scene.state.approve(scene.now, byHand("approved"));

        assertThat(scene.run()).containsExactly(SECOND);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void whatDiesWhileSomebodyIsAskedIsJudgedWhenItIsApproved() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());
        scene.runFor(10);
        scene.exits("r1-1");
        assertThat(scene.plan()).as("held").isEmpty();

        scene.state = scene.state.approve(scene.now, byHand("approved"));

        assertThat(scene.run()).containsExactly("terminate r1-1", "launch r1-2 v1", "admit r1-2");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void whoIsAskedMayRollBackInstead() {
        Scene scene = Scene.of(2, barriers().approveAfter(1).build());
        scene.runFor(10);

        scene.state = scene.state.rollBack(scene.now, byHand("rejected by ann"));

        assertThat(scene.run()).containsExactly("launch r1-2 v1", "admit r1-2", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void nobodyIsAskedOnTheWayBack() {
        Scene scene = Scene.of(
                2,
                barriers()
                        .approveAfter(1, 2)
                        .rollbackBatches(Batches.fixed(Quota.of(1)))
                        .build());
        scene.runFor(10);
        scene.state = scene.state.rollBack(scene.now, byHand("rejected"));

        scene.runFor(60);

        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    // ---- pauses that the policy asks for

    @Test
    void pausesByItselfAfterTheBatchAndOnlyOnce() {
        Scene scene = Scene.of(2, barriers().pauseAfter(1).build());

        assertThat(scene.runFor(10)).containsExactly(FIRST);
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
        assertThat(scene.state.phaseReason())
                .isEqualTo(Reason.of(Code.CHECKPOINT, "batch 1 is done: paused, as the policy asks for"));
        assertThat(scene.after(Duration.ofDays(3)).plan()).isEmpty();

        scene.state = scene.state.resume(scene.now);
        assertThat(scene.run()).containsExactly(SECOND);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void resumeAfterThatPauseGoesOnToTheNextBatchAndNotPastTheNextGate() {
        Scene scene = Scene.of(3, barriers().pauseAfter(1, 2).build()).gate("errors", Verdict.pass());
        scene.runFor(10);
        scene.gate("errors", Verdict.waits("no answer"));
        scene.state = scene.state.resume(scene.now);
        assertThat(scene.runFor(10)).isEmpty();
        assertThat(scene.waits()).first().isEqualTo("gate errors: no answer");

        assertThat(scene.gate("errors", Verdict.pass()).runFor(10)).containsExactly(SECOND);
        assertThat(scene.state.phase()).isEqualTo(PAUSED);
    }
}
