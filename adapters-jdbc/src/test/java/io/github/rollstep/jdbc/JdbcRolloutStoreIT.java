package io.github.rollstep.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.testkit.ExchangeContract;
import io.github.rollstep.testkit.RolloutStoreContract;
import io.github.rollstep.testkit.SimulatedFleet;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Against a real PostgreSQL, with and without a pool. */
class JdbcRolloutStoreIT {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Duration LEASE = Duration.ofSeconds(30);

    private static EmbeddedPostgres server;
    private static HikariDataSource pool;

    @BeforeAll
    static void start() throws IOException {
        server = EmbeddedPostgres.builder().start();
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.getPostgresDatabase());
        config.setMaximumPoolSize(6);
        config.setAutoCommit(false);
        pool = new HikariDataSource(config);
    }

    @AfterAll
    static void stop() throws IOException {
        pool.close();
        server.close();
    }

    @BeforeEach
    void empty() throws SQLException {
        JdbcRolloutStore.of(server.getPostgresDatabase()).createSchema();
        execute("TRUNCATE rollstep_fleet, rollstep_request, rollstep_controller");
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Time moves as the test's clock does, by the same statements. */
    private static RolloutStore store(DataSource source, InstantSource clock) {
        Instant begun = clock.instant();
        return JdbcRolloutStore.shifted(source, () -> Duration.between(begun, clock.instant()));
    }

    private abstract static class Contract extends RolloutStoreContract {

        private Instant begun = Instant.EPOCH;

        abstract DataSource source();

        @Override
        protected RolloutStore store(InstantSource clock) {
            begun = clock.instant();
            return JdbcRolloutStoreIT.store(source(), clock);
        }

        @Override
        protected Duration tolerance() {
            return Duration.ofSeconds(5);
        }

        @Override
        protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
            return Optional.of(JdbcRolloutStore.shifted(source(), () -> Duration.between(begun, clock.instant())));
        }
    }

    @Nested
    class Plain extends Contract {

        @Override
        DataSource source() {
            return server.getPostgresDatabase();
        }
    }

    /** Its connections are not in auto-commit mode. */
    @Nested
    class Pooled extends Contract {

        @Override
        DataSource source() {
            return pool;
        }
    }

    @Nested
    class PlainExchange extends ExchangeContract {

        @Override
        protected RolloutStore store(InstantSource clock) {
            return JdbcRolloutStoreIT.store(server.getPostgresDatabase(), clock);
        }
    }

    @Nested
    class PooledExchange extends ExchangeContract {

        @Override
        protected RolloutStore store(InstantSource clock) {
            return JdbcRolloutStoreIT.store(pool, clock);
        }
    }

    private static RolloutState state(String revision) {
        return RolloutState.begin(
                SHOP,
                RolloutId.of("r-1"),
                Revision.of(revision),
                Limits.resolve(RolloutPolicy.defaults(), 3),
                Instant.EPOCH,
                Optional.empty());
    }

    @Test
    void theSchemaCanBeCreatedAgain() {
        JdbcRolloutStore store = JdbcRolloutStore.of(server.getPostgresDatabase());
        Lease lease = store.acquire(SHOP, "a", LEASE).orElseThrow();
        store.save(lease, 0, state("v1"));

        store.createSchema();

        assertThat(store.load(SHOP)).isPresent();
    }

    @Test
    void severalControllersMayCreateItAtOnce() throws Exception {
        for (int round = 0; round < 5; round++) {
            execute("DROP TABLE rollstep_fleet, rollstep_request, rollstep_controller");
            ExecutorService controllers = Executors.newFixedThreadPool(4);
            try {
                for (Future<Boolean> created : controllers.invokeAll(Collections.<Callable<Boolean>>nCopies(4, () -> {
                    JdbcRolloutStore.of(pool).createSchema();
                    return true;
                }))) {
                    assertThat(created.get()).isTrue();
                }
            } finally {
                controllers.shutdownNow();
            }
        }
    }

    @Test
    void withoutItsTablesItSaysWhatIsMissing() throws SQLException {
        execute("DROP TABLE rollstep_fleet");
        JdbcRolloutStore store = JdbcRolloutStore.of(server.getPostgresDatabase());

        assertThatThrownBy(() -> store.load(SHOP))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessageContaining("load shop: ")
                .hasMessageContaining("rollstep_fleet")
                .hasMessageContaining("createSchema()")
                .hasMessageContaining("schema.sql");
    }

    @Test
    void refusesARecordThatItCannotRead() throws SQLException {
        JdbcRolloutStore store = JdbcRolloutStore.of(server.getPostgresDatabase());
        Lease lease = store.acquire(SHOP, "a", LEASE).orElseThrow();
        store.save(lease, 0, state("v1"));
        execute("UPDATE rollstep_fleet SET state = replace(state, 'rollstep-state 3', 'rollstep-state 9')");

        assertThatThrownBy(() -> store.load(SHOP))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("the record of fleet shop is refused: its format is 9, this version reads 2 and 3");
    }

    @Test
    void theRecordIsTextThatAPersonCanRead() throws SQLException {
        JdbcRolloutStore store = JdbcRolloutStore.of(server.getPostgresDatabase());
        Lease lease = store.acquire(SHOP, "a", LEASE).orElseThrow();
        store.save(lease, 0, state("v1"));

        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT state, unfinished, owner FROM rollstep_fleet")) {
            assertThat(rows.next()).isTrue();
            assertThat(rows.getString(1))
                    .startsWith("rollstep-state 3\n")
                    .contains("target.id=v1\n", "phase=ROLLING\n");
            assertThat(rows.getBoolean(2)).isTrue();
            assertThat(rows.getString(3)).isEqualTo("a");
        }
    }

    /** What holds and what has ended is told by the database alone. */
    @Test
    void theClocksOfControllersMayDiffer() {
        SimulatedFleet fleet =
                SimulatedFleet.builder(SHOP, InstantSource.system()).build();
        fleet.start(2, Revision.of("v1"));
        try (RollingUpdate late = controller(fleet, Duration.ofHours(-5));
                RollingUpdate early = controller(fleet, Duration.ofHours(5))) {
            try (RollingUpdate first = controller(fleet, Duration.ZERO)) {
                first.start(Revision.of("v2"));

                assertThatIllegalStateException()
                        .isThrownBy(late::resume)
                        .withMessageStartingWith("another controller holds the lease of fleet shop");
                assertThatIllegalStateException()
                        .isThrownBy(early::resume)
                        .withMessageStartingWith("another controller holds the lease of fleet shop");
            }
            assertThat(late.resume()).isPresent();
        }
    }

    private static RollingUpdate controller(SimulatedFleet fleet, Duration offset) {
        return RollingUpdate.builder()
                .fleet(SHOP)
                .desired(2)
                .provider(fleet.provider())
                .health(fleet.healthChecker())
                .router(fleet.router())
                .store(JdbcRolloutStore.of(pool))
                .clock(() -> Instant.now().plus(offset))
                .hostDriven()
                .build();
    }

    /** As while controllers are replaced by newer ones, one by one. */
    @Test
    void aRequestThatCannotBeReadHidesNoOther() throws SQLException {
        JdbcRolloutStore store = JdbcRolloutStore.of(pool);
        store.ask(SHOP, new Command.Pause(), "newer");
        execute("UPDATE rollstep_request SET command = replace(command, 'rollstep-command 3', 'rollstep-command 9')");
        store.ask(SHOP, new Command.Abort(), "ann");
        store.ask(FleetId.of("other"), new Command.Pause(), "bob");

        assertThat(store.requests())
                .extracting(Request::by, Request::command)
                .containsExactlyInAnyOrder(
                        tuple("newer", new Command.Unknown("its format is 9, this version reads 2 and 3")),
                        tuple("ann", new Command.Abort()),
                        tuple("bob", new Command.Pause()));
    }

    /** The number is given and the request is there at once: who answers up to a number has seen all before it. */
    @Test
    void noRequestAppearsAfterOneWithALargerNumber() throws Exception {
        JdbcRolloutStore store = JdbcRolloutStore.of(pool);
        Thread[] askers = new Thread[4];
        for (int i = 0; i < askers.length; i++) {
            askers[i] = new Thread(() -> {
                for (int request = 0; request < 50; request++) {
                    store.ask(SHOP, new Command.Pause(), "asker");
                }
            });
            askers[i].start();
        }
        long seen = 0;
        while (seen < 200) {
            List<Request> requests = store.requests();
            long last =
                    requests.isEmpty() ? 0 : requests.get(requests.size() - 1).number();
            assertThat(requests).as("all up to the last one").hasSize((int) last);
            seen = last;
        }
        for (Thread asker : askers) {
            asker.join();
        }
    }
}
