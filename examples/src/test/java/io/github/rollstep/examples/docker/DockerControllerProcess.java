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
import java.nio.file.Path;
import java.time.Duration;

/** A controller to be killed: {@code FLEET DIRECTORY HAPROXY_SOCKET REVISION}. Prints a line for each action, and the end. */
final class DockerControllerProcess {

    private DockerControllerProcess() {}

    public static void main(String[] args) throws Exception {
        RolloutListener printing = new RolloutListener() {
            @Override
            public void actionTaken(RolloutEvent.ActionTaken event) {
                System.out.println("ACTION " + event.action());
            }
        };
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
                RollingUpdate update = fleet.update(printing)) {
            Rollout rollout = update.resume().orElseGet(() -> update.start(Revision.of(args[3])));
            Progress end = rollout.await(Duration.ofMinutes(3)).orElseThrow();
            System.out.printf("END %s %s%n", end.phase(), end.to());
        }
    }
}
