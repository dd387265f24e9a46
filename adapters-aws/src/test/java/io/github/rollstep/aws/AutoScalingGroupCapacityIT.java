package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.SuspendedProcess;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/** The desired capacity of a group and its bounds: nobody is launched too many, and the group never chooses who goes. */
class AutoScalingGroupCapacityIT {

    private static final int DESIRED = 4;
    private static final int SURGE = 2;
    private static final Set<Thread.State> WAITING = Set.of(Thread.State.WAITING, Thread.State.BLOCKED);
    private static final Duration MOMENT = Duration.ofSeconds(1);
    private static final Duration STALENESS = AwsRolloutIT.TIMES.staleness();

    private final AwsScene scene = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, AwsRolloutIT.policy(SURGE));
    private final AwsWorld world = scene.world;

    @AfterEach
    void leave() {
        scene.close();
    }

    private AutoScalingGroup group() {
        return world.reality().group(world.groupName());
    }

    private void assertNobodyWasChosen() {
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    private List<LaunchRequest> open(String version, int... ordinals) {
        RolloutId rollout = RolloutId.of("rollout-1");
        return IntStream.of(ordinals)
                .mapToObj(ordinal ->
                        new LaunchRequest(AwsScene.FLEET, rollout, rollout.token(ordinal), scene.revision(version)))
                .toList();
    }

    /** @return the settings as they were */
    private String held(InstanceProvider provider, int atMost) {
        String settings = provider.settings(scene.revision("1")).orElseThrow();
        provider.hold(settings, atMost, scene.revision("1"));
        return settings;
    }

    private static List<InstanceId> ids(List<Instance> instances) {
        return instances.stream().map(Instance::id).toList();
    }

    /** All attempts of the SDK. */
    private void failNext(String operation) {
        world.faults().failNext(operation, 5);
    }

    /** For good: the SDK does not try again. */
    private void loseAnswer(String operation) {
        world.faults().afterEach(made -> {
            world.faults().afterEach(any -> {});
            assertThat(made).isEqualTo(operation);
            throw SdkClientException.create("the answer to %s was lost".formatted(operation));
        });
    }

    // ---- the maximum

    @Test
    void aMaximumIsNeverLessThanWhatExists() {
        InstanceProvider provider = scene.provider();
        String settings = held(provider, DESIRED + SURGE);
        provider.list();
        provider.launch(open("1", 1, 2));
        world.advance(STALENESS);
        provider.list();

        provider.hold(settings, 1, scene.revision("1"));

        assertNobodyWasChosen();
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + SURGE);
    }

    @Test
    void aFleetThatIsMadeSmallerInTheMiddleLosesWhomTheRolloutChooses() {
        RollingUpdate update = scene.update();
        Rollout rollout = update.start(scene.revision(world.newVersion()));
        for (int steps = 0; world.reality().existing().size() < DESIRED + SURGE; steps++) {
            assertThat(steps).isLessThan(100);
            scene.step(rollout);
        }
        update.resize(1);
        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertNobodyWasChosen();
        assertThat(world.reality().existing()).hasSize(1);
        assertThat(group().desiredCapacity()).isEqualTo(1);
    }

    // ---- launches belong to the list that they were handed over with

    @Test
    void whoAppearsBetweenTheListAndTheLaunchIsNotLaunchedTwice() {
        InstanceProvider provider = scene.provider();
        held(provider, DESIRED + SURGE);
        provider.list();
        provider.launch(open("1", 1, 2));
        List<Instance> listed = provider.list();
        assertThat(listed).as("they are not seen yet").hasSize(DESIRED);

        world.advance(STALENESS);
        failNext("TerminateInstanceInAutoScalingGroup");
        InstanceId leaving = listed.get(0).id();
        assertThatThrownBy(() -> provider.terminate(leaving)).isInstanceOf(ProviderException.class);
        provider.launch(open("1", 1, 2), Set.of(leaving));

        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + 2);
        assertThat(world.reality().existing()).hasSize(DESIRED + 2);
    }

    @Test
    void whoAppearsWhileAnotherIsLookedForIsNotLaunchedTwice() {
        InstanceProvider provider = scene.provider();
        held(provider, DESIRED + SURGE);
        provider.list();
        provider.launch(open("1", 1, 2));
        provider.list();

        world.advance(STALENESS);
        provider.terminate(InstanceId.of("i-0123456789abcdef0"));
        provider.launch(open("1", 1, 2));

        assertThat(world.reality().existing()).hasSize(DESIRED + 2);
    }

    // ---- who is told to stop

    @Test
    void aStopWhoseAnswerIsLostIsNotAskedForAgainBeforeItIsKnown() {
        InstanceProvider provider = scene.provider();
        InstanceId one = provider.list().get(0).id();
        loseAnswer("TerminateInstanceInAutoScalingGroup");
        assertThatThrownBy(() -> provider.terminate(one)).isInstanceOf(ProviderException.class);
        int calls = world.faults().mutatingCalls();
        provider.list();

        assertThatThrownBy(() -> provider.terminate(one))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessage(
                        "were told to go or to come back, and lists do not show yet whether they do: " + one.value());
        assertThat(world.faults().mutatingCalls()).isEqualTo(calls);
        world.advance(STALENESS);
        provider.list();
        provider.terminate(one);
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED - 1);
        assertNobodyWasChosen();
    }

    /** Another controller has just launched one. */
    @Test
    void ofManyThatAreToStopNoneIsForgotten() {
        world.createGroup("other", 0, 1, 3);
        AutoScalingGroupProvider provider = provider("other");
        Instance known = provider.list().get(0);
        world.autoScaling()
                .setDesiredCapacity(
                        request -> request.autoScalingGroupName("other").desiredCapacity(2));
        world.advance(STALENESS);
        InstanceId young = ids(provider("other").list()).stream()
                .filter(id -> !id.equals(known.id()))
                .findFirst()
                .orElseThrow();

        provider.terminateAll(List.of(known.id(), young));

        assertThat(world.reality().group("other").desiredCapacity()).isZero();
    }

    private AutoScalingGroupProvider provider(String name) {
        return AutoScalingGroupProvider.builder(world.autoScaling(), AwsScene.FLEET, name)
                .staleness(STALENESS)
                .clock(world.clock())
                .build();
    }

    @Test
    void launchesNeedNotWaitForAllThatStop() {
        InstanceProvider provider = scene.provider();
        List<InstanceId> all = ids(provider.list());
        held(provider, 2 * DESIRED);
        List<String> calls = new ArrayList<>();
        Thread launches = new Thread(() -> provider.launch(open("1", 1)));
        world.faults().onCall(operation -> {
            calls.add(operation);
            if (calls.size() == 1) {
                startAndAwaitWaiting(launches);
            }
        });

        provider.terminateAll(all);
        join(launches);

        assertThat(calls).hasSize(DESIRED + 1).element(1).isEqualTo("SetDesiredCapacity");
        assertThat(world.reality().existing()).hasSize(DESIRED + 1);
        assertNobodyWasChosen();
    }

    @Test
    @Timeout(60)
    void whoWaitsForAnotherCallCanBeInterrupted() {
        InstanceProvider provider = scene.provider();
        InstanceId one = provider.list().get(0).id();
        List<Throwable> failures = new ArrayList<>();
        Thread launches = new Thread(() -> {
            try {
                provider.launch(open("1", 1));
            } catch (ProviderException e) {
                failures.add(e);
                assertThat(Thread.currentThread().isInterrupted()).isTrue();
            }
        });
        world.faults().onCall(operation -> {
            startAndAwaitWaiting(launches);
            launches.interrupt();
            join(launches);
        });

        provider.terminate(one);

        assertThat(failures)
                .singleElement()
                .satisfies(e ->
                        assertThat(e).hasMessage("interrupted while another call to Auto Scaling group web was made"));
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED - 1);
    }

    private static void startAndAwaitWaiting(Thread thread) {
        thread.start();
        while (!WAITING.contains(thread.getState())) {
            Thread.onSpinWait();
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- a number that may have taken effect

    @Test
    void aNumberWhoseAnswerWasLostIsNotLoweredByAnOlderList() {
        InstanceProvider provider = scene.provider();
        held(provider, 2 * DESIRED);
        provider.list();
        loseAnswer("SetDesiredCapacity");
        assertThatThrownBy(() -> provider.launch(open("1", 1, 2, 3))).isInstanceOf(ProviderException.class);
        world.advance(MOMENT);
        provider.list();

        provider.launch(open("1", 1));

        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + 3);
        assertNobodyWasChosen();
    }

    // ---- launches that never come

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatCouldNotBeLaunchedIsNotDesiredAfterTheRollout(boolean goesBack) {
        String next = world.newVersion();
        world.reality().unlaunchable(next);
        Rollout rollout = scene.update().start(scene.revision(next));
        scene.step(rollout);
        assertThat(group().desiredCapacity()).isGreaterThan(DESIRED);
        if (!goesBack) {
            rollout.abort();
        }
        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(goesBack ? RolloutPhase.ROLLED_BACK : RolloutPhase.ABORTED);
        assertThat(world.reality().existing()).hasSize(DESIRED);
        assertThat(world.counter().counts())
                .as("what it launches instead would have to go again")
                .doesNotContainKey("AutoScaling:TerminateInstanceInAutoScalingGroup");
        assertNobodyWasChosen();
        scene.monitor.assertKept();
        scene.assertGroupIsGivenBack("1", DESIRED);
    }

    /** Nobody knows yet that nothing comes, and it must not become what is gone back to. */
    @Test
    void whatMayStillComeIsNotLaunchedAsSomethingElse() {
        RolloutPolicy hasty = AwsRolloutIT.policy(SURGE).toBuilder()
                .startDeadline(Duration.ofMinutes(1))
                .build();
        try (AwsScene other = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, hasty)) {
            String next = other.world.newVersion();
            other.world.reality().unlaunchable(next);
            Rollout rollout = other.update().start(other.revision(next));
            other.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            other.assertIs("1");
        }
    }

    /** The fix of a version that could not be launched: it takes its place at once. */
    @Test
    void whatCouldNotBeLaunchedHindersNoOther() {
        String bad = world.newVersion();
        String good = world.newVersion();
        world.reality().unlaunchable(bad);
        RollingUpdate update = scene.update();
        scene.step(update.start(scene.revision(bad)));
        assertThat(group().desiredCapacity()).isGreaterThan(DESIRED);
        Rollout rollout = update.start(scene.revision(good));
        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        scene.assertIs(good);
    }

    @Test
    void whatMayStillComeIsWaitedForBeforeTheGroupIsGivenBack() {
        String next = world.newVersion();
        world.reality().unlaunchable(next);
        InstanceProvider provider = scene.provider();
        String settings = provider.settings(scene.revision(next)).orElseThrow();
        provider.hold(settings, DESIRED + SURGE, scene.revision(next));
        provider.list();
        provider.launch(open(next, 1, 2));
        world.advance(STALENESS);
        provider.list();

        assertThatThrownBy(() -> provider.restore(settings, scene.revision("1")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessage("6 are desired and 4 are there: the others may come until "
                        + world.clock().instant().plus(Headcount.PATIENCE));
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + 2);
    }

    // ---- two controllers, one after the other

    private static Set<String> suspended(AutoScalingGroup group) {
        return group.suspendedProcesses().stream()
                .map(SuspendedProcess::processName)
                .collect(Collectors.toSet());
    }

    /** It was in charge before, and remembers less than there is. */
    @Test
    void whoGivesBackAfterAnotherOneLooksFirst() {
        InstanceProvider first = scene.provider();
        String settings = held(first, DESIRED + SURGE);
        first.list();
        world.advance(Duration.ofMinutes(5));
        InstanceProvider second = scene.provider();
        second.hold(settings, DESIRED + SURGE, scene.revision("1"));
        world.advance(STALENESS);
        second.list();
        second.launch(open("1", 1, 2));

        assertThatThrownBy(() -> first.restore(settings, scene.revision("1")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageStartingWith("puts nothing back before lists show all that was done, at ");
        world.advance(STALENESS);
        first.restore(settings, scene.revision("1"));

        assertNobodyWasChosen();
        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + 2);
        assertThat(group().maxSize()).isEqualTo(DESIRED + 2);
        assertThat(suspended(group())).isEmpty();
    }

    @Test
    void whoComesBackLaunchesNothingBeforeListsShowWhatAnotherOneDid() {
        InstanceProvider first = scene.provider();
        String settings = held(first, DESIRED + 2 * SURGE);
        first.list();
        world.advance(Duration.ofMinutes(5));
        InstanceProvider second = scene.provider();
        second.hold(settings, DESIRED + 2 * SURGE, scene.revision("1"));
        world.advance(STALENESS);
        second.list();
        second.launch(open("1", 1, 2));

        first.hold(settings, DESIRED + 2 * SURGE, scene.revision("1"));
        first.list(); // That does not show them, and they are bound: what is open is another one.
        assertThatThrownBy(() -> first.launch(open("1", 3)))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageStartingWith(
                        "launches nothing before lists are newer than what an earlier controller may have done, at ");
        world.advance(STALENESS);
        assertThatThrownBy(() -> first.launch(open("1", 3)))
                .as("the list is still the one before")
                .isInstanceOf(ProviderException.class);
        first.list();
        first.launch(open("1", 3));

        assertThat(group().desiredCapacity()).isEqualTo(DESIRED + 3);
        assertNobodyWasChosen();
    }

    /** Lists show only later that the group was given back. */
    @Test
    void theNextRolloutBeginsAtOnceWithWhatWasGivenBack() {
        RollingUpdate update = scene.update();
        scene.drive(update.start(scene.revision(world.newVersion())));
        String next = world.newVersion();
        Rollout rollout = update.start(scene.revision(next));
        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        scene.assertIs(next);
    }

    // ---- giving back

    @Test
    void aVersionThatIsGoneHindersNothingElseOfTheGiveBack() {
        String next = world.newVersion();
        InstanceProvider provider = scene.provider();
        String settings = provider.settings(scene.revision(next)).orElseThrow();
        provider.hold(settings, DESIRED + SURGE, scene.revision(next));
        world.reality().delete("1");
        world.advance(STALENESS);
        provider.list();

        provider.restore(settings, scene.revision("1"));

        assertThat(group().minSize()).isEqualTo(1);
        assertThat(group().maxSize()).isEqualTo(DESIRED + 1);
        assertThat(group().launchTemplate().version()).isEqualTo(next);
        assertThat(suspended(group())).isEmpty();
    }

    @Test
    void processesAreResumedThoughSizesCannotBePutBack() {
        InstanceProvider provider = scene.provider();
        String settings = held(provider, DESIRED + SURGE);
        world.advance(STALENESS);
        provider.list();
        failNext("UpdateAutoScalingGroup");

        assertThatThrownBy(() -> provider.restore(settings, scene.revision("1")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue());
        assertThat(suspended(group())).isEmpty();
        provider.restore(settings, scene.revision("1"));
        assertThat(group().minSize()).isEqualTo(1);
    }

    // ---- what the group's checks say

    /** A database is away for a while: with the load balancer's checks the group calls all of them unhealthy. */
    @Test
    void whoIsUnhealthyIsNotDead() {
        InstanceProvider provider = scene.provider();
        List<String> all = group().instances().stream()
                .map(software.amazon.awssdk.services.autoscaling.model.Instance::instanceId)
                .toList();
        all.forEach(id -> world.autoScaling()
                .setInstanceHealth(request -> request.instanceId(id).healthStatus("Unhealthy")));
        world.advance(STALENESS);

        assertThat(provider.list()).hasSize(DESIRED).allSatisfy(member -> {
            assertThat(member.state()).isEqualTo(Instance.State.RUNNING);
            assertThat(member.detail()).isEqualTo("InService, Unhealthy");
        });

        String next = world.newVersion();
        Rollout rollout = scene.update().start(scene.revision(next));
        scene.step(rollout);
        assertThat(world.reality().existing().keySet()).containsAll(all);
        scene.drive(rollout);
        scene.assertIs(next);
    }

    /** Its group calls it unhealthy, and the load balancer does not know it any more. */
    @Test
    void whoDiesInTheMiddleIsReplaced() {
        RolloutPolicy policy = AwsRolloutIT.policy(SURGE).toBuilder()
                .maxFailedInstances(Quota.of(1))
                .build();
        try (AwsScene patient = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, policy)) {
            String next = patient.world.newVersion();
            Rollout rollout = patient.update().start(patient.revision(next));
            for (int steps = 0; serving(patient, next).isEmpty(); steps++) {
                assertThat(steps).isLessThan(100);
                patient.step(rollout);
            }
            patient.world.kill(serving(patient, next).get(0));
            patient.world.kill(serving(patient, "1").get(0));
            patient.drive(rollout);

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(patient.running()).hasSize(DESIRED).containsOnly(next);
            patient.assertGroupIsGivenBack(next, DESIRED);
        }
    }

    private static List<String> serving(AwsScene scene, String version) {
        return scene.world.reality().targets(scene.world.targetGroupArn()).entrySet().stream()
                .filter(target -> target.getValue() == TargetHealthStateEnum.HEALTHY)
                .map(Map.Entry::getKey)
                .filter(id -> scene.world.reality().version(id).equals(version))
                .toList();
    }
}
