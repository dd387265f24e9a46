package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.StopVeto;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

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

    private final FleetDriver driver;
    private final RolloutStore store;
    private final Duration callTimeout;
    private final boolean ownEngine;
    private final RolloutEngine engine;
    private final String operator;
    private final Optional<Exchange> exchange;
    private final Map<RolloutId, SharedRollout> handles = new ConcurrentHashMap<>();

    private RollingUpdate(Builder builder, Adapters adapters, Limits limits) {
        store = builder.store == null ? new InMemoryRolloutStore(builder.clock) : builder.store;
        callTimeout = builder.callTimeout;
        ownEngine = builder.engine == null;
        engine = builder.engine == null ? RolloutEngine.create() : builder.engine;
        operator = builder.operator;
        exchange = Optional.ofNullable(builder.exchange);
        driver = new FleetDriver(builder, adapters, limits, store, engine);
        exchange.ifPresent(shared -> engine.share(shared, this, builder.lease));
    }

    public static Builder builder() {
        return new Builder();
    }

    /** What the policy comes to for this fleet and its present desired count. */
    public Limits limits() {
        return driver.limits();
    }

    /**
     * Changes how many instances shall serve, for the rollout in progress and for later ones. What grows is launched in the new
     * revision once it has proved itself; what shrinks loses outdated and unhealthy instances first. Between rollouts nothing happens:
     * whoever runs the fleet then sizes it.
     *
     * <p>Where the fleet is shared and another controller holds it, that one is asked to, and this waits until it has obeyed. Whoever
     * goes on with the rollout keeps the size; between rollouts only this controller learns it.
     *
     * @throws IllegalArgumentException if it is not within 1 to 1,000,000, or the policy can never finish with it
     * @throws IllegalStateException if another controller holds the fleet and it is not shared, or this one is closed
     * @throws ProviderException if the store cannot be asked
     */
    public void resize(int desired) {
        try {
            driver.resize(desired);
        } catch (Journal.Held | Journal.TakenOver e) {
            if (exchange.isEmpty()) {
                throw e;
            }
            driver.recorded()
                    .filter(state -> !state.phase().isFinal())
                    .ifPresent(state -> ask(new Command.Resize(desired, Optional.of(state.rollout())), operator));
            driver.keep(desired);
        }
    }

    /**
     * Rolls the fleet to a revision. Returns when the rollout is recorded, before its first action.
     *
     * <p>An unfinished rollout to the same revision goes on, also one that another controller began; one to another
     * revision is superseded: the new one goes on from the mix that is there, and would go back to where the superseded one
     * would have gone.
     *
     * <p>Where the fleet is shared and another controller holds it, that one is asked to, and this waits until it has obeyed.
     *
     * @throws IllegalArgumentException if the policy does not suit the router: what is replaced is to be retained, and nothing drains; or
     *     its drain deadline is shorter than {@link TrafficRouter#longestDrain} (where the platform drains, its stop deadline)
     * @throws IllegalStateException if a rollout to this revision has failed before, or is going back (see {@link #retry}),
     *     if another controller holds the fleet and it is not shared, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked, or the provider refuses the revision. The rollout may have
     *     been recorded nevertheless: a repeat, or {@link #resume}, goes on with it
     */
    public Rollout start(Revision target) {
        return start(new Command.Start(target, false, false));
    }

    /** As {@link #start}, with its errors, also for a revision that has failed before. */
    public Rollout retry(Revision target) {
        return start(new Command.Start(target, false, true));
    }

    /**
     * Replaces every instance by a new one of the revision that the fleet runs: the one of the last rollout that succeeded if it is
     * there, else the one that most run. A restart in progress goes on, unless it goes back.
     *
     * @throws IllegalStateException if the fleet is empty; and all that {@link #start} throws
     */
    public Rollout restart() {
        Optional<Controller> restarting = driver.local().filter(controller -> isRestarting(controller.state()));
        return restarting.map(this::handle).orElseGet(() -> start(new Command.Start(driver.running(), true, true)));
    }

    private static boolean isRestarting(RolloutState state) {
        return state.restart() && !state.back() && !state.phase().isFinal();
    }

    /**
     * What a rollout to this revision would come to, from the fleet as it is now, with the times that were seen in the last
     * rollouts of this fleet. Launches, asks and stores nothing, and takes no lease. An unfinished rollout to this revision is
     * forecast to its end.
     *
     * @throws IllegalArgumentException if what is replaced is to be retained, and no router drains
     * @throws IllegalStateException if no rollout was seen yet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public Forecast preview(Revision target) {
        Timings timings = driver.recorded()
                .flatMap(RolloutState::timings)
                .orElseThrow(() -> new IllegalStateException(
                        "no rollout of fleet %s has launched anything yet: preview(revision, timings) is told the times"
                                .formatted(driver.fleet())));
        return preview(target, timings);
    }

    /** As {@link #preview(Revision)}, with these times. */
    public Forecast preview(Revision target, Timings timings) {
        return driver.preview(target, timings);
    }

    /**
     * Goes on with the fleet's unfinished rollout, if there is one. One that has ended and left settings of the platform changed is
     * unfinished until they are put back.
     *
     * @throws IllegalArgumentException if what is replaced is to be retained, and no router drains
     * @throws IllegalStateException if another controller holds the fleet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public Optional<Rollout> resume() {
        return driver.resumed().map(this::handle);
    }

    Rollout start(Command.Start command) {
        try {
            return handle(driver.start(command, operator, OptionalLong.empty()));
        } catch (Journal.Held | Journal.TakenOver e) {
            if (exchange.isEmpty()) {
                throw e;
            }
            ask(command, operator);
            RolloutState begun = driver.recorded().orElseThrow(() -> e);
            return handle(begun.rollout()); // It may have ended already.
        }
    }

    /**
     * The fleet's unfinished rollout, whichever controller drives it.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public Optional<Rollout> rollout() {
        Optional<Rollout> here = driver.local().map(this::handle);
        return here.isPresent() || exchange.isEmpty()
                ? here
                : driver.recorded().filter(state -> !state.phase().isFinal()).map(state -> handle(state.rollout()));
    }

    /**
     * The rollouts of the fleet that are over, the newest first: as many and for as long as {@link Builder#keepHistory} says.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public List<PastRollout> history() {
        return driver.recorded().map(RolloutState::past).orElse(List.of());
    }

    /**
     * Goes on with the fleet's unfinished rollout, as {@link #resume}, and tells what an earlier controller left: what it launched, and
     * nobody has seen yet; what was on its way out; what carries a launch token that is in no record. The rollout in progress takes care
     * of all of it, or else the next one.
     *
     * @throws IllegalStateException if another controller holds the fleet, or this one is closed
     * @throws ProviderException if the store or the adapters cannot be asked
     */
    public Recovery recover() {
        Optional<RolloutState> record = driver.recorded();
        List<Instance> listed = driver.existing();
        return new Recovery(resume(), Recovery.leftovers(record, listed));
    }

    private Rollout handle(Controller controller) {
        return exchange.isPresent() ? handle(controller.id()) : controller;
    }

    private Rollout handle(RolloutId id) {
        SharedRollout made = new SharedRollout(this, id);
        SharedRollout known = handles.putIfAbsent(id, made);
        if (known != null) {
            return known;
        }
        made.ended().whenComplete((progress, error) -> handles.remove(id, made));
        made.look();
        return made;
    }

    /** Whoever waits for the end of a shared rollout does so in vain. */
    void leaveHandles(String why) {
        handles.values().forEach(handle -> handle.leave(why));
    }

    /** What this controller does with the fleet by itself. */
    FleetDriver driver() {
        return driver;
    }

    String operator() {
        return operator;
    }

    /** Has the controller that holds the fleet do it; see {@link RemoteControl#ask}. */
    void ask(Command command, String by) {
        try {
            RemoteControl.of(store, exchange.orElseThrow()).ask(driver.fleet(), command, by, callTimeout);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("was interrupted before the request was answered; it stays asked", e);
        }
    }

    /**
     * Makes no further step and gives the lease back. A rollout in progress stays as it is and can be resumed. Waits for a
     * step in progress. Closes no adapter, store or engine that was handed in.
     */
    @Override
    public synchronized void close() {
        if (!driver.shut()) {
            return;
        }
        exchange.ifPresent(shared -> engine.unshare(shared, driver.fleet()));
        driver.leave("closed, can be resumed");
        leaveHandles("closed, can be resumed");
        if (ownEngine) {
            engine.close();
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private static final Duration LONGEST_POLL = Duration.ofMinutes(1);
        private static final Duration LONGEST_CALL = Duration.ofHours(1);

        private @Nullable FleetId fleet;
        private @Nullable Integer desired;
        private @Nullable InstanceProvider provider;
        private @Nullable HealthChecker health;
        private @Nullable TrafficRouter router;
        private @Nullable RolloutStore store;
        private @Nullable RolloutEngine engine;
        RolloutPolicy policy = RolloutPolicy.defaults();
        final List<RolloutListener> listeners = new ArrayList<>();
        InstantSource clock = InstantSource.system();
        Duration pollInterval = Duration.ofSeconds(1);
        Duration callTimeout = Duration.ofSeconds(30);
        Duration gateInterval = Duration.ofSeconds(10);
        private final List<Gate> gates = new ArrayList<>();
        private @Nullable StopVeto veto;
        boolean hostDriven;
        Duration lease = Duration.ofSeconds(30);
        private String operator = System.getProperty("user.name", "unknown");
        int pastRollouts = 20;
        Duration pastAge = Duration.ofDays(90);
        private boolean shared;
        private @Nullable Exchange exchange;
        Wiring wiring = Wiring.REAL;

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

        /**
         * How often to look at the least while nothing changes; 10 ms to 1 min; default: 1 s. Where lists are stale, at
         * most every time that is twice as long: 30 s suit a cloud.
         */
        public Builder pollInterval(Duration pollInterval) {
            this.pollInterval = Require.within("pollInterval", Duration.ofMillis(10), LONGEST_POLL, pollInterval);
            return this;
        }

        /**
         * How long any call of an adapter may take; 1 ms to 1 h; default: 30 s. Also how old what was seen may be when it is acted upon: where
         * a look takes longer in all, nothing is begun, and the rollout says so.
         */
        public Builder callTimeout(Duration callTimeout) {
            this.callTimeout = Require.within("callTimeout", Duration.ofMillis(1), LONGEST_CALL, callTimeout);
            return this;
        }

        /**
         * How often a gate is asked until it passes; 10 ms to 1 h; default: 10 s. One that takes longer is asked again after its answer was
         * acted upon.
         */
        public Builder gateInterval(Duration gateInterval) {
            this.gateInterval = Require.within("gateInterval", Duration.ofMillis(10), LONGEST_CALL, gateInterval);
            return this;
        }

        /** The host calls {@link Rollout#step} by its own schedule; the engine makes no step by itself. */
        public Builder hostDriven() {
            hostDriven = true;
            return this;
        }

        /**
         * How long this controller may be silent before another may take over: by the clock of the store, so that those of the
         * controllers may differ; 1 s to 1 h and at least three times the polling interval; default: 30 s. It is renewed at a third of
         * it. All controllers of a fleet have the same one.
         */
        public Builder lease(Duration lease) {
            this.lease = Require.within("lease", Duration.ofSeconds(1), LONGEST_CALL, lease);
            return this;
        }

        /**
         * Shares the fleet with the controllers of other processes that have the same store, which must be an {@link Exchange}, too. Who
         * has it is of no importance then: this one takes over a rollout whose controller is gone, within twice the lease; gives rollouts
         * to controllers that join, until each has as many; and has what is asked of a rollout done by whoever drives it. All that share
         * a store have the same fleets. The store is the only thing between them.
         */
        public Builder shared() {
            shared = true;
            return this;
        }

        /** Who starts rollouts and gives commands here, for the record; default: the user of the operating system. */
        public Builder operator(String operator) {
            this.operator = operator;
            return this;
        }

        /**
         * How many of the rollouts that are over are kept, and for how long; it is looked at when one begins. 0 to 1,000 of them, 0 to
         * 3,650 days; default: 20, 90 days.
         */
        public Builder keepHistory(int rollouts, Duration age) {
            pastRollouts = Require.within("rollouts", 0, 1_000, rollouts);
            pastAge = Require.within("age", Duration.ZERO, Duration.ofDays(3_650), age);
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
            if (lease.compareTo(pollInterval.multipliedBy(3)) < 0) {
                throw new IllegalArgumentException(
                        "lease must be >= 3 x pollInterval (%s), was %s".formatted(pollInterval, lease));
            }
            if (shared) {
                exchange = exchange();
            }
            return new RollingUpdate(this, adapters, Limits.resolve(policy, required("desired", desired)));
        }

        private Exchange exchange() {
            if (hostDriven) {
                throw new IllegalArgumentException("shared must be driven by an engine, was hostDriven");
            }
            if (!(store instanceof Exchange both)) {
                throw new IllegalArgumentException(
                        "shared must have a store that is an Exchange, was " + (store == null ? "none" : store));
            }
            return both;
        }

        private static <T> T required(String name, @Nullable T value) {
            if (value == null) {
                throw new IllegalArgumentException(name + " must be given, was not");
            }
            return value;
        }
    }
}
