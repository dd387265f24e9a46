package io.github.rollstep.examples.docker;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.examples.Outcome;
import io.github.rollstep.examples.Screen;
import io.github.rollstep.haproxy.HaProxyRouter;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.LoadClient;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Three containers behind HAProxy, under load: rolled from v1 to v2, two images that were built on this machine, then to v3, which
 * never gets healthy and is rolled back. Ends with status 0 only if no request failed and every limit held. It needs a Docker Engine
 * and HAProxy, and removes all that it made but the images.
 */
public final class DockerExample {

    private static final int DESIRED = 3;

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMillis(500))
            .startDeadline(Duration.ofSeconds(10))
            .drainDeadline(Duration.ofSeconds(5))
            .stopDeadline(Duration.ofSeconds(20))
            .build();

    private DockerExample() {}

    public static void main(String[] args) throws Exception {
        boolean good = false;
        try (DockerEngine engine = DockerEngine.connect();
                HaProxy haproxy = new HaProxy()) {
            System.err.println("Building two images ...");
            ExampleImage.build("rollstep-example:1", "rollstep-example:2");
            ContainerFleet fleet = new ContainerFleet(
                    engine,
                    FleetId.of("docker-example"),
                    DESIRED,
                    POLICY,
                    HaProxyRouter.builder(HaProxy.BACKEND)
                            .endpoint(haproxy.socket())
                            .build());
            Thread onExit = new Thread(() -> remove(fleet));
            Runtime.getRuntime().addShutdownHook(onExit);
            good = run(fleet, haproxy);
        } catch (ProviderException | IOException e) {
            System.err.println(e.getMessage());
        }
        System.exit(good ? 0 : 1);
    }

    private static boolean run(ContainerFleet fleet, HaProxy haproxy) throws InterruptedException {
        System.err.println("Starting three containers of v1 ...");
        Progress first = fleet.roll(revision("v1", "1", true), RolloutListener.NONE);
        if (first.phase() != RolloutPhase.SUCCEEDED) {
            System.out.println(first.phase() + ": " + first.reason());
            return false;
        }
        LoadClient load = LoadClient.start(haproxy.address(), "/", "/slow");
        List<Outcome> outcomes;
        try (load) {
            outcomes = List.of(
                    roll(fleet, load, "v1", revision("v2", "2", true), RolloutPhase.SUCCEEDED),
                    roll(fleet, load, "v2", revision("v3", "2", false), RolloutPhase.ROLLED_BACK));
        }
        outcomes.forEach(System.out::println);
        load.failures().forEach(failure -> System.out.println("failed: " + failure));
        return outcomes.stream().allMatch(Outcome::isGood) && load.failed() == 0;
    }

    private static Revision revision(String id, String tag, boolean healthy) {
        return Revision.of(id, Map.of("image", "rollstep-example:" + tag, "healthy", Boolean.toString(healthy)));
    }

    private static Outcome roll(
            ContainerFleet fleet, LoadClient load, String from, Revision target, RolloutPhase expected)
            throws InterruptedException {
        long requests = load.requests();
        long failed = load.failed();
        try (Screen screen = new Screen("%s -> %s".formatted(from, target), DESIRED)) {
            Progress end = fleet.roll(target, screen);
            return new Outcome(from, end, expected, load.requests() - requests, load.failed() - failed);
        }
    }

    private static void remove(ContainerFleet fleet) {
        try {
            fleet.remove();
        } catch (IOException e) {
            System.err.println("The containers of docker-example were not removed: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
