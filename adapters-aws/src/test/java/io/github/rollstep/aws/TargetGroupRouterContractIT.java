package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.OpenRequest;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/**
 * The contract of a target group as the router of bare instances, in a world whose time passes with each look. The load balancer counts
 * no requests: as long as a target drains, the router says one, and rules that count those of a target in service are those of one
 * that drains here. An instance needs no address; what cannot be a target yet is one that has not started.
 */
class TargetGroupRouterContractIT extends TrafficRouterContract {

    private static final Duration BOOT = Duration.ofSeconds(3);
    private static final Reality.Times TIMES =
            new Reality.Times(BOOT, Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(3), Duration.ZERO);
    private static final int REQUESTS = 20;
    private static final int LOOKS = 10;

    private final AwsWorld world = AwsWorld.create(TIMES);
    private final Set<String> answering = ConcurrentHashMap.newKeySet();
    private int turn;

    @AfterEach
    void leave() {
        world.close();
    }

    @Override
    protected TrafficRouter router() {
        return new Ticking(TargetGroupRouter.builder(world.elb())
                .targetGroups(world.targetGroupArn())
                .build());
    }

    /** A second passes with each look, but a target whose requests are open never ends to drain. */
    private final class Ticking implements TrafficRouter {

        private final TrafficRouter router;

        Ticking(TrafficRouter router) {
            this.router = router;
        }

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            Map<String, TargetHealthStateEnum> targets = targets();
            if (answering.stream().noneMatch(id -> targets.get(id) == TargetHealthStateEnum.DRAINING)) {
                world.advance(Duration.ofSeconds(1));
            }
            return router.routes(instances);
        }

        @Override
        public void admit(Instance instance) {
            router.admit(instance);
        }

        @Override
        public void drain(Instance instance) {
            router.drain(instance);
        }

        @Override
        public void admitAll(Collection<Instance> instances) {
            router.admitAll(instances);
        }

        @Override
        public void drainAll(Collection<Instance> instances) {
            router.drainAll(instances);
        }
    }

    private Map<String, TargetHealthStateEnum> targets() {
        return world.reality().targets(world.targetGroupArn());
    }

    @Override
    protected TrafficRouter reopened(TrafficRouter died) {
        return router();
    }

    @Override
    protected Instance instance(String name) {
        Instance pending = pending(name);
        world.advance(BOOT);
        return pending.toBuilder().state(Instance.State.RUNNING).build();
    }

    private Instance pending(String name) {
        String id = world.ec2()
                .runInstances(request -> request.minCount(1)
                        .maxCount(1)
                        .launchTemplate(template -> template.launchTemplateId(world.launchTemplateId())
                                .version("1")))
                .instances()
                .get(0)
                .instanceId();
        return Instance.builder(
                        InstanceId.of(id),
                        LaunchTemplates.revision(world.launchTemplateId(), 1),
                        Instance.State.STARTING)
                .labels(Map.of("name", name))
                .build();
    }

    /** By turns to all that are healthy. */
    @Override
    protected String request() {
        List<String> healthy = targets().entrySet().stream()
                .filter(target -> target.getValue() == TargetHealthStateEnum.HEALTHY)
                .map(Map.Entry::getKey)
                .toList();
        return healthy.isEmpty() ? "" : healthy.get(turn++ % healthy.size());
    }

    @Override
    protected OpenRequest open() {
        String id = request();
        assertThat(id).as("one that is healthy").isNotEmpty();
        answering.add(id);
        return () -> answering.remove(id) && world.reality().existing().containsKey(id);
    }

    @Override
    protected void kill(Instance instance) {
        world.kill(instance.id().value());
    }

    @Override
    protected Optional<Runnable> outage() {
        world.faults().away(true);
        return Optional.of(() -> world.faults().away(false));
    }

    private static Routing routing(TrafficRouter router, Instance instance) {
        return router.routes(List.of(instance)).getOrDefault(instance.id(), Routing.out());
    }

    private static void becomes(TrafficRouter router, Instance instance, Routing expected) {
        Routing last = routing(router, instance);
        for (int look = 1; look < LOOKS && !last.equals(expected); look++) {
            last = routing(router, instance);
        }
        assertThat(last).isEqualTo(expected);
    }

    private Set<String> answering() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < REQUESTS; i++) {
            ids.add(request());
        }
        return ids;
    }

    private Instance admitted(TrafficRouter router) {
        Instance a = instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());
        return a;
    }

    @Override
    @Test
    protected void openRequestsAreCountedAndMayEnd() {
        TrafficRouter router = router();
        Instance a = admitted(router);
        OpenRequest request = open();

        router.drain(a);

        for (int look = 0; look < LOOKS; look++) {
            assertThat(routing(router, a)).isEqualTo(Routing.draining(1));
        }
        assertThat(request.finish()).as("the whole answer came").isTrue();
        becomes(router, a, Routing.out());
    }

    @Override
    @Test
    protected void whatDrainsCanBeAdmittedAgain() {
        TrafficRouter router = router();
        Instance a = admitted(router);
        OpenRequest request = open();
        router.drain(a);
        assertThat(routing(router, a)).isEqualTo(Routing.draining(1));

        router.admit(a);

        becomes(router, a, Routing.in());
        assertThat(answering()).containsExactly(a.id().value());
        assertThat(request.finish()).as("the whole answer came").isTrue();
    }

    /** It cannot be watched: who looks sees it. */
    @Override
    @Test
    protected void aWatchTellsWhenADrainedInstanceIsQuiet() {
        TrafficRouter router = router();
        Instance a = admitted(router);
        OpenRequest request = open();
        router.drain(a);
        assertThat(routing(router, a).isQuiet()).isFalse();

        request.finish();

        becomes(router, a, Routing.out());
    }

    /** It needs none. What AWS refuses, by the call for all of them, is one that has not started; a later call takes it. */
    @Override
    @Test
    protected void anInstanceWithoutAnAddressCannotBeAdmittedAndHindersNoOther() {
        TrafficRouter router = router();
        Instance a = instance("a");
        assertThat(a.address()).isEmpty();
        Instance pending = pending("pending");

        ProviderException error =
                catchThrowableOfType(ProviderException.class, () -> router.admitAll(List.of(pending, a)));

        assertThat(error).as("an error").isNotNull();
        assertThat(error.isRetryable()).as("retryable").isTrue();
        becomes(router, a, Routing.in());
        assertThat(routing(router, pending)).isEqualTo(Routing.out());
        world.advance(BOOT);
        router.admitAll(List.of(pending, a));
        becomes(router, pending, Routing.in());
    }
}
