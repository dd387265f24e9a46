package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.aws.ec2.Ec2FleetProvider;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.ProtocolEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetGroupAttribute;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetTypeEnum;

/** Two target groups in front of bare instances, what their looks cost, and what a policy must allow for them. */
class TargetGroupRouterIT {

    private static final FleetId FLEET = FleetId.of("web");
    private static final Duration HEALTHY = Duration.ofSeconds(10);
    private static final Duration DRAIN = Duration.ofSeconds(20);
    private static final Reality.Times TIMES =
            new Reality.Times(Duration.ofSeconds(15), HEALTHY, DRAIN, Duration.ofSeconds(5), Duration.ZERO);
    private static final String SERVICE = "ElasticLoadBalancingV2:";

    private final AwsWorld world = AwsWorld.create(TIMES);
    private final String first = world.targetGroupArn();
    private final String second = targetGroup(Duration.ofSeconds(90));
    private final TargetGroupRouter router = of(first, second).build();

    @AfterEach
    void leave() {
        world.close();
    }

    private String targetGroup(Duration delay) {
        String vpc = world.ec2()
                .describeSubnets(request -> request.subnetIds(world.subnetIds().get(0)))
                .subnets()
                .get(0)
                .vpcId();
        String arn = world.elb()
                .createTargetGroup(request -> request.name("admin")
                        .protocol(ProtocolEnum.HTTP)
                        .port(9090)
                        .vpcId(vpc)
                        .targetType(TargetTypeEnum.INSTANCE))
                .targetGroups()
                .get(0)
                .targetGroupArn();
        world.elb()
                .modifyTargetGroupAttributes(request -> request.targetGroupArn(arn)
                        .attributes(TargetGroupAttribute.builder()
                                .key("deregistration_delay.timeout_seconds")
                                .value(Long.toString(delay.toSeconds()))
                                .build()));
        return arn;
    }

    private TargetGroupRouter.Builder of(String... arns) {
        return TargetGroupRouter.builder(world.elb()).targetGroups(arns);
    }

    private static Instance instance(String id) {
        return Instance.builder(InstanceId.of(id), LaunchTemplates.revision("lt-0123abcd", 1), Instance.State.RUNNING)
                .build();
    }

    /** Healthy in the first group, unknown in the second. */
    private Instance launched() {
        Instance launched = instance(world.launch(1).get(0));
        world.counter().reset();
        return launched;
    }

    private Instance inBoth() {
        Instance instance = launched();
        router.admit(instance);
        world.advance(HEALTHY);
        assertThat(routing(instance)).isEqualTo(Routing.in());
        router.health().check(instance); // This look has been given to all.
        world.counter().reset();
        return instance;
    }

    private Routing routing(Instance instance) {
        return router.routes(List.of(instance)).getOrDefault(instance.id(), Routing.out());
    }

    private void deregister(String group, Instance instance) {
        world.elb()
                .deregisterTargets(request -> request.targetGroupArn(group)
                        .targets(TargetDescription.builder()
                                .id(instance.id().value())
                                .build()));
    }

    private long calls(String operation) {
        return world.counter().counts().getOrDefault(SERVICE + operation, 0L);
    }

    private static void isRetryable(ProviderException e) {
        assertThat(e.isRetryable()).as("%s is retryable", e).isTrue();
    }

    // ---- two groups

    @Test
    void whatIsHealthyInOneGroupOnlyIsNotIn() {
        Instance instance = launched();

        assertThat(routing(instance).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(router.health().check(instance)).isEqualTo(Health.unknown("is not in all target groups yet"));
    }

    @Test
    void isInOnlyWhenHealthyInBoth() {
        Instance instance = launched();
        router.admit(instance);

        assertThat(routing(instance).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(router.health().check(instance))
                .isEqualTo(Health.unknown("target is initial: Elb.InitialHealthChecking"));

        world.advance(HEALTHY);
        assertThat(routing(instance)).isEqualTo(Routing.in());
        assertThat(router.health().check(instance).isHealthy()).isTrue();
    }

    @Test
    void whatIsIllIsNotInAndItsDetailSaysWhy() {
        Instance instance = inBoth();
        world.reality().bad("1");

        assertThat(routing(instance).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(router.health().check(instance))
                .isEqualTo(Health.unhealthy("target is unhealthy: Target.FailedHealthChecks"));
    }

    @Test
    void takesRequestsAsLongAsOneGroupMaySendThem() {
        Instance instance = inBoth();

        deregister(first, instance);

        assertThat(routing(instance).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(routing(instance).isQuiet()).isFalse();
    }

    @Test
    void drainsUntilItIsOutOfBoth() {
        Instance instance = inBoth();
        deregister(first, instance);
        world.advance(DRAIN.dividedBy(2));
        router.drain(instance);
        assertThat(routing(instance)).isEqualTo(Routing.draining(1));

        world.advance(DRAIN.dividedBy(2));
        assertThat(world.reality().targets(first)).isEmpty();
        assertThat(world.reality().targets(second).values()).containsExactly(TargetHealthStateEnum.DRAINING);
        assertThat(routing(instance)).isEqualTo(Routing.draining(1));

        world.advance(DRAIN.dividedBy(2));
        assertThat(routing(instance)).isEqualTo(Routing.out());
    }

    @Test
    void whatDrainsIsJudgedByTheOtherChecker() {
        Instance instance = inBoth();
        router.drain(instance);

        assertThat(router.health().check(instance).isHealthy()).isTrue();
        TargetGroupRouter strict = of(first, second)
                .otherwise(one -> Health.unhealthy("says the other"))
                .build();
        assertThat(strict.health().check(instance)).isEqualTo(Health.unhealthy("says the other"));
    }

    @Test
    void aGroupThatDoesNotAdmitHindersNoOther() {
        Instance instance = launched();
        deregister(first, instance);
        world.advance(DRAIN);
        world.faults().failNext("RegisterTargets", 5);

        assertThatThrownBy(() -> router.admit(instance))
                .isInstanceOfSatisfying(ProviderException.class, TargetGroupRouterIT::isRetryable)
                .hasMessageContaining("register targets in " + first);

        assertThat(world.reality().targets(first)).isEmpty();
        assertThat(world.reality().targets(second))
                .containsOnlyKeys(instance.id().value());
    }

    @Test
    void aGroupThatDoesNotDrainHindersNoOther() {
        Instance instance = inBoth();
        world.faults().failNext("DeregisterTargets", 5);

        assertThatThrownBy(() -> router.drain(instance))
                .isInstanceOfSatisfying(ProviderException.class, TargetGroupRouterIT::isRetryable)
                .hasMessageContaining("deregister targets in " + first);

        assertThat(world.reality().targets(first).values()).containsExactly(TargetHealthStateEnum.HEALTHY);
        assertThat(world.reality().targets(second).values()).containsExactly(TargetHealthStateEnum.DRAINING);
        assertThat(routing(instance).isQuiet()).isFalse();
    }

    // ---- what it costs

    @Test
    void aStepCostsOneLookAtEachGroup() {
        Instance instance = inBoth();

        for (int step = 1; step <= 3; step++) {
            assertThat(routing(instance)).isEqualTo(Routing.in());
            assertThat(router.health().checkAll(List.of(instance, instance("i-00000001"))))
                    .hasSize(2);
            assertThat(world.counter().counts()).isEqualTo(Map.of(SERVICE + "DescribeTargetHealth", 2L * step));
        }
    }

    @Test
    void healthMayBeTheFirstToLook() {
        Instance instance = inBoth();

        assertThat(router.health().check(instance).isHealthy()).isTrue();
        assertThat(routing(instance)).isEqualTo(Routing.in());

        assertThat(calls("DescribeTargetHealth")).isEqualTo(2);
    }

    @Test
    void noReaderGetsTheSameLookTwice() {
        Instance instance = inBoth();

        assertThat(routing(instance)).isEqualTo(Routing.in());
        assertThat(routing(instance)).isEqualTo(Routing.in());
        assertThat(router.health().check(instance).isHealthy()).isTrue();
        assertThat(router.health().check(instance).isHealthy()).isTrue();

        assertThat(calls("DescribeTargetHealth")).isEqualTo(3 * 2);
    }

    @Test
    void aLookFromBeforeADrainIsNotGivenAfterIt() {
        Instance instance = inBoth();
        router.health().check(instance);

        router.drain(instance);

        assertThat(routing(instance)).isEqualTo(Routing.draining(1));
    }

    @Test
    void aLookFromBeforeAnAdmissionIsNotGivenAfterIt() {
        Instance instance = inBoth();
        router.drain(instance);
        router.health().check(instance);

        router.admit(instance);

        assertThat(routing(instance).state()).isEqualTo(Routing.State.ADMITTING);
    }

    @Test
    void aLookFromBeforeADrainThatFailedIsNotGivenEither() {
        Instance instance = inBoth();
        router.health().check(instance);
        world.faults().loseAnswer("DeregisterTargets", 10);

        assertThatThrownBy(() -> router.drain(instance)).isInstanceOf(ProviderException.class);

        assertThat(routing(instance)).isEqualTo(Routing.draining(1));
    }

    @Test
    void manyAreAdmittedAndDrainedByOneCallForEachGroup() {
        List<Instance> all =
                world.launch(5).stream().map(TargetGroupRouterIT::instance).toList();
        world.counter().reset();

        router.admitAll(all);
        router.drainAll(all);

        assertThat(world.counter().counts())
                .isEqualTo(Map.of(SERVICE + "RegisterTargets", 2L, SERVICE + "DeregisterTargets", 2L));
    }

    @Test
    void oneThatIsNoTargetHindersNoneOfManyAndCostsFewCalls() {
        List<Instance> all =
                world.launch(8).stream().map(TargetGroupRouterIT::instance).toList();
        Instance dead = all.get(3);
        world.ec2().terminateInstances(request -> request.instanceIds(dead.id().value()));
        world.counter().reset();

        assertThatThrownBy(() -> router.admitAll(all))
                .isInstanceOfSatisfying(ProviderException.class, TargetGroupRouterIT::isRetryable)
                .hasMessageContaining(dead.id().value());

        assertThat(world.reality().targets(second))
                .hasSize(7)
                .doesNotContainKey(dead.id().value());
        assertThat(calls("RegisterTargets"))
                .as("all, and two of each half, in two groups")
                .isEqualTo(2 * 7);
    }

    // ---- the policy

    @Test
    void theLongestDrainIsTheLongestDelay() {
        assertThat(router.longestDrain()).isEqualTo(Duration.ofSeconds(90));
        assertThat(of(first).build().longestDrain()).isEqualTo(DRAIN);
    }

    private void start(TargetGroupRouter of, RolloutPolicy policy) {
        try (RollingUpdate update = RollingUpdate.builder()
                .fleet(FLEET)
                .desired(1)
                .provider(Ec2FleetProvider.builder(world.ec2(), FLEET).build())
                .health(of.health())
                .router(of)
                .policy(policy)
                .hostDriven()
                .build()) {
            update.start(LaunchTemplates.revision(world.launchTemplateId(), 1));
        }
    }

    @Test
    void aDrainDeadlineThatWouldCutRequestsIsRefused() {
        RolloutPolicy policy = RolloutPolicy.builder()
                .drainDeadline(Duration.ofSeconds(89))
                .stopDeadline(Duration.ofMinutes(4))
                .build();

        assertThatThrownBy(() -> start(router, policy))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "drainDeadline must be >= PT1M30S, which the router may take for open requests, was PT1M29S");
        start(router, policy.toBuilder().drainDeadline(Duration.ofSeconds(90)).build());
    }

    @Test
    void aStopDeadlineThatWouldCutRequestsIsRefusedWhereTheGroupDrains() {
        TargetGroupRouter managed = of(first, second).managedByGroup().build();
        RolloutPolicy policy = RolloutPolicy.builder()
                .drainDeadline(Duration.ofSeconds(5))
                .stopDeadline(Duration.ofSeconds(89))
                .build();

        assertThatThrownBy(() -> start(managed, policy))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "stopDeadline must be >= PT1M30S, which the router may take for open requests, was PT1M29S");
        start(managed, policy.toBuilder().stopDeadline(Duration.ofSeconds(90)).build());
    }

    // ---- where a group manages its targets

    @Test
    void registersAndDrainsNothingThatAGroupManages() {
        TargetGroupRouter managed = of(first).managedByGroup().build();
        Instance instance = launched();

        managed.admitAll(List.of(instance));
        managed.drainAll(List.of(instance));
        managed.admit(instance);
        managed.drain(instance);

        assertThat(managed.drainsOnTerminate()).isTrue();
        assertThat(world.counter().total()).isZero();
        assertThat(managed.routes(List.of(instance))).isEqualTo(Map.of(instance.id(), Routing.in()));
    }

    @Test
    void whatAGroupHasNotRegisteredYetIsNotHealthyYet() {
        Instance instance = launched();

        assertThat(of(second).managedByGroup().build().health().check(instance))
                .isEqualTo(Health.unknown("is no target yet"));
        assertThat(of(second).build().health().check(instance).isHealthy()).isTrue();
        assertThat(router.drainsOnTerminate()).isFalse();
    }

    // ---- how it is built

    @Test
    void needsOneTargetGroupAndAtMostFifty() {
        assertThatThrownBy(() -> of().build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("target groups must be 1 to 50, were 0");
        String[] many = IntStream.rangeClosed(1, 51).mapToObj(i -> "arn:" + i).toArray(String[]::new);
        assertThatThrownBy(() -> of(many).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("target groups must be 1 to 50, were 51");
        assertThat(of(first, first, second).build()).hasToString("target groups %s, %s".formatted(first, second));
    }

    @Test
    void whereTheOtherCheckerCannotTellWhatTheTargetsSayStands() {
        Instance instance = launched();
        HealthChecker throttled = one -> {
            throw ProviderException.retryable("throttled");
        };

        assertThat(of(first).otherwise(throttled).build().health().checkAll(List.of(instance, instance("i-00000001"))))
                .isEqualTo(Map.of(
                        instance.id(), Health.healthy(), InstanceId.of("i-00000001"), Health.unknown("throttled")));
    }

    @Test
    void whatIsForbiddenToTheOtherCheckerIsThrown() {
        HealthChecker denied = one -> {
            throw ProviderException.permanent("denied");
        };

        assertThatThrownBy(() -> of(first).otherwise(denied).build().health().check(instance("i-00000001")))
                .isInstanceOf(ProviderException.class)
                .hasMessage("denied");
    }

    @Test
    void theOtherCheckerIsAskedForAllAtOnce() {
        Instance instance = launched();
        HealthChecker other = new HealthChecker() {
            @Override
            public Health check(Instance one) {
                throw new AssertionError("one by one");
            }

            @Override
            public Map<InstanceId, Health> checkAll(Collection<Instance> all) {
                assertThat(all).containsExactly(instance("i-00000001"));
                return Map.of(InstanceId.of("i-00000001"), Health.unhealthy("says the other"));
            }
        };

        assertThat(of(first).otherwise(other).build().health().checkAll(List.of(instance, instance("i-00000001"))))
                .isEqualTo(Map.of(
                        instance.id(),
                        Health.healthy(),
                        InstanceId.of("i-00000001"),
                        Health.unhealthy("says the other")));
    }
}
