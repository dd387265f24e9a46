package io.github.rollstep.benchmarks.shared;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.jdbc.JdbcRolloutStore;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RemoteControl;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutEngine;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.Command;
import io.github.rollstep.testkit.Behaviour;
import io.github.rollstep.testkit.SimulatedFleet;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Many fleets on a few controllers and one PostgreSQL: each rollout is asked for from outside, by one who does not know which
 * controller will do it. Prints how long all took, how the work was spread, and what it cost the database.
 *
 * <p>The controllers are engines with pools of their own in this process, the fleets are simulated in real time: what is measured is
 * the engine and the store.
 */
public final class ManyFleets {

    /** So many requests wait for their answers at once. */
    private static final int ASKERS = 64;

    private static final Revision TO = Revision.of("v2");
    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ZERO)
            .build();

    private final int fleets;
    private final int controllers;
    private final int instances;
    private final Statements statements = new Statements();
    private final LongAdder steps = new LongAdder();

    private ManyFleets(int fleets, int controllers, int instances) {
        this.fleets = fleets;
        this.controllers = controllers;
        this.instances = instances;
    }

    public static void main(String[] args) throws Exception {
        int fleets = args.length > 0 ? Integer.parseInt(args[0]) : 1_000;
        int controllers = args.length > 1 ? Integer.parseInt(args[1]) : 3;
        int instances = args.length > 2 ? Integer.parseInt(args[2]) : 3;
        System.exit(new ManyFleets(fleets, controllers, instances).run() ? 0 : 1);
    }

    private boolean run() throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
            JdbcRolloutStore.of(server.getPostgresDatabase()).createSchema();
            List<SimulatedFleet> simulated = new ArrayList<>();
            for (int i = 0; i < fleets; i++) {
                simulated.add(fleet(i));
            }
            List<Node> nodes = new ArrayList<>();
            for (int i = 0; i < controllers; i++) {
                nodes.add(new Node(server, simulated));
            }
            try (HikariDataSource outside = pool(server)) {
                return measure(JdbcRolloutStore.of(outside), simulated, nodes);
            } finally {
                nodes.forEach(Node::close);
            }
        }
    }

    private static HikariDataSource pool(EmbeddedPostgres server) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.getPostgresDatabase());
        config.setMaximumPoolSize(8);
        return new HikariDataSource(config);
    }

    /** A controller, as it would be in a process of its own. */
    private final class Node implements AutoCloseable, RolloutListener {

        private final HikariDataSource pool;
        private final RolloutEngine engine = RolloutEngine.create(8);
        private final List<RollingUpdate> updates = new ArrayList<>();
        private final LongAdder ended = new LongAdder();

        Node(EmbeddedPostgres server, List<SimulatedFleet> fleets) {
            pool = pool(server);
            JdbcRolloutStore store = JdbcRolloutStore.of(statements.counted(pool));
            for (SimulatedFleet fleet : fleets) {
                updates.add(RollingUpdate.builder()
                        .fleet(fleet.id())
                        .desired(instances)
                        .provider(fleet.provider())
                        .health(fleet.healthChecker())
                        .router(fleet.router())
                        .store(store)
                        .policy(POLICY)
                        .engine(engine)
                        .listener(this)
                        .pollInterval(Duration.ofSeconds(1))
                        .shared()
                        .build());
            }
        }

        @Override
        public void progressed(Progress progress) {
            steps.increment();
            if (progress.phase() == RolloutPhase.SUCCEEDED) {
                ended.increment();
            }
        }

        @Override
        public void close() {
            updates.forEach(RollingUpdate::close);
            engine.close();
            pool.close();
        }
    }

    private boolean measure(JdbcRolloutStore outside, List<SimulatedFleet> simulated, List<Node> nodes)
            throws Exception {
        RemoteControl control = RemoteControl.of(outside);
        statements.taken();
        steps.reset();
        Queue<Double> answered = new ConcurrentLinkedQueue<>();
        long begun = System.nanoTime();
        ExecutorService askers = Executors.newFixedThreadPool(ASKERS);
        try {
            List<Future<?>> asked = new ArrayList<>();
            for (SimulatedFleet fleet : simulated) {
                asked.add(askers.submit(() -> {
                    long asks = System.nanoTime();
                    control.ask(fleet.id(), new Command.Start(TO, false, false), "benchmark", Duration.ofMinutes(10));
                    answered.add(seconds(asks));
                    return true;
                }));
            }
            for (Future<?> one : asked) {
                one.get();
            }
        } finally {
            askers.shutdownNow();
        }
        double startedAfter = seconds(begun);
        CountDownLatch patience = new CountDownLatch(1);
        while (ended(nodes) < fleets && seconds(begun) < 1_200) {
            patience.await(100, TimeUnit.MILLISECONDS);
        }
        double took = seconds(begun);
        double[] waits =
                answered.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        System.out.printf(
                "a request was answered after %.2f s (median), %.2f s (99 of 100), %d waiting at once%n",
                waits[waits.length / 2], waits[waits.length * 99 / 100], ASKERS);
        print(nodes, startedAfter, took, statements.taken());
        return ended(nodes) == fleets
                && simulated.stream().allMatch(fleet -> fleet.violations().isEmpty());
    }

    private static long ended(List<Node> nodes) {
        return nodes.stream().mapToLong(node -> node.ended.sum()).sum();
    }

    private void print(List<Node> nodes, double startedAfter, double took, Map<String, Long> executed) {
        long made = steps.sum();
        System.out.printf(
                "%,d fleets of %d on %d controllers: all asked for after %.1f s, %,d succeeded after %.1f s, %.1f rollouts/s%n",
                fleets, instances, controllers, startedAfter, ended(nodes), took, ended(nodes) / took);
        System.out.printf(
                "%,d steps, %.0f a second; rollouts ended by each controller: %s%n",
                made, made / took, nodes.stream().map(node -> node.ended.sum()).toList());
        executed.forEach(
                (kind, count) -> System.out.printf("  %-28s %,9d  %6.3f a step%n", kind, count, count / (double) made));
        long writes = executed.getOrDefault("update rollstep_fleet", 0L);
        System.out.printf("  saves of a state: %.3f a step, at most 1%n", writes / (double) made);
    }

    private static double seconds(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }

    private SimulatedFleet fleet(int number) {
        SimulatedFleet fleet = SimulatedFleet.builder(FleetId.of("fleet-" + number), InstantSource.system())
                .seed(number)
                .loggedCalls(1)
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofMillis(500), Duration.ofMillis(2_000))
                        .stopTime(Duration.ofMillis(500))
                        .build())
                .build();
        fleet.start(instances, Revision.of("v1"));
        return fleet;
    }
}
