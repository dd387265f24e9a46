package io.github.rollstep.examples.aws;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.DescribeAutoScalingGroupsResponse;
import software.amazon.awssdk.services.autoscaling.model.DescribeInstanceRefreshesRequest;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DescribeTargetHealthResponse;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthReasonEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/**
 * What AWS does and moto does not, for the one group of this example: an instance keeps the version that it was launched from; the
 * members of the group, and no others, are its targets; a target is healthy after a second and not at once; and there are no instance
 * refreshes, about which moto cannot be asked.
 */
final class MotoGaps implements ExecutionInterceptor {

    private static final Duration FIRST_CHECKS = Duration.ofSeconds(1);
    private static final byte[] NO_REFRESHES = ("<DescribeInstanceRefreshesResponse><DescribeInstanceRefreshesResult>"
                    + "<InstanceRefreshes/></DescribeInstanceRefreshesResult></DescribeInstanceRefreshesResponse>")
            .getBytes(StandardCharsets.UTF_8);

    private final Map<String, Member> members = new LinkedHashMap<>();
    private final Set<String> bad = new HashSet<>();

    /** @param version what the group launched when it was first seen */
    private record Member(String version, long since) {}

    synchronized void bad(String version) {
        bad.add(version);
    }

    /** Its members have been there for long. */
    synchronized void settle() {
        members.replaceAll((id, member) -> new Member(member.version, member.since - FIRST_CHECKS.toNanos()));
    }

    @Override
    public SdkHttpResponse modifyHttpResponse(Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
        return context.request() instanceof DescribeInstanceRefreshesRequest
                ? context.httpResponse().toBuilder().statusCode(200).build()
                : context.httpResponse();
    }

    @Override
    public Optional<InputStream> modifyHttpResponseContent(
            Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
        return context.request() instanceof DescribeInstanceRefreshesRequest
                ? Optional.of(new ByteArrayInputStream(NO_REFRESHES))
                : context.responseBody();
    }

    @Override
    public synchronized SdkResponse modifyResponse(Context.ModifyResponse context, ExecutionAttributes attributes) {
        if (context.response() instanceof DescribeAutoScalingGroupsResponse response) {
            List<AutoScalingGroup> groups = response.autoScalingGroups();
            return response.toBuilder()
                    .autoScalingGroups(groups.stream().map(this::remember).toList())
                    .build();
        }
        if (context.response() instanceof DescribeTargetHealthResponse response) {
            return response.toBuilder()
                    .targetHealthDescriptions(
                            members.entrySet().stream().map(this::target).toList())
                    .build();
        }
        return context.response();
    }

    private AutoScalingGroup remember(AutoScalingGroup group) {
        Member now = new Member(group.launchTemplate().version(), System.nanoTime());
        List<Instance> instances = group.instances();
        members.keySet().retainAll(instances.stream().map(Instance::instanceId).toList());
        instances.forEach(instance -> members.putIfAbsent(instance.instanceId(), now));
        return group.toBuilder()
                .instances(instances.stream()
                        .map(instance -> instance.copy(copy -> copy.launchTemplate(template ->
                                template.launchTemplateId(group.launchTemplate().launchTemplateId())
                                        .version(members.get(instance.instanceId()).version))))
                        .toList())
                .build();
    }

    private TargetHealthDescription target(Map.Entry<String, Member> entry) {
        Member member = entry.getValue();
        boolean checked = System.nanoTime() - member.since >= FIRST_CHECKS.toNanos();
        return TargetHealthDescription.builder()
                .target(target -> target.id(entry.getKey()).port(8080))
                .targetHealth(health -> {
                    if (!checked) {
                        health.state(TargetHealthStateEnum.INITIAL)
                                .reason(TargetHealthReasonEnum.ELB_INITIAL_HEALTH_CHECKING);
                    } else if (bad.contains(member.version)) {
                        health.state(TargetHealthStateEnum.UNHEALTHY)
                                .reason(TargetHealthReasonEnum.TARGET_FAILED_HEALTH_CHECKS);
                    } else {
                        health.state(TargetHealthStateEnum.HEALTHY);
                    }
                })
                .build();
    }
}
