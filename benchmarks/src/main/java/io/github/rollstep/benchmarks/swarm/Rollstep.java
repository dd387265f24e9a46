package io.github.rollstep.benchmarks.swarm;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.docker.ContainerTemplate;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.docker.DockerHealthChecker;
import io.github.rollstep.docker.DockerInstanceProvider;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.spi.HealthChecker;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** This library, with HTTP checks from outside or with the engine's own checks. */
final class Rollstep implements Contestant {

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private static final AtomicInteger REVISIONS = new AtomicInteger();

    private final String name;
    private final FleetId fleet;
    private final boolean fromOutside;
    private final DockerEngine engine = DockerEngine.connect();
    private final DockerInstanceProvider provider;
    private final HealthChecker health;

    Rollstep(String name, boolean fromOutside) {
        this.name = name;
        this.fleet = FleetId.of("bench-" + name);
        this.fromOutside = fromOutside;
        provider = DockerInstanceProvider.builder(engine, fleet)
                .template(this::template)
                .port(PORT)
                .parallelism(PARALLELISM)
                .build();
        health = fromOutside ? HttpHealthChecker.builder().path("/healthz").build() : new DockerHealthChecker(provider);
    }

    private ContainerTemplate template(Revision revision) {
        return ContainerTemplate.builder(fromOutside ? Images.PLAIN : Images.CHECKED)
                .environment("HEALTHY", revision.attributes().getOrDefault("healthy", "true"))
                .build();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String label() {
        return "io.github.rollstep.fleet=" + fleet;
    }

    @Override
    public void prepare() throws IOException, InterruptedException {
        Containers.removeAll(label());
        roll();
    }

    @Override
    public void roll() throws InterruptedException {
        expect(RolloutPhase.SUCCEEDED, Revision.of("v" + REVISIONS.incrementAndGet()));
    }

    @Override
    public void rollBad() throws InterruptedException {
        expect(RolloutPhase.ROLLED_BACK, Revision.of("bad" + REVISIONS.incrementAndGet(), Map.of("healthy", "false")));
    }

    private void expect(RolloutPhase phase, Revision target) throws InterruptedException {
        RolloutPolicy policy = RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(PARALLELISM)))
                .maxSurge(PARALLELISM)
                .maxUnavailable(0)
                .minReady(Duration.ZERO)
                .startDeadline(target.attributes().isEmpty() ? Duration.ofSeconds(60) : Images.START_DEADLINE)
                .build();
        try (RollingUpdate update = RollingUpdate.builder()
                .fleet(fleet)
                .desired(COUNT)
                .provider(provider)
                .health(health)
                .policy(policy)
                .pollInterval(Duration.ofMillis(500))
                .build()) {
            Progress end = update.start(target).await(PATIENCE).orElseThrow();
            if (end.phase() != phase) {
                throw new IllegalStateException(end.toString());
            }
        }
    }

    @Override
    public void clear() throws IOException, InterruptedException {
        Containers.removeAll(label());
    }

    @Override
    public void close() {
        provider.close();
        engine.close();
    }
}
