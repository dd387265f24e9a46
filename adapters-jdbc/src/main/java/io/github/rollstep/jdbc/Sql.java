package io.github.rollstep.jdbc;

import io.github.rollstep.spi.ProviderException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** One statement at a time, committed at once; what goes wrong is a {@link ProviderException}. */
final class Sql {

    /** After it the statement is cancelled: the record is small, and nobody holds a lock for long. */
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private static final String UNDEFINED_TABLE = "42P01";

    private final DataSource source;

    Sql(DataSource source) {
        this.source = source;
    }

    interface Binder {
        void bind(PreparedStatement statement) throws SQLException;
    }

    interface Reader<T> {
        T read(ResultSet row) throws SQLException;
    }

    private interface Work<T> {
        T with(PreparedStatement statement) throws SQLException;
    }

    /** How many rows it changed. */
    int update(String what, String text, Binder binder) {
        return run(what, text, binder, PreparedStatement::executeUpdate);
    }

    <T> List<T> query(String what, String text, Binder binder, Reader<T> reader) {
        return run(what, text, binder, statement -> {
            List<T> found = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(reader.read(rows));
                }
            }
            return found;
        });
    }

    private <T> T run(String what, String text, Binder binder, Work<T> work) {
        try (Connection connection = source.getConnection()) {
            try (PreparedStatement statement = connection.prepareStatement(text)) {
                statement.setQueryTimeout((int) TIMEOUT.toSeconds());
                binder.bind(statement);
                T result = work.with(statement);
                if (!connection.getAutoCommit()) {
                    connection.commit();
                }
                return result;
            } catch (SQLException | RuntimeException e) {
                rollBack(connection, e);
                throw e;
            }
        } catch (SQLException e) {
            throw failure(what, e);
        }
    }

    private static void rollBack(Connection connection, Exception failure) {
        try {
            if (!connection.getAutoCommit()) {
                connection.rollback();
            }
        } catch (SQLException e) {
            failure.addSuppressed(e);
        }
    }

    private static ProviderException failure(String what, SQLException e) {
        String state = e.getSQLState() == null ? "" : e.getSQLState();
        String text = "%s: %s%s".formatted(what, e.getMessage(), state.isEmpty() ? "" : " (SQL state " + state + ")");
        if (state.equals(UNDEFINED_TABLE)) {
            return ProviderException.permanent(
                    text + "; the tables are created by createSchema() or the script " + JdbcRolloutStore.SCRIPT, e);
        }
        return isPassing(e, state) ? ProviderException.retryable(text, e) : ProviderException.permanent(text, e);
    }

    /**
     * By the classes of PostgreSQL's error codes: connection, transaction rolled back, resources, operator intervention (a shutdown, a
     * cancelled statement), a lock; and a server that became a read-only standby.
     */
    private static boolean isPassing(SQLException e, String state) {
        return e instanceof SQLTransientException
                || e instanceof SQLRecoverableException
                || state.length() < 5
                || List.of("08", "40", "53", "55", "57", "58").contains(state.substring(0, 2))
                || state.equals("25006");
    }
}
