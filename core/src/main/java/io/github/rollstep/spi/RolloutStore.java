package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.util.Optional;

/**
 * Keeps one record a fleet, changed by compare-and-set only, and a lease that says which controller may change it.
 *
 * <p>Blocks until the change is as durable as the store states; a call that was interrupted ends soon and leaves the thread
 * interrupted, its change there whole or not at all. Threads: safe for use by several. Held by {@code RolloutStoreContract} of the
 * testkit.
 */
public interface RolloutStore {

    /**
     * The last record that was saved.
     *
     * @return empty if none ever was
     * @throws ProviderException if it cannot be read; not retryable if it is torn, foreign, or of a newer format
     */
    Optional<Stored> load(FleetId fleet);

    /**
     * Replaces the record if it still has the expected version and the lease is still the newest of its fleet.
     *
     * <p>A lease that has expired but was not taken over still holds: nobody else can have acted since.
     *
     * @param expectedVersion the version that was loaded or saved last, 0 if there was none
     * @return false if somebody else saved since, or has acquired the lease: then nothing is changed. After true, the
     *     version is {@code expectedVersion + 1}
     * @throws IllegalArgumentException if the state is of another fleet than the lease
     * @throws ProviderException if it is not known whether it was saved; load to find out
     */
    boolean save(Lease lease, long expectedVersion, RolloutState next);

    /**
     * Acquires the fleet's lease, or renews it if the owner holds it.
     *
     * @param owner 1 to 128 printable characters, other for each controller
     * @return empty if another owner holds it and it has not expired
     */
    Optional<Lease> acquire(FleetId fleet, String owner, Duration duration);

    /** Gives the lease back; nothing happens if it is no longer held. */
    void release(Lease lease);

    /** @param version 1 for the first record of a fleet, one more with each save */
    record Stored(long version, RolloutState state) {}

    /**
     * The right to change a fleet's record.
     *
     * @param fence grows with each change of owner, never shrinks, and outlives the lease: what an earlier owner still sends
     *     is told by it
     */
    record Lease(FleetId fleet, String owner, long fence) {

        private static final int LONGEST_OWNER = 128;

        /** @throws IllegalArgumentException if the owner is not 1 to 128 printable characters */
        public Lease {
            if (owner.isEmpty()
                    || owner.length() > LONGEST_OWNER
                    || !owner.chars().allMatch(c -> c >= ' ' && c != 127)) {
                throw new IllegalArgumentException(
                        "owner must be 1 to 128 printable characters, was \"" + owner + "\"");
            }
        }
    }
}
