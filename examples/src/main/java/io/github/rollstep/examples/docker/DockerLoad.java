package io.github.rollstep.examples.docker;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.examples.Outcome;
import io.github.rollstep.haproxy.HaProxyRouter;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.LoadClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Does a rollout drop a request? Twelve containers behind HAProxy, batch 4, start-first, under the load that the machine takes:
 * kept-alive and one-shot connections and requests that take 300 ms, by a client that repeats nothing, with HAProxy's own retries
 * off, containers stopped by SIGTERM and SIGKILL in turns.
 *
 * <p>{@code DockerLoad [requests [rollouts]]} goes on until there were that many of both, 1,000,000 and 10 by default; with
 * {@code no-drain} as the first argument instances are stopped without a drain, which has to be seen.
 */
public final class DockerLoad {

    public static final FleetId FLEET = FleetId.of("docker-load");

    private static final int DESIRED = 12;
    private static final int BATCH = 4;

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(BATCH)))
            .maxSurge(BATCH)
            .maxUnavailable(0)
            .minReady(Duration.ofMillis(200))
            .startDeadline(Duration.ofSeconds(60))
            .drainDeadline(Duration.ofSeconds(30))
            .stopDeadline(Duration.ofSeconds(60))
            .stallDeadline(Duration.ofSeconds(120))
            .build();

    private DockerLoad() {}

    public static void main(String[] args) throws Exception {
        boolean drained = args.length == 0 || !args[0].equals("no-drain");
        int first = drained ? 0 : 1;
        long requests = args.length > first ? Long.parseLong(args[first]) : 1_000_000;
        int rollouts = args.length > first + 1 ? Integer.parseInt(args[first + 1]) : 10;
        Result result = run(requests, rollouts, drained, Duration.ZERO);
        System.out.println(result);
        System.exit(result.isGood() == drained ? 0 : 1);
    }

    /** What all rollouts together came to. */
    public record Result(
            List<Outcome> outcomes, long requests, long failed, List<String> failures, List<String> breaches) {

        public boolean isGood() {
            return outcomes.stream().allMatch(Outcome::isGood) && failed == 0 && breaches.isEmpty();
        }

        @Override
        public String toString() {
            return "%d rollouts, %,d requests, %d failed, %d limits broken%s"
                    .formatted(
                            outcomes.size(),
                            requests,
                            failed,
                            breaches.size(),
                            failures.isEmpty() && breaches.isEmpty() ? "" : ": " + failures + " " + breaches);
        }
    }

    /**
     * Rolls back and forth under load until there were at least so many requests and rollouts.
     *
     * @param pause between two requests of a client; without one the load is what the machine takes
     */
    public static Result run(long requests, int rollouts, boolean drained, Duration pause)
            throws IOException, InterruptedException {
        ExampleImage.build("rollstep-example:1");
        try (DockerEngine engine = DockerEngine.connect();
                HaProxy haproxy = new HaProxy()) {
            TrafficRouter router = HaProxyRouter.builder(HaProxy.BACKEND)
                    .endpoint(haproxy.socket())
                    .build();
            ContainerFleet fleet =
                    new ContainerFleet(engine, FLEET, DESIRED, POLICY, drained ? router : new Undrained(router));
            try {
                return run(fleet, haproxy, requests, rollouts, drained, pause);
            } finally {
                fleet.remove();
            }
        }
    }

    private static Result run(
            ContainerFleet fleet, HaProxy haproxy, long requests, int rollouts, boolean drained, Duration pause)
            throws IOException, InterruptedException {
        fleet.roll(revision(0), RolloutListener.NONE);
        List<Outcome> outcomes = new ArrayList<>();
        try (OutsideView outside = new OutsideView(FLEET.value(), haproxy, DESIRED + BATCH, drained ? DESIRED : 0);
                LoadClient load = LoadClient.start(haproxy.address(), "/", "/slow", pause)) {
            for (int i = 1; i <= rollouts || load.requests() < requests; i++) {
                long before = load.requests();
                long failedBefore = load.failed();
                Progress end = fleet.roll(revision(i), RolloutListener.NONE);
                Outcome outcome = new Outcome(
                        "v" + (i - 1),
                        end,
                        RolloutPhase.SUCCEEDED,
                        load.requests() - before,
                        load.failed() - failedBefore);
                System.err.println(outcome);
                outcomes.add(outcome);
            }
            List<String> breaches = new ArrayList<>(outside.breaches());
            fleet.monitor().violations().forEach(broken -> breaches.add(broken.toString()));
            return new Result(outcomes, load.requests(), load.failed(), load.failures(), breaches);
        }
    }

    private static Revision revision(int number) {
        return Revision.of("v" + number, Map.of("stop-signal", number % 2 == 0 ? "SIGTERM" : "SIGKILL"));
    }

    /** Says of each drained instance at once that it is out, and goes on sending it requests until it is gone. */
    private record Undrained(TrafficRouter router, Set<InstanceId> out) implements TrafficRouter {

        Undrained(TrafficRouter router) {
            this(router, ConcurrentHashMap.newKeySet());
        }

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            Map<InstanceId, Routing> routes = new HashMap<>(router.routes(instances));
            routes.keySet().removeAll(out);
            return routes;
        }

        @Override
        public void admit(Instance instance) {
            out.remove(instance.id());
            router.admit(instance);
        }

        @Override
        public void drain(Instance instance) {
            out.add(instance.id());
        }
    }
}
