package io.github.rollstep.examples.quickstart;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.local.LocalProcessProvider;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A controller to be killed: {@code DIRECTORY COMMAND_PORT REVISION}. Prints a line for each action and each broken promise, and the
 * end.
 */
final class ControllerProcess {

    static final FleetId FLEET = FleetId.of("crash");

    private ControllerProcess() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        RolloutPolicy policy = RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(1)))
                .maxSurge(1)
                .minReady(Duration.ofMillis(300))
                .drainDeadline(Duration.ofSeconds(20))
                .build();
        InvariantMonitor monitor = InvariantMonitor.of(FLEET, policy);
        try (LocalProcessProvider provider = provider(directory);
                FileRolloutStore store = FileRolloutStore.open(directory.resolve("rollouts"));
                RollingUpdate update = monitor.around(
                                provider,
                                HttpHealthChecker.builder().path("/health").build(),
                                new RemoteRouter(Integer.parseInt(args[1])),
                                store)
                        .desired(3)
                        .listener(new RolloutListener() {
                            @Override
                            public void actionTaken(RolloutEvent.ActionTaken event) {
                                say(monitor);
                                System.out.println("ACTION " + event.action());
                            }
                        })
                        .build()) {
            Rollout rollout = update.resume().orElseGet(() -> update.start(Revision.of(args[2])));
            Progress end = rollout.await(Duration.ofMinutes(3)).orElseThrow();
            say(monitor);
            System.out.printf(
                    "END %s %s peak %d fewest %d%n",
                    end.phase(), end.to(), end.peak(), end.fewestServing().orElse(-1));
        }
    }

    private static void say(InvariantMonitor monitor) {
        monitor.violations().forEach(broken -> {
            System.out.println("BROKEN " + broken.text());
            System.err.println(broken);
        });
    }

    static LocalProcessProvider provider(Path directory) {
        return LocalProcessProvider.builder(FLEET, directory.resolve("fleet"))
                .command(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx64m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Dsun.net.httpserver.nodelay=true",
                        "@" + classPath(directory),
                        Server.class.getName(),
                        "{port}",
                        "{revision}",
                        "true",
                        directory.toString()))
                .stopGrace(Duration.ofSeconds(5))
                .build();
    }

    /** In a file: Java does not show the arguments of a process whose command line is longer than 4,096 bytes. */
    private static Path classPath(Path directory) {
        try {
            return Files.writeString(
                    directory.resolve("classpath"), "-cp \"" + System.getProperty("java.class.path") + "\"");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
