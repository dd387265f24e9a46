package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.ProviderException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.DescribeAutoScalingGroupsRequest;
import software.amazon.awssdk.services.autoscaling.model.DescribeAutoScalingGroupsResponse;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateOverrides;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateSpecification;
import software.amazon.awssdk.services.autoscaling.model.LifecycleState;
import software.amazon.awssdk.services.autoscaling.model.SetDesiredCapacityRequest;
import software.amazon.awssdk.services.autoscaling.model.SetDesiredCapacityResponse;
import software.amazon.awssdk.services.autoscaling.model.TerminateInstanceInAutoScalingGroupRequest;
import software.amazon.awssdk.services.autoscaling.model.TerminateInstanceInAutoScalingGroupResponse;

/** What no emulator does: states of a group that last a moment, and the words of refusals. */
class AutoScalingGroupProviderTest {

    private static final LaunchTemplateSpecification TEMPLATE = LaunchTemplateSpecification.builder()
            .launchTemplateId("lt-0123456789abcdef0")
            .version("1")
            .build();
    private static final InstanceId ONE = InstanceId.of("i-1");

    private final Scripted client = new Scripted();
    private final AutoScalingGroupProvider provider =
            AutoScalingGroupProvider.builder(client, FleetId.of("web"), "web").build();

    /** Says that a group is what it was told to say, and notes what is asked for. */
    private static final class Scripted implements AutoScalingClient {
        private AutoScalingGroup group = AutoScalingGroup.builder().build();
        private final List<String> calls = new ArrayList<>();
        private Optional<RuntimeException> refusal = Optional.empty();

        @Override
        public DescribeAutoScalingGroupsResponse describeAutoScalingGroups(DescribeAutoScalingGroupsRequest request) {
            return DescribeAutoScalingGroupsResponse.builder()
                    .autoScalingGroups(group)
                    .build();
        }

        @Override
        public SetDesiredCapacityResponse setDesiredCapacity(SetDesiredCapacityRequest request) {
            calls.add("set " + request.desiredCapacity());
            return SetDesiredCapacityResponse.builder().build();
        }

        @Override
        public TerminateInstanceInAutoScalingGroupResponse terminateInstanceInAutoScalingGroup(
                TerminateInstanceInAutoScalingGroupRequest request) {
            refusal.ifPresent(e -> {
                throw e;
            });
            calls.add("terminate %s%s"
                    .formatted(request.instanceId(), request.shouldDecrementDesiredCapacity() ? " and decrement" : ""));
            return TerminateInstanceInAutoScalingGroupResponse.builder().build();
        }

        @Override
        public String serviceName() {
            return "autoscaling";
        }

        @Override
        public void close() {}
    }

    private void group(int there, int desired, Consumer<AutoScalingGroup.Builder> more) {
        AutoScalingGroup.Builder group = AutoScalingGroup.builder()
                .autoScalingGroupName("web")
                .minSize(0)
                .maxSize(10)
                .desiredCapacity(desired)
                .launchTemplate(TEMPLATE)
                .instances(IntStream.rangeClosed(1, there)
                        .mapToObj(i -> Instance.builder()
                                .instanceId("i-" + i)
                                .lifecycleState(LifecycleState.IN_SERVICE)
                                .healthStatus("Healthy")
                                .availabilityZone("eu-west-1a")
                                .launchTemplate(TEMPLATE)
                                .build())
                        .toList());
        more.accept(group);
        client.group = group.build();
    }

    private void refuse(String message) {
        client.refusal = Optional.of(AutoScalingException.builder()
                .awsErrorDetails(AwsErrorDetails.builder()
                        .errorCode("ValidationError")
                        .errorMessage(message)
                        .build())
                .statusCode(400)
                .message(message)
                .build());
    }

    // ---- a decrement that was made twice

    @Test
    void whereFewerAreDesiredThanAreThereAllAreDesiredBeforeAnybodyElseStops() {
        group(4, 3, group -> {});
        provider.list();

        provider.terminate(ONE);

        assertThat(client.calls).containsExactly("set 4", "terminate i-1 and decrement");
    }

    @Test
    void whereAsManyAreDesiredAsAreThereNothingIsSet() {
        group(4, 4, group -> {});
        provider.list();

        provider.terminateAll(List.of(ONE, InstanceId.of("i-2")));

        assertThat(client.calls).containsExactly("terminate i-1 and decrement", "terminate i-2 and decrement");
    }

    // ---- the words of refusals

    @Test
    void whoIsInNoGroupIsGone() {
        group(1, 1, group -> {});
        refuse("Instance Id not found - No managed instance found for instance ID: i-1");

        provider.terminate(ONE);

        assertThat(client.calls).isEmpty();
    }

    /** It lives on: that it stopped must not be believed. */
    @Test
    void whoIsInAnotherStateIsAskedAgain() {
        group(1, 1, group -> {});
        refuse("The instance i-1 is not in InService.");

        assertThatThrownBy(() -> provider.terminate(ONE))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageStartingWith("terminate i-1: The instance i-1 is not in InService.");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "AutoScalingGroup name not found - AutoScalingGroup 'web' not found",
                "The instance i-1 is not part of Auto Scaling group web."
            })
    void whateverElseIsRefusedIsNoWordOfWhoIsGone(String message) {
        group(1, 1, group -> {});
        refuse(message);

        assertThatThrownBy(() -> provider.terminate(ONE))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining(message);
    }

    // ---- what does not count instances

    private void refuses(String why) {
        assertThatThrownBy(() -> provider.settings(LaunchTemplates.revision("lt-0123456789abcdef0", 2)))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("Auto Scaling group web cannot be rolled: " + why);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vcpu", "memory-mib"})
    void aCapacityOfProcessorsOrMemoryIsRefused(String type) {
        group(1, 4, group -> group.desiredCapacityType(type));

        refuses("its desired capacity must be a number of instances, is of the type " + type);
    }

    @Test
    void aWeightIsRefused() {
        group(
                1,
                4,
                group -> group.launchTemplate((LaunchTemplateSpecification) null)
                        .mixedInstancesPolicy(policy ->
                                policy.launchTemplate(template -> template.launchTemplateSpecification(TEMPLATE)
                                        .overrides(LaunchTemplateOverrides.builder()
                                                .instanceType("m5.large")
                                                .weightedCapacity("2")
                                                .build()))));

        refuses("an override of its mixed instances policy has a weight: m5.large counts 2");
    }
}
