package io.github.rollstep.examples.docker;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.docker.ContainerTemplate;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.docker.DockerInstanceProvider;
import io.github.rollstep.examples.Outcome;
import io.github.rollstep.examples.Screen;
import io.github.rollstep.haproxy.HaProxyRouter;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.LoadClient;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The service {@code web} of the compose project {@code rollstep-shop} is there already, with three containers that this library
 * never saw: they are adopted by the labels that compose gave them, put behind HAProxy and rolled to another image, under load. What
 * is launched carries the same labels, so that {@code docker compose ps} and {@code down} know it too.
 */
public final class ComposeExample {

    private static final String PROJECT = "rollstep-shop";
    private static final String SERVICE = "web";
    private static final String NETWORK = PROJECT + "_default";
    private static final int REPLICAS = 3;

    /** What makes a container part of a compose service. */
    private static final Map<String, String> LABELS = Map.of(
            "com.docker.compose.project", PROJECT,
            "com.docker.compose.service", SERVICE,
            "com.docker.compose.oneoff", "False");

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMillis(500))
            .startDeadline(Duration.ofSeconds(20))
            .drainDeadline(Duration.ofSeconds(5))
            .build();

    private ComposeExample() {}

    public static void main(String[] args) throws Exception {
        boolean good = false;
        try (DockerEngine engine = DockerEngine.connect();
                HaProxy haproxy = new HaProxy()) {
            ExampleImage.build("rollstep-example:1", "rollstep-example:2");
            composeUp();
            good = roll(engine, haproxy);
        } catch (ProviderException | IOException e) {
            System.err.println(e.getMessage());
        } finally {
            composeDown();
        }
        System.exit(good ? 0 : 1);
    }

    private static boolean roll(DockerEngine engine, HaProxy haproxy) throws InterruptedException {
        TrafficRouter router = HaProxyRouter.builder(HaProxy.BACKEND)
                .endpoint(haproxy.socket())
                .build();
        HttpHealthChecker health = HttpHealthChecker.builder().path("/healthz").build();
        try (DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FleetId.of("web"))
                        .adopting(LABELS)
                        .template(ComposeExample::template)
                        .network(NETWORK)
                        .port(ExampleImage.PORT)
                        .build();
                Screen screen = new Screen("compose service web", REPLICAS);
                RollingUpdate update = RollingUpdate.builder()
                        .fleet(FleetId.of("web"))
                        .desired(REPLICAS)
                        .provider(provider)
                        .health(health)
                        .router(router)
                        .policy(POLICY)
                        .listener(screen)
                        .pollInterval(Duration.ofMillis(500))
                        .build()) {
            List<Instance> found = provider.list();
            found.forEach(instance -> System.err.printf("adopted %s: %s%n", instance.id(), instance.revision()));
            while (!found.stream().allMatch(instance -> health.check(instance).isHealthy())) {
                TimeUnit.MILLISECONDS.sleep(100);
            }
            router.admitAll(found);
            LoadClient load = LoadClient.start(haproxy.address(), "/", "/slow");
            Progress end;
            try (load) {
                end = update.start(Revision.of("rollstep-example:2"))
                        .await(Duration.ofMinutes(2))
                        .orElseThrow();
            }
            Outcome outcome =
                    new Outcome("rollstep-example:1", end, RolloutPhase.SUCCEEDED, load.requests(), load.failed());
            System.out.println(outcome);
            load.failures().forEach(failure -> System.out.println("failed: " + failure));
            return outcome.isGood();
        }
    }

    /** What the compose file says of the service; the revision is the image, as it is for containers that were adopted. */
    private static ContainerTemplate template(Revision revision) {
        return ContainerTemplate.builder(revision.id())
                .environment("REVISION", revision.id())
                .alias(SERVICE)
                .stopGrace(Duration.ofSeconds(5))
                .build();
    }

    /** As {@code docker compose up -d --scale web=3} would, which is not on every machine. */
    private static void composeUp() throws IOException, InterruptedException {
        composeDown();
        Commands.run("docker", "network", "create", "--label", "com.docker.compose.project=" + PROJECT, NETWORK);
        for (int i = 1; i <= REPLICAS; i++) {
            Commands.run(
                    "docker",
                    "run",
                    "-d",
                    "--name",
                    PROJECT + "-" + SERVICE + "-" + i,
                    "--network",
                    NETWORK,
                    "--network-alias",
                    SERVICE,
                    "--env",
                    "REVISION=1",
                    "--label",
                    "com.docker.compose.project=" + PROJECT,
                    "--label",
                    "com.docker.compose.service=" + SERVICE,
                    "--label",
                    "com.docker.compose.oneoff=False",
                    "--label",
                    "com.docker.compose.container-number=" + i,
                    "rollstep-example:1");
        }
    }

    private static void composeDown() throws IOException, InterruptedException {
        String label = "label=com.docker.compose.project=" + PROJECT;
        for (String container :
                Commands.run("docker", "ps", "-aq", "--filter", label).lines().toList()) {
            Commands.run("docker", "rm", "-f", container);
        }
        for (String network : Commands.run("docker", "network", "ls", "-q", "--filter", label)
                .lines()
                .toList()) {
            Commands.run("docker", "network", "rm", network);
        }
    }
}
