package io.github.rollstep.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arithmetic of limits. */
class LimitsTest {

    /** The roundings are those of Kubernetes' Deployment. */
    @ParameterizedTest
    @CsvSource({
        "10, 25, 25, 13, 8",
        "4, 25, 25, 5, 3",
        "3, 25, 25, 4, 3",
        "1, 25, 25, 2, 1",
        "1, 100, 0, 2, 1",
        "3, 0, 25, 3, 2",
        "1, 0, 25, 1, 0",
        "1000, 1, 0, 1010, 1000",
        "7, 50, 50, 11, 4",
        "3, 0, 100, 3, 0"
    })
    void surgeRoundsUpAndUnavailableDownAndBothZeroIsOneUnavailable(
            int desired, int surge, int unavailable, int footprint, int floor) {
        RolloutPolicy policy = RolloutPolicy.builder()
                .maxSurge(Quota.percent(surge))
                .maxUnavailable(Quota.percent(unavailable))
                .build();

        Limits limits = Limits.resolve(policy, desired);

        assertThat(limits.footprint()).isEqualTo(footprint);
        assertThat(limits.floor()).isEqualTo(floor);
    }

    @Test
    void theSmallestOfSurgeMaxInstancesAndBudgetsIsTheFootprint() {
        RolloutPolicy.Builder builder = RolloutPolicy.builder().maxSurge(5);
        assertThat(Limits.resolve(builder.build(), 10).footprint()).isEqualTo(15);
        assertThat(Limits.resolve(builder.maxInstances(13).build(), 10).footprint())
                .isEqualTo(13);
        Limits limits = Limits.resolve(
                builder.budget(ResourceBudget.of("db connections", 200, 15, 20)).build(), 10);
        assertThat(limits.footprint()).isEqualTo(12);
        assertThat(limits.footprintRule())
                .isEqualTo("db connections: (200 slots - 20 reserved) / 15 per instance = 12 instances");
    }

    @Test
    void rejectsAFootprintThatLeavesNoRoomToReplace() {
        RolloutPolicy tight =
                RolloutPolicy.builder().maxSurge(1).maxInstances(3).build();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(tight, 3))
                .withMessage("footprint must be > desired - maxUnavailable (3), was 3: maxInstances 3; "
                        + "nothing could ever be replaced");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(tight, 4))
                .withMessage("footprint must be >= desired (4), was 3: maxInstances 3");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(tight, 0))
                .withMessage("desired must be within 1 to 1,000,000, was 0");
    }

    @Test
    void rejectsASurgeOfZeroInEachZoneWhereAllMustServe() {
        RolloutPolicy policy = RolloutPolicy.builder()
                .maxSurge(1)
                .maxSurgePerZone(Quota.of(0))
                .maxUnavailable(Quota.percent(25))
                .build();

        assertThat(Limits.resolve(policy, 4).floor()).isEqualTo(3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(policy, 3))
                .withMessage("maxSurgePerZone must be > 0 where maxUnavailable is 0 of desired (3), was 0: "
                        + "nothing could ever be replaced");
    }

    @Test
    void ofTwoEqualBoundsTheSurgeIsTheRule() {
        RolloutPolicy policy = RolloutPolicy.builder()
                .maxSurge(2)
                .maxInstances(12)
                .budget(ResourceBudget.of("db connections", 12, 1))
                .build();

        assertThat(Limits.resolve(policy, 10).footprintRule()).isEqualTo("desired 10 + maxSurge 2");
    }

    @Test
    void aMillionIsTheMost() {
        RolloutPolicy policy = RolloutPolicy.builder().maxSurge(1).build();

        assertThat(Limits.resolve(policy, 1_000_000).footprint()).isEqualTo(1_000_001);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Limits.resolve(policy, 1_000_001))
                .withMessage("desired must be within 1 to 1,000,000, was 1,000,001");
    }
}
