package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Batches;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.LifecycleState;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/**
 * The warm roll-back of an Auto Scaling group. What stands by is outside the desired capacity, and is terminated without a decrement. AWS
 * documents the first, and not what a decrement does to the second; the emulator's own tests say that it lowers the capacity once more, and
 * then the group would choose somebody who serves.
 */
class StandbyIT {

    private static final int DESIRED = 3;
    private static final Duration RETAINED = Duration.ofMinutes(5);
    private static final int MOST_STEPS = 200;

    private static RolloutPolicy policy(int surge) {
        return AwsRolloutIT.policy(surge).toBuilder()
                .batches(Batches.sliding(Quota.of(surge)))
                .retainOld(RETAINED)
                .build();
    }

    private final AwsScene scene = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, policy(DESIRED));
    private final AwsWorld world = scene.world;

    @AfterEach
    void leave() {
        scene.close();
    }

    private AutoScalingGroupProvider provider() {
        return AutoScalingGroupProvider.builder(world.autoScaling(), AwsScene.FLEET, world.groupName())
                .staleness(AwsRolloutIT.TIMES.staleness())
                .clock(world.clock())
                .standby()
                .build();
    }

    private TargetGroupRouter.Builder targets() {
        return TargetGroupRouter.builder(world.elb()).targetGroups(world.targetGroupArn());
    }

    private RollingUpdate update() {
        AutoScalingGroupProvider provider = provider();
        TargetGroupRouter targets = targets().build();
        return scene.monitor
                .around(provider, targets.health(), provider.standbyRouter(targets), scene.store)
                .desired(DESIRED)
                .pollInterval(Duration.ofSeconds(30))
                .lease(Duration.ofSeconds(90))
                .hostDriven()
                .build();
    }

    private AutoScalingGroup group() {
        return world.reality().group(world.groupName());
    }

    private Set<String> members() {
        return group().instances().stream().map(Instance::instanceId).collect(Collectors.toSet());
    }

    private Set<String> standing() {
        return group().instances().stream()
                .filter(member -> member.lifecycleState() == LifecycleState.STANDBY)
                .map(Instance::instanceId)
                .collect(Collectors.toSet());
    }

    private Set<String> serving() {
        return world.reality().targets(world.targetGroupArn()).keySet();
    }

    /** Until all that was replaced stands by, and is no target any more. */
    private void driveUntilAllStandBy(Rollout rollout, Set<String> old) {
        for (int step = 0; step < MOST_STEPS && !standing().equals(old); step++) {
            scene.step(rollout);
        }
        assertThat(standing()).as("%s", rollout.progress()).isEqualTo(old);
    }

    private long calls(String operation) {
        return world.counter().counts().getOrDefault("AutoScaling:" + operation, 0L);
    }

    @Test
    void whatIsReplacedStandsByAndIsTerminatedWhenItsTimeIsOver() {
        Set<String> old = members();
        String next = world.newVersion();
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(next));
            driveUntilAllStandBy(rollout, old);
            Instant since = world.clock().instant();

            assertThat(old).allMatch(id -> world.reality().state(id) == InstanceStateName.RUNNING);
            assertThat(serving()).hasSize(DESIRED).doesNotContainAnyElementsOf(old);
            assertThat(group().desiredCapacity()).isEqualTo(DESIRED);
            assertThat(members()).hasSize(2 * DESIRED);
            assertThat(rollout.phase().isFinal()).isFalse();

            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(Duration.between(since, world.clock().instant()))
                    .isGreaterThan(RETAINED.minus(Duration.ofMinutes(1)));
        }
        scene.assertIs(next);
    }

    @Test
    void aRollBackBringsThemBackAndLaunchesNothing() {
        Set<String> old = members();
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(world.newVersion()));
            driveUntilAllStandBy(rollout, old);
            Set<String> all = members();
            long sized = calls("SetDesiredCapacity");
            Instant begun = world.clock().instant();

            rollout.rollBack("a test");
            for (int step = 0; step < MOST_STEPS && !serving().equals(old); step++) {
                scene.step(rollout);
                assertThat(all).as("nobody is new").containsAll(members());
            }

            assertThat(serving()).isEqualTo(old);
            assertThat(Duration.between(begun, world.clock().instant())).isLessThan(Duration.ofMinutes(2));
            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(calls("SetDesiredCapacity")).isEqualTo(sized);
            assertThat(members()).isEqualTo(old);
        }
        scene.assertIs("1");
    }

    /** A surge of one: what stands by goes when its room is needed. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 2, 3})
    void theFootprintHoldsWhereThereIsNoRoomForThem(long seed) {
        RolloutPolicy narrow = policy(1);
        try (AwsScene small = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, narrow)) {
            AutoScalingGroupProvider provider = AutoScalingGroupProvider.builder(
                            small.world.autoScaling(), AwsScene.FLEET, small.world.groupName())
                    .staleness(AwsRolloutIT.TIMES.staleness())
                    .clock(small.world.clock())
                    .standby()
                    .build();
            TargetGroupRouter targets = TargetGroupRouter.builder(small.world.elb())
                    .targetGroups(small.world.targetGroupArn())
                    .build();
            String next = small.world.newVersion();
            small.world.faults().random(seed, seed == 0 ? 0 : 0.33);
            try (RollingUpdate update = small.monitor
                    .around(provider, targets.health(), provider.standbyRouter(targets), small.store)
                    .desired(DESIRED)
                    .pollInterval(Duration.ofSeconds(30))
                    .lease(Duration.ofSeconds(90))
                    .hostDriven()
                    .build()) {
                Rollout rollout = update.start(small.revision(next));
                small.drive(rollout);
                assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            }
            small.assertIs(next);
        }
    }

    /** AWS refuses the repeat of what was done: they are in the other state already. */
    @ParameterizedTest
    @ValueSource(strings = {"EnterStandby", "ExitStandby"})
    void anAnswerThatIsLostIsNoFailure(String operation) {
        Set<String> old = members();
        world.faults().loseAnswer(operation, 1);
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(world.newVersion()));
            driveUntilAllStandBy(rollout, old);
            rollout.rollBack("a test");
            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(members()).isEqualTo(old);
        }
        scene.assertIs("1");
    }

    /** They drain still: back they come when that is over. */
    @Test
    void aRollBackWhileTheyDrainBringsThemBack() {
        Set<String> old = members();
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(world.newVersion()));
            for (int step = 0; step < MOST_STEPS && calls("EnterStandby") == 0; step++) {
                scene.step(rollout);
            }
            assertThat(calls("EnterStandby")).isPositive();
            rollout.rollBack("a test");
            scene.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(members()).isEqualTo(old);
        }
        scene.assertIs("1");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void noPromiseIsBrokenByFaults(long seed) {
        String next = world.newVersion();
        world.faults().random(seed, 0.33);
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(next));
            scene.drive(rollout);
            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
        scene.assertIs(next);
    }

    @Test
    void theNextControllerGoesOn() {
        Set<String> old = members();
        String next = world.newVersion();
        try (RollingUpdate update = update()) {
            driveUntilAllStandBy(update.start(scene.revision(next)), old);
        }
        try (RollingUpdate update = update()) {
            Rollout rollout = update.resume().orElseThrow();
            scene.drive(rollout);
            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
        scene.assertIs(next);
    }

    /** A second passes in each call: the next one of the same step sees what the list before did not show. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void noPromiseIsBrokenThoughTimePassesInEachCall(long seed) {
        String next = world.newVersion();
        world.faults().random(seed, 0.2);
        world.faults().onCall(operation -> world.advance(Duration.ofSeconds(1)));
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(scene.revision(next));
            scene.drive(rollout);
            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
        scene.assertIs(next);
    }

    // ---- launches while others go into standby

    private static List<LaunchRequest> open(Revision revision, int count) {
        RolloutId rollout = RolloutId.of("rollout-1");
        return IntStream.rangeClosed(1, count)
                .mapToObj(ordinal -> new LaunchRequest(AwsScene.FLEET, rollout, rollout.token(ordinal), revision))
                .toList();
    }

    /** Two of three stand by, which no list shows yet: one is launched for an open launch, and none for them. */
    @Test
    void anAnswerThatIsLostLaunchesNothingForThoseWhoMayStandBy() {
        AutoScalingGroupProvider provider = provider();
        Revision first = scene.revision("1");
        provider.hold(provider.settings(first).orElseThrow(), 2 * DESIRED, first);
        List<InstanceId> two =
                provider.list().stream().map(member -> member.id()).limit(2).toList();
        world.faults().afterEach(operation -> {
            world.faults().afterEach(any -> {});
            throw SdkClientException.create("the answer to %s was lost".formatted(operation));
        });
        assertThatThrownBy(() -> provider.enterStandby(two)).isInstanceOf(ProviderException.class);
        world.advance(Duration.ofSeconds(1));
        provider.list();

        provider.launch(open(first, 1));
        assertThat(group().desiredCapacity())
                .as("it is not known how many there are")
                .isEqualTo(1);
        assertThatThrownBy(() -> provider.enterStandby(two))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageStartingWith("were told to go or to come back, and lists do not show yet whether they do: ");
        world.advance(AwsRolloutIT.TIMES.staleness());
        provider.list();
        provider.launch(open(first, 1));

        assertThat(group().desiredCapacity()).isEqualTo(2);
        assertThat(members()).hasSize(DESIRED + 1);
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    /** By calls for at most 20 each: the first is obeyed, the second fails. */
    @Test
    void ofManyThoseOfAFailedCallAreInDoubtAndNoOthers() {
        world.createGroup("large", 0, 25, 50);
        AutoScalingGroupProvider provider = AutoScalingGroupProvider.builder(
                        world.autoScaling(), AwsScene.FLEET, "large")
                .staleness(AwsRolloutIT.TIMES.staleness())
                .clock(world.clock())
                .standby()
                .build();
        List<InstanceId> all =
                provider.list().stream().map(member -> member.id()).toList();
        List<String> calls = new ArrayList<>();
        world.faults().onCall(operation -> {
            calls.add(operation);
            if (calls.size() == 2) {
                throw SdkClientException.create(operation + " was lost");
            }
        });
        assertThatThrownBy(() -> provider.enterStandby(all)).isInstanceOf(ProviderException.class);
        assertThat(calls).containsExactly("EnterStandby", "EnterStandby");
        assertThat(world.reality().group("large").desiredCapacity()).isEqualTo(5);

        provider.list();
        provider.launch(open(scene.revision("1"), 5));
        assertThat(world.reality().group("large").desiredCapacity()).isEqualTo(5);
        world.advance(AwsRolloutIT.TIMES.staleness());
        provider.list();
        provider.launch(open(scene.revision("1"), 5));
        assertThat(world.reality().group("large").desiredCapacity()).isEqualTo(10);

        world.advance(AwsRolloutIT.TIMES.drain());
        provider.exitStandby(all);
        assertThat(world.reality().group("large").desiredCapacity()).isEqualTo(30);
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    /** Out of the desired capacity by its standby: a decrement would be one too many. */
    @Test
    void whoHasJustBeenToldToStandByIsTerminatedWithoutADecrement() {
        AutoScalingGroupProvider provider = provider();
        Revision first = scene.revision("1");
        provider.hold(provider.settings(first).orElseThrow(), 2 * DESIRED, first);
        List<InstanceId> one = List.of(provider.list().get(0).id());
        provider.enterStandby(one);
        provider.terminateAll(one);

        assertThat(calls("TerminateInstanceInAutoScalingGroup")).isEqualTo(1);
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED - 1);
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    // ---- how it is built

    @Test
    void standbyMustBeAskedForAndTheRouterIsWhoDrains() {
        String message =
                "standby must be asked for of the provider, and the target groups not be managedByGroup: the standby"
                        + " router is who drains";
        AutoScalingGroupProvider without = AutoScalingGroupProvider.builder(
                        world.autoScaling(), AwsScene.FLEET, world.groupName())
                .build();

        List.<Runnable>of(
                        () -> without.standbyRouter(targets().build()),
                        () -> provider()
                                .standbyRouter(targets().managedByGroup().build()))
                .forEach(call -> assertThatThrownBy(call::run)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage(message));
        assertThat(provider().standbyRouter(targets().build()).longestDrain()).isEqualTo(AwsRolloutIT.TIMES.drain());
    }
}
