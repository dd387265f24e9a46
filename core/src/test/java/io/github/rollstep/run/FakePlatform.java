package io.github.rollstep.run;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A platform that does at once what it is asked, and fails where a test wants it to. */
final class FakePlatform implements InstanceProvider, TrafficRouter, HealthChecker, Watchable {

    final Map<InstanceId, Instance> instances = new ConcurrentSkipListMap<>();
    final Map<InstanceId, Routing> routes = new ConcurrentHashMap<>();

    /** What was asked for, with each repeat. */
    final List<LaunchRequest> launches = new CopyOnWriteArrayList<>();

    final Set<String> bad = ConcurrentHashMap.newKeySet();
    final List<Runnable> watchers = new CopyOnWriteArrayList<>();

    volatile Duration longestDrain = Duration.ZERO;

    /** Runs at the beginning of each call, with its name; may block or throw. */
    volatile Interference interference = call -> {};

    interface Interference {
        void before(String call);
    }

    static FakePlatform of(String revision, int count) {
        FakePlatform platform = new FakePlatform();
        for (int i = 1; i <= count; i++) {
            platform.add(revision + "-" + i, Revision.of(revision));
        }
        platform.instances.keySet().forEach(id -> platform.routes.put(id, Routing.in()));
        return platform;
    }

    /** Rolls a fleet of three on this platform. */
    RollingUpdate.Builder update(FleetId fleet) {
        return RollingUpdate.builder()
                .fleet(fleet)
                .desired(3)
                .provider(this)
                .health(this)
                .router(this);
    }

    /** One after the other, each as soon as it is healthy. */
    static RolloutPolicy.Builder oneByOne() {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(1)))
                .maxSurge(1)
                .minReady(Duration.ZERO);
    }

    private void add(String id, Revision revision) {
        Instance instance = Instance.builder(InstanceId.of(id), revision, Instance.State.RUNNING)
                .address(InetSocketAddress.createUnresolved("localhost", 1))
                .build();
        instances.putIfAbsent(instance.id(), instance);
    }

    List<String> revisions() {
        return instances.values().stream()
                .map(instance -> instance.revision().id())
                .sorted()
                .toList();
    }

    void changed() {
        watchers.forEach(Runnable::run);
    }

    @Override
    public List<Instance> list() {
        interference.before("list");
        return List.copyOf(instances.values());
    }

    @Override
    public Optional<String> settings(Revision target) {
        interference.before("settings of " + target);
        return Optional.empty();
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        interference.before("launch");
        launches.addAll(open);
        interference.before("launched");
        open.forEach(request -> instances.computeIfAbsent(
                InstanceId.of(request.token().value()),
                id -> Instance.builder(id, request.revision(), Instance.State.RUNNING)
                        .token(request.token())
                        .build()));
    }

    @Override
    public void terminate(InstanceId id) {
        interference.before("terminate");
        instances.remove(id);
    }

    @Override
    public Health check(Instance instance) {
        interference.before("check");
        return bad.contains(instance.revision().id()) ? Health.unhealthy("bad") : Health.healthy();
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        interference.before("routes");
        return new TreeMap<>(routes);
    }

    @Override
    public Duration longestDrain() {
        return longestDrain;
    }

    @Override
    public void admit(Instance instance) {
        interference.before("admit");
        routes.put(instance.id(), Routing.in());
    }

    @Override
    public void drain(Instance instance) {
        interference.before("drain");
        routes.remove(instance.id());
    }

    @Override
    public Subscription watch(Runnable changed) {
        watchers.add(changed);
        return () -> watchers.remove(changed);
    }
}
