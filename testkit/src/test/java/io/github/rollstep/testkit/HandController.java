package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/** A controller without an engine, and without a thread: it looks, plans, persists and acts, in one call each. */
final class HandController {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final Health UNTOLD = Health.unknown("no answer");

    private final FleetId fleet;
    private final String owner;
    private final InstantSource clock;
    private final InstanceProvider provider;
    private final HealthChecker health;
    private final Optional<TrafficRouter> router;
    private final RolloutStore store;
    private final Platform platform;
    private RolloutStore.Lease lease;
    private long version;
    private RolloutState state;

    HandController(
            FleetId fleet,
            String owner,
            InstantSource clock,
            InstanceProvider provider,
            HealthChecker health,
            Optional<TrafficRouter> router,
            RolloutStore store) {
        this.fleet = fleet;
        this.owner = owner;
        this.clock = clock;
        this.provider = provider;
        this.health = health;
        this.router = router;
        this.store = store;
        platform = new Platform(
                router.isPresent(),
                router.map(TrafficRouter::drainsOnTerminate).orElse(false),
                provider.staleness(),
                Duration.ofSeconds(30));
    }

    RolloutState state() {
        return state;
    }

    /** Takes the lease and what was persisted. */
    void takeOver() {
        lease = store.acquire(fleet, owner, LEASE).orElseThrow();
        Optional<RolloutStore.Stored> stored = store.load(fleet);
        version = stored.map(RolloutStore.Stored::version).orElse(0L);
        state = stored.map(RolloutStore.Stored::state).orElse(null);
    }

    void persist(RolloutState next) {
        if (!next.equals(state)) {
            if (!store.save(lease, version, next)) {
                throw new IllegalStateException("somebody else has saved");
            }
            version++;
            state = next;
        }
    }

    void command(UnaryOperator<RolloutState> command) {
        RolloutState next;
        try {
            next = command.apply(state);
        } catch (IllegalStateException | IllegalArgumentException e) {
            return; // Not in this phase, or not with this policy.
        }
        persist(next);
    }

    Plan look(BiFunction<FleetSnapshot, RolloutState, Plan> planner, UnaryOperator<FleetSnapshot> more) {
        return planner.apply(more.apply(observe()), state);
    }

    private FleetSnapshot observe() {
        try {
            List<Instance> listed = provider.list();
            Map<InstanceId, Health> verdicts = check(listed);
            Map<InstanceId, Routing> routes =
                    router.map(one -> one.routes(listed)).orElse(Map.of());
            List<Observed> seen = listed.stream()
                    .map(instance -> new Observed(
                            instance,
                            verdicts.getOrDefault(instance.id(), UNTOLD),
                            routes.getOrDefault(instance.id(), Routing.out())))
                    .toList();
            return FleetSnapshot.of(clock.instant(), platform, seen);
        } catch (ProviderException e) {
            return FleetSnapshot.blind(clock.instant(), platform, String.valueOf(e.getMessage()));
        }
    }

    private Map<InstanceId, Health> check(List<Instance> listed) {
        try {
            return health.checkAll(listed.stream()
                    .filter(instance -> instance.state() == Instance.State.RUNNING)
                    .toList());
        } catch (ProviderException e) {
            return Map.of();
        }
    }

    /** One call for all actions of a kind. */
    void act(Plan plan) {
        Map<String, List<Instance>> kinds = new LinkedHashMap<>();
        boolean launches = false;
        for (Action action : plan.actions()) {
            Optional<InstanceId> id = target(action);
            launches |= id.isEmpty();
            id.ifPresent(one -> kinds.computeIfAbsent(action.kind(), kind -> new ArrayList<>())
                    .add(stub(one)));
        }
        if (launches) {
            ask(() -> provider.launch(open(plan.next())));
        }
        kinds.forEach((kind, instances) -> ask(() -> {
            switch (kind) {
                case "admit" -> router.orElseThrow().admitAll(instances);
                case "drain" -> router.orElseThrow().drainAll(instances);
                default ->
                    provider.terminateAll(instances.stream().map(Instance::id).toList());
            }
        }));
    }

    private static List<LaunchRequest> open(RolloutState state) {
        return state.instances().stream()
                .filter(record -> record.intent() == InstanceRecord.Intent.LAUNCH
                        && !record.failed()
                        && record.revision().equals(state.goal()))
                .map(record -> open(state, record, record.token().orElseThrow()))
                .toList();
    }

    private static LaunchRequest open(RolloutState state, InstanceRecord record, LaunchToken token) {
        return new LaunchRequest(
                state.fleet(), token.rollout(), token, state.goal(), record.place(), record.intentSince());
    }

    private static Optional<InstanceId> target(Action action) {
        return action.accept(new Action.Cases<>() {
            @Override
            public Optional<InstanceId> launch(Action.Launch launch) {
                return Optional.empty();
            }

            @Override
            public Optional<InstanceId> admit(Action.Admit admit) {
                return Optional.of(admit.id());
            }

            @Override
            public Optional<InstanceId> drain(Action.Drain drain) {
                return Optional.of(drain.id());
            }

            @Override
            public Optional<InstanceId> terminate(Action.Terminate terminate) {
                return Optional.of(terminate.id());
            }
        });
    }

    /** The simulated router wants nothing but the id, and an address. */
    private static Instance stub(InstanceId id) {
        return Instance.builder(id, World.OLD, Instance.State.RUNNING)
                .address(InetSocketAddress.createUnresolved(id.value(), 80))
                .build();
    }

    private static void ask(Runnable call) {
        try {
            call.run();
        } catch (ProviderException e) {
            // As on a real platform: the next look shows what came of it.
        }
    }
}
