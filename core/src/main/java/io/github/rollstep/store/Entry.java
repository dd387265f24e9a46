package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * All that is kept of one fleet, and what may become of it. Immutable.
 *
 * @param fence that of the newest lease; never shrinks
 * @param owner who holds the newest lease; empty if nobody does
 * @param until when that lease expires
 */
record Entry(Optional<Stored> stored, long fence, Optional<String> owner, Instant until) {

    static final Entry EMPTY = new Entry(Optional.empty(), 0, Optional.empty(), Instant.EPOCH);

    /** Empty if another owner holds the lease. */
    Optional<Entry> acquire(Lease wanted, Duration duration, Instant now) {
        String by = wanted.owner();
        boolean own = owner.filter(by::equals).isPresent();
        if (!own && owner.isPresent() && now.isBefore(until)) {
            return Optional.empty();
        }
        return Optional.of(new Entry(stored, own ? fence : fence + 1, Optional.of(by), now.plus(duration)));
    }

    /** The lease of the one who has just acquired it. */
    Lease lease(FleetId fleet) {
        return new Lease(fleet, owner.orElseThrow(), fence);
    }

    /** Empty if the lease is not the newest one, or somebody saved since. */
    Optional<Entry> save(Lease lease, long expectedVersion, RolloutState next) {
        if (!next.fleet().equals(lease.fleet())) {
            throw new IllegalArgumentException(
                    "state must be of the lease's fleet %s, was of %s".formatted(lease.fleet(), next.fleet()));
        }
        long version = stored.map(Stored::version).orElse(0L);
        if (lease.fence() != fence || version != expectedVersion) {
            return Optional.empty();
        }
        return Optional.of(new Entry(Optional.of(new Stored(version + 1, next)), fence, owner, until));
    }

    /** Without an owner; the same if the lease is not the newest one. */
    Entry release(Lease lease) {
        return lease.fence() == fence ? abandoned() : this;
    }

    Entry abandoned() {
        return new Entry(stored, fence, Optional.empty(), Instant.EPOCH);
    }
}
