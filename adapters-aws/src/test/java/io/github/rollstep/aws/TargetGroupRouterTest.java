package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DeregisterTargetsRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DeregisterTargetsResponse;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DescribeTargetHealthRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DescribeTargetHealthResponse;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.ElasticLoadBalancingV2Exception;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.RegisterTargetsRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.RegisterTargetsResponse;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthReasonEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/** What the emulator has not: other states, several ports, and many. */
class TargetGroupRouterTest {

    private static final Instance ONE = instance("i-00000001");

    private final Stub elb = new Stub();

    private static Instance instance(String id) {
        return Instance.builder(InstanceId.of(id), Revision.of("v1"), Instance.State.RUNNING)
                .build();
    }

    private TargetGroupRouter.Builder router(String... groups) {
        return TargetGroupRouter.builder(elb).targetGroups(groups);
    }

    private static Routing routing(TargetGroupRouter router) {
        return router.routes(List.of(ONE)).getOrDefault(ONE.id(), Routing.out());
    }

    // ---- states

    @Test
    void whatIsInAGroupWithoutALoadBalancerIsOut() {
        elb.has("web", 8080, TargetHealthStateEnum.UNUSED);
        TargetGroupRouter router = router("web")
                .otherwise(instance -> Health.unknown("is not in use"))
                .build();

        assertThat(routing(router)).isEqualTo(Routing.out());
        assertThat(router.health().check(ONE)).isEqualTo(Health.unknown("is not in use"));
    }

    /** Where no target is healthy a load balancer sends requests to all of them. */
    @ParameterizedTest
    @EnumSource(
            mode = Mode.EXCLUDE,
            names = {"HEALTHY", "UNUSED", "DRAINING"})
    void whatIsInAnyOtherStateMayGetRequests(TargetHealthStateEnum state) {
        elb.has("web", 8080, state);
        TargetGroupRouter router = router("web").build();

        assertThat(routing(router)).isEqualTo(new Routing(Routing.State.ADMITTING, 0));
        assertThat(router.health().check(ONE).isHealthy()).isFalse();
    }

    /** The second is that of a Network Load Balancer that ends the connections of what is unhealthy. */
    @ParameterizedTest
    @EnumSource(names = {"UNHEALTHY", "UNHEALTHY_DRAINING"})
    void whatFailsItsChecksIsUnhealthy(TargetHealthStateEnum state) {
        elb.has("web", 8080, state);

        assertThat(router("web").build().health().check(ONE))
                .isEqualTo(Health.unhealthy("target is %s: Target.FailedHealthChecks".formatted(state)));
    }

    // ---- several ports

    @Test
    void isInWhenItIsHealthyOnAllItsPortsInAllGroups() {
        elb.has("web", 8080, TargetHealthStateEnum.HEALTHY);
        elb.has("web", 8081, TargetHealthStateEnum.HEALTHY);

        assertThat(routing(router("web").build())).isEqualTo(Routing.in());
        assertThat(router("web").build().health().check(ONE).isHealthy()).isTrue();

        TargetGroupRouter both = router("web", "admin").build();
        assertThat(routing(both).state()).as("two ports are not two groups").isEqualTo(Routing.State.ADMITTING);
        assertThat(both.health().check(ONE)).isEqualTo(Health.unknown("is not in all target groups yet"));
    }

    @Test
    void isNotInWhileOneOfItsPortsIsNotHealthy() {
        elb.has("web", 8080, TargetHealthStateEnum.HEALTHY);
        elb.has("web", 8081, TargetHealthStateEnum.INITIAL);
        TargetGroupRouter router = router("web").build();

        assertThat(routing(router).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(router.health().check(ONE).status()).isEqualTo(Health.Status.UNKNOWN);
    }

    @Test
    void isDrainedOnAllItsPorts() {
        elb.has("web", 8080, TargetHealthStateEnum.HEALTHY);
        elb.has("web", 8081, TargetHealthStateEnum.HEALTHY);
        elb.has("admin", 9090, TargetHealthStateEnum.HEALTHY);
        TargetGroupRouter router = router("web", "admin").build();
        routing(router);

        router.drain(ONE);

        assertThat(elb.deregistered)
                .extracting(DeregisterTargetsRequest::targets)
                .containsExactly(
                        List.of(target(ONE.id().value(), 8080), target(ONE.id().value(), 8081)),
                        List.of(target(ONE.id().value(), 9090)));
    }

    @Test
    void isDrainedOnThePortOfTheGroupIfNoLookHasShownAnother() {
        router("web").build().drain(ONE);

        assertThat(elb.deregistered)
                .extracting(DeregisterTargetsRequest::targets)
                .containsExactly(
                        List.of(TargetDescription.builder().id(ONE.id().value()).build()));
    }

    // ---- many

    private static List<Instance> many() {
        return IntStream.range(0, 250)
                .mapToObj(i -> instance("i-%08x".formatted(i)))
                .toList();
    }

    @Test
    void moreThanAHundredAreRegisteredAndDeregisteredBySeveralCalls() {
        TargetGroupRouter router = router("web").build();

        router.admitAll(many());
        router.drainAll(many());

        assertThat(elb.registered)
                .extracting(request -> request.targets().size())
                .containsExactly(100, 100, 50);
        assertThat(elb.deregistered)
                .extracting(request -> request.targets().size())
                .containsExactly(100, 100, 50);
        assertThat(ids(elb.registered.stream().map(RegisterTargetsRequest::targets)))
                .containsExactlyElementsOf(
                        many().stream().map(instance -> instance.id().value()).toList());
    }

    private static List<String> ids(Stream<List<TargetDescription>> targets) {
        return targets.flatMap(List::stream).map(TargetDescription::id).toList();
    }

    @Test
    void aCallThatFailsHindersNoneOfTheOthers() {
        elb.refuses = 1;

        assertThatThrownBy(() -> router("web").build().admitAll(many())).isInstanceOf(ProviderException.class);

        assertThat(elb.registered)
                .extracting(request -> request.targets().size())
                .containsExactly(100, 50);
    }

    // ---- the other checker

    @Test
    void theOtherCheckerIsAskedWhicheverWayTheTargetsAreManaged() {
        assertThat(Stream.of(
                        router("web").otherwise(one -> Health.unhealthy("no")).managedByGroup(),
                        router("web").managedByGroup().otherwise(one -> Health.unhealthy("no"))))
                .allSatisfy(builder ->
                        assertThat(builder.build().health().check(ONE)).isEqualTo(Health.unhealthy("no")));
    }

    private static TargetDescription target(String id, int port) {
        return TargetDescription.builder().id(id).port(port).build();
    }

    /** Lists what it has, whatever is registered; of one instance. */
    private static final class Stub implements ElasticLoadBalancingV2Client {

        private final Map<String, List<TargetHealthDescription>> targets = new HashMap<>();
        private final List<RegisterTargetsRequest> registered = new ArrayList<>();
        private final List<DeregisterTargetsRequest> deregistered = new ArrayList<>();
        private int refuses;

        void has(String group, int port, TargetHealthStateEnum state) {
            targets.computeIfAbsent(group, name -> new ArrayList<>())
                    .add(TargetHealthDescription.builder()
                            .target(target(ONE.id().value(), port))
                            .targetHealth(health ->
                                    health.state(state).reason(TargetHealthReasonEnum.TARGET_FAILED_HEALTH_CHECKS))
                            .build());
        }

        @Override
        public DescribeTargetHealthResponse describeTargetHealth(DescribeTargetHealthRequest request) {
            return DescribeTargetHealthResponse.builder()
                    .targetHealthDescriptions(targets.getOrDefault(request.targetGroupArn(), List.of()))
                    .build();
        }

        @Override
        public RegisterTargetsResponse registerTargets(RegisterTargetsRequest request) {
            if (refuses > 0) {
                refuses--;
                throw ElasticLoadBalancingV2Exception.builder().statusCode(503).build();
            }
            registered.add(request);
            return RegisterTargetsResponse.builder().build();
        }

        @Override
        public DeregisterTargetsResponse deregisterTargets(DeregisterTargetsRequest request) {
            deregistered.add(request);
            return DeregisterTargetsResponse.builder().build();
        }

        @Override
        public String serviceName() {
            return SERVICE_NAME;
        }

        @Override
        public void close() {}
    }
}
