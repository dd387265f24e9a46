package io.github.rollstep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.Comparator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** The settings of who goes first, of failures and of the way back: what cannot be is rejected with name, rule and value. */
class RolloutPolicyOrderAndFailureTest {

    private final RolloutPolicy.Builder builder = RolloutPolicy.builder();

    private static void rejects(String message, ThrowingCallable call) {
        assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
    }

    // ---- order

    @Test
    void rejectsTwoOrdersAtOnce() {
        builder.ordered().order(Comparator.comparing(instance -> instance.id().value()));

        rejects("ordered and order must not both be given: each says who is next", builder::build);
    }

    @Test
    void rejectsAnOrderOfSlotsAndOneOfZonesAtOnce() {
        rejects(
                "ordered must be without zoneOrder, was with SCATTERED: each says who is next",
                () -> builder.ordered().zoneOrder(ZoneOrder.SCATTERED).build());
    }

    @Test
    void aGivenOrderMayGoZoneByZone() {
        RolloutPolicy policy = builder.zoneOrder(ZoneOrder.SCATTERED)
                .order(Comparator.comparing(instance -> instance.id().value()))
                .build();

        assertThat(policy.order()).isPresent();
        assertThat(policy.zoneOrder()).isEqualTo(ZoneOrder.SCATTERED);
    }

    // ---- failure

    @Test
    void rejectsNegativeNumbersOfFailures() {
        rejects("retries must be >= 0, was -1", () -> builder.retries(-1));
        rejects("maxRestarts must be >= 0, was -1", () -> builder.maxRestarts(-1));
        rejects("keepFailed must be >= 0, was -3", () -> builder.keepFailed(-3));
    }

    // ---- the way back

    @Test
    void rejectsAPointOfNoReturnBeforeTheFirstBatch() {
        rejects("forwardOnlyAfter must be >= 1, was 0", () -> builder.forwardOnlyAfter(0));
    }

    @Test
    void forwardOnlyHasNoWayBackFromTheBeginning() {
        assertThat(builder.build().isForwardOnly(99)).isFalse();
        assertThat(builder.forwardOnlyAfter(2).build().isForwardOnly(1)).isFalse();
        assertThat(builder.build().isForwardOnly(2)).isTrue();
        assertThat(builder.forwardOnly().build().isForwardOnly(0)).isTrue();
    }

    @Test
    void rejectsARetentionThatIsNegativeOrLongerThanAYear() {
        rejects("retainOld must be >= 0, was -1s", () -> builder.retainOld(Duration.ofSeconds(-1)));
        rejects("retainOld must be <= 366 days, was 8808h", () -> builder.retainOld(Duration.ofDays(367)));
    }

    @Test
    void rejectsARetentionThatOutlivesTheTotalDeadline() {
        builder.retainOld(Duration.ofHours(1)).totalDeadline(Duration.ofMinutes(60));

        rejects("totalDeadline must be > minReady + retainOld (1h10s), was 1h", builder::build);
    }

    // ---- all of them

    @Test
    void defaultsKeepAndRetryNothing() {
        RolloutPolicy defaults = RolloutPolicy.defaults();

        assertThat(defaults.ordered()).isFalse();
        assertThat(defaults.order()).isEmpty();
        assertThat(defaults.deletionCostLabel()).isEqualTo("rollstep.deletion-cost");
        assertThat(defaults.retries()).isZero();
        assertThat(defaults.maxRestarts()).isEqualTo(2);
        assertThat(defaults.keepFailed()).isZero();
        assertThat(defaults.retainOld()).isZero();
        assertThat(defaults.isForwardOnly(0)).isFalse();
    }

    @Test
    void copiesEverySetting() {
        RolloutPolicy policy = builder.order(
                        Comparator.comparing(instance -> instance.id().value()))
                .deletionCostLabel("cost")
                .retries(3)
                .maxRestarts(0)
                .keepFailed(4)
                .forwardOnlyAfter(5)
                .retainOld(Duration.ofMinutes(6))
                .build();

        assertThat(policy.toBuilder().build()).usingRecursiveComparison().isEqualTo(policy);
        assertThat(policy.toBuilder()
                        .order(Comparator.comparing(Instance::restarts))
                        .build()
                        .order())
                .isNotEqualTo(policy.order());
        assertThat(RolloutPolicy.builder().ordered().build().toBuilder().build().ordered())
                .isTrue();
    }

    @Test
    void saysItsSettings() {
        assertThat(builder.ordered()
                        .retries(3)
                        .maxRestarts(0)
                        .keepFailed(4)
                        .forwardOnlyAfter(5)
                        .retainOld(Duration.ofMinutes(6))
                        .build()
                        .toString())
                .contains(
                        "ordered true, order none",
                        "deletionCostLabel rollstep.deletion-cost",
                        "retries 3, maxRestarts 0, keepFailed 4",
                        "forwardOnlyAfter 5, retainOld 6m");
    }
}
