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
                "pause must be between whole batches, was set on sliding 25 %",
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
    void copiesEverySetting() {
        RolloutPolicy policy = builder.batches(Batches.fixed(Quota.of(3)).pause(Duration.ofSeconds(5)))
                .rollbackBatches(Batches.sliding(Quota.of(7)))
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
