package io.github.rollstep.testkit;

import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.testkit.Inspector.Violation;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Plays many trials on all cores; one that fails is made smaller, and said as a command that replays it. */
final class Simulator {

    static final Trial.Planner REAL =
            (snapshot, state, scenario) -> RollingPlanner.plan(snapshot, state, scenario.policy());

    private static final int DEFAULT_COUNT = 50_000;
    private static final int MOST_FAILURES = 3;
    private static final String USAGE = """
            usage: testkit/simulate [COUNT [FIRST_SEED]]
                   testkit/simulate --seed SEED [--desired N] [--troubles LIST] [--incidents LIST] [--calm-after STEP]

            Plays whole rollouts with the real engine on a simulated platform where anything fails, and holds each step against
            every promise. Without options: COUNT rollouts (50000) of mixed size, one for each seed; the first that fail are made
            smaller and printed as a command that replays them. With --seed: one rollout, and its last steps if it fails.

              --desired N        a fleet of this size instead of the one the seed has
              --troubles LIST    what goes wrong with calls, and how often: FAILS=0.1,LATE=0.05 or none
              --incidents LIST   what happens before which step: 3:KILL,17:CRASH or none
              --calm-after STEP  no call goes wrong from this step on
            """;

    private final Trial.Planner planner;

    Simulator(Trial.Planner planner) {
        this.planner = planner;
    }

    /** Rollouts of one size. */
    record Tally(int rollouts, long steps, Duration cpu) {
        Tally plus(Tally other) {
            return new Tally(rollouts + other.rollouts, steps + other.steps, cpu.plus(other.cpu));
        }

        private String text(Size size) {
            double seconds = Math.max(1, cpu.toMillis()) / 1000.0;
            return "%-20s %,9d rollouts, %,11d steps, %,7.0f rollouts/s a core"
                    .formatted(size, rollouts, steps, rollouts / seconds);
        }
    }

    /** @param failures as text, each with its command */
    record Report(Map<Size, Tally> tallies, Duration duration, List<String> failures) {
        @Override
        public String toString() {
            List<String> lines = new ArrayList<>();
            tallies.forEach((size, tally) -> lines.add(tally.text(size)));
            int all = tallies.values().stream().mapToInt(Tally::rollouts).sum();
            lines.add("%,d rollouts in %,d s, %d failed".formatted(all, duration.toSeconds(), failures.size()));
            lines.addAll(failures);
            return String.join("\n", lines);
        }
    }

    /** Plays the rollouts of so many seeds; ends early when some have failed. */
    Report run(long firstSeed, int count) throws InterruptedException {
        int cores = Runtime.getRuntime().availableProcessors();
        long begin = System.nanoTime();
        AtomicLong next = new AtomicLong(firstSeed);
        AtomicInteger failed = new AtomicInteger();
        List<String> failures = new ArrayList<>();
        Map<Size, Tally> all = new EnumMap<>(Size.class);
        ExecutorService threads = Executors.newFixedThreadPool(cores);
        try {
            List<Future<Map<Size, Tally>>> parts = new ArrayList<>();
            for (int i = 0; i < cores; i++) {
                parts.add(threads.submit(() -> {
                    Map<Size, Tally> tallies = new EnumMap<>(Size.class);
                    for (long seed = next.getAndIncrement();
                            seed < firstSeed + count && failed.get() < MOST_FAILURES;
                            seed = next.getAndIncrement()) {
                        play(Simulation.of(seed), tallies).ifPresent(failure -> {
                            failed.incrementAndGet();
                            synchronized (failures) {
                                failures.add(failure);
                                System.out.println(failure);
                            }
                        });
                    }
                    return tallies;
                }));
            }
            for (Future<Map<Size, Tally>> part : parts) {
                part.get().forEach((size, tally) -> all.merge(size, tally, Tally::plus));
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            threads.shutdownNow();
        }
        return new Report(all, Duration.ofNanos(System.nanoTime() - begin), failures);
    }

    private Optional<String> play(Simulation simulation, Map<Size, Tally> tallies) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long begin = threads.getCurrentThreadCpuTime();
        Trial.Result result = Trial.play(simulation.scenario(), planner);
        Duration cpu = Duration.ofNanos(threads.getCurrentThreadCpuTime() - begin);
        tallies.merge(Size.of(simulation.seed()), new Tally(1, result.steps(), cpu), Tally::plus);
        return result.violations().isEmpty() ? Optional.empty() : Optional.of(explain(simulation, result));
    }

    /** The smallest that breaks the same promise. */
    private String explain(Simulation simulation, Trial.Result result) {
        Promise broken = result.violations().get(0).promise();
        Simulation smallest = simulation.shrunk(smaller -> Trial.violations(smaller.scenario(), planner).stream()
                .map(Violation::promise)
                .anyMatch(broken::equals));
        return "seed %d: %s%n  replay: %s"
                .formatted(simulation.seed(), result.violations().get(0), smallest.command());
    }

    public static void main(String[] args) throws InterruptedException {
        List<String> options = List.of(args);
        try {
            if (options.contains("--help")) {
                System.out.print(USAGE);
            } else if (options.contains("--seed")) {
                System.exit(replay(Simulation.parse(options)));
            } else {
                int count = options.isEmpty() ? DEFAULT_COUNT : Integer.parseInt(options.get(0));
                long first = options.size() < 2 ? 1 : Long.parseLong(options.get(1));
                Report report = new Simulator(REAL).run(first, count);
                System.out.println(report);
                System.exit(report.failures().isEmpty() ? 0 : 1);
            }
        } catch (IllegalArgumentException e) {
            System.err.println("testkit/simulate: " + e.getMessage());
            System.err.print(USAGE);
            System.exit(2);
        }
    }

    private static int replay(Simulation simulation) {
        Trial.Result result = Trial.play(simulation.scenario(), REAL);
        System.out.println(simulation.scenario());
        result.story().forEach(System.out::println);
        result.violations().forEach(System.out::println);
        System.out.printf(
                "%d steps, %s%n", result.steps(), result.violations().isEmpty() ? "every promise kept" : "failed");
        return result.violations().isEmpty() ? 0 : 1;
    }
}
