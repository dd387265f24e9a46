package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Keeps records as long as it lives itself: after a restart nothing is known. Safe for use by several threads. */
public final class InMemoryRolloutStore implements RolloutStore, Exchange {

    private final InstantSource clock;
    private final Map<FleetId, Entry> entries = new HashMap<>();
    private final List<Asked> requests = new ArrayList<>();
    private final Map<String, Instant> controllers = new HashMap<>();
    private long asked;

    private record Asked(long number, FleetId fleet, Command command, String by, Instant at) {}

    public InMemoryRolloutStore() {
        this(InstantSource.system());
    }

    /** @param clock by which leases expire */
    public InMemoryRolloutStore(InstantSource clock) {
        this.clock = clock;
    }

    @Override
    public synchronized Optional<Stored> load(FleetId fleet) {
        return entry(fleet).stored();
    }

    @Override
    public synchronized boolean save(Lease lease, long expectedVersion, RolloutState next) {
        Optional<Entry> saved = entry(lease.fleet()).save(lease, expectedVersion, next);
        saved.ifPresent(entry -> entries.put(lease.fleet(), entry));
        return saved.isPresent();
    }

    @Override
    public synchronized Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Optional<Entry> acquired = entry(fleet).acquire(new Lease(fleet, owner, 0), duration, clock.instant());
        acquired.ifPresent(entry -> entries.put(fleet, entry));
        return acquired.map(entry -> entry.lease(fleet));
    }

    @Override
    public synchronized void release(Lease lease) {
        entries.put(lease.fleet(), entry(lease.fleet()).release(lease));
    }

    @Override
    public synchronized long ask(FleetId fleet, Command command, String by) {
        asked++;
        requests.add(new Asked(asked, fleet, command, by, clock.instant()));
        return asked;
    }

    @Override
    public synchronized List<Request> requests() {
        Instant now = clock.instant();
        return requests.stream()
                .map(one -> new Request(
                        one.number(), one.fleet(), one.command(), one.by(), Duration.between(one.at(), now)))
                .toList();
    }

    @Override
    public synchronized void forget(FleetId fleet, long upTo) {
        requests.removeIf(request -> request.fleet().equals(fleet) && request.number() <= upTo);
    }

    @Override
    public synchronized RollCall rollCall(String controller, Duration alive) {
        Instant now = clock.instant();
        controllers.put(controller, now.plus(alive));
        controllers.values().removeIf(until -> !now.isBefore(until));
        List<Unfinished> unfinished = new ArrayList<>();
        entries.forEach((fleet, entry) -> {
            if (entry.stored().filter(stored -> !stored.state().isOver()).isPresent()) {
                unfinished.add(new Unfinished(fleet, entry.owner().filter(owner -> now.isBefore(entry.until()))));
            }
        });
        return new RollCall(controllers.keySet(), unfinished);
    }

    private Entry entry(FleetId fleet) {
        return entries.getOrDefault(fleet, Entry.EMPTY);
    }
}
