package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A store for one fleet with a fault: what keeps two controllers, or one after a crash, from doing harm is gone. */
final class FaultyStore implements RolloutStore {

    /** What is wrong with it. */
    enum Fault {
        /** Whoever saves is believed to know the record: neither version nor fence is looked at. */
        SAVES_OVER_THE_RECORD_OF_ANOTHER,
        /** Everybody who asks gets the lease, and the same one. */
        GIVES_THE_LEASE_TO_ALL_AND_CHECKS_NO_VERSION,
        /** What is saved is kept only when the next one comes: requests are sent before their intent is persisted. */
        PERSISTS_LATE,
        /** Every third time what is saved is lost. */
        LOSES_WHAT_WAS_SAVED
    }

    private final Fault fault;
    private final RolloutStore leases;
    private @Nullable Stored kept;
    private @Nullable Stored written;
    private int saves;

    FaultyStore(Fault fault, InstantSource clock) {
        this.fault = fault;
        leases = new InMemoryRolloutStore(clock);
    }

    @Override
    public Optional<Stored> load(FleetId fleet) {
        return Optional.ofNullable(kept);
    }

    @Override
    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
        long version = kept == null ? 0 : kept.version();
        Stored stored = new Stored(version + 1, next);
        saves++;
        switch (fault) {
            case SAVES_OVER_THE_RECORD_OF_ANOTHER, GIVES_THE_LEASE_TO_ALL_AND_CHECKS_NO_VERSION -> kept = stored;
            case PERSISTS_LATE -> {
                kept = written == null ? stored : written;
                written = stored;
            }
            case LOSES_WHAT_WAS_SAVED -> kept = kept != null && saves % 3 == 0 ? kept : stored;
        }
        return true;
    }

    @Override
    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        return fault == Fault.GIVES_THE_LEASE_TO_ALL_AND_CHECKS_NO_VERSION
                ? Optional.of(new Lease(fleet, owner, 1))
                : leases.acquire(fleet, owner, duration);
    }

    @Override
    public void release(Lease lease) {
        leases.release(lease);
    }
}
