package io.github.rollstep.examples.quickstart;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.examples.Outcome;
import io.github.rollstep.examples.Screen;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.local.EmbeddedRouter;
import io.github.rollstep.local.LocalProcessProvider;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import io.github.rollstep.testkit.LoadClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Three real server processes behind the embedded router, under load: rolled from v1 to v2, then to v3, which never gets
 * healthy and is rolled back. Ends with status 0 only if no request failed and every promise was kept.
 */
public final class Quickstart {

    private static final int DESIRED = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(40);

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMillis(500))
            .startDeadline(Duration.ofSeconds(10))
            .drainDeadline(Duration.ofSeconds(5))
            .stopDeadline(Duration.ofSeconds(10))
            .stallDeadline(Duration.ofSeconds(20))
            .build();

    private Quickstart() {}

    public static void main(String[] args) throws Exception {
        int status = 1;
        try (Fleet fleet = new Fleet()) {
            status = run(fleet) ? 0 : 1;
        }
        System.exit(status);
    }

    private static boolean run(Fleet fleet) throws InterruptedException {
        System.err.println("Starting three instances of v1 ...");
        Progress first = fleet.roll(revision("v1", true), RolloutListener.NONE);
        if (first.phase() != RolloutPhase.SUCCEEDED) {
            System.out.println(first.phase() + ": " + first.reason());
            return false;
        }
        LoadClient load = LoadClient.start(fleet.router.address(), "/", "/slow");
        List<Outcome> outcomes;
        try (load) {
            outcomes = List.of(
                    roll(fleet, load, "v1", revision("v2", true), RolloutPhase.SUCCEEDED),
                    roll(fleet, load, "v2", revision("v3", false), RolloutPhase.ROLLED_BACK));
        }
        outcomes.forEach(System.out::println);
        load.failures().forEach(failure -> System.out.println("failed: " + failure));
        fleet.monitor.violations().forEach(System.out::println);
        return outcomes.stream().allMatch(Outcome::isGood)
                && load.failed() == 0
                && fleet.monitor.violations().isEmpty();
    }

    private static Revision revision(String id, boolean healthy) {
        return Revision.of(id, Map.of("healthy", Boolean.toString(healthy)));
    }

    private static Outcome roll(Fleet fleet, LoadClient load, String from, Revision target, RolloutPhase expected)
            throws InterruptedException {
        long requests = load.requests();
        long failed = load.failed();
        try (Screen screen = new Screen("%s -> %s".formatted(from, target), DESIRED)) {
            Progress end = fleet.roll(target, screen);
            return new Outcome(from, end, expected, load.requests() - requests, load.failed() - failed);
        }
    }

    /** The fleet and all that it needs; nothing of it is left after close, also when interrupted from the keyboard. */
    private static final class Fleet implements AutoCloseable {

        private final FleetId id = FleetId.of("quickstart");
        private final Path directory = Files.createTempDirectory("rollstep-quickstart-");
        private final EmbeddedRouter router =
                EmbeddedRouter.builder().retries(false).start();
        private final HttpHealthChecker health =
                HttpHealthChecker.builder().path("/health").build();
        private final FileRolloutStore store = FileRolloutStore.open(directory.resolve("rollouts"));
        private final InvariantMonitor monitor = InvariantMonitor.of(id, POLICY);
        private final LocalProcessProvider provider;
        private final Thread onExit = new Thread(this::clear);
        private boolean cleared;

        Fleet() throws IOException {
            provider = LocalProcessProvider.builder(id, directory.resolve("fleet"))
                    .command(List.of(
                            ProcessHandle.current().info().command().orElse("java"),
                            "-Xmx64m",
                            "-XX:+UseSerialGC",
                            "-XX:TieredStopAtLevel=1",
                            "-Dsun.net.httpserver.nodelay=true",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Server.class.getName(),
                            "{port}",
                            "{revision}",
                            "{attribute.healthy}"))
                    .stopGrace(Duration.ofSeconds(5))
                    .build();
            Runtime.getRuntime().addShutdownHook(onExit);
        }

        Progress roll(Revision target, RolloutListener listener) throws InterruptedException {
            try (RollingUpdate update = monitor.around(provider, health, router, store)
                    .desired(DESIRED)
                    .listener(listener)
                    .pollInterval(Duration.ofMillis(200))
                    .build()) {
                return update.start(target)
                        .await(PATIENCE)
                        .orElseThrow(() -> new IllegalStateException("not finished after " + PATIENCE));
            }
        }

        @Override
        public void close() {
            Runtime.getRuntime().removeShutdownHook(onExit);
            clear();
        }

        private synchronized void clear() {
            if (cleared) {
                return;
            }
            cleared = true;
            router.close();
            provider.stopFleet();
            provider.close();
            store.close();
            try (Stream<Path> files = Files.walk(directory)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            } catch (IOException e) {
                throw new UncheckedIOException("could not remove " + directory, e);
            }
        }
    }
}
