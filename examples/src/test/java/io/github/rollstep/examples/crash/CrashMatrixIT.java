package io.github.rollstep.examples.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.jdbc.JdbcRolloutStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The controller is killed, as by {@code kill -9}, before and after each call of its adapters and its store; another one goes on. At
 * each point the same has to come of it: the same fleet, no process too many at any time, no promise broken, no failure forgotten,
 * and nothing launched that nobody knows of. The instances are processes, the router is a file, the store is files or a PostgreSQL.
 *
 * <p>Each build plays some of the points, spread over the whole rollout. All of them:
 *
 * <pre>{@code
 * mvn verify -pl examples -am -Dit.test=CrashMatrixIT -Dtest=none -Drollstep.crash=all \
 *     -Dsurefire.failIfNoSpecifiedTests=false -Dfailsafe.failIfNoSpecifiedTests=false
 * }</pre>
 *
 * <p>{@code -Drollstep.crash=17:after} plays that point, {@code launch2:after} the one after the second launch,
 * {@code 17:after+3:before} one whose successor is killed, too, {@code leased+ask1:after} the next after one that left a lease and no
 * record; several with commas. {@code -Dit.test=CrashMatrixIT#*Postgresql*} plays
 * one store.
 */
class CrashMatrixIT {

    private static final AtomicInteger SCENES = new AtomicInteger();

    private static EmbeddedPostgres server;

    @TempDir
    Path directory;

    private final Queue<String> deaths = new ConcurrentLinkedQueue<>();

    @AfterAll
    static void stop() throws IOException {
        if (server != null) {
            server.close();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Scenario.class,
            names = {"GOOD", "BAD"})
    void whereverTheControllerIsKilledAnotherFinishes(Scenario scenario) throws Exception {
        play(StoreKind.FILE, scenario);
    }

    @ParameterizedTest
    @EnumSource(
            value = Scenario.class,
            names = {"GOOD", "BAD"})
    void soItIsOverPostgresql(Scenario scenario) throws Exception {
        server = server == null ? EmbeddedPostgres.builder().start() : server;
        play(StoreKind.POSTGRESQL, scenario);
    }

    private void play(StoreKind kind, Scenario scenario) throws Exception {
        long begin = System.nanoTime();
        List<List<String>> calls = calls(kind, scenario);
        List<Life> lives = lives(kind, calls, System.getProperty("rollstep.crash", "sample"));
        List<String> failures = inParallel(
                kind.sideBySide,
                lives.stream().map(life -> attempt(kind, scenario, life)).toList());
        int due = lives.stream().mapToInt(life -> life.deaths().size()).sum();

        System.out.printf(
                "%s %s: %d to %d calls, %d rollouts, %d of %d deaths, %d failed, %d s; killed in %s%n",
                kind,
                scenario,
                calls.get(0).size(),
                calls.get(1).size(),
                lives.size(),
                deaths.size(),
                due,
                failures.size(),
                (System.nanoTime() - begin) / 1_000_000_000,
                byCall());
        assertThat(failures).isEmpty();
        // How often a controller looks is a matter of time; some rollouts end before the point comes.
        assertThat(deaths).hasSizeGreaterThanOrEqualTo(due - Math.max(3, due / 10));
    }

    private Map<String, Long> byCall() {
        return deaths.stream()
                .collect(Collectors.groupingBy(
                        death -> death.substring(death.indexOf(' ') + 1), TreeMap::new, Collectors.counting()));
    }

    /** The calls of two that live, the shorter life first: they wait more or less often for the same. */
    private List<List<String>> calls(StoreKind kind, Scenario scenario) throws Exception {
        List<List<String>> calls = new CopyOnWriteArrayList<>();
        Callable<Optional<String>> life = () -> {
            try (CrashScene scene = scene(kind, scenario)) {
                List<String> made = scene.live();
                scene.finish();
                calls.add(made);
                return Optional.empty();
            }
        };
        inParallel(kind.sideBySide, List.of(life, life));
        return calls.stream().sorted(Comparator.comparing(List::size)).toList();
    }

    private CrashScene scene(StoreKind kind, Scenario scenario) throws Exception {
        String name = "scene" + SCENES.incrementAndGet();
        Path place = directory.resolve(name);
        String address = kind == StoreKind.FILE ? place.resolve("rollouts").toString() : schema(name);
        return new CrashScene(kind, address, place, scenario);
    }

    /** Tables of its own in the one database. */
    private static String schema(String name) throws SQLException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA " + name);
        }
        String url = server.getJdbcUrl("postgres", "postgres") + "&currentSchema=" + name;
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(url);
        JdbcRolloutStore.of(source).createSchema();
        return url;
    }

    private static List<Life> lives(StoreKind kind, List<List<String>> calls, String choice) {
        int fewest = calls.get(0).size();
        int most = calls.get(1).size();
        return switch (choice) {
            case "all" ->
                Stream.of(points(most).map(Life::of), twice(fewest, most / 4), kind.lives.stream())
                        .flatMap(Function.identity())
                        .toList();
            case "sample" ->
                Stream.of(
                                sample(kind, calls.get(0)).map(Life::of),
                                twice(fewest, kind.twice),
                                kind.lives.stream().limit(1))
                        .flatMap(Function.identity())
                        .toList();
            default -> Stream.of(choice.split(",")).map(Life::parse).toList();
        };
    }

    private static Stream<Point> sample(StoreKind kind, List<String> calls) {
        Stream<Point> changes =
                kind.changes.stream().filter(calls::contains).map(name -> new Point(name, 1, Point.Side.AFTER));
        return Stream.concat(changes, spread(points(calls.size()).toList(), kind.spread));
    }

    private static Stream<Point> points(int calls) {
        return IntStream.rangeClosed(1, calls)
                .boxed()
                .flatMap(call -> Stream.of(Point.Side.values()).map(side -> new Point(call, side)));
    }

    /** First deaths all over the rollout; the successor dies a good part of the way further. */
    private static Stream<Life> twice(int calls, int count) {
        List<Point> all = points(calls).toList();
        return IntStream.range(0, count).mapToObj(i -> {
            Point first = all.get((2 * i + 1) * all.size() / (2 * count));
            int left = calls - first.call();
            Point.Side side = Point.Side.values()[i % 2];
            return Life.of(first, new Point(1 + left * (i % 5 + 1) / 6, side));
        });
    }

    private static <T> Stream<T> spread(List<T> all, int count) {
        return IntStream.range(0, Math.min(count, all.size()))
                .mapToObj(i -> all.get(i * (all.size() - 1) / Math.max(1, count - 1)));
    }

    /** What went wrong, if anything did. */
    private Callable<Optional<String>> attempt(StoreKind kind, Scenario scenario, Life life) {
        return () -> {
            try (CrashScene scene = scene(kind, scenario)) {
                if (life.leased()) {
                    scene.dieWithTheLease();
                }
                for (Point death : life.deaths()) {
                    scene.dieAt(death).ifPresent(deaths::add);
                }
                scene.finish();
                return Optional.empty();
            } catch (Exception | AssertionError e) {
                return Optional.of("%s killed at %s: %s".formatted(scenario, life, e));
            }
        };
    }

    private static List<String> inParallel(int sideBySide, List<Callable<Optional<String>>> attempts) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(sideBySide);
        try {
            List<String> failures = new ArrayList<>();
            for (Future<Optional<String>> attempt : pool.invokeAll(attempts)) {
                attempt.get().ifPresent(failures::add);
            }
            return failures;
        } finally {
            pool.shutdownNow();
        }
    }
}
