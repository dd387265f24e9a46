package io.github.rollstep.aws;

import static io.github.rollstep.aws.AwsWorld.FLEET_TAG;
import static io.github.rollstep.aws.AwsWorld.VERSION_TAG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.github.rollstep.aws.Reality.Times;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.LifecycleState;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthReasonEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/** The AWS of the tests behaves as AWS does where the emulator does not. */
class AwsWorldIT {

    private static final Duration BOOT = Duration.ofSeconds(30);
    private static final Duration HEALTHY = Duration.ofSeconds(10);
    private static final Duration DRAIN = Duration.ofSeconds(20);
    private static final Duration STOP = Duration.ofSeconds(15);
    private static final Duration LAG = Duration.ofSeconds(5);
    private static final Duration MOMENT = Duration.ofSeconds(1);
    private static final Times EXACT = new Times(BOOT, HEALTHY, DRAIN, STOP, Duration.ZERO);

    private final List<AwsWorld> worlds = new ArrayList<>();

    @AfterEach
    void closeWorlds() {
        worlds.forEach(AwsWorld::close);
    }

    private AwsWorld world(Times times) {
        AwsWorld world = AwsWorld.create(times);
        worlds.add(world);
        return world;
    }

    private AwsWorld world() {
        return world(EXACT);
    }

    private AwsWorld group(int min, int desired, int max) {
        AwsWorld world = world();
        world.createGroup(min, desired, max);
        return world;
    }

    private static AutoScalingGroup describe(AwsWorld world) {
        return world.autoScaling()
                .describeAutoScalingGroups(request -> request.autoScalingGroupNames(world.groupName()))
                .autoScalingGroups()
                .get(0);
    }

    private static Map<String, LifecycleState> lifecycles(AwsWorld world) {
        return describe(world).instances().stream()
                .collect(Collectors.toMap(Instance::instanceId, Instance::lifecycleState));
    }

    private static Map<String, InstanceStateName> states(AwsWorld world, InstanceStateName... wanted) {
        List<Filter> filters = new ArrayList<>();
        filters.add(Filter.builder()
                .name("tag:" + FLEET_TAG)
                .values(world.fleetName())
                .build());
        if (wanted.length > 0) {
            filters.add(Filter.builder()
                    .name("instance-state-name")
                    .values(Set.of(wanted).stream()
                            .map(InstanceStateName::toString)
                            .toList())
                    .build());
        }
        return world.ec2().describeInstances(request -> request.filters(filters)).reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .collect(Collectors.toMap(
                        instance -> instance.instanceId(),
                        instance -> instance.state().name()));
    }

    private static Map<String, TargetHealthStateEnum> health(AwsWorld world) {
        return world
                .elb()
                .describeTargetHealth(request -> request.targetGroupArn(world.targetGroupArn()))
                .targetHealthDescriptions()
                .stream()
                .collect(Collectors.toMap(
                        target -> target.target().id(),
                        target -> target.targetHealth().state()));
    }

    private static TargetHealthDescription health(AwsWorld world, String id) {
        return world.elb()
                .describeTargetHealth(request -> request.targetGroupArn(world.targetGroupArn())
                        .targets(TargetDescription.builder().id(id).build()))
                .targetHealthDescriptions()
                .get(0);
    }

    private static RunInstancesRequest runOf(AwsWorld world, int count, String token) {
        return RunInstancesRequest.builder()
                .minCount(count)
                .maxCount(count)
                .clientToken(token)
                .launchTemplate(template ->
                        template.launchTemplateId(world.launchTemplateId()).version(world.currentVersion()))
                .build();
    }

    private static String run(AwsWorld world) {
        return world.ec2()
                .runInstances(runOf(world, 1, "token-" + world.faults().mutatingCalls()))
                .instances()
                .get(0)
                .instanceId();
    }

    private static void register(AwsWorld world, String id) {
        world.elb()
                .registerTargets(request -> request.targetGroupArn(world.targetGroupArn())
                        .targets(TargetDescription.builder().id(id).build()));
    }

    private static void deregister(AwsWorld world, String... ids) {
        world.elb()
                .deregisterTargets(request -> request.targetGroupArn(world.targetGroupArn())
                        .targets(Set.of(ids).stream()
                                .map(id -> TargetDescription.builder().id(id).build())
                                .toList()));
    }

    private static void resize(AwsWorld world, int desired) {
        world.autoScaling()
                .setDesiredCapacity(request ->
                        request.autoScalingGroupName(world.groupName()).desiredCapacity(desired));
    }

    private static void useVersion(AwsWorld world, String version) {
        world.autoScaling()
                .updateAutoScalingGroup(request -> request.autoScalingGroupName(world.groupName())
                        .launchTemplate(template -> template.launchTemplateId(world.launchTemplateId())
                                .version(version)));
    }

    private static void terminate(AwsWorld world, String id) {
        world.autoScaling()
                .terminateInstanceInAutoScalingGroup(
                        request -> request.instanceId(id).shouldDecrementDesiredCapacity(true));
    }

    private static String grow(AwsWorld world) {
        Set<String> before = lifecycles(world).keySet();
        resize(world, describe(world).desiredCapacity() + 1);
        Set<String> added = new HashSet<>(lifecycles(world).keySet());
        added.removeAll(before);
        return added.iterator().next();
    }

    private static String anyMember(AwsWorld world) {
        return describe(world).instances().get(0).instanceId();
    }

    private static void refused(Runnable call, String code) {
        assertThatThrownBy(call::run).isInstanceOfSatisfying(AwsServiceException.class, e -> {
            assertThat(e.awsErrorDetails().errorCode()).isEqualTo(code);
            assertThat(e.statusCode()).isEqualTo(400);
        });
    }

    @Nested
    class OfInstances {

        @Test
        void isPendingUntilItHasBooted() {
            AwsWorld world = world();
            String id = run(world);
            world.advance(BOOT.minus(MOMENT));
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.PENDING));
            world.advance(MOMENT);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.RUNNING));
        }

        @Test
        void isLaunchedByTheClockOfTheTest() {
            AwsWorld world = world();
            world.advance(Duration.ofDays(3));
            String id = run(world);
            assertThat(world.ec2()
                            .describeInstances(request -> request.instanceIds(id))
                            .reservations()
                            .get(0)
                            .instances()
                            .get(0)
                            .launchTime())
                    .isEqualTo(world.clock().instant());
        }

        @Test
        void shutsDownBeforeItIsTerminated() {
            AwsWorld world = world();
            String id = world.launch(1).get(0);
            world.ec2().terminateInstances(request -> request.instanceIds(id));
            world.advance(STOP.minus(MOMENT));
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.SHUTTING_DOWN));
            world.advance(MOMENT);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.TERMINATED));
        }

        @Test
        void isFilteredByTheStateItHas() {
            AwsWorld world = world();
            String old = world.launch(1).get(0);
            world.ec2().terminateInstances(request -> request.instanceIds(old));
            String young = run(world);
            assertThat(states(world, InstanceStateName.PENDING, InstanceStateName.RUNNING))
                    .containsExactly(Map.entry(young, InstanceStateName.PENDING));
            assertThat(states(world, InstanceStateName.SHUTTING_DOWN))
                    .containsExactly(Map.entry(old, InstanceStateName.SHUTTING_DOWN));
            assertThat(states(world, InstanceStateName.TERMINATED)).isEmpty();
        }

        @Test
        void isListedOnlyWhenTheListHasCaughtUp() {
            AwsWorld world = world(EXACT.withStaleness(LAG));
            String id = run(world);
            world.advance(LAG.minus(MOMENT));
            assertThat(states(world)).isEmpty();
            refused(
                    () -> world.ec2().describeInstances(request -> request.instanceIds(id)),
                    "InvalidInstanceID.NotFound");
            world.advance(MOMENT);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.PENDING));
        }

        @Test
        void isStillRunningInAListThatIsOld() {
            AwsWorld world = world(EXACT.withStaleness(LAG));
            String id = world.launch(1).get(0);
            world.ec2().terminateInstances(request -> request.instanceIds(id));
            world.advance(LAG.minus(MOMENT));
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.RUNNING));
            world.advance(MOMENT);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.SHUTTING_DOWN));
        }

        @Test
        void startsAsManyAsWereWanted() {
            AwsWorld world = world();
            world.ec2()
                    .runInstances(runOf(world, 1, "a").toBuilder().maxCount(3).build());
            assertThat(states(world)).hasSize(3);
        }

        @Test
        void diesByItself() {
            AwsWorld world = world();
            String id = world.launch(1).get(0);
            world.kill(id);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.SHUTTING_DOWN));
            assertThat(health(world)).containsExactly(Map.entry(id, TargetHealthStateEnum.DRAINING));
            world.advance(STOP);
            assertThat(states(world)).containsExactly(Map.entry(id, InstanceStateName.TERMINATED));
        }
    }

    @Nested
    class OfGroups {

        @Test
        void startsHealthyAndInService() {
            AwsWorld world = group(2, 3, 4);
            assertThat(lifecycles(world).values()).containsOnly(LifecycleState.IN_SERVICE);
            assertThat(health(world).keySet()).isEqualTo(lifecycles(world).keySet());
            assertThat(health(world).values()).containsOnly(TargetHealthStateEnum.HEALTHY);
            assertThat(world.counter().counts()).doesNotContainKey("AutoScaling:CreateAutoScalingGroup");
        }

        @Test
        void isPendingUntilItHasBootedAndThenATarget() {
            AwsWorld world = group(1, 1, 2);
            String id = grow(world);
            world.advance(BOOT.minus(MOMENT));
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.PENDING);
            assertThat(health(world)).doesNotContainKey(id);
            world.advance(MOMENT);
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.IN_SERVICE);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.INITIAL);
            world.advance(HEALTHY);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.HEALTHY);
        }

        @Test
        void listsWhoIsLeavingUntilItHasDrainedAndStopped() {
            AwsWorld world = group(1, 2, 2);
            String id = anyMember(world);
            terminate(world, id);
            assertThat(describe(world).desiredCapacity()).isEqualTo(1);
            world.advance(DRAIN.minus(MOMENT));
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.DRAINING);
            assertThat(states(world)).containsEntry(id, InstanceStateName.RUNNING);
            world.advance(MOMENT);
            assertThat(health(world)).doesNotContainKey(id);
            assertThat(states(world)).containsEntry(id, InstanceStateName.SHUTTING_DOWN);
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.TERMINATING);
            world.advance(STOP);
            assertThat(lifecycles(world)).doesNotContainKey(id).hasSize(1);
            assertThat(states(world)).containsEntry(id, InstanceStateName.TERMINATED);
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
        }

        @Test
        void aPendingOneNeedNotDrain() {
            AwsWorld world = group(1, 1, 2);
            String id = grow(world);
            terminate(world, id);
            world.advance(STOP.minus(MOMENT));
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.TERMINATING);
            world.advance(MOMENT);
            assertThat(lifecycles(world)).doesNotContainKey(id);
            assertThat(health(world)).doesNotContainKey(id);
        }

        @Test
        void desiresInVainWhatCannotBeLaunchedUntilAnotherVersionCan() {
            AwsWorld world = group(0, 1, 4);
            String version = world.newVersion();
            world.reality().unlaunchable(version);
            useVersion(world, version);
            resize(world, 3);
            assertThat(lifecycles(world)).hasSize(1);
            assertThat(describe(world).desiredCapacity()).isEqualTo(3);
            terminate(world, anyMember(world));
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
            resize(world, 1);
            assertThat(describe(world).desiredCapacity()).isEqualTo(1);
            useVersion(world, "1");
            world.advance(DRAIN.plus(STOP));
            assertThat(lifecycles(world)).hasSize(1);
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
        }

        @Test
        void refusesAVersionThatIsDeleted() {
            AwsWorld world = group(0, 1, 4);
            world.reality().delete(world.newVersion());
            refused(() -> useVersion(world, world.currentVersion()), "ValidationError");
        }

        @Test
        void takesTwentyForStandbyAtOnce() {
            AwsWorld world = group(0, 21, 21);
            List<String> all = List.copyOf(lifecycles(world).keySet());
            refused(() -> enterStandby(world, all), "ValidationError");
            enterStandby(world, all.subList(1, 21));
            assertThat(describe(world).desiredCapacity()).isEqualTo(1);
        }

        private void enterStandby(AwsWorld world, List<String> ids) {
            world.autoScaling()
                    .enterStandby(request -> request.autoScalingGroupName(world.groupName())
                            .instanceIds(ids)
                            .shouldDecrementDesiredCapacity(true));
        }

        @Test
        void knowsWhichVersionAnInstanceWasLaunchedWith() {
            AwsWorld world = group(1, 1, 3);
            String old = anyMember(world);
            useVersion(world, world.newVersion());
            String young = grow(world);
            assertThat(describe(world).instances())
                    .extracting(
                            Instance::instanceId,
                            instance -> instance.launchTemplate().version())
                    .containsExactlyInAnyOrder(tuple(old, "1"), tuple(young, "2"));
            assertThat(world.ec2()
                            .describeInstances(request -> request.filters(Filter.builder()
                                    .name("tag:aws:ec2launchtemplate:version")
                                    .values("2")
                                    .build()))
                            .reservations())
                    .singleElement()
                    .satisfies(reservation -> assertThat(
                                    reservation.instances().get(0).instanceId())
                            .isEqualTo(young));
            assertThat(world.ec2()
                            .describeInstances(request -> request.filters(Filter.builder()
                                    .name("tag:" + VERSION_TAG)
                                    .values("2")
                                    .build()))
                            .reservations())
                    .hasSize(1);
        }

        @Test
        void theDefaultVersionIsTheNumberItWas() {
            AwsWorld world = group(1, 1, 3);
            String newest = world.newVersion();
            useVersion(world, "$Latest");
            String id = grow(world);
            assertThat(world.reality().version(id)).isEqualTo(newest);
        }

        @Test
        void drainsBeforeItStandsBy() {
            AwsWorld world = group(1, 2, 2);
            String id = anyMember(world);
            world.autoScaling()
                    .enterStandby(request -> request.autoScalingGroupName(world.groupName())
                            .instanceIds(id)
                            .shouldDecrementDesiredCapacity(true));
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.ENTERING_STANDBY);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.DRAINING);
            world.advance(DRAIN);
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.STANDBY);
            assertThat(health(world)).doesNotContainKey(id);
            world.autoScaling()
                    .exitStandby(request ->
                            request.autoScalingGroupName(world.groupName()).instanceIds(id));
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.IN_SERVICE);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.INITIAL);
            world.advance(HEALTHY);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.HEALTHY);
        }

        @Test
        void refusesASizeOutsideItsBounds() {
            AwsWorld world = group(1, 2, 3);
            refused(() -> resize(world, 4), "ValidationError");
            refused(() -> resize(world, 0), "ValidationError");
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
            assertThat(world.counter().counts()).containsEntry("AutoScaling:SetDesiredCapacity", 2L);
        }

        @Test
        void refusesToShrinkBelowItsMinimum() {
            AwsWorld world = group(2, 3, 3);
            List<String> ids = List.copyOf(lifecycles(world).keySet());
            terminate(world, ids.get(0));
            refused(() -> terminate(world, ids.get(1)), "ValidationError");
            assertThat(lifecycles(world)).containsEntry(ids.get(1), LifecycleState.IN_SERVICE);
        }

        @Test
        void doesNotKnowWhoHasLeft() {
            AwsWorld world = group(1, 3, 3);
            String id = anyMember(world);
            terminate(world, id);
            refused(() -> terminate(world, id), "ValidationError");
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
        }

        @Test
        void countsTheVictimsOfItsOwnChoice() {
            AwsWorld world = group(1, 3, 3);
            resize(world, 2);
            assertThat(world.reality().victimsOfTheGroup()).hasSize(1);
            assertThat(lifecycles(world))
                    .containsEntry(
                            world.reality().victimsOfTheGroup().iterator().next(), LifecycleState.TERMINATING);
        }

        @Test
        void isSeenAsItWas() {
            AwsWorld world = world(EXACT.withStaleness(LAG));
            world.createGroup(1, 2, 4);
            useVersion(world, world.newVersion());
            resize(world, 3);
            String victim = anyMember(world);
            terminate(world, victim);
            world.advance(LAG.minus(MOMENT));
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
            assertThat(describe(world).launchTemplate().version()).isEqualTo("1");
            assertThat(lifecycles(world)).hasSize(2).containsEntry(victim, LifecycleState.IN_SERVICE);
            assertThat(health(world)).containsEntry(victim, TargetHealthStateEnum.HEALTHY);
            world.advance(MOMENT);
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
            assertThat(describe(world).launchTemplate().version()).isEqualTo("2");
            assertThat(lifecycles(world)).hasSize(3).containsEntry(victim, LifecycleState.TERMINATING);
            assertThat(health(world)).containsEntry(victim, TargetHealthStateEnum.DRAINING);
        }

        @Test
        void keepsWhoDiedAsUnhealthy() {
            AwsWorld world = group(1, 2, 3);
            String id = anyMember(world);
            world.kill(id);
            assertThat(describe(world).instances())
                    .filteredOn(instance -> instance.instanceId().equals(id))
                    .extracting(Instance::healthStatus)
                    .containsExactly("Unhealthy");
            assertThat(states(world)).containsEntry(id, InstanceStateName.SHUTTING_DOWN);
            terminate(world, id);
            world.advance(STOP);
            assertThat(lifecycles(world)).doesNotContainKey(id);
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
        }

        @Test
        void whoIsDetachedRunsOn() {
            AwsWorld world = group(1, 2, 3);
            String id = anyMember(world);
            world.autoScaling()
                    .detachInstances(request -> request.autoScalingGroupName(world.groupName())
                            .instanceIds(id)
                            .shouldDecrementDesiredCapacity(true));
            assertThat(lifecycles(world)).hasSize(1).doesNotContainKey(id);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.DRAINING);
            assertThat(states(world)).containsEntry(id, InstanceStateName.RUNNING);
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
        }

        @Test
        void healthThatIsSetIsSeen() {
            AwsWorld world = group(1, 1, 3);
            String id = anyMember(world);
            world.autoScaling()
                    .setInstanceHealth(request -> request.instanceId(id).healthStatus("Unhealthy"));
            assertThat(describe(world).instances().get(0).healthStatus()).isEqualTo("Unhealthy");
        }
    }

    @Nested
    class OfTargets {

        @Test
        void isInitialThenHealthyThenDrainsThenIsGone() {
            AwsWorld world = world();
            String id = run(world);
            world.advance(BOOT);
            register(world, id);
            world.advance(HEALTHY.minus(MOMENT));
            assertThat(health(world, id).targetHealth().reason())
                    .isEqualTo(TargetHealthReasonEnum.ELB_INITIAL_HEALTH_CHECKING);
            world.advance(MOMENT);
            assertThat(health(world)).containsExactly(Map.entry(id, TargetHealthStateEnum.HEALTHY));
            deregister(world, id);
            world.advance(DRAIN.minus(MOMENT));
            assertThat(health(world, id).targetHealth().reason())
                    .isEqualTo(TargetHealthReasonEnum.TARGET_DEREGISTRATION_IN_PROGRESS);
            world.advance(MOMENT);
            assertThat(health(world)).isEmpty();
            assertThat(health(world, id).targetHealth().state()).isEqualTo(TargetHealthStateEnum.UNUSED);
        }

        @Test
        void comesBackAsNew() {
            AwsWorld world = world();
            String id = world.launch(1).get(0);
            deregister(world, id);
            world.advance(MOMENT);
            register(world, id);
            assertThat(health(world)).containsExactly(Map.entry(id, TargetHealthStateEnum.INITIAL));
        }

        @Test
        void whatIsBadNeverBecomesHealthy() {
            AwsWorld world = group(1, 1, 2);
            String version = world.newVersion();
            world.reality().bad(version);
            useVersion(world, version);
            String id = grow(world);
            world.advance(BOOT);
            assertThat(health(world)).containsEntry(id, TargetHealthStateEnum.INITIAL);
            world.advance(HEALTHY);
            assertThat(health(world, id).targetHealth().reason())
                    .isEqualTo(TargetHealthReasonEnum.TARGET_FAILED_HEALTH_CHECKS);
            assertThat(health(world)).containsValue(TargetHealthStateEnum.HEALTHY);
        }

        @Test
        void whatDoesNotRunIsRefused() {
            AwsWorld world = world();
            String id = run(world);
            refused(() -> register(world, id), "InvalidTarget");
        }

        @Test
        void toDeregisterWhatIsUnknownSucceeds() {
            AwsWorld world = world();
            List<String> ids = world.launch(2);
            deregister(world, "i-0123456789abcdef0", ids.get(0), ids.get(1));
            assertThat(health(world).values())
                    .containsExactly(TargetHealthStateEnum.DRAINING, TargetHealthStateEnum.DRAINING);
            deregister(world, ids.get(0));
        }

        @Test
        void isSeenAsItWas() {
            AwsWorld world = world(EXACT.withStaleness(LAG));
            String id = world.launch(1).get(0);
            deregister(world, id);
            world.advance(LAG.minus(MOMENT));
            assertThat(health(world)).containsExactly(Map.entry(id, TargetHealthStateEnum.HEALTHY));
            world.advance(MOMENT);
            assertThat(health(world)).containsExactly(Map.entry(id, TargetHealthStateEnum.DRAINING));
        }
    }

    @Nested
    class OfFaults {

        private AwsWorld once() {
            AwsWorld world = AwsWorld.create(EXACT, FaultyHttp.ONE_ATTEMPT);
            worlds.add(world);
            return world;
        }

        @Test
        void throttlesInTheWordsOfEachService() {
            AwsWorld world = once();
            world.faults().throttleNext("DescribeInstances", 1);
            world.faults().throttleNext("DescribeAutoScalingGroups", 1);
            world.faults().throttleNext("DescribeTargetHealth", 1);
            List<Runnable> calls = List.of(
                    () -> states(world), () -> world.autoScaling().describeAutoScalingGroups(), () -> health(world));
            calls.forEach(call -> assertThatThrownBy(call::run)
                    .isInstanceOfSatisfying(
                            AwsServiceException.class,
                            e -> assertThat(e.isThrottlingException()).isTrue()));
            calls.forEach(Runnable::run);
        }

        @Test
        void failsAsAService() {
            AwsWorld world = once();
            world.faults().failNext("RunInstances", 1);
            assertThatThrownBy(() -> run(world))
                    .isInstanceOfSatisfying(
                            AwsServiceException.class,
                            e -> assertThat(e.statusCode()).isEqualTo(500));
            assertThat(states(world)).isEmpty();
        }

        @Test
        void losesARequest() {
            AwsWorld world = once();
            world.faults().loseRequest("RunInstances", 1);
            assertThatThrownBy(() -> run(world)).isInstanceOf(SdkClientException.class);
            assertThat(states(world)).isEmpty();
        }

        @Test
        void losesAnAnswer() {
            AwsWorld world = once();
            world.faults().loseAnswer("RunInstances", 1);
            assertThatThrownBy(() -> run(world)).isInstanceOf(SdkClientException.class);
            world.advance(BOOT);
            assertThat(states(world).values()).containsExactly(InstanceStateName.RUNNING);
        }

        @Test
        void retriesOfTheSdkAreCallsToo() {
            AwsWorld world = world();
            world.faults().throttleNext("RunInstances", 2);
            world.faults().loseAnswer("RunInstances", 2);
            run(world);
            assertThat(states(world)).hasSize(1);
            assertThat(world.counter().counts()).containsEntry("Ec2:RunInstances", 5L);
            assertThat(world.faults().mutatingCalls()).isEqualTo(5);
        }

        @Test
        void theSameTokenStartsOnce() {
            AwsWorld world = world();
            var first = world.ec2().runInstances(runOf(world, 2, "a"));
            var again = world.ec2().runInstances(runOf(world, 2, "a"));
            assertThat(again.instances())
                    .extracting(instance -> instance.instanceId())
                    .isEqualTo(first.instances().stream()
                            .map(instance -> instance.instanceId())
                            .toList());
            assertThat(states(world)).hasSize(2);
            refused(() -> world.ec2().runInstances(runOf(world, 3, "a")), "IdempotentParameterMismatch");
        }

        @Test
        void theTokenOfWhatIsGoneIsOfNoUse() {
            AwsWorld world = world();
            String id = world.ec2()
                    .runInstances(runOf(world, 1, "a"))
                    .instances()
                    .get(0)
                    .instanceId();
            world.kill(id);
            refused(() -> world.ec2().runInstances(runOf(world, 1, "a")), "IdempotentInstanceTerminated");
        }

        @Test
        void withoutTokensALostAnswerDoublesInstances() {
            AwsWorld world = world();
            world.faults().idempotent(false);
            world.faults().loseAnswer("RunInstances", 1);
            run(world);
            assertThat(states(world)).hasSize(2);
        }

        @Test
        void aTerminationIsKnownThoughItsAnswerWasLost() {
            AwsWorld world = AwsWorld.create(EXACT, FaultyHttp.ONE_ATTEMPT);
            worlds.add(world);
            world.createGroup(1, 3, 3);
            String id = anyMember(world);
            world.faults().loseAnswer("TerminateInstanceInAutoScalingGroup", 1);
            assertThatThrownBy(() -> terminate(world, id)).isInstanceOf(SdkClientException.class);
            world.advance(DRAIN);
            assertThat(states(world)).containsEntry(id, InstanceStateName.SHUTTING_DOWN);
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
        }

        @Test
        void aTerminationThatWasLostChangesNothing() {
            AwsWorld world = AwsWorld.create(EXACT, FaultyHttp.ONE_ATTEMPT);
            worlds.add(world);
            world.createGroup(2, 3, 3);
            String id = anyMember(world);
            world.faults().loseRequest("TerminateInstanceInAutoScalingGroup", 1);
            assertThatThrownBy(() -> terminate(world, id)).isInstanceOf(SdkClientException.class);
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.IN_SERVICE);
            terminate(world, id);
            assertThat(lifecycles(world)).containsEntry(id, LifecycleState.TERMINATING);
        }

        @Test
        void aControllerDiesBeforeOrAfterACall() {
            AwsWorld world = group(1, 1, 3);
            world.faults().dieBefore(1);
            assertThatThrownBy(() -> resize(world, 2)).isInstanceOf(FaultyHttp.Death.class);
            world.faults().revive();
            assertThat(describe(world).desiredCapacity()).isEqualTo(1);
            world.faults().dieAfter(1);
            assertThatThrownBy(() -> resize(world, 2)).isInstanceOf(FaultyHttp.Death.class);
            world.faults().revive();
            assertThat(describe(world).desiredCapacity()).isEqualTo(2);
            world.advance(BOOT);
            assertThat(lifecycles(world).values())
                    .containsExactly(LifecycleState.IN_SERVICE, LifecycleState.IN_SERVICE);
        }

        @Test
        void hooksAreToldOfMutatingCallsOnly() {
            AwsWorld world = group(1, 1, 3);
            List<String> told = new ArrayList<>();
            Consumer<String> listener = told::add;
            world.faults().onCall(listener);
            world.faults().afterEach(listener);
            resize(world, 2);
            describe(world);
            assertThat(told).containsExactly("SetDesiredCapacity", "SetDesiredCapacity");
        }

        @Test
        void chanceIsRepeatable() {
            List<List<Boolean>> runs = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                AwsWorld world = AwsWorld.create(EXACT, FaultyHttp.ONE_ATTEMPT);
                worlds.add(world);
                world.createGroup(1, 1, 3);
                world.faults().random(7, 0.5);
                List<Boolean> outcomes = new ArrayList<>();
                for (int call = 0; call < 10; call++) {
                    outcomes.add(succeeds(() -> resize(world, 1)));
                }
                runs.add(outcomes);
            }
            assertThat(runs.get(0)).isEqualTo(runs.get(1)).contains(true, false);
        }

        private boolean succeeds(Runnable call) {
            try {
                call.run();
                return true;
            } catch (RuntimeException e) {
                return false;
            }
        }
    }
}
