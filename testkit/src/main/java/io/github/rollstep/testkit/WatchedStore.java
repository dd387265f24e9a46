package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.util.Optional;

/** A store with a witness. */
final class WatchedStore implements RolloutStore {

    private final RolloutStore store;
    private final Witness witness;

    WatchedStore(RolloutStore store, Witness witness) {
        this.store = store;
        this.witness = witness;
    }

    @Override
    public Optional<Stored> load(FleetId fleet) {
        Optional<Stored> stored = witness.ask("load", () -> store.load(fleet));
        witness.loaded(store, stored);
        return stored;
    }

    @Override
    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
        long takeovers = witness.takeovers(store);
        boolean saved;
        try {
            saved = witness.ask("save", () -> store.save(lease, expectedVersion, next));
        } catch (RuntimeException e) {
            witness.doubted(next);
            throw e;
        }
        if (saved) {
            witness.saved(store, lease, expectedVersion + 1, next, takeovers);
        } else {
            witness.refused("may not save version %d with fence %d".formatted(expectedVersion + 1, lease.fence()));
        }
        return saved;
    }

    @Override
    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Optional<Lease> lease = witness.ask("acquire", () -> store.acquire(fleet, owner, duration));
        lease.ifPresentOrElse(
                held -> witness.leased(store, held),
                () -> witness.refused("does not get the lease of %s as %s".formatted(fleet, owner)));
        return lease;
    }

    @Override
    public void release(Lease lease) {
        witness.tell("release", () -> store.release(lease));
    }

    @Override
    public String toString() {
        return store.toString();
    }
}
