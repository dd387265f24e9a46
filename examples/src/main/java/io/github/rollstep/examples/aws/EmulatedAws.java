package io.github.rollstep.examples.aws;

import io.github.rollstep.aws.AwsClients;
import io.github.rollstep.aws.CallCounter;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.SuspendedProcess;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.RequestLaunchTemplateData;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.ProtocolEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetGroupAttribute;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetTypeEnum;
import software.amazon.awssdk.utils.SdkAutoCloseable;

/**
 * What a real account has already: a launch template, a target group, and an Auto Scaling group. Removed on close, as the emulator may
 * be somebody else's.
 */
final class EmulatedAws implements AutoCloseable {

    /** An image that moto has always. */
    private static final String IMAGE = "ami-12c6146b";

    private static final Duration DEREGISTRATION_DELAY = Duration.ofSeconds(30);

    private final URI endpoint;
    private final MotoGaps gaps = new MotoGaps();
    private final AutoScalingClient autoScaling;
    private final Ec2Client ec2;
    private final ElasticLoadBalancingV2Client balancing;

    private final String name = "web-" + UUID.randomUUID().toString().substring(0, 8);
    private final String template;
    private final String targetGroup;
    private final List<Subnet> subnets;

    EmulatedAws(URI endpoint) {
        this.endpoint = endpoint;
        CallCounter ignored = new CallCounter();
        autoScaling =
                at(AwsClients.configure(AutoScalingClient.builder(), ignored)).build();
        ec2 = at(AwsClients.configure(Ec2Client.builder(), ignored)).build();
        balancing = at(AwsClients.configure(ElasticLoadBalancingV2Client.builder(), ignored))
                .build();
        subnets = ec2.describeSubnets().subnets().stream().limit(2).toList();
        template = ec2.createLaunchTemplate(
                        request -> request.launchTemplateName(name).launchTemplateData(data()))
                .launchTemplate()
                .launchTemplateId();
        targetGroup = balancing
                .createTargetGroup(request -> request.name(name)
                        .protocol(ProtocolEnum.HTTP)
                        .port(8080)
                        .vpcId(subnets.get(0).vpcId())
                        .targetType(TargetTypeEnum.INSTANCE))
                .targetGroups()
                .get(0)
                .targetGroupArn();
        balancing.modifyTargetGroupAttributes(request -> request.targetGroupArn(targetGroup)
                .attributes(TargetGroupAttribute.builder()
                        .key("deregistration_delay.timeout_seconds")
                        .value(Long.toString(DEREGISTRATION_DELAY.toSeconds()))
                        .build()));
    }

    /** Lets a client go to the emulator and not to AWS, with a region and credentials that mean nothing. */
    <B extends AwsClientBuilder<B, C>, C> B at(B builder) {
        return builder.endpointOverride(endpoint)
                .region(Region.EU_WEST_1)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
                .overrideConfiguration(
                        builder.overrideConfiguration().copy(settings -> settings.addExecutionInterceptor(gaps)));
    }

    /** Of version 1; one of its processes is suspended, and has to stay so. */
    void createGroup(int size) {
        autoScaling.createAutoScalingGroup(request -> request.autoScalingGroupName(name)
                .minSize(size)
                .desiredCapacity(size)
                .maxSize(size)
                .vpcZoneIdentifier(subnets.stream().map(Subnet::subnetId).collect(Collectors.joining(",")))
                .targetGroupARNs(targetGroup)
                .healthCheckType("ELB")
                .healthCheckGracePeriod(60)
                .launchTemplate(specification ->
                        specification.launchTemplateId(template).version("1")));
        autoScaling.suspendProcesses(
                request -> request.autoScalingGroupName(name).scalingProcesses("ScheduledActions"));
        describe();
        gaps.settle();
    }

    /** @param bad whether no target of it ever gets healthy */
    long createVersion(boolean bad) {
        long version = ec2.createLaunchTemplateVersion(
                        request -> request.launchTemplateId(template).launchTemplateData(data()))
                .launchTemplateVersion()
                .versionNumber();
        if (bad) {
            gaps.bad(Long.toString(version));
        }
        return version;
    }

    private static RequestLaunchTemplateData data() {
        return RequestLaunchTemplateData.builder()
                .imageId(IMAGE)
                .instanceType(InstanceType.T3_MICRO)
                .build();
    }

    private AutoScalingGroup describe() {
        return autoScaling
                .describeAutoScalingGroups(request -> request.autoScalingGroupNames(name))
                .autoScalingGroups()
                .get(0);
    }

    String group() {
        return name;
    }

    String template() {
        return template;
    }

    String targetGroup() {
        return targetGroup;
    }

    /** What a rollout changes and has to put back. */
    String settings() {
        AutoScalingGroup group = describe();
        return "minimum %d, desired %d, maximum %d, suspended processes: %s"
                .formatted(
                        group.minSize(),
                        group.desiredCapacity(),
                        group.maxSize(),
                        group.suspendedProcesses().stream()
                                .map(SuspendedProcess::processName)
                                .sorted()
                                .collect(Collectors.joining(", ")));
    }

    String versions() {
        AutoScalingGroup group = describe();
        Map<String, Long> counts = group.instances().stream()
                .collect(Collectors.groupingBy(
                        instance -> instance.launchTemplate().version(), TreeMap::new, Collectors.counting()));
        String running = counts.entrySet().stream()
                .map(count -> "%d of version %s".formatted(count.getValue(), count.getKey()))
                .collect(Collectors.joining(", "));
        return "%s; the group launches version %s"
                .formatted(running, group.launchTemplate().version());
    }

    boolean isAsBefore(String settings, String version, int size) {
        return settings().equals(settings)
                && versions()
                        .equals("%d of version %s; the group launches version %s".formatted(size, version, version));
    }

    @Override
    public void close() {
        autoScaling.deleteAutoScalingGroup(
                request -> request.autoScalingGroupName(name).forceDelete(true));
        balancing.deleteTargetGroup(request -> request.targetGroupArn(targetGroup));
        ec2.deleteLaunchTemplate(request -> request.launchTemplateId(template));
        Stream.of(autoScaling, ec2, balancing).forEach(SdkAutoCloseable::close);
    }
}
