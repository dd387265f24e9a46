package io.github.rollstep.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.nio.file.Path;
import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is full: nothing is lost, and it goes on once there is room. */
class FileRolloutStoreFullDiskTest {

    private static final FleetId SHOP = FleetId.of("shop");

    @TempDir
    static Path directory;

    private final RandomStates states = new RandomStates(1);
    private final RolloutState saved = states.next();
    private final RolloutState unsaved = states.next();
    private TinyDisk disk;
    private FileRolloutStore store;
    private Lease lease;

    @BeforeEach
    void fillADiskWithARecord() {
        disk = TinyDisk.mount(directory);
        store = FileRolloutStore.open(directory);
        lease = acquire(store);
        assertThat(store.save(lease, 0, saved)).isTrue();
        disk.fill();
    }

    @AfterEach
    void unmount() {
        if (disk != null) {
            store.close();
            disk.close();
        }
    }

    private static Lease acquire(FileRolloutStore store) {
        return store.acquire(SHOP, "me", Duration.ofHours(1)).orElseThrow();
    }

    private static void assertFindsNoRoom(ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageStartingWith(directory.resolve("shop.rollout") + " cannot be written: ")
                .hasMessageContaining("No space left on device");
    }

    private static void assertIsThere(FileRolloutStore store, long version, RolloutState state) {
        Stored stored = store.load(SHOP).orElseThrow();
        assertThat(stored.version()).isEqualTo(version);
        assertThat(stored.state()).isEqualTo(state);
    }

    @Test
    void aSaveNamesTheFileAndTheReasonAndIsToBeTriedAgain() {
        assertFindsNoRoom(() -> store.save(lease, 1, unsaved));
    }

    @Test
    void theLastRecordIsStillThereAlsoForAFreshStore() {
        assertFindsNoRoom(() -> store.save(lease, 1, unsaved));

        assertIsThere(store, 1, saved);
        store.close();
        try (FileRolloutStore fresh = FileRolloutStore.open(directory)) {
            assertIsThere(fresh, 1, saved);
            assertFindsNoRoom(() -> acquire(fresh));
            assertIsThere(fresh, 1, saved);
        }
    }

    @Test
    void leasesAreNeitherGivenNorLost() {
        assertFindsNoRoom(() -> acquire(store));
        assertFindsNoRoom(() -> store.release(lease));

        disk.makeRoom();
        assertThat(store.save(lease, 1, unsaved)).as("the lease still holds").isTrue();
    }

    @Test
    void savingGoesOnOnceThereIsRoom() {
        assertFindsNoRoom(() -> store.save(lease, 1, unsaved));
        assertFindsNoRoom(() -> store.save(lease, 1, unsaved));

        disk.makeRoom();

        assertThat(store.save(lease, 1, unsaved)).isTrue();
        assertIsThere(store, 2, unsaved);
    }
}
