package io.github.rollstep.aws;

import io.github.rollstep.spi.ProviderException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.InstanceRefreshStatus;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateSpecification;
import software.amazon.awssdk.services.autoscaling.model.SuspendedProcess;
import software.amazon.awssdk.services.autoscaling.model.UpdateAutoScalingGroupRequest;

/** The calls to one Auto Scaling group; what goes wrong is a {@link ProviderException}. */
record Group(AutoScalingClient client, String name) {

    private static final int MOST_NAMED = 5;
    private static final int MOST_AT_ONCE = 20;

    private static final Set<InstanceRefreshStatus> ACTIVE = Set.of(
            InstanceRefreshStatus.PENDING,
            InstanceRefreshStatus.IN_PROGRESS,
            InstanceRefreshStatus.CANCELLING,
            InstanceRefreshStatus.ROLLBACK_IN_PROGRESS,
            InstanceRefreshStatus.BAKING);

    AutoScalingGroup describe() {
        return AwsErrors.call(
                        "describe group " + name,
                        () -> client.describeAutoScalingGroups(request -> request.autoScalingGroupNames(name)))
                .autoScalingGroups()
                .stream()
                .findFirst()
                .orElseThrow(() -> ProviderException.permanent("there is no Auto Scaling group " + name));
    }

    void setDesired(int capacity) {
        AwsErrors.run(
                "set desired capacity of group %s to %d".formatted(name, capacity),
                () -> client.setDesiredCapacity(request -> request.autoScalingGroupName(name)
                        .desiredCapacity(capacity)
                        .honorCooldown(false)));
    }

    /**
     * @param decrement whether it is part of the desired capacity
     * @return false if it is gone already
     */
    boolean terminate(String instance, boolean decrement) {
        AtomicBoolean accepted = new AtomicBoolean();
        change("terminate " + instance, () -> {
            try {
                client.terminateInstanceInAutoScalingGroup(
                        request -> request.instanceId(instance).shouldDecrementDesiredCapacity(decrement));
                accepted.set(true);
            } catch (AutoScalingException e) {
                if (!isGone(e)) {
                    throw e;
                }
            }
        });
        return accepted.get();
    }

    /** In parts that one call may be made for. */
    static List<List<String>> parts(List<String> instances) {
        return IntStream.iterate(0, from -> from < instances.size(), from -> from + MOST_AT_ONCE)
                .mapToObj(from -> instances.subList(from, Math.min(instances.size(), from + MOST_AT_ONCE)))
                .toList();
    }

    /** Out of the desired capacity. */
    void enterStandby(List<String> some) {
        change(
                "enter standby in group " + name,
                () -> client.enterStandby(request ->
                        request.autoScalingGroupName(name).instanceIds(some).shouldDecrementDesiredCapacity(true)));
    }

    /** Back, and into the desired capacity. */
    void exitStandby(List<String> some) {
        change(
                "exit standby in group " + name,
                () -> client.exitStandby(
                        request -> request.autoScalingGroupName(name).instanceIds(some)));
    }

    /** One that is in another state than we know: by a call whose answer was lost, or on its way. The next list shows it. */
    private static void change(String what, Runnable call) {
        AwsErrors.run(what, () -> {
            try {
                call.run();
            } catch (AutoScalingException e) {
                if (isInAnotherState(e)) {
                    throw ProviderException.retryable("%s: %s".formatted(what, e.getMessage()), e);
                }
                throw e;
            }
        });
    }

    /** Whether the service says that an instance is not in the state that a call is for. */
    private static boolean isInAnotherState(AutoScalingException e) {
        return AwsErrors.code(e).equals("ValidationError")
                && String.valueOf(e.getMessage()).matches("(?s).*not in (InService|Standby).*");
    }

    /** Whether the service says that no group has such an instance, any more. */
    private static boolean isGone(AutoScalingException e) {
        return AwsErrors.code(e).equals("ValidationError")
                && String.valueOf(e.getMessage()).contains("Instance Id not found");
    }

    // ---- what a rollout changes

    /** @throws ProviderException not retryable if no rollout can work with the group as it is */
    GroupSettings settings(AutoScalingGroup group, boolean standby) {
        LaunchTemplates.Version version = numberedTemplate(group);
        if (group.warmPoolConfiguration() != null) {
            throw refused("it has a warm pool: what waits there would come with the revision before");
        }
        Set<String> suspended = suspended(group);
        GroupSettings.NEEDED.stream().filter(suspended::contains).findFirst().ifPresent(process -> {
            throw refused("its process %s is suspended".formatted(process));
        });
        requireInstancesCount(group);
        requireNone(group, "are protected from scale in", Instance::protectedFromScaleIn);
        if (!standby) {
            requireNone(group, "are in standby", Members::isStandby);
        }
        requireNoRefresh();
        return new GroupSettings(
                group.minSize(),
                group.desiredCapacity(),
                group.maxSize(),
                version,
                GroupSettings.DISTURBING.stream()
                        .filter(process -> !suspended.contains(process))
                        .toList());
    }

    private LaunchTemplates.Version numberedTemplate(AutoScalingGroup group) {
        LaunchTemplateSpecification template = Members.template(group)
                .orElseThrow(() -> refused("it has a launch configuration, it must have a launch template"));
        LaunchTemplates.Version version = Members.versionOf(group)
                .orElseThrow(() -> refused(
                        "the version of its launch template must be a number, was %s: nothing could go back to it"
                                .formatted(template.version())));
        Members.overrides(group)
                .filter(override -> override.launchTemplateSpecification() != null)
                .findFirst()
                .ifPresent(override -> {
                    throw refused("an override of its mixed instances policy has a launch template of its own: "
                            + override.instanceType());
                });
        return version;
    }

    /** As one each, and not by weights, or by processors or memory. */
    private void requireInstancesCount(AutoScalingGroup group) {
        if (group.desiredCapacityType() != null && !group.desiredCapacityType().equals("units")) {
            throw refused("its desired capacity must be a number of instances, is of the type "
                    + group.desiredCapacityType());
        }
        Members.overrides(group)
                .filter(override -> override.weightedCapacity() != null)
                .findFirst()
                .ifPresent(override -> {
                    throw refused("an override of its mixed instances policy has a weight: %s counts %s"
                            .formatted(override.instanceType(), override.weightedCapacity()));
                });
    }

    static Set<String> suspended(AutoScalingGroup group) {
        return group.suspendedProcesses().stream()
                .map(SuspendedProcess::processName)
                .collect(Collectors.toSet());
    }

    private void requireNone(AutoScalingGroup group, String what, Predicate<Instance> is) {
        List<String> found = group.instances().stream()
                .filter(is)
                .map(Instance::instanceId)
                .limit(MOST_NAMED)
                .toList();
        if (!found.isEmpty()) {
            throw refused("instances %s: %s".formatted(what, String.join(", ", found)));
        }
    }

    private void requireNoRefresh() {
        AwsErrors.call(
                        "describe instance refreshes of group " + name,
                        () -> client.describeInstanceRefreshes(request -> request.autoScalingGroupName(name)))
                .instanceRefreshes()
                .stream()
                .filter(refresh -> ACTIVE.contains(refresh.status()))
                .findFirst()
                .ifPresent(refresh -> {
                    throw refused("instance refresh %s is %s".formatted(refresh.instanceRefreshId(), refresh.status()));
                });
    }

    private ProviderException refused(String why) {
        return ProviderException.permanent("Auto Scaling group %s cannot be rolled: %s".formatted(name, why));
    }

    void suspend(List<String> processes) {
        if (!processes.isEmpty()) {
            AwsErrors.run(
                    "suspend processes of group " + name,
                    () -> client.suspendProcesses(
                            request -> request.autoScalingGroupName(name).scalingProcesses(processes)));
        }
    }

    void resume(List<String> processes) {
        if (!processes.isEmpty()) {
            AwsErrors.run(
                    "resume processes of group " + name,
                    () -> client.resumeProcesses(
                            request -> request.autoScalingGroupName(name).scalingProcesses(processes)));
        }
    }

    /** @return the group as it is after that */
    AutoScalingGroup update(AutoScalingGroup group, LaunchTemplates.Version version) {
        AutoScalingGroup changed = launching(group, version);
        update("set launch template of group " + name, template(changed, request()));
        return changed;
    }

    /** @return the group as it is after that */
    AutoScalingGroup update(AutoScalingGroup group, int min, int max, LaunchTemplates.Version version) {
        AutoScalingGroup changed = launching(group, version);
        update("resize group " + name, template(changed, request()).minSize(min).maxSize(max));
        return changed.toBuilder().minSize(min).maxSize(max).build();
    }

    /** @return the group as it is after that */
    AutoScalingGroup resize(AutoScalingGroup group, int min, int max) {
        update("resize group " + name, request().minSize(min).maxSize(max));
        return group.toBuilder().minSize(min).maxSize(max).build();
    }

    /** The same group when these processes have been resumed. */
    static AutoScalingGroup resumed(AutoScalingGroup group, List<String> processes) {
        return group.toBuilder()
                .suspendedProcesses(group.suspendedProcesses().stream()
                        .filter(process -> !processes.contains(process.processName()))
                        .toList())
                .build();
    }

    private UpdateAutoScalingGroupRequest.Builder request() {
        return UpdateAutoScalingGroupRequest.builder().autoScalingGroupName(name);
    }

    private void update(String what, UpdateAutoScalingGroupRequest.Builder request) {
        AwsErrors.run(what, () -> client.updateAutoScalingGroup(request.build()));
    }

    /** The same group with another version of the template, wherever it has it. */
    private static AutoScalingGroup launching(AutoScalingGroup group, LaunchTemplates.Version version) {
        LaunchTemplateSpecification template = LaunchTemplateSpecification.builder()
                .launchTemplateId(version.templateId())
                .version(version.number())
                .build();
        AutoScalingGroup.Builder changed = group.toBuilder();
        if (group.mixedInstancesPolicy() == null) {
            return changed.launchTemplate(template).build();
        }
        return changed.mixedInstancesPolicy(group.mixedInstancesPolicy().toBuilder()
                        .launchTemplate(group.mixedInstancesPolicy().launchTemplate().toBuilder()
                                .launchTemplateSpecification(template)
                                .build())
                        .build())
                .build();
    }

    private static UpdateAutoScalingGroupRequest.Builder template(
            AutoScalingGroup group, UpdateAutoScalingGroupRequest.Builder request) {
        return group.mixedInstancesPolicy() == null
                ? request.launchTemplate(group.launchTemplate())
                : request.mixedInstancesPolicy(group.mixedInstancesPolicy());
    }
}
