package io.github.rollstep.local;

import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.Watchers;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which backends there are, and which of them gets the next request: the one with the fewest open ones, in turns among
 * equals.
 *
 * <p>To choose, to count up and to see whether it is draining is one step under one lock, and so is to drain and to count
 * down: once {@link #routes()} has shown a draining backend with no open request, or none at all, no request reaches it. A
 * draining one that becomes quiet is forgotten and its idle connections are closed.
 */
final class Backends {

    private final Object lock = new Object();
    private final Map<InstanceId, Backend> all = new LinkedHashMap<>();
    private final Watchers watchers;
    private List<Backend> taking = List.of();
    private int turn;

    Backends(Watchers watchers) {
        this.watchers = watchers;
    }

    void admit(InstanceId id, String revision, InetSocketAddress address) {
        boolean changed;
        synchronized (lock) {
            Backend backend = all.get(id);
            if (backend == null) {
                all.put(id, new Backend(id, revision, address));
                changed = true;
            } else {
                changed = backend.draining() || !backend.address().equals(address);
                backend.draining(false);
                backend.address(address);
            }
            chooseAmong();
        }
        if (changed) {
            watchers.hint();
        }
    }

    void drain(InstanceId id) {
        Backend backend;
        boolean quiet;
        synchronized (lock) {
            backend = all.get(id);
            if (backend == null || backend.draining()) {
                return;
            }
            backend.draining(true);
            quiet = forgetIfQuiet(backend);
            chooseAmong();
        }
        backend.idle().clear(quiet);
        watchers.hint();
    }

    /**
     * Counts one request up on the best backend that takes requests and is not among {@code but}: one of the wanted revision if
     * there is any.
     */
    Optional<Backend> claim(Optional<String> revision, Collection<Backend> but) {
        synchronized (lock) {
            Backend best = revision.map(wanted -> best(next -> next.revision().equals(wanted) && !but.contains(next)))
                    .orElseGet(() -> best(next -> !but.contains(next)));
            if (best == null) {
                return Optional.empty();
            }
            turn = (taking.indexOf(best) + 1) % taking.size();
            best.count(1);
            return Optional.of(best);
        }
    }

    private @Nullable Backend best(Predicate<Backend> eligible) {
        Backend best = null;
        int size = taking.size();
        for (int i = 0; i < size; i++) {
            Backend next = taking.get((turn + i) % size);
            if ((best == null || next.open() < best.open()) && eligible.test(next)) {
                best = next;
            }
        }
        return best;
    }

    /** Counts down; the connection of the request was given back or closed before. */
    void release(Backend backend) {
        boolean quiet;
        synchronized (lock) {
            backend.count(-1);
            quiet = forgetIfQuiet(backend);
        }
        if (quiet) {
            backend.idle().clear(true);
            watchers.hint();
        }
    }

    Map<InstanceId, Routing> routes() {
        Map<InstanceId, Routing> routes = new LinkedHashMap<>();
        synchronized (lock) {
            all.values()
                    .forEach(backend -> routes.put(
                            backend.id(),
                            new Routing(
                                    backend.draining() ? Routing.State.DRAINING : Routing.State.IN, backend.open())));
        }
        return Map.copyOf(routes);
    }

    void expireIdle() {
        snapshot().forEach(backend -> backend.idle().expire());
    }

    void closeIdle() {
        snapshot().forEach(backend -> backend.idle().clear(true));
    }

    /** How many connections wait for their next request. */
    int idle(InstanceId id) {
        Backend backend;
        synchronized (lock) {
            backend = all.get(id);
        }
        return backend == null ? 0 : backend.idle().size();
    }

    private List<Backend> snapshot() {
        synchronized (lock) {
            return new ArrayList<>(all.values());
        }
    }

    private boolean forgetIfQuiet(Backend backend) {
        return backend.draining() && backend.open() == 0 && all.remove(backend.id(), backend);
    }

    private void chooseAmong() {
        taking = all.values().stream().filter(backend -> !backend.draining()).toList();
    }
}
