package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The stores of core keep the contract. */
class StoreContractTest {

    @Nested
    class InMemory extends RolloutStoreContract {

        @Override
        protected RolloutStore store(InstantSource clock) {
            return new InMemoryRolloutStore(clock);
        }

        /** It lives as long as the process; another user of the same one finds what a restart would. */
        @Override
        protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
            return Optional.of(store);
        }
    }

    @Nested
    class InMemoryExchange extends ExchangeContract {

        @Override
        protected RolloutStore store(InstantSource clock) {
            return new InMemoryRolloutStore(clock);
        }
    }

    @Nested
    class InFiles extends RolloutStoreContract {

        @TempDir
        Path directory;

        private final List<FileRolloutStore> opened = new ArrayList<>();

        @Override
        protected RolloutStore store(InstantSource clock) {
            opened.add(FileRolloutStore.open(directory, clock));
            return opened.get(opened.size() - 1);
        }

        @Override
        protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
            opened.forEach(FileRolloutStore::close);
            return Optional.of(store(clock));
        }

        @Override
        protected Optional<Path> file(FleetId fleet) {
            return Optional.of(directory.resolve(fleet + ".rollout"));
        }

        @AfterEach
        void close() {
            opened.forEach(FileRolloutStore::close);
        }
    }
}
