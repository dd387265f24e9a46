package io.github.rollstep.benchmarks.shared;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import javax.sql.DataSource;

/** Counts what is executed over a data source: each statement by its first word and its table. Safe for use by several threads. */
final class Statements {

    private static final Set<String> WORDS = Set.of("select", "insert", "update", "delete");

    private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();

    DataSource counted(DataSource source) {
        return proxy(
                DataSource.class,
                source,
                (name, result) -> result instanceof Connection connection ? connection(connection) : result);
    }

    private Connection connection(Connection connection) {
        return proxy(Connection.class, connection, (name, result) -> result);
    }

    /** How many were executed since the last call, by kind. */
    Map<String, Long> taken() {
        Map<String, Long> taken = new TreeMap<>();
        counts.forEach((kind, count) -> taken.put(kind, count.sumThenReset()));
        return taken;
    }

    private interface Wrap {
        Object result(String method, Object result);
    }

    private <T> T proxy(Class<T> type, T target, Wrap wrap) {
        InvocationHandler handler = (self, method, args) -> {
            try {
                Object result = wrap.result(method.getName(), method.invoke(target, args));
                if (result instanceof PreparedStatement statement && args != null && args[0] instanceof String sql) {
                    return prepared(statement, kind(sql));
                }
                return result;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private PreparedStatement prepared(PreparedStatement statement, String kind) {
        InvocationHandler handler = (self, method, args) -> {
            if (method.getName().startsWith("execute") && method.getDeclaringClass() != Statement.class) {
                counts.computeIfAbsent(kind, name -> new LongAdder()).increment();
            }
            try {
                return method.invoke(statement, args);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return (PreparedStatement) Proxy.newProxyInstance(
                PreparedStatement.class.getClassLoader(), new Class<?>[] {PreparedStatement.class}, handler);
    }

    /** Such as "update rollstep_fleet". */
    private static String kind(String sql) {
        String kind = "other";
        String verb = "";
        for (String word : sql.toLowerCase(Locale.ROOT).split("[^a-z_]+")) {
            if (verb.isEmpty() && WORDS.contains(word)) {
                verb = word;
            } else if (!verb.isEmpty() && word.startsWith("rollstep_")) {
                kind = verb + " " + word;
                break;
            }
        }
        return kind;
    }
}
