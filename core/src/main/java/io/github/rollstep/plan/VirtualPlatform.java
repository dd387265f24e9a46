package io.github.rollstep.plan;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Instance.State;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Forecast.Release;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A platform without a thread, a clock or chance, whose instances take the times of {@link Timings} and never fail. It
 * begins with what was observed: what is running keeps its health, unless it is younger than its start may take; what is on
 * its way (starting, draining, stopping) arrives.
 */
final class VirtualPlatform {

    private enum Change {
        HEALTHY,
        UNHEALTHY,
        IN,
        OUT,
        GONE
    }

    private record Event(Instant at, int ordinal, Virtual instance, Change change) {}

    private static final class Virtual {
        Instance instance;
        Health health;
        Routing routing;
        boolean wasHealthy;

        /** The next change of its life, and of its route; what is not in here any more does not happen. */
        @Nullable
        Event life;

        @Nullable
        Event route;

        @Nullable
        Observed seen;

        Virtual(Instance instance, Health health, Routing routing) {
            this.instance = instance;
            this.health = health;
            this.routing = routing;
        }

        Observed observed() {
            Observed observed = seen == null ? new Observed(instance, health, routing) : seen;
            seen = observed;
            return observed;
        }
    }

    private final Platform platform;
    private final Revision target;
    private final Timings timings;
    private final Release release;
    private final Map<InstanceId, Virtual> instances = new TreeMap<>();
    private final Set<LaunchToken> accepted = new HashSet<>();
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparing(Event::at).thenComparing(Event::ordinal));
    private int ordinal;
    private int launched;
    private int everHealthy;
    private int peak;
    private Instant now;

    VirtualPlatform(FleetSnapshot observed, RolloutState known, Timings timings, Release release) {
        this.platform = observed.platform();
        this.target = known.target();
        this.timings = timings;
        this.release = release;
        now = observed.now();
        Map<InstanceId, InstanceRecord> records = new HashMap<>();
        known.instances().forEach(record -> record.id().ifPresent(id -> records.put(id, record)));
        observed.instances().stream()
                .filter(one -> one.instance().exists())
                .forEach(one -> adopt(
                        one, Optional.ofNullable(records.get(one.instance().id()))));
        peak = instances.size();
        settle(now);
    }

    private void adopt(Observed observed, Optional<InstanceRecord> record) {
        Instance instance = observed.instance();
        Virtual virtual = new Virtual(instance, observed.health(), observed.routing());
        virtual.wasHealthy = true; // Whatever it does, it is none of our launches.
        instances.put(instance.id(), virtual);
        instance.token().ifPresent(accepted::add);
        if (instance.state() == State.STOPPING) {
            live(virtual, Change.GONE, end(record.map(InstanceRecord::intentSince), stopTime(instance, record)));
        } else if (isOnItsWay(observed) && comesUp(instance.revision())) {
            Instant born = instance.createdAt().orElse(now);
            live(virtual, Change.HEALTHY, born.plus(timings.startAtMost()));
        }
        switch (observed.routing().state()) {
            case ADMITTING -> route(virtual, Change.IN, end(record.flatMap(InstanceRecord::sentAt), timings.admit()));
            case DRAINING -> route(virtual, Change.OUT, end(record.map(InstanceRecord::intentSince), timings.drain()));
            case IN, OUT -> {}
        }
    }

    /** Where the platform drains what it terminates, one that was in the router had its open requests to end first. */
    private Duration stopTime(Instance instance, Optional<InstanceRecord> record) {
        boolean drains = platform.routed() && platform.drainsOnTerminate() && wasIn(instance, record);
        return drains ? timings.drain().plus(timings.stop()) : timings.stop();
    }

    /** It served, or was old enough to be healthy and in when it was told to leave; one that nobody knows of was. */
    private boolean wasIn(Instance instance, Optional<InstanceRecord> record) {
        return record.map(known -> known.served() || wasInBy(known.intentSince(), instance))
                .orElse(true);
    }

    private boolean wasInBy(Instant time, Instance instance) {
        Optional<Instant> healthy = instance.createdAt().map(born -> born.plus(timings.startAtMost()));
        return comesUp(instance.revision())
                && healthy.filter(since -> since.isBefore(time)
                                && !since.plus(timings.admit()).isAfter(time))
                        .isPresent();
    }

    /** Of what was asked for then; counted from now if it should have been over by now, or nobody knows when it began. */
    private Instant end(Optional<Instant> since, Duration time) {
        return since.map(asked -> asked.plus(time))
                .filter(end -> !end.isBefore(now))
                .orElse(now.plus(time));
    }

    /** Younger than a start may take. One that is of unknown age and does not run was launched just now. */
    private boolean isOnItsWay(Observed observed) {
        Instance instance = observed.instance();
        boolean starting = instance.state() == State.STARTING;
        boolean young = instance.createdAt()
                .map(born -> born.plus(timings.startAtMost()).isAfter(now))
                .orElse(starting);
        return young
                && (starting
                        || instance.state() == State.RUNNING
                                && !observed.health().isHealthy());
    }

    private boolean comesUp(Revision revision) {
        return release == Release.HEALTHY || !revision.equals(target);
    }

    FleetSnapshot snapshot() {
        List<Observed> seen = new ArrayList<>(instances.size());
        instances.values().forEach(instance -> seen.add(instance.observed()));
        return FleetSnapshot.of(now, platform, seen);
    }

    /** The most that existed at once. */
    int peak() {
        return peak;
    }

    int launched() {
        return launched;
    }

    /** Launched, and never healthy so far. */
    int bad() {
        return launched - everHealthy;
    }

    /** How many answer requests. */
    int answering() {
        return (int) instances.values().stream()
                .filter(virtual -> virtual.instance.state() == State.RUNNING
                        && virtual.health.isHealthy()
                        && (!platform.routed() || virtual.routing.takesRequests()))
                .count();
    }

    /** When something will change if nothing more is asked of it; empty if nothing ever will. */
    Optional<Instant> nextChangeAt() {
        Event next = events.peek();
        while (next != null && !isPending(next)) {
            events.poll();
            next = events.peek();
        }
        return Optional.ofNullable(next).map(Event::at);
    }

    /** Lets everything happen that is due by then. */
    void settle(Instant until) {
        for (Event next = events.peek(); next != null && !next.at.isAfter(until); next = events.peek()) {
            events.poll();
            if (isPending(next)) {
                happen(next);
            }
        }
        now = until;
    }

    private static boolean isPending(Event event) {
        return event.instance.life == event || event.instance.route == event;
    }

    private void happen(Event event) {
        Virtual virtual = event.instance;
        virtual.seen = null;
        switch (event.change) {
            case HEALTHY -> {
                virtual.life = null;
                as(virtual, State.RUNNING, Health.healthy());
                if (!virtual.wasHealthy) {
                    virtual.wasHealthy = true;
                    everHealthy++;
                }
            }
            case UNHEALTHY -> {
                virtual.life = null;
                as(virtual, State.RUNNING, Health.unhealthy("never gets healthy"));
            }
            case IN -> {
                virtual.route = null;
                virtual.routing = Routing.in();
            }
            case OUT -> {
                virtual.route = null;
                virtual.routing = Routing.out();
            }
            case GONE -> {
                virtual.life = null;
                virtual.route = null;
                instances.remove(virtual.instance.id());
            }
        }
    }

    private static void as(Virtual virtual, State state, Health health) {
        virtual.seen = null;
        virtual.instance = virtual.instance.toBuilder().state(state).build();
        virtual.health = health;
    }

    private void live(Virtual virtual, Change change, Instant at) {
        virtual.life = event(virtual, change, at);
    }

    private void route(Virtual virtual, Change change, Instant at) {
        virtual.route = event(virtual, change, at);
    }

    private Event event(Virtual virtual, Change change, Instant at) {
        Event event = new Event(at, ordinal++, virtual, change);
        events.add(event);
        return event;
    }

    /** Does what it is asked; asked again, it does nothing. */
    void perform(Action action) {
        action.accept(performer);
        peak = Math.max(peak, instances.size());
        settle(now);
    }

    private final Action.Cases<InstanceId> performer = new Action.Cases<>() {
        @Override
        public InstanceId launch(Action.Launch action) {
            InstanceId id = InstanceId.of(action.token().value());
            if (accepted.add(action.token())) {
                Instance.Builder instance = Instance.builder(id, action.revision(), State.STARTING)
                        .token(action.token())
                        .labels(action.place().labels())
                        .createdAt(now);
                action.place().slot().ifPresent(instance::slot);
                action.place().zone().ifPresent(instance::zone);
                Virtual virtual = new Virtual(instance.build(), Health.unknown("starting"), Routing.out());
                instances.put(id, virtual);
                Change outcome = comesUp(action.revision()) ? Change.HEALTHY : Change.UNHEALTHY;
                live(virtual, outcome, now.plus(timings.startOf(launched++)));
            }
            return id;
        }

        @Override
        public InstanceId admit(Action.Admit action) {
            Virtual virtual = instances.get(action.id());
            if (virtual != null && !virtual.routing.takesRequests()) {
                virtual.seen = null;
                virtual.routing = new Routing(Routing.State.ADMITTING, 0);
                route(virtual, Change.IN, now.plus(timings.admit()));
            }
            return action.id();
        }

        @Override
        public InstanceId drain(Action.Drain action) {
            Virtual virtual = instances.get(action.id());
            if (virtual != null) {
                leaveRouter(virtual);
            }
            return action.id();
        }

        @Override
        public InstanceId terminate(Action.Terminate action) {
            Virtual virtual = instances.get(action.id());
            if (virtual != null && virtual.instance.state() != State.STOPPING) {
                Duration leaving = Duration.ZERO;
                if (platform.routed() && platform.drainsOnTerminate()) {
                    leaving = leaveRouter(virtual);
                }
                boolean dead = virtual.instance.state() == State.FAILED;
                as(virtual, State.STOPPING, Health.unknown("not running"));
                live(virtual, Change.GONE, dead ? now : now.plus(leaving).plus(timings.stop()));
            }
            return action.id();
        }
    };

    /** How long its open requests take from now; only one that was in and lives has some. */
    private Duration leaveRouter(Virtual virtual) {
        if (!virtual.routing.takesRequests()) {
            return Duration.ZERO;
        }
        boolean open = virtual.routing.state() == Routing.State.IN
                && virtual.instance.state() != State.FAILED
                && !timings.drain().isZero();
        virtual.seen = null;
        virtual.routing = Routing.draining(open ? 1 : 0);
        Duration time = open ? timings.drain() : Duration.ZERO;
        route(virtual, Change.OUT, now.plus(time));
        return time;
    }
}
