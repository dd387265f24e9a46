package io.github.rollstep.benchmarks.swarm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How long a rollout takes beside {@code docker service update} and beside a bare loop of engine calls: the same service, twelve
 * containers, four at a time, start-first, no traffic; then a revision that never gets healthy. All take turns on one engine in one
 * run, as times of different runs do not compare. Prints a JSON line for each rollout, and a table of medians.
 */
public final class DockerVsSwarm {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final double MOST_OF_SWARM = 0.42;
    private static final double MOST_OF_BARE = 1.15;
    private static final double MOST_OF_SWARM_BAD = 0.5;

    private final List<Measurement> measurements = new ArrayList<>();

    private DockerVsSwarm() {}

    public static void main(String[] args) throws Exception {
        int rounds = args.length == 0 ? 3 : Integer.parseInt(args[0]);
        Images.build();
        DockerVsSwarm run = new DockerVsSwarm();
        boolean reached;
        Swarm.OfOne node = new Swarm.OfOne();
        try (node;
                Contestant swarm = Swarm.byDefault();
                Contestant tuned = Swarm.tuned();
                Contestant rollstep = new Rollstep("rollstep", true);
                Contestant checked = new Rollstep("rollstep-engine-health", false);
                Contestant bare = new BareLoop()) {
            List<Contestant> contestants = List.of(rollstep, bare, swarm, checked);
            for (int round = 0; round <= rounds; round++) {
                for (Contestant contestant : contestants) {
                    run.measure(contestant, "good", round);
                }
                run.measure(rollstep, "bad", round);
                run.measure(swarm, "bad", round);
                run.measure(tuned, "bad", round);
            }
        } finally {
            reached = run.print();
        }
        System.exit(reached ? 0 : 1);
    }

    /** Round 0 warms up, and does not count. */
    private void measure(Contestant contestant, String scenario, int round) throws IOException, InterruptedException {
        try {
            contestant.prepare();
            measurements.addAll(measured(contestant, scenario, round));
        } finally {
            // Nothing of one contestant runs while another one is measured.
            contestant.clear();
        }
    }

    private static List<Measurement> measured(Contestant contestant, String scenario, int round)
            throws IOException, InterruptedException {
        List<String> old = Containers.all(contestant.label());
        long start = System.nanoTime();
        if (scenario.equals("good")) {
            contestant.roll();
        } else {
            contestant.rollBad();
        }
        double seconds = Math.round((System.nanoTime() - start) / 1e7) / 100.0;
        int taken = (int) (old.size() - Containers.running(old, contestant.label()));
        Measurement measurement = new Measurement(contestant.name(), scenario, round, seconds, taken);
        System.out.println(json(measurement));
        return round > 0 ? List.of(measurement) : List.of();
    }

    private static String json(Measurement measurement) throws JsonProcessingException {
        return JSON.writeValueAsString(measurement);
    }

    private double median(String contestant, String scenario) {
        double[] seconds = measurements.stream()
                .filter(m -> m.contestant().equals(contestant) && m.scenario().equals(scenario))
                .mapToDouble(Measurement::seconds)
                .sorted()
                .toArray();
        return seconds.length == 0 ? Double.NaN : seconds[seconds.length / 2];
    }

    private boolean print() {
        System.out.printf("%n%-24s %8s %8s%n", "median seconds", "good", "bad");
        for (String name :
                List.of("rollstep", "rollstep-engine-health", "bare-loop", "swarm", "swarm-tuned-rollback")) {
            System.out.printf(Locale.ROOT, "%-24s %8.2f %8.2f%n", name, median(name, "good"), median(name, "bad"));
        }
        int taken = measurements.stream()
                .filter(m -> m.contestant().equals("rollstep") && m.scenario().equals("bad"))
                .mapToInt(Measurement::oldTaken)
                .sum();
        boolean reached = ratio("of Swarm's time", median("rollstep", "good") / median("swarm", "good"), MOST_OF_SWARM);
        reached &= ratio(
                "of the bare loop's time", median("rollstep", "good") / median("bare-loop", "good"), MOST_OF_BARE);
        reached &= ratio(
                "of Swarm's time until a bad revision is rolled back",
                median("rollstep", "bad") / median("swarm", "bad"),
                MOST_OF_SWARM_BAD);
        System.out.printf("%d old containers taken away by a bad revision, at most 0%n", taken);
        return reached && taken == 0;
    }

    private static boolean ratio(String what, double ratio, double most) {
        System.out.printf(Locale.ROOT, "%.2f %s, at most %.2f%n", ratio, what, most);
        return ratio <= most;
    }
}
