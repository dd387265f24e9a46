package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Instance.State;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A platform in memory: provider, health checker and router of one fleet, whose instances behave as told by {@link Behaviour}.
 *
 * <p>It has no thread and never waits. Time is what its clock says: whatever was due by then has happened, at its own time
 * and in its order, before a call is answered, however far the clock jumped. {@link #nextChangeAt()} says where to jump to.
 * With one thread, the same seed and the same calls give the same answers.
 *
 * <pre>{@code
 * ManualClock clock = new ManualClock(Instant.EPOCH);
 * SimulatedFleet fleet = SimulatedFleet.builder(FleetId.of("shop"), clock)
 *     .behaviour(v2, Behaviour.builder().startDelay(ofSeconds(2), ofSeconds(5)).healthyAfter(ofSeconds(3)).build())
 *     .build();
 * fleet.start(3, v1);
 * }</pre>
 *
 * <p>The provider, health checker and router are {@link Watchable}. A change that is due by time is told of when somebody next
 * calls. Safe for use by several threads.
 */
public final class SimulatedFleet {

    /** What can be asked of it. A bulk call counts as many, except {@code launch} and {@code checkAll}. */
    public enum Call {
        LIST,
        LAUNCH,
        TERMINATE,
        CHECK,
        ROUTES,
        ADMIT,
        DRAIN
    }

    /**
     * One call that was made.
     *
     * @param subjects the tokens of a launch, or the id; empty for list, routes and a check of many
     * @param failure the message of what was thrown; "" if it was answered
     */
    public record CallRecord(Instant at, Call call, List<String> subjects, String failure) {}

    private final FleetId fleet;
    private final InstantSource clock;
    private final boolean routed;
    private final boolean drainsOnTerminate;
    private final boolean tokens;
    private final Duration requestLife;
    private final int loggedCalls;

    private final Object lock = new Object();
    private final SplittableRandom random;
    private final Map<Revision, Behaviour> behaviours;
    private final Behaviour otherwise;
    private final Map<InstanceId, SimulatedInstance> members = new LinkedHashMap<>();
    private final Map<InstanceId, SimulatedInstance> foreign = new LinkedHashMap<>();
    private final Set<InstanceId> gone = new HashSet<>();
    private final Set<LaunchToken> accepted = new HashSet<>();
    private final Agenda agenda = new Agenda();
    private final Faults faults;
    private final SimulatedInstance.Surroundings surroundings;
    private final Deque<CallRecord> calls = new ArrayDeque<>();
    private final List<String> violations = new ArrayList<>();
    private final List<Runnable> watchers = new CopyOnWriteArrayList<>();
    private int ordinal;
    private boolean changed;

    private final Provider provider = new Provider();
    private final Checker checker = new Checker();
    private final Router router = new Router();

    private SimulatedFleet(Builder builder) {
        fleet = builder.fleet;
        clock = builder.clock;
        routed = builder.routed;
        drainsOnTerminate = builder.drainsOnTerminate;
        tokens = builder.tokens;
        requestLife = builder.requestLife;
        loggedCalls = builder.loggedCalls;
        random = new SplittableRandom(builder.seed);
        faults = new Faults(random);
        surroundings = new SimulatedInstance.Surroundings(
                agenda, routed, drainsOnTerminate, () -> changed = true, this::forget);
        behaviours = new HashMap<>(builder.behaviours);
        otherwise = builder.otherwise;
    }

    public static Builder builder(FleetId fleet, InstantSource clock) {
        return new Builder(fleet, clock);
    }

    public FleetId id() {
        return fleet;
    }

    /** Also {@link Watchable}. */
    public InstanceProvider provider() {
        return provider;
    }

    /** Also {@link Watchable}. */
    public HealthChecker healthChecker() {
        return checker;
    }

    /**
     * Also {@link Watchable}.
     *
     * @throws IllegalStateException if it was built without a router
     */
    public TrafficRouter router() {
        if (!routed) {
            throw new IllegalStateException("fleet %s was built without a router".formatted(fleet));
        }
        return router;
    }

    // What happens to it

    /** How instances of the revision behave that are launched from now on. */
    public void behaviour(Revision revision, Behaviour behaviour) {
        synchronized (lock) {
            behaviours.put(revision, behaviour);
        }
    }

    /**
     * Puts {@code count} instances in place: running, healthy and in the router, as if started by somebody else, without
     * tokens.
     */
    public List<Instance> start(int count, Revision revision) {
        return IntStream.range(0, count)
                .mapToObj(i -> start(revision, Place.anywhere()))
                .toList();
    }

    /** Puts one in this place, as {@link #start(int, Revision)} does anywhere. */
    public Instance start(Revision revision, Place place) {
        return now(now -> {
            SimulatedInstance member = born(fleet.value(), revision, Optional.empty(), place, Map.of(), now);
            members.put(member.id, member);
            member.place(now);
            return member.instance();
        });
    }

    /**
     * Puts {@code count} instances of another fleet in place: running, healthy and in the router. They are not listed;
     * whoever terminates, admits or drains one changes nothing and is remembered in {@link #violations()}.
     */
    public List<Instance> startForeign(int count, Revision revision) {
        return now(now -> IntStream.range(0, count)
                .mapToObj(i -> {
                    SimulatedInstance member =
                            born("foreign", revision, Optional.empty(), Place.anywhere(), Map.of(), now);
                    foreign.put(member.id, member);
                    member.state = State.RUNNING;
                    member.warm = true;
                    member.route = routed ? Routing.State.IN : Routing.State.OUT;
                    return member.instance();
                })
                .toList());
    }

    /**
     * It dies, and is listed as failed.
     *
     * @throws IllegalArgumentException as all of these do if the fleet has no such instance
     */
    public void kill(InstanceId id) {
        act(id, (member, now) -> {
            if (member.state == State.STOPPING) {
                member.vanish();
            } else {
                member.fail("killed");
            }
        });
    }

    /** Somebody else removes it: it is gone at once, and from the router too. */
    public void vanish(InstanceId id) {
        act(id, (member, now) -> member.vanish());
    }

    /** It is unhealthy until {@link #makeHealthy}. */
    public void makeUnhealthy(InstanceId id) {
        act(id, (member, now) -> {
            member.ill = true;
            changed = true;
        });
    }

    /** It is healthy, if it runs, whatever its behaviour was; it may fall ill again by its behaviour. */
    public void makeHealthy(InstanceId id) {
        act(id, (member, now) -> {
            boolean wasServing = member.serving();
            member.ill = false;
            member.sick = false;
            member.warm = true;
            member.cancel(Agenda.Change.WARM);
            member.cancel(Agenda.Change.RECOVERED);
            if (!wasServing) {
                member.beginsToServe(now);
            }
            changed = true;
        });
    }

    /**
     * A client sends a request through the router, and it stays open until told to end. It is cut if the instance exits,
     * or is gone, before.
     *
     * @throws IllegalStateException if the router sends that instance no requests
     */
    public OpenRequest openRequest(InstanceId id) {
        return now(now -> {
            SimulatedInstance member = members.get(id);
            if (member == null || member.route != Routing.State.IN || member.state != State.RUNNING) {
                throw new IllegalStateException("no request reaches " + id);
            }
            SimulatedRequest request = new SimulatedRequest(member);
            member.requests.add(request);
            changed = true;
            return request;
        });
    }

    // Faults

    /** The next {@code count} calls of this kind fail before they take effect; those told of first come first. */
    public void failNext(Call call, int count, ProviderException exception) {
        script(call, count, new Faults.Fault(exception, false));
    }

    /** The next {@code count} calls of this kind take effect, and then fail: the answer is lost. */
    public void failNextAfterEffect(Call call, int count, ProviderException exception) {
        script(call, count, new Faults.Fault(exception, true));
    }

    /**
     * From now on calls fail by chance, retryably; each launch of one call has its own chance.
     *
     * @param beforeEffect the share of calls that fail before they take effect; 0 to 1
     * @param afterEffect the share of calls that take effect and then fail; the sum is at most 1
     */
    public void failRate(double beforeEffect, double afterEffect) {
        if (!(beforeEffect >= 0 && afterEffect >= 0 && beforeEffect + afterEffect <= 1)) {
            throw new IllegalArgumentException(
                    "failRate must be >= 0 and in sum <= 1, was %s and %s".formatted(beforeEffect, afterEffect));
        }
        synchronized (lock) {
            faults.rate(beforeEffect, afterEffect);
        }
    }

    // What is seen of it

    /**
     * Lets everything happen that is due, and says when something will change next if nobody calls; empty if nothing ever
     * will. Always later than now.
     */
    public Optional<Instant> nextChangeAt() {
        return now(now -> agenda.next());
    }

    /**
     * The fleet as an engine would put it together from a list, a check of the running ones, and the routes. Neither logged
     * nor subject to faults.
     */
    public List<Observed> observe() {
        return now(now -> {
            List<Observed> observed = new ArrayList<>(members.size());
            for (SimulatedInstance member : members.values()) {
                observed.add(new Observed(
                        member.instance(),
                        member.state == State.RUNNING ? member.health() : SimulatedInstance.NOT_CHECKED,
                        member.routing()));
            }
            return List.copyOf(observed);
        });
    }

    /** Who serves now. What they become is to be seen of them later. */
    List<SimulatedInstance> serving() {
        return now(now -> {
            List<SimulatedInstance> serving = new ArrayList<>(members.size());
            for (SimulatedInstance member : members.values()) {
                if (member.serving()) {
                    serving.add(member);
                }
            }
            return serving;
        });
    }

    /** How many exist. */
    int size() {
        return now(now -> members.size());
    }

    /** The instance itself; empty if it is gone, or none of this fleet. */
    Optional<SimulatedInstance> member(InstanceId id) {
        return now(now -> Optional.ofNullable(members.get(id)));
    }

    /** {@link #observe()} at the time of the clock, for a planner. */
    public FleetSnapshot snapshot() {
        return FleetSnapshot.of(clock.instant(), platform(), observe());
    }

    public Platform platform() {
        return new Platform(routed, routed && drainsOnTerminate, Duration.ZERO, requestLife);
    }

    /** The calls that were made, oldest first; the oldest are forgotten beyond the number that was asked for. */
    public List<CallRecord> calls() {
        synchronized (lock) {
            return List.copyOf(calls);
        }
    }

    /**
     * Every terminate, admit or drain of an instance of another fleet, or of one that never was; and every launch for another
     * fleet.
     */
    public List<String> violations() {
        synchronized (lock) {
            return List.copyOf(violations);
        }
    }

    // The calls

    private interface Act {
        void on(SimulatedInstance member, Instant now);
    }

    private interface AtNow<T> {
        T at(Instant now);
    }

    /** Not a call of an SPI: no log, no fault. */
    private <T> T now(AtNow<T> work) {
        try {
            synchronized (lock) {
                Instant now = clock.instant();
                agenda.settle(now);
                T result = work.at(now);
                agenda.settle(now);
                return result;
            }
        } finally {
            tellWatchers();
        }
    }

    private void act(InstanceId id, Act act) {
        now(now -> {
            SimulatedInstance member = members.get(id);
            if (member == null) {
                throw new IllegalArgumentException("fleet %s has no instance %s".formatted(fleet, id));
            }
            act.on(member, now);
            return member;
        });
    }

    private <T> T call(Call call, Supplier<List<String>> subjects, AtNow<T> effect) {
        return now(now -> {
            String failure = "";
            try {
                Optional<Faults.Fault> fault = faults.next(call);
                fail(fault, Effect.BEFORE);
                T answer = effect.at(now);
                fail(fault, Effect.AFTER);
                return answer;
            } catch (RuntimeException e) {
                failure = String.valueOf(e.getMessage());
                throw e;
            } finally {
                if (loggedCalls > 0) {
                    if (calls.size() == loggedCalls) {
                        calls.removeFirst();
                    }
                    calls.addLast(new CallRecord(now, call, subjects.get(), failure));
                }
            }
        });
    }

    private enum Effect {
        BEFORE,
        AFTER
    }

    /** Throws the fault if this is its time. */
    private static void fail(Optional<Faults.Fault> fault, Effect time) {
        fault.filter(one -> one.afterEffect() == (time == Effect.AFTER)).ifPresent(one -> {
            throw one.fresh();
        });
    }

    private void script(Call call, int count, Faults.Fault fault) {
        synchronized (lock) {
            faults.script(call, count, fault);
        }
    }

    private void forget(InstanceId id) {
        members.remove(id);
        gone.add(id);
    }

    private SimulatedInstance born(
            String prefix,
            Revision revision,
            Optional<LaunchToken> token,
            Place place,
            Map<String, String> labels,
            Instant now) {
        Behaviour behaviour = behaviours.getOrDefault(revision, otherwise);
        ordinal++;
        InstanceId id = InstanceId.of(prefix + "-" + ordinal);
        return new SimulatedInstance(surroundings, behaviour, id, revision, token, place, labels, now);
    }

    private void tellWatchers() {
        synchronized (lock) {
            if (!changed) {
                return;
            }
            changed = false;
        }
        watchers.forEach(Runnable::run);
    }

    private Watchable.Subscription watch(Runnable watcher) {
        // Told apart by identity: the same watcher may watch twice.
        Runnable own = () -> watcher.run();
        watchers.add(own);
        return () -> watchers.remove(own);
    }

    /** The instance of our fleet; null if there is nothing to be done, because it is gone or none of ours. */
    private @Nullable SimulatedInstance ours(Call call, InstanceId id, Instant now) {
        SimulatedInstance member = members.get(id);
        if (member == null && !gone.contains(id)) {
            violations.add("%s: %s %s, which %s"
                    .formatted(
                            now, call, id, foreign.containsKey(id) ? "belongs to another fleet" : "never was there"));
        }
        return member;
    }

    private final class Provider implements InstanceProvider, Watchable {
        @Override
        public List<Instance> list() {
            return call(Call.LIST, List::of, now -> {
                List<Instance> instances = new ArrayList<>(members.size());
                members.values().forEach(member -> instances.add(member.instance()));
                return List.copyOf(instances);
            });
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            call(
                    Call.LAUNCH,
                    () -> open.stream().map(request -> request.token().value()).toList(),
                    now -> {
                        ProviderException failure = null;
                        for (LaunchRequest request : open) {
                            try {
                                launch(request, now);
                            } catch (ProviderException e) {
                                failure = failure == null || failure.isRetryable() ? e : failure;
                            }
                        }
                        if (failure != null) {
                            throw failure;
                        }
                        return open;
                    });
        }

        private void launch(LaunchRequest request, Instant now) {
            Optional<Faults.Fault> fault = faults.draw(Call.LAUNCH);
            fail(fault, Effect.BEFORE);
            if (!request.fleet().equals(fleet)) {
                violations.add("%s: LAUNCH of %s for fleet %s".formatted(now, request.token(), request.fleet()));
                throw ProviderException.permanent("this is fleet %s, not %s".formatted(fleet, request.fleet()));
            }
            Behaviour behaviour = behaviours.getOrDefault(request.revision(), otherwise);
            if (behaviour.impossible) {
                throw ProviderException.permanent("no such revision: " + request.revision());
            }
            if (accepted.add(request.token())) {
                SimulatedInstance member = born(
                        fleet.value(),
                        request.revision(),
                        tokens ? Optional.of(request.token()) : Optional.empty(),
                        request.place(),
                        Map.of("rollout", request.rollout().value()),
                        now);
                members.put(member.id, member);
                member.schedule(Agenda.Change.RUNNING, now.plus(behaviour.startDelay(random)));
                changed = true;
            }
            fail(fault, Effect.AFTER);
        }

        @Override
        public void terminate(InstanceId id) {
            call(Call.TERMINATE, () -> List.of(id.value()), now -> {
                SimulatedInstance member = ours(Call.TERMINATE, id, now);
                if (member != null) {
                    member.terminate(now);
                }
                return id;
            });
        }

        @Override
        public Subscription watch(Runnable changed) {
            return SimulatedFleet.this.watch(changed);
        }
    }

    private final class Checker implements HealthChecker, Watchable {
        @Override
        public Health check(Instance instance) {
            return call(Call.CHECK, () -> List.of(instance.id().value()), now -> healthOf(instance));
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            return call(Call.CHECK, List::of, now -> {
                Map<InstanceId, Health> verdicts = new HashMap<>(2 * instances.size());
                for (Instance instance : instances) {
                    verdicts.put(instance.id(), healthOf(instance));
                }
                return verdicts;
            });
        }

        private Health healthOf(Instance instance) {
            if (instance.address().isEmpty()) {
                return Health.unknown("has no address");
            }
            SimulatedInstance member = members.get(instance.id());
            return member == null ? Health.unhealthy("connection refused") : member.health();
        }

        @Override
        public Subscription watch(Runnable changed) {
            return SimulatedFleet.this.watch(changed);
        }
    }

    private final class Router implements TrafficRouter, Watchable {
        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            return call(Call.ROUTES, List::of, now -> {
                Map<InstanceId, Routing> routes = new HashMap<>(2 * members.size());
                for (Collection<SimulatedInstance> some : List.of(members.values(), foreign.values())) {
                    for (SimulatedInstance member : some) {
                        if (member.route != Routing.State.OUT) {
                            routes.put(member.id, member.routing());
                        }
                    }
                }
                return routes;
            });
        }

        @Override
        public void admit(Instance instance) {
            call(Call.ADMIT, () -> List.of(instance.id().value()), now -> {
                if (instance.address().isEmpty()) {
                    throw ProviderException.permanent(instance.id() + " has no address");
                }
                SimulatedInstance member = ours(Call.ADMIT, instance.id(), now);
                if (member != null) {
                    member.admit(now);
                }
                return instance;
            });
        }

        @Override
        public void drain(Instance instance) {
            call(Call.DRAIN, () -> List.of(instance.id().value()), now -> {
                SimulatedInstance member = ours(Call.DRAIN, instance.id(), now);
                if (member != null) {
                    member.drain(now);
                }
                return instance;
            });
        }

        @Override
        public boolean drainsOnTerminate() {
            return drainsOnTerminate;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return SimulatedFleet.this.watch(changed);
        }
    }

    private final class SimulatedRequest implements OpenRequest {
        private final SimulatedInstance member;

        SimulatedRequest(SimulatedInstance member) {
            this.member = member;
        }

        @Override
        public boolean finish() {
            return now(now -> {
                boolean whole = member.requests.remove(this);
                member.forgetIfQuiet();
                changed = true;
                return whole;
            });
        }
    }

    /** Not safe for use by several threads. */
    public static final class Builder {
        private final FleetId fleet;
        private final InstantSource clock;
        private final Map<Revision, Behaviour> behaviours = new HashMap<>();
        private Behaviour otherwise = Behaviour.prompt();
        private boolean routed = true;
        private boolean drainsOnTerminate;
        private boolean tokens = true;
        private Duration requestLife = Duration.ofSeconds(30);
        private int loggedCalls = 10_000;
        private long seed;

        private Builder(FleetId fleet, InstantSource clock) {
            this.fleet = fleet;
            this.clock = clock;
        }

        /** How instances of the revision behave. */
        public Builder behaviour(Revision revision, Behaviour behaviour) {
            behaviours.put(revision, behaviour);
            return this;
        }

        /** How instances of every other revision behave; default {@link Behaviour#prompt()}. */
        public Builder behaviour(Behaviour behaviour) {
            otherwise = behaviour;
            return this;
        }

        /** For start delays and faults by chance; default 0. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** No router: healthy is serving. */
        public Builder withoutRouter() {
            routed = false;
            return this;
        }

        /** The platform drains what it terminates, as an Auto Scaling group does; default false. */
        public Builder drainsOnTerminate(boolean drains) {
            drainsOnTerminate = drains;
            return this;
        }

        /**
         * Whether instances are listed with the token of their launch; default true. False is a platform that takes a
         * number: here too a token that was seen before starts nothing.
         */
        public Builder tokens(boolean tokens) {
            this.tokens = tokens;
            return this;
        }

        /** How long after it was decided a request may take effect, for {@link SimulatedFleet#platform()}; default 30 s. */
        public Builder requestLife(Duration requestLife) {
            this.requestLife = requestLife;
            return this;
        }

        /** How many calls {@link SimulatedFleet#calls()} remembers; 0 switches it off. Default 10,000. */
        public Builder loggedCalls(int count) {
            if (count < 0) {
                throw new IllegalArgumentException("loggedCalls must be >= 0, was " + count);
            }
            loggedCalls = count;
            return this;
        }

        public SimulatedFleet build() {
            return new SimulatedFleet(this);
        }
    }
}
