package io.github.rollstep.examples.docker;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.haproxy.HaProxyRouter;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A controller to be killed: {@code FLEET DIRECTORY HAPROXY_SOCKET REVISION}. Prints a line for each action and each broken promise,
 * and the end.
 */
final class DockerControllerProcess {

    private DockerControllerProcess() {}

    public static void main(String[] args) throws Exception {
        try (DockerEngine engine = DockerEngine.connect();
                FileRolloutStore store = FileRolloutStore.open(Path.of(args[1]));
                ContainerFleet fleet = new ContainerFleet(
                        engine,
                        FleetId.of(args[0]),
                        DockerRolloutIT.DESIRED,
                        DockerRolloutIT.POLICY,
                        HaProxyRouter.builder(HaProxy.BACKEND)
                                .endpoint(Path.of(args[2]))
                                .build(),
                        store);
                RollingUpdate update = fleet.update(new Printer(fleet.monitor()))) {
            Rollout rollout = update.resume().orElseGet(() -> update.start(Revision.of(args[3])));
            Progress end = rollout.await(Duration.ofMinutes(3)).orElseThrow();
            say(fleet.monitor());
            System.out.printf("END %s %s%n", end.phase(), end.to());
        }
    }

    private static void say(InvariantMonitor monitor) {
        monitor.violations().forEach(broken -> {
            System.out.println("BROKEN " + broken.text());
            System.err.println(broken);
        });
    }

    /** Says what was taken, and at once what was broken by then. */
    record Printer(InvariantMonitor monitor) implements RolloutListener {

        @Override
        public void actionTaken(RolloutEvent.ActionTaken event) {
            say(monitor);
            System.out.println("ACTION " + event.action());
        }
    }
}
