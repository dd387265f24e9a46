package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * What every {@link RolloutStore} does. Extend it, supply {@link #store}, and clean up after each test; rules that need what a
 * hook does not supply are skipped, visibly. {@code docs/adapters.md} says what breaks in production without each rule.
 */
public abstract class RolloutStoreContract {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final FleetId FLEET = FleetId.of("contract");
    private static final FleetId OTHER = FleetId.of("other");

    private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

    private final ManualClock clock = new ManualClock(START);

    /**
     * A store with no record; asked for once a test.
     *
     * @param clock by which its leases expire
     */
    protected abstract RolloutStore store(InstantSource clock);

    /** The same records as found after a restart; by default there is no such thing. */
    protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
        return Optional.empty();
    }

    /** The file in which the store keeps the record of this fleet; empty, the default, if it keeps none that a crash could tear. */
    protected Optional<Path> file(FleetId fleet) {
        return Optional.empty();
    }

    /** How far its time may differ from the clock's; 1 ms by default. More for a store whose own time goes on beside the clock's. */
    protected Duration tolerance() {
        return Duration.ofMillis(1);
    }

    /** How long the store may take for anything; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private static RolloutState state(FleetId fleet, String revision) {
        RolloutState state = RolloutState.begin(
                fleet,
                RolloutId.of("r-1"),
                Revision.of(revision, Map.of("image", "registry/" + revision, "note", "two\nlines = \\ ünïcode")),
                Limits.resolve(RolloutPolicy.defaults(), 3),
                START,
                Optional.empty());
        return state.pause(START, Reason.of(Reason.Code.BY_HAND, "to have more to remember"));
    }

    private static RolloutState state(String revision) {
        return state(FLEET, revision);
    }

    private static Lease acquire(RolloutStore store, String owner) {
        Optional<Lease> lease = store.acquire(FLEET, owner, LEASE);
        assertThat(lease).as("lease of " + owner).isPresent();
        return lease.get();
    }

    private static void assertStored(RolloutStore store, long version, RolloutState state) {
        Optional<Stored> stored = store.load(FLEET);
        assertThat(stored).as("record").isPresent();
        assertThat(stored.get().version()).as("version").isEqualTo(version);
        assertThat(stored.get().state()).as("state").usingRecursiveComparison().isEqualTo(state);
    }

    @Test
    protected void hasNoRecordAtFirst() {
        assertThat(store(clock).load(FLEET)).isEmpty();
    }

    @Test
    protected void loadsWhatWasSavedLast() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");

        assertThat(store.save(lease, 0, state("v1"))).isTrue();
        assertStored(store, 1, state("v1"));
        assertThat(store.save(lease, 1, state("v2"))).isTrue();
        assertStored(store, 2, state("v2"));
    }

    @Test
    protected void savesNothingOverAnotherVersion() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        assertThat(store.save(lease, 3, state("v0"))).as("no such version").isFalse();
        assertThat(store.load(FLEET)).isEmpty();
        store.save(lease, 0, state("v1"));
        store.save(lease, 1, state("v2"));

        assertThat(store.save(lease, 1, state("v3"))).as("an old version").isFalse();
        assertThat(store.save(lease, 0, state("v3")))
                .as("as if there were none")
                .isFalse();

        assertStored(store, 2, state("v2"));
    }

    @Test
    protected void keepsFleetsApart() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        Lease other = store.acquire(OTHER, "b", LEASE).orElseThrow();
        store.save(lease, 0, state("v1"));

        assertThat(store.load(OTHER)).isEmpty();
        assertThat(store.save(other, 1, state(OTHER, "v9")))
                .as("over the version of another fleet")
                .isFalse();
        assertThat(store.save(other, 0, state(OTHER, "v9"))).isTrue();
        assertStored(store, 1, state("v1"));
    }

    @Test
    protected void refusesTheStateOfAnotherFleet() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));

        assertThatThrownBy(() -> store.save(lease, 1, state(OTHER, "v9"))).isInstanceOf(IllegalArgumentException.class);

        assertStored(store, 1, state("v1"));
    }

    @Test
    protected void oneOwnerHoldsTheLease() {
        RolloutStore store = store(clock);
        acquire(store, "a");
        clock.advance(LEASE.minus(tolerance()));

        assertThat(store.acquire(FLEET, "b", LEASE)).isEmpty();
    }

    @Test
    protected void aLeaseExpires() {
        RolloutStore store = store(clock);
        Lease first = acquire(store, "a");
        clock.advance(LEASE.plusMillis(1));

        Lease second = acquire(store, "b");

        assertThat(second.owner()).isEqualTo("b");
        assertThat(second.fence()).isGreaterThan(first.fence());
        assertThat(store.acquire(FLEET, "a", LEASE)).as("renewed too late").isEmpty();
    }

    @Test
    protected void ofOwnersAtTheSameTimeOneGetsTheLease() {
        RolloutStore store = store(clock);
        for (int round = 0; round < 10; round++) {
            List<Callable<Optional<Lease>>> owners = IntStream.range(0, 4)
                    .<Callable<Optional<Lease>>>mapToObj(i -> () -> store.acquire(FLEET, "owner-" + i, LEASE))
                    .toList();

            List<Lease> leases =
                    Together.call(owners).stream().flatMap(Optional::stream).toList();

            assertThat(leases).as("who got it").hasSize(1);
            store.release(leases.get(0));
        }
    }

    @Test
    protected void renewingKeepsTheFenceAndProlongsTheLease() {
        RolloutStore store = store(clock);
        Lease first = acquire(store, "a");
        clock.advance(LEASE.dividedBy(2));
        assertThat(acquire(store, "a").fence()).isEqualTo(first.fence());
        clock.advance(LEASE.dividedBy(2).plusMillis(1));

        assertThat(store.acquire(FLEET, "b", LEASE)).as("prolonged").isEmpty();
    }

    @Test
    protected void anEarlierOwnerSavesNothing() {
        RolloutStore store = store(clock);
        Lease first = acquire(store, "a");
        store.save(first, 0, state("v1"));
        clock.advance(LEASE.plusMillis(1));
        acquire(store, "b");

        assertThat(store.save(first, 1, state("v2"))).isFalse();

        assertStored(store, 1, state("v1"));
    }

    @Test
    protected void anExpiredLeaseThatNobodyTookStillSaves() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        clock.advance(LEASE.multipliedBy(5));

        assertThat(store.save(lease, 0, state("v1"))).isTrue();
    }

    @Test
    protected void aReleasedLeaseCanBeAcquiredAtOnceWithAnotherFence() {
        RolloutStore store = store(clock);
        Lease first = acquire(store, "a");
        store.release(first);

        Lease second = acquire(store, "b");

        assertThat(second.fence()).isGreaterThan(first.fence());
        assertThat(store.save(first, 0, state("v1")))
                .as("by the one who released")
                .isFalse();
    }

    @Test
    protected void releasingALostLeaseChangesNothing() {
        RolloutStore store = store(clock);
        Lease first = acquire(store, "a");
        clock.advance(LEASE.plusMillis(1));
        Lease second = acquire(store, "b");

        store.release(first);

        assertThat(store.acquire(FLEET, "c", LEASE)).as("b still holds it").isEmpty();
        assertThat(store.save(second, 0, state("v1"))).isTrue();
    }

    @Test
    protected void ofSaversAtTheSameTimeOneWins() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        for (int version = 0; version < 10; version++) {
            long expected = version;
            List<Callable<Boolean>> savers = IntStream.range(0, 4)
                    .<Callable<Boolean>>mapToObj(i -> () -> store.save(lease, expected, state("v" + i)))
                    .toList();

            assertThat(Together.call(savers)).containsOnlyOnce(true);
        }
        assertThat(store.load(FLEET).orElseThrow().version()).isEqualTo(10);
    }

    @Test
    protected void writersAtTheSameTimeLoseNoUpdate() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        Map<Long, String> written = new ConcurrentHashMap<>(Map.of(1L, "v1"));
        Map<Long, Set<String>> read = new ConcurrentHashMap<>();
        List<Callable<Boolean>> writers = IntStream.range(0, 4)
                .<Callable<Boolean>>mapToObj(writer -> () -> {
                    int update = 0;
                    for (int attempt = 0; update < 10 && attempt < 1_000; attempt++) {
                        String next = "w" + writer + "-" + update;
                        Stored stored = store.load(FLEET).orElseThrow();
                        read.computeIfAbsent(stored.version(), version -> ConcurrentHashMap.newKeySet())
                                .add(stored.state().target().id());
                        if (store.save(lease, stored.version(), state(next))) {
                            written.merge(stored.version() + 1, next, (one, two) -> one + " and " + two);
                            update++;
                        }
                    }
                    return true;
                })
                .toList();

        Together.call(writers);

        assertThat(written.keySet())
                .as("versions, each saved once")
                .containsExactlyInAnyOrderElementsOf(
                        LongStream.rangeClosed(1, 41).boxed().toList());
        assertStored(store, 41, state(written.get(41L)));
        assertThat(read)
                .allSatisfy((version, targets) ->
                        assertThat(targets).as("version %d", version).containsExactly(written.get(version)));
    }

    @Test
    protected void aTornWriteIsNeverReadAsAnotherStateOrAsNone() throws IOException {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        store.save(lease, 1, state("v2"));
        Optional<Path> file = file(FLEET);
        if (file.isPresent()) {
            byte[] whole = Files.readAllBytes(file.get());
            for (int length = 0; length < whole.length; length += 1 + whole.length / 200) {
                byte[] torn = Arrays.copyOf(whole, length);
                Files.write(file.get(), torn);
                assertIsRefusedOrWhole(store);
                Files.write(file.get(), Arrays.copyOf(torn, whole.length)); // the rest never reached the disk
                assertIsRefusedOrWhole(store);
            }
            Files.write(file.get(), whole);
        }
        assertStored(store, 2, state("v2"));
    }

    private static void assertIsRefusedOrWhole(RolloutStore store) {
        Optional<Stored> stored;
        try {
            stored = store.load(FLEET);
        } catch (ProviderException e) {
            assertThat(e.isRetryable()).as("%s is retryable", e).isFalse();
            return;
        }
        assertThat(stored).as("what is read of a torn record").isPresent();
        assertStored(store, stored.get().version(), state("v" + stored.get().version()));
    }

    @Test
    protected void anInterruptedSaveIsThereWholeOrNotAtAll() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));

        Disturbed.interrupted(patience(), () -> store.save(lease, 1, state("v2")));
        Disturbed.interrupted(patience(), () -> store.load(FLEET));
        Disturbed.interrupted(patience(), () -> store.acquire(FLEET, "a", LEASE));

        long version = Disturbed.again(
                patience(), () -> store.load(FLEET).orElseThrow().version());
        assertThat(version).isBetween(1L, 2L);
        assertStored(store, version, state("v" + version));
        assertThat(acquire(store, "a").fence()).isEqualTo(lease.fence());
        assertThat(store.save(lease, version, state("v3"))).isTrue();
    }

    @Test
    protected void rejectsAnOwnerThatCannotBeWrittenDown() {
        RolloutStore store = store(clock);

        for (String owner : List.of("", "x".repeat(129), "two\nlines")) {
            assertThatThrownBy(() -> store.acquire(FLEET, owner, LEASE))
                    .as(owner)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("owner");
        }
    }

    @Test
    protected void aRestartFindsTheRecordAndNoEarlierFence() {
        RolloutStore store = store(clock);
        Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        Optional<RolloutStore> reopened = reopened(store, clock);
        assumeTrue(reopened.isPresent(), "the store does not outlive its process");
        clock.advance(LEASE.plusMillis(1));

        assertStored(reopened.get(), 1, state("v1"));
        assertThat(acquire(reopened.get(), "b").fence()).isGreaterThan(lease.fence());
    }
}
