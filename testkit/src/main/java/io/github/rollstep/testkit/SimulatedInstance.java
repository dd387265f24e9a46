package io.github.rollstep.testkit;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Instance.State;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.testkit.Agenda.Change;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** One instance. What will change it by time is in {@code pending}, at most one of each kind. */
final class SimulatedInstance {

    /**
     * What an instance knows of its fleet.
     *
     * @param changed to be run after each change
     * @param gone to be told who is gone
     */
    record Surroundings(
            Agenda agenda, boolean routed, boolean drainsOnTerminate, Runnable changed, Consumer<InstanceId> gone) {}

    static final Health NOT_CHECKED = Health.unknown("not checked");

    final InstanceId id;
    final Behaviour behaviour;
    final Map<Change, Agenda.Event> pending = new EnumMap<>(Change.class);
    final List<OpenRequest> requests = new ArrayList<>();
    private final Surroundings around;
    State state = State.STARTING;
    boolean warm;
    boolean sick;
    boolean ill;
    Routing.State route = Routing.State.OUT;
    int behavedRequests;
    private Instance instance;

    SimulatedInstance(
            Surroundings around,
            Behaviour behaviour,
            InstanceId id,
            Revision revision,
            Optional<LaunchToken> token,
            Place place,
            Map<String, String> labels,
            Instant createdAt) {
        this.around = around;
        this.behaviour = behaviour;
        this.id = id;
        Map<String, String> all = new HashMap<>(place.labels());
        all.putAll(labels);
        Instance.Builder builder =
                Instance.builder(id, revision, state).createdAt(createdAt).labels(all);
        token.ifPresent(builder::token);
        place.slot().ifPresent(builder::slot);
        place.zone().ifPresent(builder::zone);
        instance = builder.build();
    }

    void schedule(Change change, Instant at) {
        pending.put(change, around.agenda().add(this, change, at));
    }

    void cancel(Change change) {
        pending.remove(change);
    }

    Instance instance() {
        if (instance.state() != state) {
            instance = instance.toBuilder().state(state).build();
        }
        if (state != State.STARTING && instance.address().isEmpty()) {
            instance = instance.toBuilder()
                    .address(InetSocketAddress.createUnresolved(id + ".simulated", 80))
                    .build();
        }
        return instance;
    }

    Health health() {
        if (state != State.RUNNING) {
            return Health.unhealthy("connection refused");
        }
        if (!warm) {
            return Health.unhealthy("still warming up");
        }
        return sick || ill ? Health.unhealthy("simulated illness") : Health.healthy();
    }

    Routing routing() {
        return route == Routing.State.OUT ? Routing.out() : new Routing(route, requests.size() + behavedRequests);
    }

    boolean serving() {
        return state == State.RUNNING && warm && !sick && !ill && (!around.routed() || route == Routing.State.IN);
    }

    void place(Instant now) {
        state = State.RUNNING;
        warm = true;
        route = around.routed() ? Routing.State.IN : Routing.State.OUT;
        behaviour.exitsAfter.ifPresent(after -> schedule(Change.EXIT, now.plus(after)));
        beginsToServe(now);
        around.changed().run();
    }

    void beginsToServe(Instant at) {
        if (serving() && !pending.containsKey(Change.SICK)) {
            behaviour.unhealthyAfter.ifPresent(after -> schedule(Change.SICK, at.plus(after)));
        }
    }

    void terminate(Instant now) {
        if (state == State.FAILED) {
            vanish();
        } else if (state != State.STOPPING) {
            endOfLife();
            state = State.STOPPING;
            Instant stopsAt = now;
            if (around.routed() && around.drainsOnTerminate()) {
                drain(now);
                stopsAt = behavedRequests > 0 ? now.plus(behaviour.requestTime) : now;
            }
            schedule(Change.GONE, stopsAt.plus(behaviour.stopTime));
            around.changed().run();
        }
    }

    void admit(Instant now) {
        if (route == Routing.State.OUT || route == Routing.State.DRAINING) {
            route = Routing.State.ADMITTING;
            behavedRequests = 0;
            cancel(Change.REQUEST_ENDED);
            schedule(Change.ADMITTED, now.plus(behaviour.admissionDelay));
            around.changed().run();
        }
    }

    void drain(Instant now) {
        if (route == Routing.State.IN || route == Routing.State.ADMITTING) {
            boolean was = route == Routing.State.IN && state != State.FAILED;
            cancel(Change.ADMITTED);
            route = Routing.State.DRAINING;
            behavedRequests = was && !behaviour.requestTime.isZero() ? behaviour.openRequests : 0;
            scheduleEndOfRequest(now);
            forgetIfQuiet();
            around.changed().run();
        }
    }

    /** Those that are left end evenly spread; the first of them comes next. */
    private void scheduleEndOfRequest(Instant at) {
        if (behavedRequests > 0) {
            schedule(Change.REQUEST_ENDED, at.plus(behaviour.requestTime.dividedBy(behaviour.openRequests)));
        }
    }

    void forgetIfQuiet() {
        if (route == Routing.State.DRAINING && routing().isQuiet()) {
            route = Routing.State.OUT;
        }
    }

    void fail(String detail) {
        if (state != State.FAILED) {
            endOfLife();
            cutRequests();
            state = State.FAILED;
            instance = instance.toBuilder().detail(detail).build();
            around.changed().run();
        }
    }

    /** The platform starts it again by itself. */
    private void restart(Instant at) {
        cutRequests();
        warm = false;
        instance = instance.toBuilder()
                .restarts(instance.restarts() + 1)
                .detail("exited with 1, started again")
                .build();
        if (!behaviour.neverHealthy) {
            schedule(Change.WARM, at.plus(behaviour.healthyAfter));
        }
        behaviour.exitsAfter.ifPresent(after -> schedule(Change.EXIT, at.plus(after)));
    }

    void vanish() {
        pending.clear();
        cutRequests();
        warm = false;
        route = Routing.State.OUT;
        around.gone().accept(id);
        around.changed().run();
    }

    private void cutRequests() {
        requests.clear();
        behavedRequests = 0;
        cancel(Change.REQUEST_ENDED);
        forgetIfQuiet();
    }

    private void endOfLife() {
        List.of(Change.RUNNING, Change.WARM, Change.EXIT, Change.SICK, Change.RECOVERED)
                .forEach(this::cancel);
    }

    void happen(Change change, Instant at) {
        around.changed().run();
        switch (change) {
            case RUNNING -> {
                if (behaviour.exitsAtStart) {
                    fail("exited with 1 at start");
                    return;
                }
                state = State.RUNNING;
                if (!behaviour.neverHealthy && !warm) {
                    schedule(Change.WARM, at.plus(behaviour.healthyAfter));
                }
                behaviour.exitsAfter.ifPresent(after -> schedule(Change.EXIT, at.plus(after)));
            }
            case WARM -> {
                warm = true;
                beginsToServe(at);
            }
            case EXIT -> {
                if (behaviour.restarted) {
                    restart(at);
                } else {
                    fail("exited with 1");
                }
            }
            case SICK -> {
                sick = true;
                behaviour.recoversAfter.ifPresent(after -> schedule(Change.RECOVERED, at.plus(after)));
            }
            case RECOVERED -> {
                sick = false;
                beginsToServe(at);
            }
            case ADMITTED -> {
                route = Routing.State.IN;
                beginsToServe(at);
            }
            case REQUEST_ENDED -> {
                behavedRequests--;
                scheduleEndOfRequest(at);
                forgetIfQuiet();
            }
            case GONE -> vanish();
        }
    }
}
