package io.github.rollstep.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RemoteControl;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Behaviour;
import io.github.rollstep.testkit.SimulatedFleet;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Two controllers in processes of their own fight for one fleet, while one of them, now this and now that, is stopped by SIGSTOP and
 * continued at random. The fleet holds every request against the limits by what it really is.
 *
 * <p>{@code -Drollstep.fights=100} for as many rollouts; in each build there are fewer.
 */
class FightIT {

    private static final int ROLLOUTS = Integer.getInteger("rollstep.fights", 8);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int FOOTPRINT = FightingController.DESIRED + 1;

    private final List<Process> started = new ArrayList<>();
    private final List<String> said = Collections.synchronizedList(new ArrayList<>());

    @Test
    void everyRolloutEndsAndNoPromiseIsBroken() throws Exception {
        SimulatedFleet fleet = SimulatedFleet.builder(FightingController.FLEET, InstantSource.system())
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofMillis(50), Duration.ofMillis(300))
                        .stopTime(Duration.ofMillis(100))
                        .build())
                .build();
        fleet.start(FightingController.DESIRED, Revision.of("v0"));
        int rollouts = 0;
        int stops;
        try (EmbeddedPostgres postgres = EmbeddedPostgres.builder().start();
                FleetServer server = new FleetServer(
                        fleet, FOOTPRINT, FightingController.DESIRED, FightingController.CALL.multipliedBy(2))) {
            JdbcRolloutStore store = JdbcRolloutStore.of(postgres.getPostgresDatabase());
            store.createSchema();
            String url = postgres.getJdbcUrl("postgres", "postgres");
            controller(server.port(), url);
            controller(server.port(), url);
            RemoteControl control = RemoteControl.of(store);
            try (Stopper stopper = new Stopper(started)) {
                while (rollouts < ROLLOUTS || !bothActed() && rollouts < ROLLOUTS + 30) {
                    roll(control, "v" + ++rollouts);
                }
                stops = stopper.stops;
            }
            assertThat(fleet.observe())
                    .extracting(
                            one -> one.instance().revision().id(),
                            one -> one.instance().state())
                    .containsOnly(org.assertj.core.groups.Tuple.tuple("v" + rollouts, Instance.State.RUNNING))
                    .hasSize(FightingController.DESIRED);
            assertThat(server.broken()).isEmpty();
        } finally {
            started.forEach(Process::destroyForcibly);
            started.forEach(process -> process.onExit().join());
        }
        assertThat(said).noneMatch(line -> line.contains("BROKEN "));
        assertThat(bothActed()).as("both have acted").isTrue();
        System.out.printf(
                "%d rollouts, %d stops, %d actions%n",
                rollouts,
                stops,
                said.stream().filter(line -> line.contains(" ACTION ")).count());
    }

    private boolean bothActed() {
        synchronized (said) {
            return said.stream().anyMatch(line -> line.startsWith("0 ACTION "))
                    && said.stream().anyMatch(line -> line.startsWith("1 ACTION "));
        }
    }

    private void roll(RemoteControl control, String revision) throws InterruptedException {
        Instant until = Instant.now().plus(PATIENCE);
        boolean asked = false;
        while (!asked) {
            try {
                control.ask(
                        FightingController.FLEET,
                        new Command.Start(Revision.of(revision), false, false),
                        "the test",
                        Duration.ofSeconds(20));
                asked = true;
            } catch (ProviderException e) {
                assertThat(Instant.now()).as(e.getMessage()).isBefore(until);
            }
        }
        CountDownLatch pause = new CountDownLatch(1);
        Progress progress = control.progress(FightingController.FLEET).orElseThrow();
        while (!progress.phase().isFinal()) {
            assertThat(Instant.now()).as("%s; said: %s", progress, tail()).isBefore(until);
            pause.await(50, TimeUnit.MILLISECONDS);
            progress = control.progress(FightingController.FLEET).orElseThrow();
        }
        assertThat(progress.phase()).as("%s", progress.reason()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(progress.to().id()).isEqualTo(revision);
    }

    private List<String> tail() {
        synchronized (said) {
            return List.copyOf(said.subList(Math.max(0, said.size() - 20), said.size()));
        }
    }

    private Process controller(int port, String url) throws IOException {
        Process process = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        FightingController.class.getName(),
                        Integer.toString(port),
                        url)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        int number = started.size();
        started.add(process);
        BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()));
        assertThat(out.readLine()).isEqualTo("READY " + FOOTPRINT);
        Thread reader = new Thread(() -> {
            try {
                out.lines().forEach(line -> said.add(number + " " + line));
            } catch (UncheckedIOException e) {
                // It was ended.
            }
        });
        reader.setDaemon(true);
        reader.start();
        return process;
    }

    /** Stops one of the processes again and again, and lets it go on after a while: shorter or longer than the lease. */
    private static final class Stopper implements AutoCloseable {

        private final List<Process> processes;
        private final Random random = new Random(7);
        private final CountDownLatch closed = new CountDownLatch(1);
        private final Thread thread = new Thread(this::run);
        private volatile int stops;

        Stopper(List<Process> processes) {
            this.processes = List.copyOf(processes);
            thread.setDaemon(true);
            thread.start();
        }

        private void run() {
            try {
                while (!closed.await(100 + random.nextInt(1_500), TimeUnit.MILLISECONDS)) {
                    Process victim = processes.get(random.nextInt(processes.size()));
                    signal(victim, "STOP");
                    stops = stops + 1;
                    closed.await(100 + random.nextInt(2_500), TimeUnit.MILLISECONDS);
                    signal(victim, "CONT");
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static void signal(Process victim, String name) throws IOException, InterruptedException {
            new ProcessBuilder("kill", "-" + name, Long.toString(victim.pid()))
                    .start()
                    .waitFor();
        }

        @Override
        public void close() {
            closed.countDown();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
