package io.github.rollstep.examples.crash;

import io.github.rollstep.jdbc.JdbcRolloutStore;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.FileRolloutStore;
import java.nio.file.Path;
import java.util.List;
import org.postgresql.ds.PGSimpleDataSource;

/** The stores under test. */
enum StoreKind {
    /** The lease of a process that is dead is void. */
    FILE(2, List.of("save", "launch", "admit", "drain", "terminate"), 7, 3, List.of()) {
        @Override
        Opened open(String address) {
            FileRolloutStore store = FileRolloutStore.open(Path.of(address));
            return new Opened(store, store::close);
        }
    },
    /**
     * The lease of a process that is dead has to run out. While it runs, the next controller asks for the rollout, and obeys itself
     * afterwards.
     */
    POSTGRESQL(
            4,
            List.of("save", "launch", "terminate"),
            0,
            0,
            List.of(
                    "leased+ask1:after",
                    "leased+ask1:before",
                    "leased+save1:before",
                    "leased+save1:after",
                    "leased+forget1:before",
                    "leased+forget1:after")) {
        @Override
        Opened open(String address) {
            PGSimpleDataSource source = new PGSimpleDataSource();
            source.setUrl(address);
            return new Opened(JdbcRolloutStore.of(source), () -> {});
        }
    };

    /** How many rollouts at once: a controller that waits for a lease needs no processor. */
    final int sideBySide;
    /** After whose first call each sample kills, too: what changes something. */
    final List<String> changes;
    /** How many points of a sample are spread over the rollout. */
    final int spread;
    /** How many rollouts of a sample lose the successor, too. */
    final int twice;
    /** What else is played; the first of them in each sample. */
    final List<Life> lives;

    StoreKind(int sideBySide, List<String> changes, int spread, int twice, List<String> lives) {
        this.sideBySide = sideBySide;
        this.changes = changes;
        this.spread = spread;
        this.twice = twice;
        this.lives = lives.stream().map(Life::parse).toList();
    }

    /**
     * Opens the store of one scene, also in one process after the other.
     *
     * @param address a directory, or the URL of a database
     */
    abstract Opened open(String address);

    record Opened(RolloutStore store, Runnable closing) implements AutoCloseable {

        @Override
        public void close() {
            closing.run();
        }
    }
}
