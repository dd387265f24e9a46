package io.github.rollstep.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What files add to the contract: crashes, other processes, foreign content. */
class FileRolloutStoreTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Duration LONG = Duration.ofHours(1);

    @TempDir
    Path directory;

    private final RolloutState state = new RandomStates(1).next();

    private static Lease lease(FileRolloutStore store) {
        return store.acquire(SHOP, "me", LONG).orElseThrow();
    }

    @Test
    void keepsASecondStoreOutOfTheDirectory() {
        try (FileRolloutStore store = FileRolloutStore.open(directory)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> FileRolloutStore.open(directory))
                    .withMessage("directory %s is in use by another store", directory);
            assertThat(store.load(SHOP)).isEmpty();
        }
        FileRolloutStore.open(directory).close();
    }

    @Test
    void aLeaseOfADeadProcessHoldsUpNobodyAndItsFenceIsNotUsedAgain() {
        long fence;
        try (FileRolloutStore dead = FileRolloutStore.open(directory)) {
            Lease lease = lease(dead);
            fence = lease.fence();
            assertThat(dead.save(lease, 0, state)).isTrue();
        }
        try (FileRolloutStore next = FileRolloutStore.open(directory)) {
            Lease lease = next.acquire(SHOP, "another", LONG).orElseThrow();
            assertThat(lease.fence()).isGreaterThan(fence);
            assertThat(next.save(new Lease(SHOP, "me", fence), 1, state)).isFalse();
            assertThat(next.load(SHOP).orElseThrow().version()).isOne();
        }
    }

    @Test
    void refusesForeignAndNewerFilesAndSaysWhy() throws IOException {
        Path file = directory.resolve("shop.rollout");
        try (FileRolloutStore store = FileRolloutStore.open(directory)) {
            Files.writeString(file, "hello\n");
            assertRefused(store, file + " is refused: it is not a record of Rollstep");
            Files.writeString(file, "rollstep-record 4\n");
            assertRefused(store, file + " is refused: its format is 4, this version reads 2 and 3");
            Files.delete(file);
            store.save(lease(store), 0, state);
            Files.copy(file, directory.resolve("other.rollout"));
            assertThatThrownBy(() -> store.load(FleetId.of("other")))
                    .hasMessageEndingWith("other.rollout is refused: it belongs to fleet shop");
        }
    }

    private static void assertRefused(FileRolloutStore store, String message) {
        assertThatThrownBy(() -> store.load(SHOP))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage(message);
        assertThatThrownBy(() -> store.acquire(SHOP, "me", LONG)).hasMessage(message);
    }

    /** Written by the version before, with what that one knew and this one does not. */
    @Test
    void readsTheFormatOfTheVersionBeforeAndWritesItsOwn() throws IOException {
        Path file = directory.resolve("shop.rollout");
        Files.write(file, resource("format-2.rollout"));
        try (FileRolloutStore store = FileRolloutStore.open(directory)) {
            Stored stored = store.load(SHOP).orElseThrow();
            assertThat(stored.version()).isEqualTo(1);
            assertThat(stored.state().rollout()).hasToString("r426");
            assertThat(stored.state().instances()).hasSizeGreaterThan(2);
            assertThat(stored.state().startedBy()).isEmpty();
            assertThat(stored.state().answers()).isEqualTo(RolloutState.Answers.NONE);

            Lease lease = store.acquire(SHOP, "a", Duration.ofSeconds(30)).orElseThrow();
            assertThat(lease.fence()).isGreaterThan(1);
            assertThat(store.save(lease, 1, stored.state())).isTrue();
            assertThat(Files.readString(file)).startsWith("rollstep-record 3\n");
            assertThat(store.load(SHOP).orElseThrow().state()).isEqualTo(stored.state());
        }
    }

    private byte[] resource(String name) throws IOException {
        try (InputStream in = FileRolloutStoreTest.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        }
    }

    @Test
    void ignoresWhatACrashLeftBesideTheFile() throws IOException {
        try (FileRolloutStore store = FileRolloutStore.open(directory)) {
            Files.writeString(directory.resolve("shop.tmp"), "half a rec");

            assertThat(store.load(SHOP)).isEmpty();
            assertThat(store.save(lease(store), 0, state)).isTrue();
            assertThat(store.load(SHOP).orElseThrow().state())
                    .usingRecursiveComparison()
                    .isEqualTo(state);
        }
    }

    @Test
    void doesNothingAfterClose() {
        FileRolloutStore store = FileRolloutStore.open(directory);
        store.close();
        store.close();

        assertThatIllegalStateException()
                .isThrownBy(() -> store.load(SHOP))
                .withMessage("the store of directory %s is closed", directory);
    }

    @Test
    void everyAcknowledgedSaveIsFoundAfterTheProcessWasKilled() throws Exception {
        long acknowledged = 0;
        for (int round = 0; round < 3; round++) {
            Process saver = new ProcessBuilder(
                            ProcessHandle.current().info().command().orElse("java"),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Saver.class.getName(),
                            directory.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            try (BufferedReader out = new BufferedReader(new InputStreamReader(saver.getInputStream()))) {
                for (int i = 0; i < 20 + round; i++) {
                    acknowledged = Long.parseLong(out.readLine());
                }
                assertThatIllegalStateException()
                        .as("another process has it open")
                        .isThrownBy(() -> FileRolloutStore.open(directory));
                saver.toHandle().destroyForcibly();
                for (String line = out.readLine(); line != null; line = out.readLine()) {
                    acknowledged = line.matches("[0-9]+") ? Math.max(acknowledged, Long.parseLong(line)) : acknowledged;
                }
            }
            saver.onExit().join();

            try (FileRolloutStore store = FileRolloutStore.open(directory)) {
                assertThat(store.load(SHOP).orElseThrow().version()).isBetween(acknowledged, acknowledged + 1);
            }
        }
    }

    /** Saves until it is killed, and prints each version that was acknowledged. */
    static final class Saver {

        private Saver() {}

        public static void main(String[] args) {
            FileRolloutStore store = FileRolloutStore.open(Path.of(args[0]));
            Lease lease = lease(store);
            long version = store.load(SHOP).map(stored -> stored.version()).orElse(0L);
            RandomStates states = new RandomStates(version);
            while (store.save(lease, version, states.next())) {
                version++;
                System.out.println(version);
            }
        }
    }
}
