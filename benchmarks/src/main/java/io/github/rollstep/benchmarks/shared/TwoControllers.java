package io.github.rollstep.benchmarks.shared;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.jdbc.JdbcRolloutStore;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RemoteControl;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.Command;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * Two controllers on one PostgreSQL: how long a command takes that is given to the one that does not drive the rollout, and how long a
 * rollout stands still whose controller is killed.
 *
 * <p>Commands are given at moments that have nothing to do with the looks of the controllers, and so are the kills. For the first part
 * the controllers are engines in this process, with the default lease and polling interval; for the second they are processes.
 */
public final class TwoControllers {

    private static final Revision FROM = Revision.of("v1");
    private static final Revision TO = Revision.of("v2");

    private final int commands;
    private final int kills;
    private final Duration lease;
    private final Random random = new Random(7);

    private TwoControllers(int commands, int kills, Duration lease) {
        this.commands = commands;
        this.kills = kills;
        this.lease = lease;
    }

    public static void main(String[] args) throws Exception {
        int commands = args.length > 0 ? Integer.parseInt(args[0]) : 50;
        int kills = args.length > 1 ? Integer.parseInt(args[1]) : 10;
        int lease = args.length > 2 ? Integer.parseInt(args[2]) : 2;
        System.exit(new TwoControllers(commands, kills, Duration.ofSeconds(lease)).run() ? 0 : 1);
    }

    private boolean run() throws Exception {
        System.out.printf("%-44s %5s  %7s  %7s  %7s  %9s%n", "", "times", "median", "p95", "worst", "promised");
        Path directory = Files.createTempDirectory("rollstep-two-controllers");
        try {
            boolean within;
            try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
                within = handOver(server, fleet(directory.resolve("handed-over")));
            }
            try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
                return takeOver(server, fleet(directory.resolve("taken-over"))) && within;
            }
        } finally {
            delete(directory);
        }
    }

    private static FilesFleet fleet(Path directory) throws IOException {
        FilesFleet fleet = new FilesFleet(Files.createDirectory(directory));
        for (int i = 1; i <= ControllerProcess.DESIRED; i++) {
            fleet.start(FROM, LaunchToken.of("first-" + i));
        }
        return fleet;
    }

    private static void delete(Path directory) throws IOException {
        List<Path> paths;
        try (Stream<Path> tree = Files.walk(directory)) {
            paths = tree.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : paths) {
            Files.delete(path);
        }
    }

    private static HikariDataSource pool(EmbeddedPostgres server) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(server.getPostgresDatabase());
        config.setMaximumPoolSize(4);
        return new HikariDataSource(config);
    }

    /** @param steps counts those of this controller */
    private static RollingUpdate controller(HikariDataSource pool, FilesFleet fleet, LongAdder steps) {
        return RollingUpdate.builder()
                .fleet(ControllerProcess.FLEET)
                .desired(ControllerProcess.DESIRED)
                .provider(fleet)
                .health(fleet)
                .store(JdbcRolloutStore.of(pool))
                .policy(ControllerProcess.POLICY)
                .listener(new RolloutListener() {
                    @Override
                    public void progressed(Progress progress) {
                        steps.increment();
                    }
                })
                .shared()
                .build();
    }

    private boolean handOver(EmbeddedPostgres server, FilesFleet fleet) throws InterruptedException {
        LongAdder steps = new LongAdder();
        LongAdder stepsOfOther = new LongAdder();
        try (HikariDataSource pool = pool(server);
                HikariDataSource otherPool = pool(server)) {
            JdbcRolloutStore.of(pool).createSchema();
            try (RollingUpdate holder = controller(pool, fleet, steps);
                    RollingUpdate other = controller(otherPool, fleet, stepsOfOther)) {
                holder.start(TO);
                Rollout rollout = other.rollout().orElseThrow();
                double[] pauses = new double[commands];
                double[] resumes = new double[commands];
                for (int i = 0; i < commands; i++) {
                    pauses[i] = seconds(rollout::pause);
                    resumes[i] = seconds(rollout::resume);
                }
                if (steps.sum() == 0 || stepsOfOther.sum() > 0) {
                    throw new IllegalStateException("the rollout did not stay with the controller that began it");
                }
                boolean paused = print("pause, asked at the other controller", pauses, "s", 1);
                return print("resume, asked at the other controller", resumes, "s", 1) && paused;
            }
        }
    }

    private double seconds(Runnable command) throws InterruptedException {
        Thread.sleep(random.nextInt(500));
        long begun = System.nanoTime();
        command.run();
        return (System.nanoTime() - begun) / 1e9;
    }

    private boolean takeOver(EmbeddedPostgres server, FilesFleet fleet) throws Exception {
        String url = server.getJdbcUrl("postgres", "postgres");
        JdbcRolloutStore store = JdbcRolloutStore.of(server.getPostgresDatabase());
        store.createSchema();
        double[] leases = new double[kills];
        ControllerProcess holder = new ControllerProcess(url, fleet.directory(), lease);
        try {
            RemoteControl.of(store)
                    .ask(
                            ControllerProcess.FLEET,
                            new Command.Start(TO, false, false),
                            "benchmark",
                            Duration.ofMinutes(1));
            for (int i = 0; i < kills; i++) {
                ControllerProcess next = new ControllerProcess(url, fleet.directory(), lease);
                try {
                    leases[i] = leasesUntilTheNextSteps(holder, next);
                } finally {
                    holder.close();
                    holder = next;
                }
            }
        } finally {
            holder.close();
        }
        return print("SIGKILL to the first step of the other one", leases, "leases", 2);
    }

    private double leasesUntilTheNextSteps(ControllerProcess holder, ControllerProcess next)
            throws InterruptedException {
        Duration patience = lease.multipliedBy(20);
        holder.firstStep(patience).orElseThrow();
        Thread.sleep(lease.toMillis() + random.nextInt((int) lease.toMillis()));
        if (next.firstStep(Duration.ZERO).isPresent()) {
            throw new IllegalStateException("the rollout did not stay with the controller that drove it");
        }
        long killed = System.nanoTime();
        holder.close();
        long stepped = next.firstStep(patience)
                .orElseThrow(() -> new IllegalStateException("nobody has taken over within " + patience));
        return (stepped - killed) / (double) lease.toNanos();
    }

    /** Whether the promise was kept each time. */
    private static boolean print(String what, double[] values, String unit, int promised) {
        double[] sorted = DoubleStream.of(values).sorted().toArray();
        double worst = sorted[sorted.length - 1];
        System.out.printf(
                "%-44s %5d  %7.2f  %7.2f  %7.2f  %2d %s%n",
                what,
                sorted.length,
                sorted[sorted.length / 2],
                sorted[(int) Math.ceil(sorted.length * 0.95) - 1],
                worst,
                promised,
                unit);
        return worst <= promised;
    }
}
