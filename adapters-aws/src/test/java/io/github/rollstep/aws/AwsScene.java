package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.aws.ec2.Ec2FleetProvider;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEngine;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/** A fleet of one kind that serves version 1, its controllers, and who watches them; time is moved by hand. */
final class AwsScene implements AutoCloseable {

    enum Kind {
        GROUP,
        EC2
    }

    static final FleetId FLEET = FleetId.of("web");
    private static final int MOST_STEPS = 3_000;

    final AwsWorld world;
    final InvariantMonitor monitor;
    final InMemoryRolloutStore store;
    private final Kind kind;
    private final int desired;
    private final Reality.Times times;
    private final Duration staleness;
    private final RolloutEngine engine = RolloutEngine.create();

    /** What a test puts between provider and engine. */
    UnaryOperator<InstanceProvider> decorated = provider -> provider;

    AwsScene(Kind kind, int desired, Reality.Times times, RolloutPolicy policy) {
        this(kind, desired, times, times.staleness(), policy);
    }

    /** @param staleness as the provider states it */
    AwsScene(Kind kind, int desired, Reality.Times times, Duration staleness, RolloutPolicy policy) {
        this.staleness = staleness;
        this.kind = kind;
        this.desired = desired;
        this.times = times;
        world = AwsWorld.create(times);
        store = new InMemoryRolloutStore(world.clock());
        monitor = InvariantMonitor.builder(FLEET, policy)
                .clock(world.clock())
                .truth(this::truth)
                .build();
        begin();
        world.counter().reset();
    }

    private void begin() {
        if (kind == Kind.GROUP) {
            world.createGroup(1, desired, desired + 1);
            return;
        }
        RolloutId first = RolloutId.of("first");
        InstanceProvider provider = provider();
        List<LaunchRequest> all = IntStream.rangeClosed(1, desired)
                .mapToObj(ordinal -> first.token(ordinal))
                .map((LaunchToken token) -> new LaunchRequest(FLEET, first, token, revision("1")))
                .toList();
        provider.launch(all);
        world.advance(times.boot().plus(times.staleness()));
        router().admitAll(provider.list());
        world.advance(times.healthy().plus(times.staleness()));
    }

    Revision revision(String version) {
        return LaunchTemplates.revision(world.launchTemplateId(), Long.parseLong(version));
    }

    InstanceProvider provider() {
        return kind == Kind.GROUP
                ? AutoScalingGroupProvider.builder(world.autoScaling(), FLEET, world.groupName())
                        .staleness(staleness)
                        .clock(world.clock())
                        .build()
                : Ec2FleetProvider.builder(world.ec2(), FLEET)
                        .staleness(staleness)
                        .build();
    }

    TargetGroupRouter router() {
        TargetGroupRouter.Builder router =
                TargetGroupRouter.builder(world.elb()).targetGroups(world.targetGroupArn());
        return kind == Kind.GROUP ? router.managedByGroup().build() : router.build();
    }

    /** A controller that has just begun: it knows what is in the store, and no more. */
    RollingUpdate update() {
        TargetGroupRouter router = router();
        return monitor.around(decorated.apply(provider()), router.health(), router, store)
                .desired(desired)
                .pollInterval(Duration.ofSeconds(30))
                .lease(Duration.ofSeconds(90))
                .engine(engine)
                .hostDriven()
                .build();
    }

    /** Makes its steps when they are due, until it has ended or its controller has died. */
    void drive(Rollout rollout) {
        for (int step = 0;
                step < MOST_STEPS && !isOver(rollout) && !world.faults().isDead();
                step++) {
            step(rollout);
        }
        assertThat(isOver(rollout) || world.faults().isDead())
                .as("%s", rollout.progress())
                .isTrue();
    }

    void step(Rollout rollout) {
        rollout.step();
        Instant now = world.clock().instant();
        rollout.nextStepAt()
                .map(next -> Duration.between(now, next))
                .ifPresent(wait -> world.advance(wait.isNegative() ? Duration.ZERO : wait));
    }

    static boolean isOver(Rollout rollout) {
        return rollout.end().toCompletableFuture().isDone();
    }

    /** Versions of the launch template that run now, whatever lists say. */
    List<String> running() {
        return world.reality().existing().entrySet().stream()
                .filter(one -> one.getValue() == InstanceStateName.RUNNING)
                .map(one -> world.reality().version(one.getKey()))
                .sorted()
                .toList();
    }

    /** All runs this version and serves, and what the rollout changed is as it was. */
    void assertIs(String version) {
        assertThat(running()).isEqualTo(Collections.nCopies(desired, version));
        assertThat(world.reality().existing()).hasSize(desired);
        assertThat(world.reality().targets(world.targetGroupArn()).values())
                .hasSize(desired)
                .containsOnly(TargetHealthStateEnum.HEALTHY);
        monitor.assertKept();
        assertGroupIsGivenBack(version, desired);
    }

    void assertGroupIsGivenBack(String version, int capacity) {
        if (kind == Kind.GROUP) {
            AutoScalingGroup group = world.reality().group(world.groupName());
            assertThat(world.reality().victimsOfTheGroup()).isEmpty();
            assertThat(group.desiredCapacity()).isEqualTo(capacity);
            assertThat(group.minSize()).as("minimum").isEqualTo(1);
            assertThat(group.maxSize()).as("maximum").isEqualTo(Math.max(capacity, desired + 1));
            assertThat(group.launchTemplate().version()).isEqualTo(version);
            assertThat(group.suspendedProcesses()).isEmpty();
        }
    }

    private Collection<Observed> truth() {
        Map<String, TargetHealthStateEnum> targets = world.reality().targets(world.targetGroupArn());
        List<Observed> truth = new ArrayList<>();
        world.reality().existing().forEach((id, state) -> truth.add(observed(id, state, targets.get(id))));
        return truth;
    }

    private Observed observed(String id, InstanceStateName state, TargetHealthStateEnum target) {
        Instance.State is = switch (state) {
            case PENDING -> Instance.State.STARTING;
            case RUNNING -> Instance.State.RUNNING;
            default -> Instance.State.STOPPING;
        };
        Instance instance = Instance.builder(
                        InstanceId.of(id), revision(world.reality().version(id)), is)
                .build();
        if (target == null) {
            return new Observed(instance, Health.healthy(), Routing.out());
        }
        return switch (target) {
            case HEALTHY -> new Observed(instance, Health.healthy(), Routing.in());
            case DRAINING -> new Observed(instance, Health.healthy(), Routing.draining(1));
            case UNHEALTHY -> new Observed(instance, Health.unhealthy(""), new Routing(Routing.State.ADMITTING, 0));
            default -> new Observed(instance, Health.unknown(""), new Routing(Routing.State.ADMITTING, 0));
        };
    }

    @Override
    public void close() {
        engine.close();
        world.close();
    }
}
