package io.github.rollstep.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore.Lease;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterTry;
import net.jqwik.api.lifecycle.BeforeTry;

/** Any state comes back as it was, and no damaged file comes back as another state. */
class FileRolloutStorePropertyTest {

    private static final FleetId SHOP = FleetId.of("shop");

    private Path directory;
    private FileRolloutStore store;

    @BeforeTry
    void open() throws IOException {
        directory = Files.createTempDirectory("rollstep-store-");
        store = FileRolloutStore.open(directory);
    }

    @AfterTry
    void remove() throws IOException {
        store.close();
        try (Stream<Path> files = Files.list(directory)) {
            files.forEach(file -> file.toFile().delete());
        }
        Files.delete(directory);
    }

    private void save(RolloutState state) {
        Lease lease = store.acquire(SHOP, "me", Duration.ofSeconds(30)).orElseThrow();
        assertThat(store.save(lease, 0, state)).isTrue();
    }

    @Property(tries = 200)
    void everyStateComesBackAsItWas(@ForAll long seed) {
        RolloutState state = new RandomStates(seed).next();

        save(state);
        store.close();
        store = FileRolloutStore.open(directory);

        assertThat(store.load(SHOP).orElseThrow().state())
                .usingRecursiveComparison()
                .isEqualTo(state);
    }

    @Property(tries = 100)
    void aTornFileIsRefused(@ForAll long seed, @ForAll @IntRange(min = 0, max = 999) int permille) throws IOException {
        save(new RandomStates(seed).next());
        Path file = directory.resolve("shop.rollout");
        byte[] whole = Files.readAllBytes(file);

        Files.write(file, Arrays.copyOf(whole, whole.length * permille / 1000));

        assertRefused();
    }

    @Property(tries = 300)
    void aChangedByteIsRefused(
            @ForAll long seed,
            @ForAll @IntRange(min = 0, max = 999) int permille,
            @ForAll @IntRange(min = 1, max = 255) int flip)
            throws IOException {
        save(new RandomStates(seed).next());
        Path file = directory.resolve("shop.rollout");
        byte[] bytes = Files.readAllBytes(file);

        bytes[bytes.length * permille / 1000] ^= (byte) flip;
        Files.write(file, bytes);

        assertRefused();
    }

    private void assertRefused() {
        assertThatThrownBy(() -> store.load(SHOP))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessageContaining("shop.rollout is refused: it");
    }
}
