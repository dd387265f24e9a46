package io.github.rollstep.aws;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.aws.TargetLooks.Target;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.ElasticLoadBalancingV2Exception;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealth;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/**
 * Target groups of Elastic Load Balancing as the router of a fleet whose targets are instances, and their health checks as its health:
 * {@link #health}. With several groups an instance is in when it is healthy in all of them, on each port that it is registered with, and
 * out when none knows it any more. It is registered with the port of the group, and deregistered from all that it has.
 *
 * <p>One call for each group and step answers both, and one for each group registers or deregisters up to 100. What drains is quiet when the
 * load balancer says that it is no target any more, at the latest after the deregistration delay: {@link #longestDrain}.
 *
 * <p>Safe for use by several threads; of one fleet only.
 */
public final class TargetGroupRouter implements TrafficRouter {

    private static final int MOST_GROUPS = 50;

    /** Of one call: AWS names no limit, and refuses more now and then. */
    private static final int MOST_TARGETS = 100;

    private static final String DELAY = "deregistration_delay.timeout_seconds";

    private final ElasticLoadBalancingV2Client client;
    private final List<String> groups;
    private final boolean managed;
    private final HealthChecker otherwise;
    private final TargetLooks looks;

    private TargetGroupRouter(Builder builder) {
        client = builder.client;
        groups = List.copyOf(builder.groups);
        managed = builder.managed;
        otherwise =
                builder.otherwise.orElse(instance -> managed ? Health.unknown("is no target yet") : Health.healthy());
        looks = new TargetLooks(client, groups);
    }

    public static Builder builder(ElasticLoadBalancingV2Client client) {
        return new Builder(client);
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Map<InstanceId, Routing> routes = new HashMap<>();
        looks.of(TargetLooks.Reader.ROUTES)
                .forEach((instance, states) -> routes.put(InstanceId.of(instance), routing(states)));
        return routes;
    }

    private Routing routing(List<Target> targets) {
        if (isHealthy(targets)) {
            return Routing.in();
        }
        if (targets.stream().anyMatch(Target::isIn)) {
            return new Routing(Routing.State.ADMITTING, 0);
        }
        return targets.stream().anyMatch(Target.is(TargetHealthStateEnum.DRAINING))
                ? Routing.draining(1)
                : Routing.out();
    }

    private boolean isHealthy(List<Target> targets) {
        long in = targets.stream().map(Target::group).distinct().count();
        return in == groups.size() && targets.stream().allMatch(Target.is(TargetHealthStateEnum.HEALTHY));
    }

    @Override
    public void admit(Instance instance) {
        admitAll(List.of(instance));
    }

    @Override
    public void drain(Instance instance) {
        drainAll(List.of(instance));
    }

    @Override
    public void admitAll(Collection<Instance> instances) {
        if (!managed) {
            List<Instance> all = List.copyOf(instances);
            forEachGroup(group -> forEachHundred(
                    all, some -> AwsErrors.run("register targets in " + group, () -> register(group, some))));
        }
    }

    /** One that does not run yet, or any more, is refused with all that are asked for by its call: halved, it hinders no other. */
    private void register(String group, List<Instance> instances) {
        try {
            client.registerTargets(request -> request.targetGroupArn(group)
                    .targets(instances.stream()
                            .map(instance -> target(instance).build())
                            .toList()));
        } catch (ElasticLoadBalancingV2Exception e) {
            if (!isInvalidTarget(e)) {
                throw e;
            }
            if (instances.size() == 1) { // The next look shows what became of it.
                throw ProviderException.retryable("register targets in %s: %s".formatted(group, e.getMessage()), e);
            }
            int half = instances.size() / 2;
            Bulk.forEach(
                    List.of(instances.subList(0, half), instances.subList(half, instances.size())),
                    some -> register(group, some));
        }
    }

    @Override
    public void drainAll(Collection<Instance> instances) {
        if (!managed) {
            forEachGroup(group -> forEachHundred(
                    instances.stream()
                            .flatMap(instance -> registered(group, instance))
                            .toList(),
                    some -> AwsErrors.run("deregister targets in " + group, () -> deregister(group, some))));
        }
    }

    /** One that is no target makes no difference on AWS. */
    private void deregister(String group, List<TargetDescription> targets) {
        client.deregisterTargets(request -> request.targetGroupArn(group).targets(targets));
    }

    /** Without a port it is that of the group. */
    private Stream<TargetDescription> registered(String group, Instance instance) {
        List<TargetDescription> targets = looks.ports(group, instance.id().value())
                .map(port -> target(instance).port(port).build())
                .toList();
        return targets.isEmpty() ? Stream.of(target(instance).build()) : targets.stream();
    }

    private static TargetDescription.Builder target(Instance instance) {
        return TargetDescription.builder().id(instance.id().value());
    }

    private static boolean isInvalidTarget(ElasticLoadBalancingV2Exception e) {
        return AwsErrors.code(e).equals("InvalidTarget");
    }

    private static <T> void forEachHundred(List<T> all, Consumer<List<T>> call) {
        List<List<T>> parts = new ArrayList<>();
        for (int from = 0; from < all.size(); from += MOST_TARGETS) {
            parts.add(all.subList(from, Math.min(all.size(), from + MOST_TARGETS)));
        }
        Bulk.forEach(parts, call);
    }

    /** In any case it is looked at anew. */
    private void forEachGroup(Consumer<String> call) {
        try {
            Bulk.forEach(groups, call);
        } finally {
            looks.forget();
        }
    }

    @Override
    public boolean drainsOnTerminate() {
        return managed;
    }

    /** The longest deregistration delay of its groups. */
    @Override
    public Duration longestDrain() {
        return groups.stream()
                .map(this::deregistrationDelay)
                .max(Duration::compareTo)
                .orElse(Duration.ZERO);
    }

    private Duration deregistrationDelay(String group) {
        return AwsErrors.call(
                        "describe attributes of " + group,
                        () -> client.describeTargetGroupAttributes(request -> request.targetGroupArn(group)))
                .attributes()
                .stream()
                .filter(attribute -> attribute.key().equals(DELAY))
                .findFirst()
                .map(attribute -> Duration.ofSeconds(Long.parseLong(attribute.value())))
                .orElse(Duration.ZERO);
    }

    /**
     * The health checks of the groups, from the same look as {@link #routes}. What is being checked is unknown; what is no target yet,
     * or drains, is left to {@link Builder#otherwise}, unless its Auto Scaling group calls it unhealthy.
     */
    public HealthChecker health() {
        return new HealthChecker() {
            @Override
            public Health check(Instance instance) {
                return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("not checked"));
            }

            @Override
            public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
                return TargetGroupRouter.this.checkAll(instances);
            }
        };
    }

    private Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> verdicts = new HashMap<>();
        if (instances.isEmpty()) {
            return verdicts;
        }
        Map<String, List<Target>> targets = looks.of(TargetLooks.Reader.HEALTH);
        List<Instance> others = new ArrayList<>();
        for (Instance instance : instances) {
            verdict(targets.getOrDefault(instance.id().value(), List.of()))
                    .or(() -> Members.verdict(instance))
                    .ifPresentOrElse(verdict -> verdicts.put(instance.id(), verdict), () -> others.add(instance));
        }
        if (!others.isEmpty()) {
            verdicts.putAll(checkOtherwise(others));
        }
        return verdicts;
    }

    /** Where the other one cannot tell now, what the targets say stands. */
    private Map<InstanceId, Health> checkOtherwise(List<Instance> others) {
        try {
            return otherwise.checkAll(others);
        } catch (ProviderException e) {
            if (!e.isRetryable()) {
                throw e;
            }
            Health unknown = Health.unknown(String.valueOf(e.getMessage()));
            return others.stream().collect(Collectors.toMap(Instance::id, instance -> unknown, (one, same) -> one));
        }
    }

    /** Empty if it is a target of no group. */
    private Optional<Health> verdict(List<Target> targets) {
        if (isHealthy(targets)) {
            return Optional.of(Health.healthy());
        }
        if (targets.stream().noneMatch(Target::isIn)) {
            return Optional.empty();
        }
        return Optional.of(targets.stream()
                .filter(Target.is(TargetHealthStateEnum.UNHEALTHY)
                        .or(Target.is(TargetHealthStateEnum.UNHEALTHY_DRAINING)))
                .findFirst()
                .map(ill -> Health.unhealthy(text(ill.health())))
                .orElseGet(() -> Health.unknown(targets.stream()
                        .filter(Target.is(TargetHealthStateEnum.HEALTHY).negate())
                        .findFirst()
                        .map(other -> text(other.health()))
                        .orElse("is not in all target groups yet"))));
    }

    private static String text(TargetHealth health) {
        String reason = Optional.ofNullable(health.reasonAsString()).orElse("no reason given");
        return "target is %s: %s".formatted(health.stateAsString(), reason);
    }

    @Override
    public String toString() {
        return "target groups " + groups.stream().collect(Collectors.joining(", "));
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {
        private final ElasticLoadBalancingV2Client client;
        private final Set<String> groups = new LinkedHashSet<>();
        private boolean managed;
        private Optional<HealthChecker> otherwise = Optional.empty();

        private Builder(ElasticLoadBalancingV2Client client) {
            this.client = client;
        }

        /** By their ARNs, at least one, at most 50; of the target type {@code instance}. */
        public Builder targetGroups(String... arns) {
            groups.addAll(List.of(arns));
            return this;
        }

        /**
         * The targets are those of an Auto Scaling group that registers and drains them by itself: the router only observes.
         */
        public Builder managedByGroup() {
            managed = true;
            return this;
        }

        /**
         * Who judges what is no target, before it is registered and while it drains; default: what runs is good enough to be
         * registered, as the load balancer sends it nothing before its own checks pass; if it is {@link #managedByGroup}, what is no
         * target yet is not healthy yet.
         */
        public Builder otherwise(HealthChecker otherwise) {
            this.otherwise = Optional.of(otherwise);
            return this;
        }

        /** @throws IllegalArgumentException if there is no target group, or more than 50 */
        public TargetGroupRouter build() {
            if (groups.isEmpty() || groups.size() > MOST_GROUPS) {
                throw new IllegalArgumentException(
                        "target groups must be 1 to %d, were %d".formatted(MOST_GROUPS, groups.size()));
            }
            return new TargetGroupRouter(this);
        }
    }
}
