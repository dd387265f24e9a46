package io.github.rollstep.testkit.explore;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.plan.RollingPlanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Every state of small fleets. What was explored is in {@code target/exploration.txt}; larger ones by {@code testkit/explore}. */
class ExplorationTest {

    @Test
    void noReachableStateBreaksAPromiseAndFromEachAnEndCanBeReached() throws InterruptedException, IOException {
        StringBuilder report = new StringBuilder();
        List<Exploration.Result> results = Explorations.ofEachBuild()
                .run(
                        RollingPlanner::plan,
                        Runtime.getRuntime().availableProcessors(),
                        result -> report.append(result).append('\n'));

        String sum = Explorations.sum(results);
        System.out.println("Explored " + sum);
        Files.writeString(Path.of("target", "exploration.txt"), report + sum + "\n");
        assertThat(results)
                .allSatisfy(result -> assertThat(result.violation().map(Exploration.Violation::story))
                        .isEmpty());
    }
}
