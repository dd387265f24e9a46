package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The contract of a provider by an Auto Scaling group. It takes a number: what is handed to it as open is open, and not in the list. Rules
 * that repeat a launch whose instance is listed are those of a repeat before the next list here.
 */
class AutoScalingGroupContractIT extends AwsProviderContract {

    private final Set<FleetId> groups = new HashSet<>();

    @Override
    protected InstanceProvider provider(FleetId of) {
        if (groups.add(of)) {
            world.createGroup(of.value(), 0, 0, 10);
        }
        return new TickingProvider(
                AutoScalingGroupProvider.builder(world.autoScaling(), of, of.value())
                        .staleness(Duration.ZERO)
                        .clock(world.clock())
                        .build(),
                world);
    }

    @Override
    protected boolean keepsTokens() {
        return false;
    }

    @Override
    protected Optional<InstanceId> startByHand(FleetId of) {
        Set<String> before = members(of);
        world.autoScaling()
                .setDesiredCapacity(
                        request -> request.autoScalingGroupName(of.value()).desiredCapacity(before.size() + 1));
        return members(of).stream()
                .filter(id -> !before.contains(id))
                .findFirst()
                .map(InstanceId::of);
    }

    private Set<String> members(FleetId of) {
        Set<String> ids = new HashSet<>();
        world.reality().group(of.value()).instances().forEach(member -> ids.add(member.instanceId()));
        return ids;
    }

    @Override
    protected boolean failNextTerminate() {
        fail("TerminateInstanceInAutoScalingGroup");
        return true;
    }

    private List<LaunchRequest> open(int from, int to) {
        RolloutId rollout = RolloutId.of("rollout-1");
        return IntStream.rangeClosed(from, to)
                .mapToObj(ordinal -> new LaunchRequest(fleet, rollout, rollout.token(ordinal), revision()))
                .toList();
    }

    private List<Instance> running(InstanceProvider provider, int count) {
        provider.launch(open(1, count));
        world.advance(Duration.ofSeconds(3));
        return provider.list();
    }

    @Override
    @Test
    protected void aRepeatStartsNothingTwice() {
        InstanceProvider provider = provider(fleet);
        provider.launch(open(1, 2));
        provider.launch(open(1, 2));

        assertThat(provider.list()).hasSize(2);
    }

    @Override
    @Test
    protected void aRepeatWithANewLaunchStartsTheNewOneAlone() {
        InstanceProvider provider = provider(fleet);
        provider.launch(open(1, 1));
        provider.launch(open(1, 2));

        assertThat(provider.list()).hasSize(2);
    }

    @Override
    @Test
    protected void aRepeatByTheNextControllerStartsNothingTwice() {
        provider(fleet).launch(open(1, 2));
        InstanceProvider next = provider(fleet);
        next.launch(open(3, 3));

        assertThat(next.list()).as("two that it found, and the new one").hasSize(3);
    }

    @Override
    @Test
    protected void aRepeatStartsNothingForAnInstanceThatFailed() {
        whatExitedIsListedAsFailedUntilItIsTerminated();
    }

    /** A group does not say whether one that is unhealthy is dead: its health is bad, and says the rest. */
    @Override
    @Test
    protected void whatExitedIsListedAsFailedUntilItIsTerminated() {
        InstanceProvider provider = provider(fleet);
        InstanceId one = running(provider, 2).get(0).id();
        world.kill(one.value());

        Instance dead = provider.list().stream()
                .filter(member -> member.id().equals(one))
                .findFirst()
                .orElseThrow();
        assertThat(dead.state()).isEqualTo(Instance.State.RUNNING);
        assertThat(dead.detail()).isEqualTo("InService, Unhealthy");
        TargetGroupRouter targets = TargetGroupRouter.builder(world.elb())
                .targetGroups(world.targetGroupArn())
                .managedByGroup()
                .build();
        assertThat(targets.health().check(dead)).isEqualTo(Health.unhealthy("InService, Unhealthy"));

        provider.terminate(one);
        world.advance(Duration.ofMinutes(1));
        assertThat(provider.list())
                .filteredOn(member -> member.state() != Instance.State.GONE)
                .hasSize(1)
                .noneMatch(member -> member.id().equals(one));
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    @Override
    @Test
    protected void aLaunchThatIsImpossibleIsAPermanentErrorAndHindersNoOther() {
        InstanceProvider provider = provider(fleet);
        RolloutId rollout = RolloutId.of("rollout-1");
        LaunchRequest latest = new LaunchRequest(fleet, rollout, rollout.token(1), Revision.of("$Latest".substring(1)));

        assertThatThrownBy(() -> provider.launch(List.of(latest)))
                .hasMessage(
                        "revision must be a launch template and a number, as LaunchTemplates.revision makes it, was Latest");
        assertThat(running(provider, 1)).hasSize(1);
    }

    @Override
    @Test
    protected void anInterruptedCallEndsSoonAndNothingIsLost() {
        super.anInterruptedCallEndsSoonAndNothingIsLost();
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }

    @Override
    @Test
    protected void launchesAndTerminatesAtTheSameTime() {
        super.launchesAndTerminatesAtTheSameTime();
        assertThat(world.reality().victimsOfTheGroup()).isEmpty();
    }
}
