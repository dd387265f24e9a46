package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.testkit.explore.Exploration;
import io.github.rollstep.testkit.explore.Explorations;
import io.github.rollstep.testkit.explore.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Planners and stores broken on purpose: the exploration or the simulation sees each of them, so that what they see nothing in is known
 * to be good. Which of the two saw it, and after how many states or rollouts, is in {@code target/defects.txt}.
 */
class DefectsTest {

    private static final int MOST_ROLLOUTS = 3000;
    private static final int MOST_STATES_OF_A_SETTING = 12_000;

    private static final Set<Promise> BY_STORES = Set.of(
            Promise.FOOTPRINT,
            Promise.AVAILABILITY,
            Promise.REPEATABLE,
            Promise.ENDS,
            Promise.FAILURES_REMEMBERED,
            Promise.DRAINED_FIRST,
            Promise.SURVIVES_CRASHES,
            Promise.ONE_CONTROLLER_ACTS);

    /** How a defect was seen: by what, and after how much. */
    private record Seen(String defect, Optional<String> explored, Optional<String> simulated) {

        boolean isSeen() {
            return explored.isPresent() || simulated.isPresent();
        }

        @Override
        public String toString() {
            return "%-52s %-46s %s".formatted(defect, explored.orElse("-"), simulated.orElse("-"));
        }
    }

    private static Seen look(Defect defect) {
        return new Seen(
                defect.name(),
                explored(defect),
                simulated(
                        defect.broken(),
                        seed -> Trial.violations(
                                Simulation.of(seed).scenario(),
                                (snapshot, state, scenario) -> defect.plan(snapshot, state, scenario.policy()))));
    }

    private static Seen look(FaultyStore.Fault fault) {
        return new Seen(
                fault.name(),
                Optional.empty(),
                simulated(
                        BY_STORES,
                        seed -> Trial.violations(
                                Simulation.of(seed).scenario(),
                                (snapshot, state, scenario) -> RollingPlanner.plan(snapshot, state, scenario.policy()),
                                clock -> new FaultyStore(fault, clock))));
    }

    /** What the policy says beyond the limits is for the simulation: there all settings are drawn. */
    private static Optional<String> explored(Defect defect) {
        if (defect.broken().equals(Set.of(Promise.POLICY))) {
            return Optional.empty();
        }
        long states = 0;
        for (Setting setting : Explorations.small()) {
            Exploration.Result result = Exploration.run(setting, defect::plan, MOST_STATES_OF_A_SETTING);
            states += result.states();
            Optional<Promise> broken = result.violation().map(Exploration.Violation::promise);
            if (broken.filter(defect.broken()::contains).isPresent()) {
                return Optional.of("%s after %,d states".formatted(broken.get(), states));
            }
        }
        return Optional.empty();
    }

    private static Optional<String> simulated(Set<Promise> broken, IntFunction<List<Inspector.Violation>> rollout) {
        for (int seed = 1; seed <= MOST_ROLLOUTS; seed++) {
            for (Inspector.Violation violation : rollout.apply(seed)) {
                if (broken.contains(violation.promise())) {
                    return Optional.of("%s after %,d rollouts".formatted(violation.promise(), seed));
                }
            }
        }
        return Optional.empty();
    }

    @Test
    void eachIsSeen() throws InterruptedException, ExecutionException, IOException {
        List<Callable<Seen>> looks = new ArrayList<>();
        Stream.of(Defect.values()).forEach(defect -> looks.add(() -> look(defect)));
        Stream.of(FaultyStore.Fault.values()).forEach(fault -> looks.add(() -> look(fault)));
        List<Seen> all = new ArrayList<>();
        ExecutorService workers =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
        try {
            for (Future<Seen> seen : workers.invokeAll(looks)) {
                all.add(seen.get());
            }
        } finally {
            workers.shutdownNow();
        }

        StringBuilder report = new StringBuilder("%-52s %-46s %s%n".formatted("defect", "exploration", "simulation"));
        all.forEach(seen -> report.append(seen).append('\n'));
        Files.writeString(Path.of("target", "defects.txt"), report);
        System.out.printf(
                "Of %d defects %d were seen by the exploration, %d by the simulation%n",
                all.size(),
                all.stream().filter(seen -> seen.explored().isPresent()).count(),
                all.stream().filter(seen -> seen.simulated().isPresent()).count());
        assertThat(all).hasSizeGreaterThanOrEqualTo(30).allMatch(Seen::isSeen);
    }

    @Test
    void eachPromiseOfThePlannerHasADefect() {
        Set<Promise> ofTheEngine = Set.of(Promise.SURVIVES_CRASHES, Promise.ONE_CONTROLLER_ACTS);
        assertThat(Promise.values())
                .filteredOn(promise -> !ofTheEngine.contains(promise))
                .allSatisfy(promise -> assertThat(Defect.values())
                        .anyMatch(defect -> defect.broken().contains(promise)));
    }
}
