package io.github.rollstep.jdbc;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.RecordText;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.sql.DataSource;

/**
 * Keeps the records of many fleets in PostgreSQL (12 or newer), for several controllers. Safe for use by several threads; of two
 * stores on one database none is preferred.
 *
 * <p>Each call is a statement of its own, committed at once; no transaction is held open, so that it works behind any pool. Leases are
 * measured by the clock of the database: those of the controllers may differ by any amount. A record is as durable as a commit of
 * the database, with {@code synchronous_commit} on, which is PostgreSQL's default.
 *
 * <p>Needs the tables of {@link #createSchema}. The data source and its driver are the host's, and are closed by it.
 */
public final class JdbcRolloutStore implements RolloutStore, Exchange {

    /** Where the script is, for those who run it themselves. */
    static final String SCRIPT = "/io/github/rollstep/jdbc/schema.sql";

    private static final String NOW = "(CURRENT_TIMESTAMP + ? * INTERVAL '1 millisecond')";

    private final Sql sql;
    private final Supplier<Duration> shift;

    private JdbcRolloutStore(DataSource source, Supplier<Duration> shift) {
        sql = new Sql(source);
        this.shift = shift;
    }

    /** @param source with or without a pool, in auto-commit mode or not */
    public static JdbcRolloutStore of(DataSource source) {
        return new JdbcRolloutStore(source, () -> Duration.ZERO);
    }

    /** @param shift by how much time differs from the database's; for tests that move it */
    static JdbcRolloutStore shifted(DataSource source, Supplier<Duration> shift) {
        return new JdbcRolloutStore(source, shift);
    }

    /**
     * Creates the tables that are not there: {@code io/github/rollstep/jdbc/schema.sql} of this jar.
     *
     * @throws ProviderException if the database refuses
     */
    public void createSchema() {
        for (String statement : script().split(";\\s*\n")) {
            try {
                create(statement);
            } catch (ProviderException e) {
                // Of those who create a table at once PostgreSQL fails all but one, also if it may exist.
                create(statement);
            }
        }
    }

    private void create(String statement) {
        sql.update("create schema", statement, bind -> {});
    }

    private static String script() {
        try (InputStream in =
                Objects.requireNonNull(JdbcRolloutStore.class.getResourceAsStream(SCRIPT), "the script is missing")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public Optional<Stored> load(FleetId fleet) {
        return sql
                .query(
                        "load " + fleet,
                        "SELECT version, state FROM rollstep_fleet WHERE fleet = ? AND version > 0",
                        bind -> bind.setString(1, fleet.value()),
                        row -> new Stored(row.getLong(1), state(fleet, row.getString(2))))
                .stream()
                .findFirst();
    }

    private static RolloutState state(FleetId fleet, String text) {
        RolloutState state;
        try {
            state = RecordText.toState(text);
        } catch (IllegalArgumentException e) {
            throw ProviderException.permanent(
                    "the record of fleet %s is refused: %s".formatted(fleet, e.getMessage()), e);
        }
        if (!state.fleet().equals(fleet)) {
            throw ProviderException.permanent(
                    "the record of fleet %s is refused: it belongs to fleet %s".formatted(fleet, state.fleet()));
        }
        return state;
    }

    @Override
    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
        if (!next.fleet().equals(lease.fleet())) {
            throw new IllegalArgumentException(
                    "state must be of the lease's fleet %s, was of %s".formatted(lease.fleet(), next.fleet()));
        }
        return sql.update("save " + lease.fleet(), """
                        UPDATE rollstep_fleet
                        SET version = version + 1, state = ?, unfinished = ?, saved_at = CURRENT_TIMESTAMP
                        WHERE fleet = ? AND fence = ? AND version = ?""", bind -> {
                    bind.setString(1, RecordText.of(next));
                    bind.setBoolean(2, !next.isOver());
                    bind.setString(3, lease.fleet().value());
                    bind.setLong(4, lease.fence());
                    bind.setLong(5, expectedVersion);
                })
                == 1;
    }

    @Override
    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Lease wanted = new Lease(fleet, owner, 0);
        return sql
                .query(
                        "acquire the lease of " + fleet,
                        """
                        INSERT INTO rollstep_fleet AS held (fleet, fence, owner, until)
                        VALUES (?, 1, ?, CURRENT_TIMESTAMP + ? * INTERVAL '1 millisecond')
                        ON CONFLICT (fleet) DO UPDATE
                        SET owner = EXCLUDED.owner, until = EXCLUDED.until,
                            fence = CASE WHEN held.owner = EXCLUDED.owner THEN held.fence ELSE held.fence + 1 END
                        WHERE held.owner IS NULL OR held.owner = EXCLUDED.owner OR held.until <= %s
                        RETURNING fence""".formatted(NOW),
                        bind -> {
                            bind.setString(1, fleet.value());
                            bind.setString(2, wanted.owner());
                            bind.setLong(3, shift.get().plus(duration).toMillis());
                            bind.setLong(4, shift.get().toMillis());
                        },
                        row -> new Lease(fleet, owner, row.getLong(1)))
                .stream()
                .findFirst();
    }

    @Override
    public void release(Lease lease) {
        sql.update(
                "release the lease of " + lease.fleet(),
                "UPDATE rollstep_fleet SET owner = NULL, until = NULL WHERE fleet = ? AND fence = ?",
                bind -> {
                    bind.setString(1, lease.fleet().value());
                    bind.setLong(2, lease.fence());
                });
    }

    /** The row of the fleet is locked until the request is there: so requests of a fleet appear in the order of their numbers. */
    @Override
    public long ask(FleetId fleet, Command command, String by) {
        return sql.query(
                        "ask " + fleet,
                        """
                        WITH next AS (
                          INSERT INTO rollstep_fleet AS held (fleet, fence, asked) VALUES (?, 0, 1)
                          ON CONFLICT (fleet) DO UPDATE SET asked = held.asked + 1
                          RETURNING fleet, asked)
                        INSERT INTO rollstep_request (fleet, number, command, asked_by, asked_at)
                        SELECT fleet, asked, ?, ?, %s FROM next
                        RETURNING number""".formatted(NOW),
                        bind -> {
                            bind.setString(1, fleet.value());
                            bind.setString(2, RecordText.of(command));
                            bind.setString(3, by);
                            bind.setLong(4, shift.get().toMillis());
                        },
                        row -> row.getLong(1))
                .get(0);
    }

    @Override
    public List<Request> requests() {
        return sql.query(
                "read requests",
                "SELECT fleet, number, command, asked_by, CAST(EXTRACT(EPOCH FROM " + NOW
                        + " - asked_at) * 1000 AS BIGINT) FROM rollstep_request ORDER BY fleet, number",
                this::bindShift,
                row -> new Request(
                        row.getLong(2),
                        FleetId.of(row.getString(1)),
                        RecordText.toCommand(row.getString(3)),
                        row.getString(4),
                        Duration.ofMillis(row.getLong(5))));
    }

    @Override
    public void forget(FleetId fleet, long upTo) {
        sql.update("forget requests", "DELETE FROM rollstep_request WHERE fleet = ? AND number <= ?", bind -> {
            bind.setString(1, fleet.value());
            bind.setLong(2, upTo);
        });
    }

    @Override
    public RollCall rollCall(String controller, Duration alive) {
        sql.update("roll call", """
                INSERT INTO rollstep_controller (name, until) VALUES (?, CURRENT_TIMESTAMP + ? * INTERVAL '1 millisecond')
                ON CONFLICT (name) DO UPDATE SET until = EXCLUDED.until""", bind -> {
            bind.setString(1, controller);
            bind.setLong(2, shift.get().plus(alive).toMillis());
        });
        sql.update("roll call", "DELETE FROM rollstep_controller WHERE until <= " + NOW, this::bindShift);
        Set<String> controllers = new HashSet<>(
                sql.query("roll call", "SELECT name FROM rollstep_controller", bind -> {}, row -> row.getString(1)));
        List<Unfinished> unfinished = sql.query(
                "roll call",
                "SELECT fleet, CASE WHEN until > " + NOW
                        + " THEN owner END FROM rollstep_fleet WHERE unfinished ORDER BY fleet",
                this::bindShift,
                row -> new Unfinished(FleetId.of(row.getString(1)), Optional.ofNullable(row.getString(2))));
        return new RollCall(controllers, new ArrayList<>(unfinished));
    }

    private void bindShift(PreparedStatement bind) throws SQLException {
        bind.setLong(1, shift.get().toMillis());
    }
}
