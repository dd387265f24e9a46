package io.github.rollstep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What can never finish is rejected, with the name of the limit, the rule and the value. */
class RolloutPolicyTest {

    private final RolloutPolicy.Builder builder = RolloutPolicy.builder();

    private static void rejects(String message, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
    }

    @Test
    void rejectsASettingWhereItIsMade() {
        rejects("maxSurge must be >= 0, was -1", () -> builder.maxSurge(-1));
        rejects("maxUnavailable must be >= 0, was -2", () -> builder.maxUnavailable(-2));
        rejects("maxFailedInstances must be >= 0, was -1", () -> builder.maxFailedInstances(-1));
        rejects("maxInstances must be >= 1, was 0", () -> builder.maxInstances(0));
        rejects("percent must be within 0 to 100, was 101", () -> Quota.percent(101));
        rejects("batch size must be > 0, was 0", () -> Batches.sliding(Quota.of(0)));
        rejects(
                "pause must be between whole batches, was set on sliding 25 %, pause 1s",
                () -> Batches.sliding(Quota.percent(25)).pause(Duration.ofSeconds(1)));
        rejects("db connections per instance must be >= 1, was 0", () -> ResourceBudget.of("db connections", 10, 0));
        rejects(
                "db connections reserved must be within 0 to 10 (slots), was 11",
                () -> ResourceBudget.of("db connections", 10, 1, 11));
    }

    @Test
    void rejectsACombinationThatCanNeverFinish() {
        rejects(
                "maxSurge and maxUnavailable must not both be 0: nothing could ever be replaced",
                () -> builder.maxSurge(0).maxUnavailable(0).build());
        builder.maxSurge(1);
        rejects(
                "startDeadline must be > minReady (10s), was 10s",
                () -> builder.startDeadline(Duration.ofSeconds(10)).build());
        builder.startDeadline(Duration.ofMinutes(20));
        rejects("stallDeadline must be >= startDeadline (20m), was 10m", builder::build);
        builder.startDeadline(Duration.ofMinutes(5)).stopDeadline(Duration.ofMinutes(10));
        rejects("stallDeadline must be >= drainDeadline + stopDeadline (10m30s), was 10m", builder::build);
        builder.stopDeadline(Duration.ofMinutes(1)).totalDeadline(Duration.ofSeconds(9));
        rejects("totalDeadline must be > minReady + bake (10s), was 9s", builder::build);
    }

    @Test
    void rejectsAPaceThatIsNone() {
        rejects("ramp must have at least one size, had none", Batches::ramp);
        rejects("batch size must be > 0, was 0 %", () -> Batches.ramp(Quota.of(1), Quota.percent(0)));
        rejects("batch size must be > 0, was 0", () -> Batches.doubling(Quota.of(0)));
        rejects(
                "batch size must be > 0, was 0",
                () -> Batches.fixed(Quota.of(1)).after(Quota.of(0)));
        rejects(
                "pause must be between whole batches, was set on sliding 2, pause 1s",
                () -> Batches.fixed(Quota.of(2)).pause(Duration.ofSeconds(1)).thenSliding());
        rejects("pause must be >= 0, was -1s", () -> Batches.fixed(Quota.of(1)).pause(Duration.ofSeconds(-1)));
        rejects(
                "pause must be <= 366 days, was 8808h",
                () -> Batches.fixed(Quota.of(1)).pause(Duration.ofDays(367)));
        rejects("bake must be >= 0, was -1s", () -> builder.bake(Duration.ofSeconds(-1)));
    }

    @Test
    void rejectsACanaryAHoldAndAPartitionOutOfRange() {
        rejects("canary must be >= 1, was 0", () -> builder.canary(0));
        rejects("canary must be > 0, was 0 %", () -> builder.canary(Quota.percent(0)));
        rejects("partition must be >= 0, was -1", () -> builder.partition(-1));
        rejects("approveAfter must be >= 1, was 0", () -> builder.approveAfter(1, 0));
        rejects("pauseAfter must be >= 1, was 0", () -> builder.pauseAfter(0));
    }

    @Test
    void rejectsABudgetOutOfRange() {
        rejects("gpus slots must be >= 1, was 0", () -> ResourceBudget.of("gpus", 0, 1));
        rejects("gpus per instance must be >= 1, was -1", () -> ResourceBudget.of("gpus", 8, -1));
        rejects("gpus reserved must be within 0 to 8 (slots), was -1", () -> ResourceBudget.of("gpus", 8, 1, -1));
    }

    @Test
    void rejectsLimitsOfAZoneThatLeaveNoRoomToReplace() {
        rejects(
                "maxSurgePerZone and maxUnavailablePerZone must not both be 0: nothing could ever be replaced",
                () -> RolloutPolicy.builder()
                        .maxUnavailable(1)
                        .maxSurgePerZone(Quota.of(0))
                        .maxUnavailablePerZone(Quota.percent(0))
                        .build());
        rejects(
                "maxSurge and maxUnavailablePerZone must not both be 0: nothing could ever be replaced",
                () -> RolloutPolicy.builder()
                        .maxSurge(0)
                        .maxUnavailable(1)
                        .maxUnavailablePerZone(Quota.of(0))
                        .build());
        rejects(
                "maxUnavailable and maxSurgePerZone must not both be 0: nothing could ever be replaced",
                () -> RolloutPolicy.builder().maxSurgePerZone(Quota.of(0)).build());
    }

    @Test
    void rejectsTwoWaysToSayWhoIsNext() {
        rejects(
                "ordered and order must not both be given: each says who is next",
                () -> RolloutPolicy.builder().ordered().order((a, b) -> 0).build());
        rejects(
                "ordered must be without zoneOrder, was with SCATTERED: each says who is next",
                () -> RolloutPolicy.builder()
                        .ordered()
                        .zoneOrder(ZoneOrder.SCATTERED)
                        .build());
    }

    @Test
    void aBakeCountsInTheTotalDeadline() {
        rejects(
                "totalDeadline must be > minReady + bake (1h10s), was 1h",
                () -> RolloutPolicy.builder()
                        .bake(Duration.ofHours(1))
                        .totalDeadline(Duration.ofHours(1))
                        .build());
    }

    @Test
    void theCanaryIsTheFirstBatchAndIsApproved() {
        RolloutPolicy policy = RolloutPolicy.builder()
                .canary(2)
                .batches(Batches.fixed(Quota.of(5)))
                .approveAfter(3)
                .pauseAfter(2)
                .build();

        assertThat(policy.batches()).isEqualTo(Batches.ramp(Quota.of(2), Quota.of(5)));
        assertThat(policy.approvesAfter(1)).isTrue();
        assertThat(policy.approvesAfter(2)).isFalse();
        assertThat(policy.approvesAfter(3)).isTrue();
        assertThat(policy.pausesAfter(2)).isTrue();
        assertThat(policy.toBuilder().build().batches()).isEqualTo(policy.batches());
    }

    @Test
    void batchesReadAsTheyAreMeant() {
        assertThat(Batches.sliding(Quota.percent(25))).hasToString("sliding 25 %");
        assertThat(Batches.fixed(Quota.of(2))).hasToString("fixed 2");
        assertThat(Batches.ramp(Quota.of(1), Quota.percent(25)).thenSliding())
                .hasToString("ramp 1, 25 %, then sliding");
        assertThat(Batches.doubling(Quota.of(8)).pause(Duration.ofMinutes(1)))
                .hasToString("doubling up to 8, pause 1m");
    }

    @Test
    void copiesEverySetting() {
        RolloutPolicy policy = builder.batches(Batches.fixed(Quota.of(3)).pause(Duration.ofSeconds(5)))
                .rollbackBatches(Batches.sliding(Quota.of(7)))
                .bake(Duration.ofSeconds(6))
                .canary(2)
                .partition(Quota.percent(10))
                .approveAfter(3, 5)
                .pauseAfter(4)
                .heedGatesFailingBefore()
                .zoneOrder(ZoneOrder.SCATTERED)
                .maxSurgePerZone(Quota.of(2))
                .maxUnavailablePerZone(Quota.percent(20))
                .maxSurge(Quota.percent(50))
                .maxUnavailable(2)
                .maxInstances(40)
                .budget(ResourceBudget.of("gpus", 8, 1))
                .maxFailedInstances(Quota.percent(10))
                .onFailure(FailurePolicy.PAUSE)
                .minReady(Duration.ofSeconds(1))
                .unhealthyGrace(Duration.ofSeconds(2))
                .startDeadline(Duration.ofSeconds(30))
                .drainDeadline(Duration.ofSeconds(4))
                .stopDeadline(Duration.ofSeconds(5))
                .stallDeadline(Duration.ofSeconds(60))
                .totalDeadline(Duration.ofSeconds(600))
                .build();

        assertThat(policy.toBuilder().build()).usingRecursiveComparison().isEqualTo(policy);
        assertThat(policy.toBuilder().maxSurge(1).build().maxSurge()).isEqualTo(Quota.of(1));
    }
}
