package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;

/** Temporary. */
public final class InMemoryRolloutStore implements RolloutStore {
    private Optional<Stored> stored = Optional.empty();

    public InMemoryRolloutStore(InstantSource clock) {}

    @Override
    public synchronized Optional<Stored> load(FleetId fleet) {
        return stored;
    }

    @Override
    public synchronized boolean save(Lease lease, long expectedVersion, RolloutState next) {
        stored = Optional.of(new Stored(expectedVersion + 1, next));
        return true;
    }

    @Override
    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        return Optional.of(new Lease(fleet, owner, 1));
    }

    @Override
    public void release(Lease lease) {}
}
