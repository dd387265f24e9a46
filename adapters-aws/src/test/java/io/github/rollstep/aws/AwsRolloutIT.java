package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole rollouts of both kinds of fleets, as AWS takes its time, under the eyes of the monitor. */
class AwsRolloutIT {

    /** {@code -Drollstep.aws.seeds=100} plays more. */
    private static final int SEEDS = Integer.getInteger("rollstep.aws.seeds", 2);

    static final Reality.Times TIMES = new Reality.Times(
            Duration.ofSeconds(15),
            Duration.ofSeconds(10),
            Duration.ofSeconds(20),
            Duration.ofSeconds(5),
            Duration.ofSeconds(3));

    static RolloutPolicy policy(int surge) {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(surge)))
                .maxSurge(surge)
                .minReady(Duration.ofSeconds(5))
                .startDeadline(Duration.ofMinutes(3))
                .drainDeadline(Duration.ofMinutes(1))
                .stopDeadline(Duration.ofMinutes(4))
                .build();
    }

    private static AwsScene scene(Kind kind) {
        return new AwsScene(kind, 4, TIMES, policy(2));
    }

    @ParameterizedTest
    @EnumSource
    void aGoodVersionReplacesTheOneBefore(Kind kind) {
        try (AwsScene scene = scene(kind)) {
            String next = scene.world.newVersion();
            Rollout rollout = scene.update().start(scene.revision(next));

            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            scene.assertIs(next);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBadVersionGoesBack(Kind kind) {
        try (AwsScene scene = scene(kind)) {
            String next = scene.world.newVersion();
            scene.world.reality().bad(next);
            Rollout rollout = scene.update().start(scene.revision(next));

            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            scene.assertIs("1");
        }
    }

    @ParameterizedTest
    @EnumSource
    void abortedInTheMiddleTheFleetStaysAsItIsAndTheGroupIsGivenBack(Kind kind) {
        try (AwsScene scene = scene(kind)) {
            Rollout rollout = scene.update().start(scene.revision(scene.world.newVersion()));
            scene.step(rollout);
            scene.step(rollout);
            rollout.abort();

            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ABORTED);
            assertThat(scene.world.reality().existing()).hasSize(6);
            scene.monitor.assertKept();
            scene.assertGroupIsGivenBack("1", 6);
        }
    }

    /** A controller that meets every kind of fault in a third of its calls. */
    @ParameterizedTest
    @EnumSource
    void noPromiseIsBrokenByFaults(Kind kind) {
        for (int seed = 1; seed <= SEEDS; seed++) {
            try (AwsScene scene = new AwsScene(kind, 3, TIMES, policy(2))) {
                String next = scene.world.newVersion();
                scene.world.faults().random(seed, 0.33);
                Rollout rollout = scene.update().start(scene.revision(next));

                scene.drive(rollout);

                assertThat(rollout.phase()).as("seed %d", seed).isEqualTo(RolloutPhase.SUCCEEDED);
                scene.assertIs(next);
            }
        }
    }

    /** A second passes in each call: the next one of the same step sees what the list before did not show. */
    @ParameterizedTest
    @EnumSource
    void noPromiseIsBrokenThoughTimePassesInEachCall(Kind kind) {
        for (int seed = 1; seed <= SEEDS; seed++) {
            try (AwsScene scene = new AwsScene(kind, 3, TIMES, policy(2))) {
                String next = scene.world.newVersion();
                scene.world.faults().random(seed, 0.2);
                scene.world.faults().onCall(operation -> scene.world.advance(Duration.ofSeconds(1)));
                Rollout rollout = scene.update().start(scene.revision(next));

                scene.drive(rollout);

                assertThat(rollout.phase()).as("seed %d", seed).isEqualTo(RolloutPhase.SUCCEEDED);
                scene.assertIs(next);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void throttlingOnlyTakesTime(Kind kind) {
        try (AwsScene scene = scene(kind)) {
            String next = scene.world.newVersion();
            List.of(
                            "RunInstances",
                            "RegisterTargets",
                            "DeregisterTargets",
                            "TerminateInstances",
                            "SetDesiredCapacity",
                            "UpdateAutoScalingGroup",
                            "TerminateInstanceInAutoScalingGroup",
                            "SuspendProcesses",
                            "ResumeProcesses",
                            "DescribeTargetHealth",
                            "DescribeInstances",
                            "DescribeAutoScalingGroups")
                    .forEach(operation -> scene.world.faults().throttleNext(operation, 12));
            Rollout rollout = null;
            while (rollout == null) {
                try {
                    rollout = scene.update().start(scene.revision(next));
                } catch (ProviderException e) {
                    assertThat(e.isRetryable()).isTrue();
                    assertThat(e).hasMessageContaining("throttled");
                }
            }

            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            scene.assertIs(next);
        }
    }

    // ---- what each protection is good for

    @Test
    void withoutClientTokensALostAnswerStartsInstancesTwice() {
        try (AwsScene scene = scene(Kind.EC2)) {
            scene.world.faults().idempotent(false);
            scene.world.faults().loseAnswer("RunInstances", 1);
            scene.drive(scene.update().start(scene.revision(scene.world.newVersion())));

            assertThatThrownBy(scene.monitor::assertKept).hasMessageContaining("FOOTPRINT");
        }
    }

    @Test
    void withClientTokensALostAnswerStartsNothingTwice() {
        try (AwsScene scene = scene(Kind.EC2)) {
            String next = scene.world.newVersion();
            scene.world.faults().loseAnswer("RunInstances", 1);
            scene.drive(scene.update().start(scene.revision(next)));

            scene.assertIs(next);
        }
    }

    @Test
    void whoForgetsToRestoreIsFound() {
        try (AwsScene scene = scene(Kind.GROUP)) {
            scene.decorated = Forgetful::new;
            String next = scene.world.newVersion();
            scene.drive(scene.update().start(scene.revision(next)));

            assertThatThrownBy(() -> scene.assertIs(next)).hasMessageContaining("minimum");
        }
    }

    private static final class Forgetful extends PassingProvider {
        Forgetful(InstanceProvider provider) {
            super(provider);
        }

        @Override
        public void restore(String settings, Revision outcome) {}
    }
}
