package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Revision;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.ProviderException;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateOverrides;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateSpecification;
import software.amazon.awssdk.services.autoscaling.model.MixedInstancesPolicy;
import software.amazon.awssdk.services.autoscaling.model.SuspendedProcess;

/** Which groups are refused, and that nothing is changed by that; what is changed of the others, and put back. */
class AutoScalingGroupSettingsIT {

    private static final int DESIRED = 2;
    private static final int MAX = 3;
    private static final int SURGE = 2;
    private static final String MIXED = "mixed";

    private final AwsScene scene = new AwsScene(Kind.GROUP, DESIRED, AwsRolloutIT.TIMES, AwsRolloutIT.policy(SURGE));
    private final AwsWorld world = scene.world;

    @AfterEach
    void leave() {
        scene.close();
    }

    private AutoScalingGroup group() {
        return world.reality().group(world.groupName());
    }

    private String aMember() {
        return group().instances().get(0).instanceId();
    }

    private static Set<String> suspended(AutoScalingGroup group) {
        return group.suspendedProcesses().stream()
                .map(SuspendedProcess::processName)
                .collect(Collectors.toSet());
    }

    // ---- what is refused

    /** By the start of a rollout, for good, before anything was changed or recorded. */
    private void refuses(String why) {
        refuses(scene.revision(world.newVersion()), "Auto Scaling group web cannot be rolled: " + why);
    }

    private void refuses(Revision target, String message) {
        world.advance(AwsRolloutIT.TIMES.staleness());
        AutoScalingGroup before = group();
        world.counter().reset();

        assertThatThrownBy(() -> scene.update().start(target))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("read settings: " + message);

        assertThat(world.counter().counts().keySet()).allMatch(call -> call.contains(":Describe"));
        assertThat(group()).isEqualTo(before);
        assertThat(scene.store.load(AwsScene.FLEET)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
    void anInstanceRefreshInProgress(String status) {
        world.faults().refresh(status);
        refuses("instance refresh 08b91cf7 is " + status);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed"})
    void anInstanceRefreshThatIsOverIsNoReason(String status) {
        world.faults().refresh(status);

        assertThat(scene.provider().settings(scene.revision("1")))
                .contains("min=1 desired=2 max=3 version=%s/1 suspended=%s"
                        .formatted(world.launchTemplateId(), String.join(",", GroupSettings.DISTURBING)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"$Latest", "$Default"})
    void aVersionThatIsNoNumber(String version) {
        world.autoScaling()
                .updateAutoScalingGroup(request -> request.autoScalingGroupName(world.groupName())
                        .launchTemplate(template -> template.launchTemplateId(world.launchTemplateId())
                                .version(version)));

        refuses("the version of its launch template must be a number, was %s: nothing could go back to it"
                .formatted(version));
    }

    @Test
    void aLaunchConfiguration() {
        String image = world.ec2().describeImages().images().get(0).imageId();
        world.autoScaling()
                .createLaunchConfiguration(request ->
                        request.launchConfigurationName("old").imageId(image).instanceType("t3.micro"));
        world.autoScaling()
                .createAutoScalingGroup(request -> request.autoScalingGroupName("configured")
                        .minSize(0)
                        .maxSize(1)
                        .desiredCapacity(0)
                        .vpcZoneIdentifier(world.subnetIds().get(0))
                        .launchConfigurationName("old"));

        refusesOther(
                "configured",
                "Auto Scaling group configured cannot be rolled: it has a launch configuration, it must have a launch template");
    }

    @Test
    void aWarmPool() {
        world.autoScaling().putWarmPool(request -> request.autoScalingGroupName(world.groupName()));

        refuses("it has a warm pool: what waits there would come with the revision before");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Launch", "Terminate", "AddToLoadBalancer", "HealthCheck"})
    void aProcessThatIsNeededAndSuspended(String process) {
        world.autoScaling()
                .suspendProcesses(request ->
                        request.autoScalingGroupName(world.groupName()).scalingProcesses(process));

        refuses("its process %s is suspended".formatted(process));

        world.autoScaling()
                .resumeProcesses(request ->
                        request.autoScalingGroupName(world.groupName()).scalingProcesses(process));
        world.advance(AwsRolloutIT.TIMES.staleness());
        String next = world.newVersion();
        scene.update().start(scene.revision(next)); // The refusal has left no lease behind.
    }

    @Test
    void aMemberThatIsProtected() {
        String member = aMember();
        world.autoScaling()
                .setInstanceProtection(request -> request.autoScalingGroupName(world.groupName())
                        .instanceIds(member)
                        .protectedFromScaleIn(true));

        refuses("instances are protected from scale in: " + member);
    }

    @Test
    void aMemberInStandby() {
        String member = aMember();
        world.autoScaling()
                .enterStandby(request -> request.autoScalingGroupName(world.groupName())
                        .instanceIds(member)
                        .shouldDecrementDesiredCapacity(true));

        refuses("instances are in standby: " + member);
        assertThat(AutoScalingGroupProvider.builder(world.autoScaling(), AwsScene.FLEET, world.groupName())
                        .standby()
                        .clock(world.clock())
                        .build()
                        .settings(scene.revision("1")))
                .isPresent();
    }

    @Test
    void aTargetThatIsNoVersionOfATemplate() {
        refuses(
                Revision.of("v2"),
                "revision must be a launch template and a number, as LaunchTemplates.revision makes it, was v2");
    }

    @Test
    void aGroupThatIsNotThere() {
        refusesOther("nowhere", "there is no Auto Scaling group nowhere");
    }

    private void refusesOther(String name, String message) {
        world.advance(AwsRolloutIT.TIMES.staleness());
        world.counter().reset();

        assertThatThrownBy(() -> provider(name).settings(scene.revision("1")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage(message);
        assertThat(world.counter().counts().keySet()).allMatch(call -> call.contains(":Describe"));
    }

    private AutoScalingGroupProvider provider(String name) {
        return AutoScalingGroupProvider.builder(world.autoScaling(), AwsScene.FLEET, name)
                .clock(world.clock())
                .build();
    }

    // ---- what is changed, and put back

    @Test
    void theGroupIsHeldWhileARolloutLastsAndThenGivenBack() {
        String next = world.newVersion();
        Rollout rollout = scene.update().start(scene.revision(next));
        scene.step(rollout);

        AutoScalingGroup held = group();
        assertThat(held.minSize()).isZero();
        assertThat(held.maxSize()).as("the surge has room").isEqualTo(DESIRED + SURGE);
        assertThat(suspended(held)).containsExactlyInAnyOrderElementsOf(GroupSettings.DISTURBING);
        assertThat(held.launchTemplate().version()).isEqualTo(next);

        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        scene.assertIs(next);
        assertThat(group().maxSize()).isEqualTo(MAX);
    }

    @Test
    void whatTheOwnerHadSuspendedStaysSuspended() {
        List<String> own = List.of("AZRebalance", "ScheduledActions");
        world.autoScaling()
                .suspendProcesses(request ->
                        request.autoScalingGroupName(world.groupName()).scalingProcesses(own));
        world.advance(AwsRolloutIT.TIMES.staleness());
        Rollout rollout = scene.update().start(scene.revision(world.newVersion()));
        scene.step(rollout);
        assertThat(suspended(group())).containsExactlyInAnyOrderElementsOf(GroupSettings.DISTURBING);

        scene.drive(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(suspended(group())).containsExactlyInAnyOrderElementsOf(own);
        scene.monitor.assertKept();
    }

    @Test
    void whereAllWasSuspendedNothingIsResumed() {
        world.autoScaling()
                .suspendProcesses(request ->
                        request.autoScalingGroupName(world.groupName()).scalingProcesses(GroupSettings.DISTURBING));
        world.advance(AwsRolloutIT.TIMES.staleness());
        world.counter().reset();

        scene.drive(scene.update().start(scene.revision(world.newVersion())));

        assertThat(suspended(group())).containsExactlyInAnyOrderElementsOf(GroupSettings.DISTURBING);
        assertThat(world.counter().counts())
                .doesNotContainKeys("AutoScaling:SuspendProcesses", "AutoScaling:ResumeProcesses");
    }

    // ---- a mixed instances policy

    private static LaunchTemplateOverrides override(String type) {
        return LaunchTemplateOverrides.builder().instanceType(type).build();
    }

    private void createMixed(LaunchTemplateOverrides... overrides) {
        world.autoScaling()
                .createAutoScalingGroup(request -> request.autoScalingGroupName(MIXED)
                        .minSize(0)
                        .maxSize(3)
                        .desiredCapacity(0)
                        .vpcZoneIdentifier(world.subnetIds().get(0))
                        .mixedInstancesPolicy(policy -> policy.launchTemplate(
                                        template -> template.launchTemplateSpecification(
                                                        version -> version.launchTemplateId(world.launchTemplateId())
                                                                .version("1"))
                                                .overrides(overrides))
                                .instancesDistribution(distribution -> distribution
                                        .onDemandBaseCapacity(1)
                                        .onDemandPercentageAboveBaseCapacity(50)
                                        .spotAllocationStrategy("capacity-optimized"))));
        world.advance(AwsRolloutIT.TIMES.staleness());
    }

    private MixedInstancesPolicy mixed() {
        return world.reality().group(MIXED).mixedInstancesPolicy();
    }

    private String version() {
        LaunchTemplateSpecification template = mixed().launchTemplate().launchTemplateSpecification();
        assertThat(template.launchTemplateId()).isEqualTo(world.launchTemplateId());
        return template.version();
    }

    private void assertRestIs(MixedInstancesPolicy before) {
        assertThat(mixed().launchTemplate().overrides())
                .hasSize(2)
                .isEqualTo(before.launchTemplate().overrides());
        assertThat(mixed().instancesDistribution()).isEqualTo(before.instancesDistribution());
        assertThat(world.reality().group(MIXED).launchTemplate()).isNull();
    }

    @Test
    void aMixedInstancesPolicyKeepsAllButTheVersion() {
        createMixed(override("t3.micro"), override("t3a.micro"));
        MixedInstancesPolicy before = mixed();
        Revision next = scene.revision(world.newVersion());
        AutoScalingGroupProvider provider = provider(MIXED);

        String settings = provider.settings(next).orElseThrow();
        provider.hold(settings, 5, next);

        assertThat(version()).isEqualTo("2");
        assertRestIs(before);
        assertThat(world.reality().group(MIXED).maxSize()).isEqualTo(5);

        provider.restore(settings, scene.revision("1"));

        assertThat(version()).isEqualTo("1");
        assertRestIs(before);
        assertThat(world.reality().group(MIXED).maxSize()).isEqualTo(3);
        assertThat(suspended(world.reality().group(MIXED))).isEmpty();
    }

    /** What it launches from there is of no revision that a rollout could ask for. */
    @Test
    void anOverrideWithATemplateOfItsOwn() {
        createMixed(
                override("t3.micro"),
                override("t4g.micro").toBuilder()
                        .launchTemplateSpecification(version -> version.launchTemplateId(world.launchTemplateId())
                                .version("1"))
                        .build());

        refusesOther(
                MIXED,
                "Auto Scaling group mixed cannot be rolled: an override of its mixed instances policy has a launch template of"
                        + " its own: t4g.micro");
    }
}
