package io.github.rollstep.testkit.explore;

import io.github.rollstep.plan.RollingPlanner;
import java.util.List;

/** Explores the larger fleets, or one setting: what {@code testkit/explore} runs. */
final class Explore {

    private static final String USAGE = """
            usage: testkit/explore [DESIRED SURGE UNAVAILABLE FAULTS TARGET ROUTER [stale]]

              TARGET is one of GOOD, BAD, SLOW, EXITS; ROUTER one of DRAINS_FIRST, PLATFORM_DRAINS, NONE.
              Without arguments: larger fleets than a build explores, which takes a while and some gigabytes.
            """;

    private Explore() {}

    public static void main(String[] args) throws InterruptedException {
        if (args.length == 0) {
            List<Exploration.Result> results = Explorations.onDemand()
                    .run(RollingPlanner::plan, Runtime.getRuntime().availableProcessors(), Explore::print);
            System.out.println(Explorations.sum(results));
            System.exit(results.stream().allMatch(result -> result.violation().isEmpty()) ? 0 : 1);
        }
        if (args.length < 6) {
            boolean asked = args[0].equals("--help");
            (asked ? System.out : System.err).print(USAGE);
            System.exit(asked ? 0 : 2);
        }
        Exploration.Result result = Exploration.run(
                new Setting(
                        Integer.parseInt(args[0]),
                        Integer.parseInt(args[1]),
                        Integer.parseInt(args[2]),
                        Integer.parseInt(args[3]),
                        Setting.Target.valueOf(args[4]),
                        Setting.Router.valueOf(args[5]),
                        args.length > 6),
                RollingPlanner::plan,
                Integer.MAX_VALUE);
        print(result);
        System.exit(result.violation().isEmpty() ? 0 : 1);
    }

    private static void print(Exploration.Result result) {
        System.out.println(result);
        result.violation().ifPresent(violation -> System.out.println(violation.story()));
    }
}
