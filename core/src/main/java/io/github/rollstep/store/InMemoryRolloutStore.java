package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Keeps records while the JVM lives: nothing is known after a restart. Safe for use by several threads. */
public final class InMemoryRolloutStore implements RolloutStore {

    private final InstantSource clock;
    private final Map<FleetId, Entry> entries = new HashMap<>();

    private static final class Entry {
        private Optional<Stored> stored = Optional.empty();
        private long fence;
        private Optional<String> owner = Optional.empty();
        private Instant until = Instant.MIN;
    }

    public InMemoryRolloutStore() {
        this(InstantSource.system());
    }

    /** @param clock by which leases expire */
    public InMemoryRolloutStore(InstantSource clock) {
        this.clock = clock;
    }

    @Override
    public synchronized Optional<Stored> load(FleetId fleet) {
        return Optional.ofNullable(entries.get(fleet)).flatMap(entry -> entry.stored);
    }

    @Override
    public synchronized boolean save(Lease lease, long expectedVersion, RolloutState next) {
        Entry entry = entry(lease.fleet());
        long version = entry.stored.map(Stored::version).orElse(0L);
        if (entry.fence != lease.fence() || version != expectedVersion) {
            return false;
        }
        entry.stored = Optional.of(new Stored(version + 1, next));
        return true;
    }

    @Override
    public synchronized Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Entry entry = entry(fleet);
        Instant now = clock.instant();
        boolean held = entry.owner.filter(owner::equals).isPresent();
        if (!held && entry.owner.isPresent() && now.isBefore(entry.until)) {
            return Optional.empty();
        }
        if (!held) {
            entry.fence++;
            entry.owner = Optional.of(owner);
        }
        entry.until = now.plus(duration);
        return Optional.of(new Lease(fleet, owner, entry.fence));
    }

    @Override
    public synchronized void release(Lease lease) {
        Entry entry = entry(lease.fleet());
        if (entry.fence == lease.fence()) {
            entry.owner = Optional.empty();
        }
    }

    private Entry entry(FleetId fleet) {
        return entries.computeIfAbsent(fleet, key -> new Entry());
    }
}
