package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * The record of a fleet as the controller sees it that holds the lease. A save that may or may not have happened is settled
 * by reading before the next one; whoever lost the lease learns it at the next save, before it acts.
 */
final class Journal {

    private final RolloutStore store;
    private final Calls calls;
    private final Duration duration;
    private Lease lease;
    private Instant renewAt;
    private long version;
    private Optional<RolloutState> state = Optional.empty();
    private boolean inDoubt = true;

    /**
     * Takes the lease and reads the record.
     *
     * @param duration how long this controller may be silent before another may take over; renewed at a third of it
     * @throws Held if another controller holds the lease
     * @throws ProviderException if the store cannot tell
     */
    Journal(RolloutStore store, Calls calls, FleetId fleet, String owner, Duration duration, Instant now) {
        this.store = store;
        this.calls = calls;
        this.duration = duration;
        lease = calls.call("acquire lease", () -> store.acquire(fleet, owner, duration))
                .orElseThrow(() -> new Held(fleet, duration));
        renewAt = now.plus(duration.dividedBy(3));
        try {
            settle();
        } catch (RuntimeException e) {
            giveBack(lease, e);
            throw e;
        }
    }

    /** What was saved last; empty if nothing ever was. */
    Optional<RolloutState> state() {
        return state;
    }

    /** @throws TakenOver if another controller has the lease now */
    void renew(Instant now) {
        if (now.isBefore(renewAt)) {
            return;
        }
        Lease renewed = calls.call("renew lease", () -> store.acquire(lease.fleet(), lease.owner(), duration))
                .orElseThrow(() -> new TakenOver(lease));
        if (renewed.fence() != lease.fence()) {
            TakenOver lost = new TakenOver(lease);
            giveBack(renewed, lost);
            throw lost;
        }
        lease = renewed;
        renewAt = now.plus(duration.dividedBy(3));
    }

    /**
     * @throws TakenOver if another controller saved or has the lease
     * @throws ProviderException if it is not known whether it was saved
     */
    void save(RolloutState next) {
        inDoubt = true;
        if (!calls.call("save state", () -> store.save(lease, version, next))) {
            throw new TakenOver(lease);
        }
        version++;
        state = Optional.of(next);
        inDoubt = false;
    }

    /** Finds out whether the last save happened, if that is not known. */
    void settle() {
        if (inDoubt) {
            Optional<Stored> stored = calls.call("load state", () -> store.load(lease.fleet()));
            version = stored.map(Stored::version).orElse(0L);
            state = stored.map(Stored::state);
            inDoubt = false;
        }
    }

    /** Lets another controller begin at once. */
    void release() {
        release(lease);
    }

    private void release(Lease one) {
        calls.run("release lease", () -> store.release(one));
    }

    private void giveBack(Lease one, RuntimeException failure) {
        try {
            release(one);
        } catch (ProviderException e) {
            failure.addSuppressed(e);
        }
    }

    /** Another controller has the fleet. */
    static final class Held extends IllegalStateException {

        private static final long serialVersionUID = 1;

        Held(FleetId fleet, Duration lease) {
            super("another controller holds the lease of fleet %s; it ends %s after that one's last sign of life"
                    .formatted(fleet, lease));
        }
    }

    /** This controller may not act any more. */
    static final class TakenOver extends IllegalStateException {

        private static final long serialVersionUID = 1;

        TakenOver(Lease lease) {
            super("another controller has taken over fleet %s from %s".formatted(lease.fleet(), lease.owner()));
        }
    }
}
