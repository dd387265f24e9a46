package io.github.rollstep.examples.docker;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.docker.ContainerTemplate;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.docker.DockerInstanceProvider;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;

/** A fleet of containers of {@link ExampleImage}: what the examples and their tests roll, under an {@link InvariantMonitor}. */
public final class ContainerFleet implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final FleetId id;
    private final int desired;
    private final InvariantMonitor monitor;
    private final TrafficRouter router;
    private final DockerInstanceProvider provider;
    private final HttpHealthChecker health =
            HttpHealthChecker.builder().path("/healthz").build();
    private final RolloutStore store;

    public ContainerFleet(DockerEngine engine, FleetId id, int desired, RolloutPolicy policy, TrafficRouter router) {
        this(engine, id, desired, policy, router, new InMemoryRolloutStore(InstantSource.system()));
    }

    public ContainerFleet(
            DockerEngine engine,
            FleetId id,
            int desired,
            RolloutPolicy policy,
            TrafficRouter router,
            RolloutStore store) {
        this.id = id;
        this.desired = desired;
        this.monitor = InvariantMonitor.of(id, policy);
        this.router = router;
        this.store = store;
        this.provider = DockerInstanceProvider.builder(engine, id)
                .template(ContainerFleet::template)
                .port(ExampleImage.PORT)
                .build();
    }

    /** The revision says which image, whether it is a good one, and which signal stops it. */
    private static ContainerTemplate template(Revision revision) {
        Map<String, String> attributes = revision.attributes();
        return ContainerTemplate.builder(attributes.getOrDefault("image", "rollstep-example:1"))
                .environment("REVISION", revision.id())
                .environment("HEALTHY", attributes.getOrDefault("healthy", "true"))
                .stopSignal(attributes.getOrDefault("stop-signal", "SIGTERM"))
                .stopGrace(Duration.ofSeconds(5))
                .restartUnlessStopped()
                .build();
    }

    /** One rollout, or the rest of one. A new controller each time. */
    public RollingUpdate update(RolloutListener listener) {
        return monitor.around(provider, health, router, store)
                .desired(desired)
                .listener(listener)
                .pollInterval(Duration.ofMillis(500))
                .build();
    }

    /** Rolls to the target, and waits for the end. */
    public Progress roll(Revision target, RolloutListener listener) throws InterruptedException {
        try (RollingUpdate update = update(listener)) {
            return update.start(target)
                    .await(PATIENCE)
                    .orElseThrow(() -> new IllegalStateException("not finished after " + PATIENCE));
        }
    }

    public DockerInstanceProvider provider() {
        return provider;
    }

    /** Watches all rollouts of this fleet. */
    public InvariantMonitor monitor() {
        return monitor;
    }

    /** Removes the containers too. */
    public void remove() throws IOException, InterruptedException {
        close();
        String label = "label=io.github.rollstep.fleet=" + id;
        String all = Commands.run("docker", "ps", "-aq", "--filter", label);
        for (String container : all.lines().toList()) {
            Commands.run("docker", "rm", "-f", container);
        }
    }

    @Override
    public void close() {
        provider.close();
    }
}
