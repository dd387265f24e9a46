package io.github.rollstep.run;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Looks at a fleet: one call each of provider, health checker and router, the latter two side by side. */
final class Observer {

    private final Adapters adapters;
    private final Calls calls;
    private final Platform platform;

    /** @throws ProviderException if the adapters do not say what they are */
    Observer(Adapters adapters, Calls calls, Duration requestLife) {
        this.adapters = adapters;
        this.calls = calls;
        platform = calls.call(
                "describe platform",
                () -> new Platform(
                        adapters.router().isPresent(),
                        adapters.router().map(TrafficRouter::drainsOnTerminate).orElse(false),
                        adapters.provider().staleness(),
                        requestLife));
    }

    Platform platform() {
        return platform;
    }

    /**
     * @param now the time before the first call
     * @throws ProviderException if provider or router cannot tell; a health checker that cannot makes every health unknown
     */
    FleetSnapshot observe(Instant now) {
        List<Instance> listed = calls.call("list instances", adapters.provider()::list);
        List<Instance> existing = listed.stream().filter(Instance::exists).toList();
        List<Instance> running = new ArrayList<>(listed.size());
        for (Instance instance : listed) {
            if (instance.state() == Instance.State.RUNNING) {
                running.add(instance);
            }
        }
        Calls.Pending<Map<InstanceId, Health>> checking =
                calls.start("check health", () -> adapters.health().checkAll(running));
        Calls.@Nullable Pending<Map<InstanceId, Routing>> asking = adapters.router()
                .map(router -> calls.start("read routes", () -> router.routes(existing)))
                .orElse(null);

        Map<InstanceId, Health> health = Map.of();
        String unknown = "not checked";
        Optional<String> fault = Optional.empty();
        try {
            health = checking.result();
        } catch (ProviderException e) {
            unknown = String.valueOf(e.getMessage());
            fault = e.isRetryable() ? Optional.empty() : Optional.of(unknown);
        }
        Map<InstanceId, Routing> routes = asking == null ? Map.of() : asking.result();
        Health none = Health.unknown(unknown);
        Map<InstanceId, Observed> observed = new LinkedHashMap<>();
        for (Instance instance : listed) {
            InstanceId id = instance.id();
            observed.putIfAbsent(
                    id, new Observed(instance, health.getOrDefault(id, none), routes.getOrDefault(id, Routing.out())));
        }
        FleetSnapshot snapshot = FleetSnapshot.of(now, platform, List.copyOf(observed.values()));
        return fault.map(snapshot::withFault).orElse(snapshot);
    }
}
