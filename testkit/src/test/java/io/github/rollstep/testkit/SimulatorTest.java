package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole rollouts of the real engine on a platform where anything fails. {@link DefectsTest} shows that each promise can be
 * broken; {@code testkit/simulate} plays a million, and replays a single one.
 */
class SimulatorTest {

    private static final int ROLLOUTS = 50_000;
    private static final int WATCHED_ROLLOUTS = 1000;

    @Test
    void keepsEveryPromise() throws InterruptedException {
        Simulator.Report report = new Simulator(Simulator.REAL).run(1, ROLLOUTS);

        System.out.println(report);
        assertThat(report.failures()).isEmpty();
        assertThat(report.tallies().values().stream()
                        .mapToInt(Simulator.Tally::rollouts)
                        .sum())
                .isEqualTo(ROLLOUTS);
        assertThat(report.tallies()).containsOnlyKeys(Size.values());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aMonitorReportsNothingOfRolloutsThatKeepEveryPromise(boolean exactly) {
        Stream.iterate(1, seed -> seed + 1)
                .map(Simulation::of)
                .filter(SimulatorTest::hasOneClock)
                .limit(WATCHED_ROLLOUTS)
                .forEach(simulation -> assertThat(Trial.watched(simulation.scenario(), Simulator.REAL, exactly))
                        .as(simulation.command())
                        .isEmpty());
    }

    /** A monitor goes by the clock of the controllers, so long as they have one. */
    private static boolean hasOneClock(Simulation simulation) {
        return !simulation.scenario().incidents().containsValue(Scenario.Incident.CLOCK);
    }

    /** Each was a fault of the engine or of a check, mended since. */
    @ParameterizedTest
    @ValueSource(ints = {178_922, 536_290, 538_443})
    void whatOnceFailedKeepsEveryPromise(int seed) throws InterruptedException {
        assertThat(new Simulator(Simulator.REAL).run(seed, 1).failures()).isEmpty();
    }

    @Test
    void whatFailsIsMadeSmallerAndSaidAsACommand() {
        Simulation large = Stream.iterate(1, seed -> seed + 1)
                .map(Simulation::of)
                .filter(SimulatorTest::hasItAll)
                .findFirst()
                .orElseThrow();

        Simulation small = large.shrunk(simulation -> simulation.scenario().desired() >= 2);

        assertThat(small)
                .isEqualTo(new Simulation(
                        large.seed(),
                        Optional.of(2),
                        Optional.of(new TreeMap<>()),
                        Optional.of(new TreeMap<>()),
                        Optional.empty()));
        assertThat(small.command())
                .isEqualTo("testkit/simulate --seed %d --desired 2 --troubles none --incidents none", large.seed());
    }

    private static boolean hasItAll(Simulation simulation) {
        Scenario scenario = simulation.scenario();
        return scenario.desired() > 2
                && !scenario.troubles().isEmpty()
                && !scenario.incidents().isEmpty();
    }

    @Test
    void aCommandSaysAllOfIt() {
        Simulation all = new Simulation(
                5,
                Optional.of(3),
                Optional.of(new TreeMap<>(java.util.Map.of(Scenario.Trouble.LATE, 0.25))),
                Optional.of(new TreeMap<>(java.util.Map.of(7, Scenario.Incident.CRASH))),
                Optional.of(12));
        List<String> words = List.of(all.command().split(" "));

        assertThat(Simulation.parse(words.subList(1, words.size()))).isEqualTo(all);
    }

    @Test
    void theSameSeedIsTheSameRollout() {
        assertThat(Trial.play(Simulation.of(4).scenario(), Simulator.REAL))
                .isEqualTo(Trial.play(Simulation.of(4).scenario(), Simulator.REAL));
    }
}
