package io.github.rollstep.aws;

import io.github.rollstep.testkit.ManualClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.ec2.model.LaunchTemplateTagSpecificationRequest;
import software.amazon.awssdk.services.ec2.model.RequestLaunchTemplateData;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.ProtocolEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetGroupAttribute;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetTypeEnum;
import software.amazon.awssdk.utils.SdkAutoCloseable;

/**
 * An account at AWS for one test: a launch template with version 1, a target group, subnets in two zones, and an Auto Scaling group or
 * a fleet of bare instances if the test wants one. What the test does by {@link #autoScaling()}, {@link #ec2()} and {@link #elb()} is
 * counted and goes through {@link #faults()}; setting up is not and does not.
 *
 * <pre>{@code
 * try (AwsWorld world = AwsWorld.create(new Times(boot, healthy, drain, stop, staleness))) {
 *     world.createGroup(2, 4, 6);        // in service and healthy
 *     String version = world.newVersion();
 *     ...
 *     world.advance(Duration.ofSeconds(5));
 * }
 * }</pre>
 *
 * <p>An instance has the tags {@link #FLEET_TAG} and {@link #VERSION_TAG}, written by the launch template.
 */
public final class AwsWorld implements AutoCloseable {

    public static final String FLEET_TAG = "fleet";
    public static final String VERSION_TAG = "version";

    private static final String NAME = "web";
    private static final int PORT = 8080;
    private static final AtomicReference<@Nullable String> IMAGE = new AtomicReference<>();

    private final ManualClock clock = new ManualClock(Instant.parse("2026-06-01T12:00:00Z"));
    private final CallCounter counter = new CallCounter();
    private final FaultyHttp faults = new FaultyHttp(UrlConnectionHttpClient.create());
    private final Reality.Times times;
    private final Reality reality;
    private final AutoScalingClient autoScaling;
    private final Ec2Client ec2;
    private final ElasticLoadBalancingV2Client elb;

    /** Those that set up. */
    private final AutoScalingClient ownAutoScaling;

    private final Ec2Client ownEc2;
    private final ElasticLoadBalancingV2Client ownElb;

    private final List<Subnet> subnets;
    private final String image;
    private final String template;
    private final String targetGroup;
    private int versions;

    private AwsWorld(Reality.Times times, Consumer<ClientOverrideConfiguration.Builder> more) {
        this.times = times;
        Moto.reset();
        reality = new Reality(clock, times);
        Consumer<ClientOverrideConfiguration.Builder> all = configuration -> {
            real(configuration);
            more.accept(configuration);
        };
        autoScaling = Moto.client(AutoScalingClient.builder(), counter, faults, all);
        ec2 = Moto.client(Ec2Client.builder(), counter, faults, all);
        elb = Moto.client(ElasticLoadBalancingV2Client.builder(), counter, faults, all);

        CallCounter uncounted = new CallCounter();
        SdkHttpClient http = UrlConnectionHttpClient.create();
        ownAutoScaling = Moto.client(AutoScalingClient.builder(), uncounted, http, this::real);
        ownEc2 = Moto.client(Ec2Client.builder(), uncounted, http, this::real);
        ownElb = Moto.client(ElasticLoadBalancingV2Client.builder(), uncounted, http, this::real);

        subnets = ownEc2.describeSubnets().subnets().stream().limit(2).toList();
        image = image();
        template = ownEc2.createLaunchTemplate(
                        request -> request.launchTemplateName(NAME).launchTemplateData(data(1)))
                .launchTemplate()
                .launchTemplateId();
        versions = 1;
        targetGroup = ownElb.createTargetGroup(request -> request.name(NAME)
                        .protocol(ProtocolEnum.HTTP)
                        .port(PORT)
                        .vpcId(subnets.get(0).vpcId())
                        .targetType(TargetTypeEnum.INSTANCE))
                .targetGroups()
                .get(0)
                .targetGroupArn();
        ownElb.modifyTargetGroupAttributes(request -> request.targetGroupArn(targetGroup)
                .attributes(TargetGroupAttribute.builder()
                        .key("deregistration_delay.timeout_seconds")
                        .value(Long.toString(times.drain().toSeconds()))
                        .build()));
    }

    /** Its clients try as often as those of the adapters, but do not wait in between. */
    public static AwsWorld create(Reality.Times times) {
        return create(times, FaultyHttp.WITHOUT_WAITING);
    }

    /** With clients that are configured in another way: {@link FaultyHttp#ONE_ATTEMPT}. */
    public static AwsWorld create(Reality.Times times, Consumer<ClientOverrideConfiguration.Builder> more) {
        return new AwsWorld(times, more);
    }

    /** A group behind the target group, of the newest version of the launch template; all of it is in service and healthy. */
    public void createGroup(int min, int desired, int max) {
        createGroup(NAME, min, desired, max);
    }

    /** Another one behind the same target group. */
    public void createGroup(String name, int min, int desired, int max) {
        ownAutoScaling.createAutoScalingGroup(request -> request.autoScalingGroupName(name)
                .minSize(min)
                .desiredCapacity(desired)
                .maxSize(max)
                .vpcZoneIdentifier(subnets.stream().map(Subnet::subnetId).collect(Collectors.joining(",")))
                .targetGroupARNs(targetGroup)
                .healthCheckType("ELB")
                .healthCheckGracePeriod(60)
                .launchTemplate(specification ->
                        specification.launchTemplateId(template).version(currentVersion())));
        settle();
    }

    /** Bare instances of the newest version, registered, running and healthy. */
    public List<String> launch(int count) {
        List<String> ids = ownEc2
                .runInstances(request -> request.minCount(count)
                        .maxCount(count)
                        .subnetId(subnets.get(0).subnetId())
                        .launchTemplate(specification ->
                                specification.launchTemplateId(template).version(currentVersion())))
                .instances()
                .stream()
                .map(Instance::instanceId)
                .toList();
        advance(times.boot());
        ownElb.registerTargets(request -> request.targetGroupArn(targetGroup)
                .targets(ids.stream()
                        .map(id -> TargetDescription.builder().id(id).build())
                        .toList()));
        settle();
        return ids;
    }

    /** A new version of the launch template; nothing runs it yet. */
    public String newVersion() {
        versions++;
        ownEc2.createLaunchTemplateVersion(
                request -> request.launchTemplateId(template).launchTemplateData(data(versions)));
        return currentVersion();
    }

    /** The newest. */
    public String currentVersion() {
        return Integer.toString(versions);
    }

    public void advance(Duration by) {
        clock.advance(by);
    }

    /** The instance dies by itself; a group lists it as unhealthy. */
    public void kill(String instanceId) {
        reality.kill(instanceId);
        faults.ended(instanceId);
    }

    public ManualClock clock() {
        return clock;
    }

    public AutoScalingClient autoScaling() {
        return autoScaling;
    }

    public Ec2Client ec2() {
        return ec2;
    }

    public ElasticLoadBalancingV2Client elb() {
        return elb;
    }

    public CallCounter counter() {
        return counter;
    }

    public Reality reality() {
        return reality;
    }

    public FaultyHttp faults() {
        return faults;
    }

    public String groupName() {
        return NAME;
    }

    /** What {@link #FLEET_TAG} says of each instance. */
    public String fleetName() {
        return NAME;
    }

    public String targetGroupArn() {
        return targetGroup;
    }

    public String launchTemplateId() {
        return template;
    }

    /** Two, each in another zone. */
    public List<String> subnetIds() {
        return subnets.stream().map(Subnet::subnetId).toList();
    }

    @Override
    public void close() {
        Stream.of(autoScaling, ec2, elb, ownAutoScaling, ownEc2, ownElb).forEach(SdkAutoCloseable::close);
        reality.close();
    }

    /** What was set up is old enough to be seen. */
    private void settle() {
        // Noticed now, not later.
        reality.targets(targetGroup);
        advance(times.boot().plus(times.healthy()).plus(times.staleness()));
    }

    private void real(ClientOverrideConfiguration.Builder configuration) {
        configuration.addExecutionInterceptor(reality);
    }

    /** The emulator has the same ones always, and 1,165 of them. */
    private String image() {
        return IMAGE.updateAndGet(known ->
                known != null ? known : ownEc2.describeImages().images().get(0).imageId());
    }

    private RequestLaunchTemplateData data(int version) {
        return RequestLaunchTemplateData.builder()
                .imageId(image)
                .instanceType(InstanceType.T3_MICRO)
                .tagSpecifications(LaunchTemplateTagSpecificationRequest.builder()
                        .resourceType(ResourceType.INSTANCE)
                        .tags(
                                Tag.builder().key(FLEET_TAG).value(NAME).build(),
                                Tag.builder()
                                        .key(VERSION_TAG)
                                        .value(Integer.toString(version))
                                        .build())
                        .build())
                .build();
    }
}
