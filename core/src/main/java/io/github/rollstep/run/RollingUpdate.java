package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
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
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
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
    private final Duration lease;
    private final String operator;
    private final int pastRollouts;
    private final Duration pastAge;
    private final Optional<Exchange> exchange;
    private final Map<RolloutId, SharedRollout> handles = new ConcurrentHashMap<>();
    private volatile @Nullable Current current;
    private volatile boolean closed;

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
        owner = "%s/%s".formatted(engine.name, wiring.names().get());
        lease = builder.lease;
        operator = builder.operator;
        pastRollouts = builder.pastRollouts;
        pastAge = builder.pastAge;
        exchange = Optional.ofNullable(builder.exchange);
        exchange.ifPresent(shared -> engine.share(shared, this, adapters.fleet(), lease));
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
     * <p>Where the fleet is shared and another controller holds it, that one is asked to, and this waits until it has obeyed. Whoever
     * goes on with the rollout keeps the size; between rollouts only this controller learns it.
     *
     * @throws IllegalArgumentException if it is not within 1 to 1,000,000, or the policy can never finish with it
     * @throws IllegalStateException if another controller holds the fleet and it is not shared, or this one is closed
     * @throws ProviderException if the store cannot be asked
     */
    public void resize(int desired) {
        Limits resized = Limits.resolve(policy, desired);
        try {
            resize(resized);
        } catch (Journal.Held | Journal.TakenOver e) {
            if (exchange.isEmpty()) {
                throw e;
            }
            recorded()
                    .filter(state -> !state.phase().isFinal())
                    .ifPresent(state -> ask(new Command.Resize(desired, Optional.of(state.rollout())), operator));
            keep(resized);
        }
    }

    /** Without asking anybody else. */
    void resizeHere(int desired) {
        resize(Limits.resolve(policy, desired));
    }

    private synchronized void resize(Limits resized) {
        requireOpen();
        if (isInProgress()) {
            current.controller().resize(resized);
        } else {
            amend(state -> state.phase().isFinal() ? state : state.resize(resized));
        }
        limits = resized;
    }

    private synchronized void keep(Limits resized) {
        limits = resized;
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
        Optional<Controller> restarting = local().filter(controller -> isRestarting(controller.state()));
        return restarting.map(this::handle).orElseGet(() -> start(new Command.Start(running(), true, true)));
    }

    private static boolean isRestarting(RolloutState state) {
        return state.restart() && !state.back() && !state.phase().isFinal();
    }

    private synchronized Revision running() {
        requireOpen();
        Map<Revision, Long> running =
                existing().stream().collect(Collectors.groupingBy(Instance::revision, Collectors.counting()));
        Optional<Revision> verified =
                recorded().flatMap(state -> state.history().verified()).filter(running::containsKey);
        return verified.or(() -> running.keySet().stream()
                        .max(Comparator.comparing((Revision one) -> running.getOrDefault(one, 0L))
                                .thenComparing(Revision::id)))
                .orElseThrow(() -> new IllegalStateException(
                        "fleet %s is empty: there is nothing to restart".formatted(adapters.fleet())));
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
        Observer observer = observer();
        FleetSnapshot fleet = betweenSteps(() -> observer.observe(now));
        Optional<RolloutState> previous = recorded();
        RolloutState state = previous.filter(
                        p -> !p.phase().isFinal() && !p.back() && p.target().equals(target))
                .orElseGet(() ->
                        RolloutState.begin(adapters.fleet(), RolloutId.of("preview"), target, limits, now, previous));
        return Forecast.from(fleet, state, policy, timings);
    }

    /** The record of the fleet, whoever holds the lease. */
    Optional<RolloutState> recorded() {
        return calls.call("load state", () -> store.load(adapters.fleet())).map(RolloutStore.Stored::state);
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
        return resumed().map(this::handle);
    }

    /** The fleet's unfinished rollout, in the hands of this controller. */
    synchronized Optional<Controller> resumed() {
        requireOpen();
        if (isInProgress()) {
            return Optional.of(current.controller());
        }
        Observer observer = observer();
        Journal journal = journal();
        Optional<RolloutState> unfinished = journal.state().filter(state -> !state.isOver());
        if (unfinished.isEmpty()) {
            journal.release();
        }
        return unfinished.map(state -> begin(state, journal, observer));
    }

    Rollout start(Command.Start command) {
        try {
            return handle(start(command, operator, OptionalLong.empty()));
        } catch (Journal.Held | Journal.TakenOver e) {
            if (exchange.isEmpty()) {
                throw e;
            }
            ask(command, operator);
            RolloutState begun = recorded().orElseThrow(() -> e);
            return handle(begun.rollout()); // It may have ended already.
        }
    }

    /** @param number of the request that asks for it; empty if it was asked for here */
    synchronized Controller start(Command.Start command, String by, OptionalLong number) {
        requireOpen();
        Observer observer = observer();
        if (isInProgress()) {
            Controller present = current.controller();
            if (goesOn(present.state(), command)) {
                number.ifPresent(one -> present.answer(one, Optional.empty()));
                return present;
            }
            requireNotFailed(present.state(), command);
            Optional<String> settings = accepted(command.target(), observer); // Before what is in progress is left.
            Optional<RolloutState> begun =
                    present.supersede(state -> next(command, by, number, Optional.of(state), settings));
            if (begun.isPresent()) {
                return begin(begun.get(), current.journal(), observer);
            }
        }
        Journal journal = journal();
        RolloutState state;
        try {
            Optional<RolloutState> previous = journal.state();
            requireNotAnswered(previous, number);
            if (previous.filter(unfinished -> goesOn(unfinished, command)).isPresent()) {
                state = answered(previous.get(), number);
            } else {
                previous.ifPresent(last -> requireNotFailed(last, command));
                state = next(command, by, number, previous, accepted(command.target(), observer));
            }
            if (previous.filter(state::equals).isEmpty()) {
                journal.save(state);
            }
        } catch (RuntimeException e) {
            releaseAfter(e, journal);
            throw e;
        }
        return begin(state, journal, observer);
    }

    private RolloutState next(
            Command.Start command,
            String by,
            OptionalLong number,
            Optional<RolloutState> previous,
            Optional<String> settings) {
        requireNotAnswered(previous, number);
        Instant now = clock.instant();
        RolloutId id = RolloutId.of(ID_TIME.format(now) + "-" + wiring.names().get());
        RolloutState state = RolloutState.begin(
                        adapters.fleet(), id, command.target(), command.restart(), limits, now, previous)
                .startedBy(by, pastRollouts, pastAge)
                .holding(settings);
        return answered(state, number);
    }

    private static RolloutState answered(RolloutState state, OptionalLong number) {
        return number.isPresent() ? state.answered(number.getAsLong(), Optional.empty()) : state;
    }

    /** By the controller that had the fleet before, after the request was read here. */
    private static void requireNotAnswered(Optional<RolloutState> state, OptionalLong number) {
        if (number.isPresent()
                && state.filter(one -> one.answers().upTo() >= number.getAsLong())
                        .isPresent()) {
            throw new IllegalStateException("request %d is answered already".formatted(number.getAsLong()));
        }
    }

    /** Whether the rollout that is there is the one asked for. */
    private boolean goesOn(RolloutState state, Command.Start command) {
        if (state.phase().isFinal()
                || !state.target().equals(command.target())
                || state.restart() != command.restart()
                || !(state.limits().equals(limits) || isResized(state))) {
            return false;
        }
        if (state.back() && !command.again()) {
            throw new IllegalStateException("rollout %s to revision %s is going back: retry(...) begins anew"
                    .formatted(state.rollout(), command.target()));
        }
        return !state.back();
    }

    /** Whether it began with the size that this controller has, and somebody may have resized it since. */
    private boolean isResized(RolloutState state) {
        try {
            return state.plannedDesired() == limits.desired()
                    && state.limits()
                            .equals(Limits.resolve(policy, state.limits().desired()));
        } catch (IllegalArgumentException e) {
            return false; // By another policy.
        }
    }

    private static void requireNotFailed(RolloutState state, Command.Start command) {
        if (!command.again()
                && state.history().failed().contains(command.target().id())) {
            throw new IllegalStateException("revision %s has failed in fleet %s before: retry(...) tries it again"
                    .formatted(command.target(), state.fleet()));
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
                new Custody(adapters, calls),
                new Cadence(pollInterval, observer.platform().staleness(), clock.instant()),
                new Announcer(listeners),
                state);
        current = new Current(controller, journal);
        limits = isResized(state) ? state.limits() : limits;
        if (hostDriven) {
            controller.begin(() -> {});
            return controller;
        }
        Pacer pacer = new Pacer(engine, controller, clock);
        engine.driven.add(controller);
        controller.begin(pacer::wake);
        List<Watchable.Subscription> watches = watch(pacer::wake);
        controller.ended().whenComplete((end, error) -> {
            engine.driven.remove(controller);
            watches.forEach(RollingUpdate::unwatch);
        });
        pacer.wake();
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

    /**
     * The fleet's unfinished rollout, whichever controller drives it.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public Optional<Rollout> rollout() {
        Optional<Rollout> here = local().map(this::handle);
        return here.isPresent() || exchange.isEmpty()
                ? here
                : recorded().filter(state -> !state.phase().isFinal()).map(state -> handle(state.rollout()));
    }

    /**
     * The rollouts of the fleet that are over, the newest first: as many and for as long as {@link Builder#keepHistory} says.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public List<PastRollout> history() {
        return recorded().map(RolloutState::past).orElse(List.of());
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
        Optional<RolloutState> record = recorded();
        List<Instance> listed = existing();
        return new Recovery(resume(), Recovery.leftovers(record, listed));
    }

    private synchronized List<Instance> existing() {
        return betweenSteps(() -> calls.call("list instances", adapters.provider()::list)).stream()
                .filter(Instance::exists)
                .toList();
    }

    /** Of the list that a step has planned from, a provider may know that it was the last one: no other comes in between. */
    private <T> T betweenSteps(Supplier<T> look) {
        Optional<Controller> driven = local();
        return driven.isPresent() ? driven.get().betweenSteps(look) : look.get();
    }

    /** The rollout that is driven here. */
    Optional<Controller> local() {
        return Optional.ofNullable(current).map(Current::controller).filter(controller -> !controller.hasEnded());
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

    FleetId fleet() {
        return adapters.fleet();
    }

    RolloutEngine engine() {
        return engine;
    }

    InstantSource clock() {
        return clock;
    }

    String operator() {
        return operator;
    }

    boolean isClosed() {
        return closed;
    }

    /** Has the controller that holds the fleet do it; see {@link RemoteControl#ask}. */
    void ask(Command command, String by) {
        try {
            RemoteControl.of(store, exchange.orElseThrow()).ask(adapters.fleet(), command, by, callTimeout);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("was interrupted before the request was answered; it stays asked", e);
        }
    }

    /**
     * Obeys these requests or refuses them, in their order, if this controller has the fleet or can get it; see {@link Requests}.
     *
     * @throws Journal.Held if another controller has it, and so is the one to answer
     * @throws ProviderException if it cannot be done now; what is not answered is to be tried again
     */
    synchronized void obey(List<Request> requests, Exchange asked) {
        if (!closed) {
            long answered = new Requests(this).answer(requests);
            calls.run("forget requests", () -> asked.forget(adapters.fleet(), answered));
        }
    }

    /** Changes the record of the fleet, if there is one, while no controller drives it. */
    void amend(UnaryOperator<RolloutState> change) {
        Journal journal = journal();
        try {
            Optional<RolloutState> before = journal.state();
            before.map(change).filter(next -> !next.equals(before.get())).ifPresent(journal::save);
        } finally {
            journal.release();
        }
    }

    /** Goes on with what no controller drives. */
    void takeOver() {
        resumed().ifPresent(controller -> LOG.info("{}: goes on with {}", adapters.fleet(), controller.id()));
    }

    /** Leaves the rollout to another controller. */
    synchronized void giveAway() {
        if (isInProgress()) {
            LOG.info(
                    "{}: leaves {} to another controller",
                    adapters.fleet(),
                    current.controller().id());
            leave("another controller goes on with it");
        }
    }

    private void leave(String why) {
        if (current.controller().leave(why)) {
            try {
                current.journal().release();
            } catch (ProviderException e) {
                LOG.warn("{}: the lease was not released and ends by itself: {}", adapters.fleet(), e.getMessage());
            }
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

    /** What the platform says to a rollout that is to begin: the settings that it will change, or that it refuses. */
    private Optional<String> accepted(Revision target, Observer observer) {
        boolean drainsOnTerminate = observer.platform().drainsOnTerminate();
        Duration longest = calls.call(
                "describe router",
                () -> adapters.router().map(TrafficRouter::longestDrain).orElse(Duration.ZERO));
        Duration given = drainsOnTerminate ? policy.stopDeadline() : policy.drainDeadline();
        if (given.compareTo(longest) < 0) {
            throw new IllegalArgumentException("%s must be >= %s, which the router may take for open requests, was %s"
                    .formatted(drainsOnTerminate ? "stopDeadline" : "drainDeadline", longest, given));
        }
        return calls.call("read settings", () -> adapters.provider().settings(target));
    }

    private Journal journal() {
        return new Journal(store, calls, adapters.fleet(), owner, lease, clock.instant());
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
        exchange.ifPresent(shared -> engine.unshare(shared, adapters.fleet()));
        if (isInProgress()) {
            leave("closed, can be resumed");
        }
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
        private RolloutPolicy policy = RolloutPolicy.defaults();
        private final List<RolloutListener> listeners = new ArrayList<>();
        private InstantSource clock = InstantSource.system();
        private Duration pollInterval = Duration.ofSeconds(1);
        private Duration callTimeout = Duration.ofSeconds(30);
        private Duration gateInterval = Duration.ofSeconds(10);
        private final List<Gate> gates = new ArrayList<>();
        private @Nullable StopVeto veto;
        private boolean hostDriven;
        private Duration lease = Duration.ofSeconds(30);
        private String operator = System.getProperty("user.name", "unknown");
        private int pastRollouts = 20;
        private Duration pastAge = Duration.ofDays(90);
        private boolean shared;
        private @Nullable Exchange exchange;
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

        /** How often a gate is asked until it passes; 10 ms to 1 h; default: 10 s. */
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
