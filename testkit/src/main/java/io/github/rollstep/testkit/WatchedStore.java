package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A store with a witness. */
class WatchedStore implements RolloutStore {

    private final RolloutStore store;
    private final Witness witness;

    /** A store that controllers share stays one. */
    static WatchedStore of(RolloutStore store, Witness witness) {
        return store instanceof Exchange exchange
                ? new Shared(store, exchange, witness)
                : new WatchedStore(store, witness);
    }

    private WatchedStore(RolloutStore store, Witness witness) {
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

    private static final class Shared extends WatchedStore implements Exchange {

        private final Exchange exchange;

        Shared(RolloutStore store, Exchange exchange, Witness witness) {
            super(store, witness);
            this.exchange = exchange;
        }

        @Override
        public long ask(FleetId fleet, Command command, String by) {
            return exchange.ask(fleet, command, by);
        }

        @Override
        public List<Request> requests() {
            return exchange.requests();
        }

        @Override
        public void forget(FleetId fleet, long upTo) {
            exchange.forget(fleet, upTo);
        }

        @Override
        public RollCall rollCall(String controller, Duration alive) {
            return exchange.rollCall(controller, alive);
        }
    }
}
