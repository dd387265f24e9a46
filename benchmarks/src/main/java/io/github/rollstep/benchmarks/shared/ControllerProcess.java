package io.github.rollstep.benchmarks.shared;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.jdbc.JdbcRolloutStore;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutListener;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A controller in a process of its own, to be killed: {@code JDBC_URL FLEET_DIRECTORY LEASE_MILLIS}. Says {@code READY}, and {@code
 * STEP} after each step of the rollout. Ends when its input does.
 */
final class ControllerProcess implements AutoCloseable {

    static final FleetId FLEET = FleetId.of("shop");
    static final int DESIRED = 3;

    /** What is launched proves itself for longer than the measurement takes: the rollout stays in its middle. */
    static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMinutes(4))
            .build();

    private final Process process;
    private final CountDownLatch ready = new CountDownLatch(1);
    private final CountDownLatch stepped = new CountDownLatch(1);
    private volatile long firstStep;

    /** Returns when it is ready. */
    ControllerProcess(String url, Path fleet, Duration lease) throws IOException, InterruptedException {
        process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ControllerProcess.class.getName(),
                        url,
                        fleet.toString(),
                        Long.toString(lease.toMillis()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Thread reader = new Thread(this::read, "controller-output");
        reader.setDaemon(true);
        reader.start();
        if (!ready.await(1, TimeUnit.MINUTES)) {
            throw new IllegalStateException("the controller is not ready after a minute");
        }
    }

    private void read() {
        BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()));
        try {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.equals("READY")) {
                    ready.countDown();
                } else if (stepped.getCount() > 0) {
                    firstStep = System.nanoTime();
                    stepped.countDown();
                }
            }
        } catch (IOException e) {
            // It was killed.
        }
    }

    /** When its first step was heard of; empty if there was none in this time. */
    Optional<Long> firstStep(Duration patience) throws InterruptedException {
        return stepped.await(patience.toNanos(), TimeUnit.NANOSECONDS) ? Optional.of(firstStep) : Optional.empty();
    }

    /** By SIGKILL. */
    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }

    public static void main(String[] args) throws IOException {
        Duration lease = Duration.ofMillis(Long.parseLong(args[2]));
        FilesFleet fleet = new FilesFleet(Path.of(args[1]));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(args[0]);
        config.setMaximumPoolSize(4);
        try (HikariDataSource pool = new HikariDataSource(config);
                RollingUpdate update = RollingUpdate.builder()
                        .fleet(FLEET)
                        .desired(DESIRED)
                        .provider(fleet)
                        .health(fleet)
                        .store(JdbcRolloutStore.of(pool))
                        .policy(POLICY)
                        .pollInterval(lease.dividedBy(4))
                        .lease(lease)
                        .shared()
                        .listener(new RolloutListener() {
                            @Override
                            public void progressed(Progress progress) {
                                System.out.println("STEP");
                            }
                        })
                        .build()) {
            update.rollout(); // The first statement takes the longest.
            System.out.println("READY");
            while (System.in.read() >= 0) {
                // Nothing is said to it.
            }
        }
    }
}
