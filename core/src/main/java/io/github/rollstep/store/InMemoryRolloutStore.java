package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Keeps records as long as it lives itself: after a restart nothing is known. Safe for use by several threads. */
public final class InMemoryRolloutStore implements RolloutStore {

    private final InstantSource clock;
    private final Map<FleetId, Entry> entries = new HashMap<>();

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
        Optional<Entry> acquired = entry(fleet).acquire(owner, duration, clock.instant());
        acquired.ifPresent(entry -> entries.put(fleet, entry));
        return acquired.map(entry -> entry.lease(fleet));
    }

    @Override
    public synchronized void release(Lease lease) {
        entries.put(lease.fleet(), entry(lease.fleet()).release(lease));
    }

    private Entry entry(FleetId fleet) {
        return entries.getOrDefault(fleet, Entry.EMPTY);
    }
}
