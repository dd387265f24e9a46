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
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A fleet in the hands of this controller: begins its rollouts, goes on with them, and leaves them to others. Where another controller
 * has the fleet it throws {@link Journal.Held} or {@link Journal.TakenOver}, and {@link RollingUpdate} then asks that one. Safe for use
 * by several threads.
 */
final class FleetDriver {

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
    private final RolloutEngine engine;
    private final Calls calls;
    private final Wiring wiring;
    private final String owner;
    private final Duration lease;
    private final int pastRollouts;
    private final Duration pastAge;
    private volatile @Nullable Current current;
    private volatile boolean closed;

    /** The rollout that was begun last, with what it takes to end it. */
    private record Current(Controller controller, Journal journal) {}

    FleetDriver(
            RollingUpdate.Builder settings,
            Adapters adapters,
            Limits limits,
            RolloutStore store,
            RolloutEngine engine) {
        this.adapters = adapters;
        this.limits = limits;
        this.store = store;
        this.engine = engine;
        policy = settings.policy;
        listeners = List.copyOf(settings.listeners);
        clock = settings.clock;
        pollInterval = settings.pollInterval;
        callTimeout = settings.callTimeout;
        gateInterval = settings.gateInterval;
        hostDriven = settings.hostDriven;
        wiring = settings.wiring;
        calls = new Calls(wiring.calls().apply(engine), callTimeout);
        owner = "%s/%s".formatted(engine.name, wiring.names().get());
        lease = settings.lease;
        pastRollouts = settings.pastRollouts;
        pastAge = settings.pastAge;
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

    boolean isClosed() {
        return closed;
    }

    synchronized Limits limits() {
        return limits;
    }

    /** See {@link RollingUpdate#resize}. */
    synchronized void resize(int desired) {
        Limits resized = Limits.resolve(policy, desired);
        requireOpen();
        if (isInProgress()) {
            current.controller().resize(resized);
        } else {
            amend(state -> state.phase().isFinal() ? state : state.resize(resized));
        }
        limits = resized;
    }

    /** For what begins here from now on. */
    synchronized void keep(int desired) {
        limits = Limits.resolve(policy, desired);
    }

    /** The record of the fleet, whoever holds the lease. */
    Optional<RolloutState> recorded() {
        return calls.call("load state", () -> store.load(adapters.fleet())).map(RolloutStore.Stored::state);
    }

    /** The rollout that is driven here. */
    Optional<Controller> local() {
        return Optional.ofNullable(current).map(Current::controller).filter(controller -> !controller.hasEnded());
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
            watches.forEach(FleetDriver::unwatch);
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

    /** See {@link RollingUpdate#preview}. */
    synchronized Forecast preview(Revision target, Timings timings) {
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

    /** The revision that the fleet runs: the one that was verified last if it is there, else the one that most run. */
    synchronized Revision running() {
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

    /** What exists now. */
    synchronized List<Instance> existing() {
        return betweenSteps(() -> calls.call("list instances", adapters.provider()::list)).stream()
                .filter(Instance::exists)
                .toList();
    }

    /** Of the list that a step has planned from, a provider may know that it was the last one: no other comes in between. */
    private <T> T betweenSteps(Supplier<T> look) {
        Optional<Controller> driven = local();
        return driven.isPresent() ? driven.get().betweenSteps(look) : look.get();
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
        }
        leave("another controller goes on with it");
    }

    /** Makes no further step of the rollout in progress, if there is one, and gives the lease back. */
    synchronized void leave(String why) {
        if (isInProgress() && current.controller().leave(why)) {
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

    /**
     * Begins nothing from now on.
     *
     * @return whether it was open
     */
    synchronized boolean shut() {
        boolean open = !closed;
        closed = true;
        return open;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the RollingUpdate of fleet %s is closed".formatted(adapters.fleet()));
        }
    }
}
