package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.StopVeto;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rolls one fleet, one rollout at a time. Safe for use by several threads.
 *
 * <pre>{@code
 * RollingUpdate update = RollingUpdate.builder()
 *     .fleet(FleetId.of("shop"))
 *     .desired(3)
 *     .provider(provider)
 *     .health(health)
 *     .router(router)
 *     .store(store)
 *     .build();
 * Optional<Progress> end = update.start(Revision.of("v2")).await(Duration.ofMinutes(10));
 * }</pre>
 *
 * <p>A controller that begins after another one died calls {@link #resume} first: it goes on where the other was.
 */
public final class RollingUpdate implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);
    private static final DateTimeFormatter ID_TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private final Adapters adapters;
    private Limits limits;
    private final RolloutStore store;
    private final RolloutPolicy policy;
    private final List<RolloutListener> listeners;
    private final InstantSource clock;
    private final Duration pollInterval;
    private final Duration callTimeout;
    private final Duration gateInterval;
    private final boolean hostDriven;
    private final boolean ownEngine;
    private final RolloutEngine engine;
    private final Calls calls;
    private final Wiring wiring;
    private final String owner;
    private @Nullable Current current;
    private boolean closed;

    /** The rollout that was begun last, with what it takes to end it. */
    private record Current(Controller controller, Journal journal) {}

    private RollingUpdate(Builder builder, Adapters adapters, Limits limits) {
        this.adapters = adapters;
        this.limits = limits;
        store = builder.store == null ? new InMemoryRolloutStore(builder.clock) : builder.store;
        policy = builder.policy;
        listeners = List.copyOf(builder.listeners);
        clock = builder.clock;
        pollInterval = builder.pollInterval;
        callTimeout = builder.callTimeout;
        gateInterval = builder.gateInterval;
        hostDriven = builder.hostDriven;
        ownEngine = builder.engine == null;
        engine = builder.engine == null ? RolloutEngine.create() : builder.engine;
        wiring = builder.wiring;
        calls = new Calls(wiring.calls().apply(engine), callTimeout);
        owner = "pid-%d-%s"
                .formatted(ProcessHandle.current().pid(), wiring.names().get());
    }

    public static Builder builder() {
        return new Builder();
    }

    /** What the policy comes to for this fleet and its present desired count. */
    public synchronized Limits limits() {
        return limits;
    }

    /**
     * Changes how many instances shall serve, for the rollout in progress and for later ones. What grows is launched in the new
     * revision once it has proved itself; what shrinks loses outdated and unhealthy instances first. Between rollouts nothing happens:
     * whoever runs the fleet then sizes it.
     *
     * @throws IllegalArgumentException if it is not within 1 to 1,000,000, or the policy can never finish with it
     * @throws IllegalStateException if another controller holds the fleet, or this one is closed
     * @throws ProviderException if the store cannot be asked
     */
    public synchronized void resize(int desired) {
        requireOpen();
        Limits resized = Limits.resolve(policy, desired);
        if (isInProgress()) {
            current.controller().resize(resized);
        }
        limits = resized;
    }

    /**
     * Rolls the fleet to a revision. Returns when the rollout is recorded, before its first action.
     *
     * <p>An unfinished rollout to the same revision goes on, also one that another controller began; one to another
     * revision is superseded: the new one goes on from the mix that is there, and would go back to where the superseded one
     * would have gone.
     *
     * @throws IllegalStateException if a rollout to this revision has failed before, or is going back (see {@link #retry}),
     *     if another controller holds the fleet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public Rollout start(Revision target) {
        return start(target, false, false);
    }

    /** As {@link #start}, also for a revision that has failed before. */
    public Rollout retry(Revision target) {
        return start(target, false, true);
    }

    /**
     * Replaces every instance by a new one of the revision that the fleet runs: the one of the last rollout that succeeded if it is
     * there, else the one that most run. A restart in progress goes on.
     *
     * @throws IllegalStateException if the fleet is empty; and as {@link #start} throws
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public synchronized Rollout restart() {
        requireOpen();
        if (isInProgress() && current.controller().state().restart()) {
            return current.controller();
        }
        Map<Revision, Long> running = calls.call("list instances", adapters.provider()::list).stream()
                .collect(Collectors.groupingBy(Instance::revision, Collectors.counting()));
        Optional<Revision> verified =
                recorded().flatMap(state -> state.history().verified()).filter(running::containsKey);
        Revision revision = verified.or(() -> running.keySet().stream()
                        .max(Comparator.comparing((Revision one) -> running.getOrDefault(one, 0L))
                                .thenComparing(Revision::id)))
                .orElseThrow(() -> new IllegalStateException(
                        "fleet %s is empty: there is nothing to restart".formatted(adapters.fleet())));
        return start(revision, true, true);
    }

    /**
     * What a rollout to this revision would come to, from the fleet as it is now, with the times that were seen in the last
     * rollouts of this fleet. Launches, asks and stores nothing, and takes no lease. An unfinished rollout to this revision is
     * forecast to its end.
     *
     * @throws IllegalStateException if no rollout was seen yet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public Forecast preview(Revision target) {
        Timings timings = recorded()
                .flatMap(RolloutState::timings)
                .orElseThrow(() -> new IllegalStateException(
                        "no rollout of fleet %s has launched anything yet: preview(revision, timings) is told the times"
                                .formatted(adapters.fleet())));
        return preview(target, timings);
    }

    /** As {@link #preview(Revision)}, with these times. */
    public synchronized Forecast preview(Revision target, Timings timings) {
        requireOpen();
        Instant now = clock.instant();
        FleetSnapshot fleet = observer().observe(now);
        Optional<RolloutState> previous = recorded();
        RolloutState state = previous.filter(
                        p -> !p.phase().isFinal() && !p.back() && p.target().equals(target))
                .orElseGet(() ->
                        RolloutState.begin(adapters.fleet(), RolloutId.of("preview"), target, limits, now, previous));
        return Forecast.from(fleet, state, policy, timings);
    }

    /** The record of the fleet, whoever holds the lease. */
    private Optional<RolloutState> recorded() {
        return calls.call("load state", () -> store.load(adapters.fleet())).map(RolloutStore.Stored::state);
    }

    /**
     * Goes on with the fleet's unfinished rollout, if there is one.
     *
     * @throws IllegalStateException if another controller holds the fleet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public synchronized Optional<Rollout> resume() {
        requireOpen();
        if (isInProgress()) {
            return Optional.of(current.controller());
        }
        Observer observer = observer();
        Journal journal = journal();
        Optional<RolloutState> unfinished =
                journal.state().filter(state -> !state.phase().isFinal());
        if (unfinished.isEmpty()) {
            journal.release();
        }
        return unfinished.map(state -> begin(state, journal, observer));
    }

    synchronized Rollout start(Revision target, boolean restart, boolean again) {
        requireOpen();
        RolloutId id = RolloutId.of(
                ID_TIME.format(clock.instant()) + "-" + wiring.names().get());
        Observer observer = observer();
        Journal journal;
        if (isInProgress()) {
            RolloutState state = current.controller().state();
            if (goesOn(state, target, restart, again)) {
                return current.controller();
            }
            requireNotFailed(state, target, again);
            boolean left = current.controller().leave("superseded by %s to revision %s".formatted(id, target));
            journal = left ? current.journal() : journal();
        } else {
            journal = journal();
        }
        try {
            journal.settle();
            Optional<RolloutState> previous = journal.state();
            if (previous.filter(state -> goesOn(state, target, restart, again)).isPresent()) {
                return begin(previous.get(), journal, observer);
            }
            previous.ifPresent(state -> requireNotFailed(state, target, again));
            RolloutState state =
                    RolloutState.begin(adapters.fleet(), id, target, restart, limits, clock.instant(), previous);
            journal.save(state);
            return begin(state, journal, observer);
        } catch (RuntimeException e) {
            releaseAfter(e, journal);
            throw e;
        }
    }

    /** Whether the rollout that is there is the one asked for. */
    private boolean goesOn(RolloutState state, Revision target, boolean restart, boolean again) {
        if (state.phase().isFinal()
                || !state.target().equals(target)
                || state.restart() != restart
                || !state.limits().equals(limits)) {
            return false;
        }
        if (state.back() && !again) {
            throw new IllegalStateException("rollout %s to revision %s is going back: retry(...) begins anew"
                    .formatted(state.rollout(), target));
        }
        return !state.back();
    }

    private static void requireNotFailed(RolloutState state, Revision target, boolean again) {
        if (!again && state.history().failed().contains(target.id())) {
            throw new IllegalStateException("revision %s has failed in fleet %s before: retry(...) tries it again"
                    .formatted(target, state.fleet()));
        }
    }

    private Controller begin(RolloutState state, Journal journal, Observer observer) {
        Controller controller = new Controller(
                policy,
                clock,
                callTimeout,
                wiring.planner(),
                journal,
                observer,
                new Gatekeeper(adapters.gates(), calls, gateInterval),
                new Veto(adapters.veto(), calls),
                new Performer(adapters, calls),
                new Announcer(listeners),
                state);
        current = new Current(controller, journal);
        if (hostDriven) {
            controller.begin(() -> {});
            return controller;
        }
        Pacer pacer = new Pacer(engine, controller, clock, pollInterval);
        engine.driven.add(controller);
        List<Watchable.Subscription> watches = watch(pacer::wake);
        controller.end().whenComplete((end, error) -> {
            engine.driven.remove(controller);
            watches.forEach(RollingUpdate::unwatch);
        });
        controller.begin(pacer::wake);
        return controller;
    }

    private List<Watchable.Subscription> watch(Runnable wake) {
        List<Watchable.Subscription> watches = new ArrayList<>();
        Stream.concat(Stream.of(adapters.provider(), adapters.health()), adapters.router().stream())
                .distinct()
                .filter(Watchable.class::isInstance)
                .map(Watchable.class::cast)
                .forEach(watchable -> {
                    try {
                        watches.add(calls.call("watch " + watchable, () -> watchable.watch(wake)));
                    } catch (ProviderException e) {
                        LOG.warn("{}: polls only: {}", adapters.fleet(), e.getMessage());
                    }
                });
        return watches;
    }

    private static void unwatch(Watchable.Subscription watch) {
        try {
            watch.close();
        } catch (RuntimeException e) {
            LOG.warn("a watch could not be ended", e);
        }
    }

    private boolean isInProgress() {
        return current != null && !current.controller().hasEnded();
    }

    /** An action is decided within one call time-out of its observation, and takes effect within another. */
    private Observer observer() {
        Observer observer = new Observer(adapters, calls, callTimeout.multipliedBy(2));
        boolean drains = observer.platform().routed() && !observer.platform().drainsOnTerminate();
        if (!policy.retainOld().isZero() && !drains) {
            throw new IllegalArgumentException(
                    "retainOld must be 0 without a router that drains, was %s".formatted(policy.retainOld()));
        }
        return observer;
    }

    private Journal journal() {
        return new Journal(store, calls, adapters.fleet(), owner, clock.instant());
    }

    private static void releaseAfter(RuntimeException failure, Journal journal) {
        try {
            journal.release();
        } catch (ProviderException e) {
            failure.addSuppressed(e);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the RollingUpdate of fleet %s is closed".formatted(adapters.fleet()));
        }
    }

    /**
     * Makes no further step and gives the lease back. A rollout in progress stays as it is and can be resumed. Waits for a
     * step in progress. Closes no adapter, store or engine that was handed in.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (isInProgress()) {
            current.controller().leave("closed, can be resumed");
            try {
                current.journal().release();
            } catch (ProviderException e) {
                LOG.warn("{}: the lease was not released and ends by itself: {}", adapters.fleet(), e.getMessage());
            }
        }
        if (ownEngine) {
            engine.close();
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private static final Duration LONGEST_POLL = Journal.LEASE.dividedBy(3);
        private static final Duration LONGEST_CALL = Duration.ofHours(1);

        private @Nullable FleetId fleet;
        private @Nullable Integer desired;
        private @Nullable InstanceProvider provider;
        private @Nullable HealthChecker health;
        private @Nullable TrafficRouter router;
        private @Nullable RolloutStore store;
        private @Nullable RolloutEngine engine;
        private RolloutPolicy policy = RolloutPolicy.defaults();
        private final List<RolloutListener> listeners = new ArrayList<>();
        private InstantSource clock = InstantSource.system();
        private Duration pollInterval = Duration.ofSeconds(1);
        private Duration callTimeout = Duration.ofSeconds(30);
        private Duration gateInterval = Duration.ofSeconds(10);
        private final List<Gate> gates = new ArrayList<>();
        private @Nullable StopVeto veto;
        private boolean hostDriven;
        private Wiring wiring = Wiring.REAL;

        private Builder() {}

        /** The fleet; required. The provider must be of the same one. */
        public Builder fleet(FleetId fleet) {
            this.fleet = fleet;
            return this;
        }

        /** How many instances shall serve; required; 1 to 1,000,000. */
        public Builder desired(int desired) {
            this.desired = desired;
            return this;
        }

        /** Required. */
        public Builder provider(InstanceProvider provider) {
            this.provider = provider;
            return this;
        }

        /** Required. */
        public Builder health(HealthChecker health) {
            this.health = health;
            return this;
        }

        /** Without one (workers that pull from a queue), what is healthy for {@code minReady} is serving. */
        public Builder router(TrafficRouter router) {
            this.router = router;
            return this;
        }

        /** Adds a judge; they all must pass. */
        public Builder gate(Gate gate) {
            gates.add(gate);
            return this;
        }

        /** Who says which instances may go; default: nobody is asked. */
        public Builder stopVeto(StopVeto veto) {
            this.veto = veto;
            return this;
        }

        /** Default: in memory, so that nothing is known after a restart. */
        public Builder store(RolloutStore store) {
            this.store = store;
            return this;
        }

        /** Default: {@link RolloutPolicy#defaults()}. */
        public Builder policy(RolloutPolicy policy) {
            this.policy = policy;
            return this;
        }

        /** Adds a listener. */
        public Builder listener(RolloutListener listener) {
            listeners.add(listener);
            return this;
        }

        /** Whose threads to use; default: an engine of its own, closed together with this. */
        public Builder engine(RolloutEngine engine) {
            this.engine = engine;
            return this;
        }

        /** For tests. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        /** How often to look at the least while nothing changes; 10 ms to 10 s; default: 1 s. */
        public Builder pollInterval(Duration pollInterval) {
            this.pollInterval = within("pollInterval", Duration.ofMillis(10), LONGEST_POLL, pollInterval);
            return this;
        }

        /** How long any call of an adapter may take; 1 ms to 1 h; default: 30 s. */
        public Builder callTimeout(Duration callTimeout) {
            this.callTimeout = within("callTimeout", Duration.ofMillis(1), LONGEST_CALL, callTimeout);
            return this;
        }

        /** How often a gate is asked until it passes; 10 ms to 1 h; default: 10 s. */
        public Builder gateInterval(Duration gateInterval) {
            this.gateInterval = within("gateInterval", Duration.ofMillis(10), LONGEST_CALL, gateInterval);
            return this;
        }

        /** The host calls {@link Rollout#step} by its own schedule; the engine makes no step by itself. */
        public Builder hostDriven() {
            hostDriven = true;
            return this;
        }

        Builder wiring(Wiring wiring) {
            this.wiring = wiring;
            return this;
        }

        /** @throws IllegalArgumentException if something required is missing, or the policy can never finish for this fleet */
        public RollingUpdate build() {
            Adapters adapters = new Adapters(
                    required("fleet", fleet),
                    required("provider", provider),
                    required("health", health),
                    Optional.ofNullable(router),
                    List.copyOf(gates),
                    Optional.ofNullable(veto));
            Set<String> names = new HashSet<>();
            gates.stream()
                    .map(Gate::name)
                    .filter(name -> !names.add(name))
                    .findFirst()
                    .ifPresent(name -> {
                        throw new IllegalArgumentException("gates must have different names, two have " + name);
                    });
            return new RollingUpdate(this, adapters, Limits.resolve(policy, required("desired", desired)));
        }

        private static <T> T required(String name, @Nullable T value) {
            if (value == null) {
                throw new IllegalArgumentException(name + " must be given, was not");
            }
            return value;
        }

        private static Duration within(String name, Duration least, Duration most, Duration value) {
            if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
                throw new IllegalArgumentException(
                        "%s must be within %s to %s, was %s".formatted(name, least, most, value));
            }
            return value;
        }
    }
}
