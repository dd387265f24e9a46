package io.github.rollstep.aws;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.aws.Headcount.Look;
import io.github.rollstep.aws.Headcount.Told;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.Instance;

/**
 * The instances of an Auto Scaling group. Launches by the absolute desired capacity, and terminates by name together with a decrement, so
 * that the group never chooses who goes. While a rollout lasts it suspends the processes of the group that would launch or stop
 * instances by their own will, lowers its minimum and raises its maximum; what it changed is in the record before, and put back after it,
 * whoever ends it.
 *
 * <p>A revision is a numbered version of a launch template: {@link LaunchTemplates#revision}. The group keeps no tokens: a new instance
 * is taken for the oldest open launch of its revision. Its targets are registered and drained by the group itself: the router is one
 * that only observes, {@link TargetGroupRouter.Builder#managedByGroup}, or {@link #standbyRouter} for a warm roll-back.
 *
 * <p>Refuses before the first action: a launch configuration, {@code $Latest} and {@code $Default}, a warm pool, an instance refresh in
 * progress, suspended processes that are needed, instances that are protected or in standby, a desired capacity that does not count
 * instances.
 *
 * <p>Safe for use by several threads. IAM actions and limits: {@code docs/aws.md}.
 */
public final class AutoScalingGroupProvider implements InstanceProvider {

    private static final Logger LOG = LoggerFactory.getLogger(AutoScalingGroupProvider.class);

    /** Whoever has to wait before it gives the group back tries again sooner than that, and need not wait once more. */
    private static final Duration SOON = Duration.ofMinutes(2);

    private final FleetId fleet;
    private final Group group;
    private final Duration staleness;
    private final boolean standby;
    private final InstantSource clock;

    /** Held for one call that changes the group at a time, so that launches need not wait for all that stop. */
    private final ReentrantLock lock = new ReentrantLock(true);

    private final Headcount headcount;
    private final Departed departed;

    /** The newest look, with what was changed since by us; and when it was asked for. */
    private Optional<AutoScalingGroup> seen = Optional.empty();

    private Instant seenAt = Instant.MIN;

    /** What is to be launched. */
    private Optional<LaunchTemplates.Version> goal = Optional.empty();

    private AutoScalingGroupProvider(Builder builder) {
        fleet = builder.fleet;
        group = new Group(builder.client, builder.name);
        staleness = builder.staleness;
        standby = builder.standby;
        clock = builder.clock;
        headcount = new Headcount(staleness);
        departed = new Departed(staleness);
    }

    /** @param group its name */
    public static Builder builder(AutoScalingClient client, FleetId fleet, String group) {
        return new Builder(client, fleet, group);
    }

    @Override
    public List<io.github.rollstep.Instance> list() {
        Instant asked = clock.instant();
        AutoScalingGroup found = group.describe();
        List<io.github.rollstep.Instance> listed = new ArrayList<>();
        found.instances().stream().flatMap(Members::listed).forEach(listed::add);
        locked(() -> {
            keep(found, asked);
            headcount.list(Members.look(found, asked));
            listed.addAll(departed.missing(listed, asked));
        });
        return listed;
    }

    private void keep(AutoScalingGroup found, Instant asked) {
        if (!asked.isBefore(seenAt)) {
            seen = Optional.of(found);
            seenAt = asked;
        }
    }

    private AutoScalingGroup look() {
        Instant asked = clock.instant();
        AutoScalingGroup found = group.describe();
        keep(found, asked);
        headcount.look(Members.look(found, asked));
        return found;
    }

    /** The last look, if none that is made now need show anything newer. */
    private AutoScalingGroup lookUnlessSeen() {
        return seen.filter(found -> isRecent()).orElseGet(this::look);
    }

    private boolean isRecent() {
        return !clock.instant().isAfter(seenAt.plus(staleness));
    }

    /** By one thread at a time; one that waits for it can be interrupted. */
    private <T> T locked(Supplier<T> call) {
        try {
            lock.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("interrupted while another call to %s was made".formatted(this), e);
        }
        try {
            return call.get();
        } finally {
            lock.unlock();
        }
    }

    private void locked(Runnable call) {
        locked(() -> {
            call.run();
            return true;
        });
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        launch(open, Set.of());
    }

    @Override
    public void launch(List<LaunchRequest> open, Set<InstanceId> leaving) {
        open.forEach(this::requireOwn);
        LaunchTemplates.Version version = LaunchTemplates.Version.of(open.get(0).revision());
        locked(() -> {
            if (!headcount.isListed()) {
                look();
                headcount.list(Members.look(seen.orElseThrow(), seenAt));
            }
            if (!headcount.showsOthers()) {
                throw ProviderException.retryable(
                        "launches nothing before lists are newer than what an earlier controller may have done, at "
                                + headcount.othersShownAt());
            }
            goal = Optional.of(version);
            headcount
                    .launch(open.size(), leaving.stream().map(InstanceId::value).toList())
                    .ifPresent(this::launch);
        });
    }

    /** What the group desires and has not got becomes part of it: not before it is as many as shall be launched. */
    private void launch(int capacity) {
        AutoScalingGroup last = seen.orElseThrow();
        goal.filter(version -> !Members.versionOf(last).equals(Optional.of(version)))
                .ifPresent(version -> seen = Optional.of(group.update(last, version)));
        setDesired(capacity);
    }

    private void setDesired(int capacity) {
        try {
            group.setDesired(capacity);
            headcount.set(capacity, clock.instant());
        } catch (RuntimeException e) {
            headcount.setting(capacity, clock.instant());
            throw e;
        }
    }

    private void requireOwn(LaunchRequest request) {
        if (!request.fleet().equals(fleet)) {
            throw ProviderException.permanent("fleet must be %s, was %s".formatted(fleet, request.fleet()));
        }
    }

    @Override
    public void terminate(InstanceId id) {
        terminateAll(List.of(id));
    }

    @Override
    public void terminateAll(Collection<InstanceId> ids) {
        if (ids.isEmpty()) {
            return;
        }
        List<Instance> members = new ArrayList<>();
        locked(() -> {
            members.addAll(lookFor(ids));
            headcount.owed().ifPresent(this::launch);
        });
        Bulk.forEach(members, member -> locked(() -> terminate(member)));
        locked(() -> headcount.owed().ifPresent(this::launch));
    }

    /** Those of them that are members and do not stop. What is none by a look that is made for it is gone, or none of ours. */
    private List<Instance> lookFor(Collection<InstanceId> ids) {
        Map<String, Instance> members = members(lookUnlessSeen());
        if (!ids.stream().map(InstanceId::value).allMatch(members::containsKey)) {
            members = members(look());
        }
        return ids.stream()
                .distinct()
                .map(InstanceId::value)
                .map(members::get)
                .filter(member -> member != null && !Members.isStopping(member))
                .toList();
    }

    private static Map<String, Instance> members(AutoScalingGroup found) {
        return found.instances().stream().collect(Collectors.toMap(Instance::instanceId, member -> member));
    }

    private void terminate(Instance member) {
        Optional<Told> told = headcount.told(member.instanceId(), seenAt);
        if (told.equals(Optional.of(Told.STOPS))) {
            return;
        }
        List<String> id = List.of(member.instanceId());
        requireNoneUnknown(told.equals(Optional.of(Told.UNKNOWN)) ? id : List.of());
        boolean counts = Members.counts(member) && told.isEmpty();
        try {
            boolean accepted = group.terminate(member.instanceId(), counts);
            headcount.stop(id, accepted && counts ? 1 : 0, clock.instant());
        } catch (RuntimeException e) {
            headcount.mayGo(id, clock.instant());
            throw e;
        }
        Members.listed(member).forEach(one -> departed.leaves(one, clock.instant()));
    }

    /** Those of them who were told this, and the last look does not show it. */
    private List<String> those(List<String> ids, Optional<Told> told) {
        return ids.stream()
                .filter(id -> headcount.told(id, seenAt).equals(told))
                .toList();
    }

    /** Who was told to go or to come back a moment ago may be part of the desired capacity, or may not. */
    private static void requireNoneUnknown(List<String> ids) {
        requireNone("were told to go or to come back, and lists do not show yet whether they do", ids);
    }

    private static void requireNone(String why, List<String> ids) {
        if (!ids.isEmpty()) {
            throw ProviderException.retryable("%s: %s".formatted(why, String.join(", ", ids)));
        }
    }

    /**
     * A router for a warm roll-back: what is drained goes into standby, where it runs on without requests until
     * {@code RolloutPolicy.retainOld} is over, and comes back at once if the rollout goes back. The provider must be built with
     * {@link Builder#standby}.
     *
     * @param targets the groups whose targets the Auto Scaling group registers; what is no target but runs must count as healthy there,
     *     which is the default of its {@code otherwise}
     */
    public TrafficRouter standbyRouter(TargetGroupRouter targets) {
        if (!standby || targets.drainsOnTerminate()) {
            throw new IllegalArgumentException("standby must be asked for of the provider, and the target groups not be"
                    + " managedByGroup: the standby router is who drains");
        }
        return new StandbyRouter(this, targets);
    }

    void enterStandby(List<InstanceId> ids) {
        locked(() -> {
            List<String> inService = members(ids, Members::counts);
            List<String> unknown = those(inService, Optional.of(Told.UNKNOWN));
            Bulk.forEach(Group.parts(those(inService, Optional.empty())), this::standBy);
            headcount.owed().ifPresent(this::launch);
            requireNoneUnknown(unknown);
        });
    }

    private void standBy(List<String> some) {
        try {
            group.enterStandby(some);
            headcount.standBy(some, clock.instant());
        } catch (RuntimeException e) {
            headcount.mayGo(some, clock.instant());
            throw e;
        }
    }

    void exitStandby(List<InstanceId> ids) {
        locked(() -> {
            look(); // Most of what is admitted has just been launched, and is in service.
            List<String> standing = members(ids, Members::stands);
            List<String> unknown = those(standing, Optional.of(Told.UNKNOWN));
            Bulk.forEach(Group.parts(those(standing, Optional.empty())), this::comeBack);
            requireNoneUnknown(unknown);
            requireNone("are not in standby yet, as they drain", members(ids, this::isEntering));
        });
    }

    private boolean isEntering(Instance member) {
        return Members.isStandby(member) && !Members.stands(member)
                || headcount.told(member.instanceId(), seenAt).equals(Optional.of(Told.STANDS));
    }

    private void comeBack(List<String> some) {
        try {
            group.exitStandby(some);
        } finally {
            headcount.mayComeBack(some, clock.instant());
        }
    }

    private List<String> members(List<InstanceId> ids, Predicate<Instance> is) {
        return lookUnlessSeen().instances().stream()
                .filter(is)
                .map(Instance::instanceId)
                .filter(id -> ids.contains(InstanceId.of(id)))
                .toList();
    }

    @Override
    public Optional<String> settings(Revision target) {
        LaunchTemplates.Version.of(target);
        return Optional.of(
                locked(() -> group.settings(lookUnlessSeen(), standby).text()));
    }

    @Override
    public void hold(String settings, int atMost, Revision revision) {
        GroupSettings before = GroupSettings.parse(settings);
        locked(() -> {
            AutoScalingGroup found = lookUnlessSeen();
            Look look = Members.look(found, seenAt);
            if (Group.suspended(found).containsAll(before.suspended())) {
                headcount.others(clock.instant()); // It is held already: perhaps by somebody before us.
            }
            group.suspend(before.suspended());
            int max = Math.max(Math.max(before.max(), found.maxSize()), Math.max(atMost, headcount.most(look)));
            goal = Optional.of(before.launching(revision));
            // Nobody asked for more of this one: what is desired and not there yet would become that.
            seen = Optional.of(
                    Headcount.isAhead(look)
                            ? group.resize(found, 0, max)
                            : group.update(found, 0, max, before.launching(revision)));
        });
    }

    @Override
    public void restore(String settings, Revision outcome) {
        GroupSettings before = GroupSettings.parse(settings);
        locked(() -> {
            AutoScalingGroup found = lookAtAll();
            Look look = Members.look(found, seenAt);
            int fitting = Headcount.fitting(look, before.desired());
            if (fitting < look.desired() && headcount.mayCome(look)) {
                throw ProviderException.retryable("%d are desired and %d are there: the others may come until %s"
                        .formatted(look.desired(), look.counting().size(), headcount.patientUntil()));
            }
            if (fitting < look.desired()) {
                LOG.warn(
                        "{}: {} instances of group {} never came: {} are desired from now on",
                        fleet,
                        look.desired() - look.counting().size(),
                        group.name(),
                        fitting);
                setDesired(fitting);
            }
            Bulk.forEach(
                    List.<Runnable>of(
                            () -> putBack(found, before, Math.max(before.max(), fitting), outcome),
                            () -> group.resume(before.suspended())),
                    Runnable::run);
            // Lists show it later; who begins the next rollout is told at once.
            seen = seen.map(group -> Group.resumed(group, before.suspended()));
            seenAt = clock.instant();
        });
    }

    /** A look that shows all that was done, by us and by an earlier controller if it is not certain that there was none. */
    private AutoScalingGroup lookAtAll() {
        Instant now = clock.instant();
        if (!isRecent() && now.isAfter(headcount.othersShownAt().plus(SOON))) {
            headcount.others(now);
        }
        Instant shownAt = headcount.allShownAt();
        if (now.isBefore(shownAt)) {
            throw ProviderException.retryable("puts nothing back before lists show all that was done, at " + shownAt);
        }
        return seen.filter(last -> isRecent() && !seenAt.isBefore(shownAt)).orElseGet(this::look);
    }

    /** If the version is refused, as one that was deleted, all the rest. */
    private void putBack(AutoScalingGroup found, GroupSettings before, int max, Revision outcome) {
        if (max > before.max()) {
            LOG.warn(
                    "{}: the maximum of group {} was {}, stays {}: so many are there or desired",
                    fleet,
                    group.name(),
                    before.max(),
                    max);
        }
        try {
            seen = Optional.of(group.update(found, before.min(), max, before.launching(outcome)));
        } catch (ProviderException e) {
            if (e.isRetryable()) {
                throw e;
            }
            LOG.warn("{}: group {} goes on launching what it does now: {}", fleet, group.name(), e.getMessage());
            seen = Optional.of(group.resize(found, before.min(), max));
        }
    }

    @Override
    public Duration staleness() {
        return staleness;
    }

    @Override
    public String toString() {
        return "Auto Scaling group " + group.name();
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {
        private final AutoScalingClient client;
        private final FleetId fleet;
        private final String name;
        private Duration staleness = Duration.ofSeconds(5);
        private boolean standby;
        private InstantSource clock = InstantSource.system();

        private Builder(AutoScalingClient client, FleetId fleet, String name) {
            this.client = client;
            this.fleet = fleet;
            this.name = name;
        }

        /** How old the list may be; 0 to 1 min; default: 5 s. AWS calls its answers eventually consistent and names no bound. */
        public Builder staleness(Duration staleness) {
            this.staleness = Require.within("staleness", Duration.ZERO, Duration.ofMinutes(1), staleness);
            return this;
        }

        /** Instances in standby are those of {@link #standbyRouter}: they are no reason to refuse. */
        public Builder standby() {
            standby = true;
            return this;
        }

        /** For tests. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        public AutoScalingGroupProvider build() {
            return new AutoScalingGroupProvider(this);
        }
    }
}
