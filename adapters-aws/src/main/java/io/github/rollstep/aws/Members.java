package io.github.rollstep.aws;

import io.github.rollstep.Health;
import io.github.rollstep.Instance.State;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateOverrides;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateSpecification;
import software.amazon.awssdk.services.autoscaling.model.MixedInstancesPolicy;

/** What the members of a group are to Rollstep. */
final class Members {

    private static final String UNHEALTHY = ", unhealthy";

    private Members() {}

    /** One instance, or none of one that is gone. */
    static Stream<io.github.rollstep.Instance> listed(Instance member) {
        return state(member)
                .map(state -> io.github.rollstep.Instance.builder(
                                InstanceId.of(member.instanceId()), revision(member), state)
                        .zone(member.availabilityZone())
                        .detail(member.lifecycleStateAsString() + ", " + member.healthStatus())
                        .build())
                .stream();
    }

    /** What a look that was asked for at this time says of who fills the desired capacity. */
    static Headcount.Look look(AutoScalingGroup group, Instant asked) {
        return new Headcount.Look(
                group.instances().stream()
                        .filter(Members::counts)
                        .map(Instance::instanceId)
                        .collect(Collectors.toSet()),
                group.desiredCapacity(),
                asked);
    }

    /**
     * What the group's own checks say of one that is no target: a dead one is ill. That it is ill does not say that it is dead: a
     * database that is away for a minute makes all ill.
     */
    static Optional<Health> verdict(io.github.rollstep.Instance member) {
        return member.detail().toLowerCase(Locale.ROOT).endsWith(UNHEALTHY)
                ? Optional.of(Health.unhealthy(member.detail()))
                : Optional.empty();
    }

    private static Optional<State> state(Instance member) {
        return switch (phase(member)) {
            case "Pending" -> Optional.of(State.STARTING);
            case "InService", "Standby", "EnteringStandby" -> Optional.of(State.RUNNING);
            case "Terminating", "Detaching" -> Optional.of(State.STOPPING);
            case "Terminated", "Detached", "Warmed" -> Optional.empty();
            default -> Optional.of(State.STARTING);
        };
    }

    /** Without what a lifecycle hook adds: {@code Pending:Wait}. */
    private static String phase(Instance member) {
        return member.lifecycleStateAsString().split(":", 2)[0];
    }

    /** Whether it is part of the desired capacity. */
    static boolean counts(Instance member) {
        return phase(member).equals("Pending") || phase(member).equals("InService");
    }

    static boolean isStopping(Instance member) {
        return state(member).filter(state -> state != State.STOPPING).isEmpty();
    }

    /** In standby, or draining on its way there. */
    static boolean isStandby(Instance member) {
        return stands(member) || phase(member).equals("EnteringStandby");
    }

    static boolean stands(Instance member) {
        return phase(member).equals("Standby");
    }

    /** Of one that no numbered version of a template tells of: it can be replaced, and nothing goes back to it. */
    private static Revision revision(Instance member) {
        return Optional.ofNullable(member.launchTemplate())
                .flatMap(Members::version)
                .map(LaunchTemplates.Version::revision)
                .orElseGet(() -> Revision.of("unknown"));
    }

    /** The version that the group launches; empty if it is no number. */
    static Optional<LaunchTemplates.Version> versionOf(AutoScalingGroup group) {
        return template(group).flatMap(Members::version);
    }

    /** What the group launches from; empty if that is a launch configuration. */
    static Optional<LaunchTemplateSpecification> template(AutoScalingGroup group) {
        return Optional.ofNullable(group.launchTemplate())
                .or(() -> Optional.ofNullable(group.mixedInstancesPolicy())
                        .map(MixedInstancesPolicy::launchTemplate)
                        .map(template -> template.launchTemplateSpecification()));
    }

    /** What a mixed instances policy has in place of parts of the template. */
    static Stream<LaunchTemplateOverrides> overrides(AutoScalingGroup group) {
        return Optional.ofNullable(group.mixedInstancesPolicy()).map(MixedInstancesPolicy::launchTemplate).stream()
                .flatMap(template -> template.overrides().stream());
    }

    private static Optional<LaunchTemplates.Version> version(LaunchTemplateSpecification template) {
        return Optional.ofNullable(template.version())
                .filter(number -> number.matches("[1-9][0-9]*") && template.launchTemplateId() != null)
                .map(number -> new LaunchTemplates.Version(template.launchTemplateId(), number));
    }
}
