package io.github.rollstep.testkit;

import io.github.rollstep.testkit.Scenario.Incident;
import io.github.rollstep.testkit.Scenario.Trouble;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One trial as a command line says it: the seed, and how the scenario differs from what the seed has.
 *
 * @param desired empty, as the others, for what the seed has
 */
record Simulation(
        long seed,
        Optional<Integer> desired,
        Optional<TreeMap<Trouble, Double>> troubles,
        Optional<TreeMap<Integer, Incident>> incidents,
        Optional<Integer> calmAfter) {

    /** How many others are tried to make one smaller. */
    private static final int MOST_TRIES = 300;

    static Simulation of(long seed) {
        return new Simulation(seed, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    Scenario scenario() {
        Scenario drawn = Scenario.of(seed, desired.orElseGet(() -> Size.desired(seed)));
        return drawn.with(
                troubles.orElse(drawn.troubles()),
                incidents.orElse(drawn.incidents()),
                calmAfter.orElse(drawn.calmAfter()));
    }

    /** Replays it. */
    String command() {
        String command = "testkit/simulate --seed " + seed;
        command += desired.map(count -> " --desired " + count).orElse("");
        command += troubles.map(rates -> " --troubles " + (rates.isEmpty() ? "none" : list(rates, "=")))
                .orElse("");
        command += incidents
                .map(steps -> " --incidents " + (steps.isEmpty() ? "none" : list(steps, ":")))
                .orElse("");
        return command + calmAfter.map(step -> " --calm-after " + step).orElse("");
    }

    private static String list(Map<?, ?> map, String sign) {
        return map.entrySet().stream()
                .map(entry -> entry.getKey() + sign + entry.getValue())
                .collect(Collectors.joining(","));
    }

    /** @throws IllegalArgumentException if an option is not known, or has no value */
    static Simulation parse(List<String> options) {
        Simulation simulation = of(0);
        for (int i = 0; i < options.size(); i += 2) {
            String name = options.get(i);
            if (i + 1 == options.size()) {
                throw new IllegalArgumentException(name + " must have a value");
            }
            simulation = simulation.with(name, options.get(i + 1));
        }
        return simulation;
    }

    private Simulation with(String name, String value) {
        return switch (name) {
            case "--seed" -> new Simulation(Long.parseLong(value), desired, troubles, incidents, calmAfter);
            case "--desired" ->
                new Simulation(seed, Optional.of(Integer.valueOf(value)), troubles, incidents, calmAfter);
            case "--troubles" ->
                withTroubles(parts(value, "=")
                        .collect(
                                TreeMap::new,
                                (map, part) -> map.put(Trouble.valueOf(part[0]), Double.valueOf(part[1])),
                                TreeMap::putAll));
            case "--incidents" ->
                withIncidents(parts(value, ":")
                        .collect(
                                TreeMap::new,
                                (map, part) -> map.put(Integer.valueOf(part[0]), Incident.valueOf(part[1])),
                                TreeMap::putAll));
            case "--calm-after" -> withCalmAfter(Integer.parseInt(value));
            default -> throw new IllegalArgumentException("no such option: " + name);
        };
    }

    private static Stream<String[]> parts(String value, String sign) {
        return value.equals("none")
                ? Stream.empty()
                : Arrays.stream(value.split(",")).map(part -> part.split(sign, 2));
    }

    private Simulation withDesired(int desired) {
        return new Simulation(seed, Optional.of(desired), troubles, incidents, calmAfter);
    }

    private Simulation withTroubles(TreeMap<Trouble, Double> troubles) {
        return new Simulation(seed, desired, Optional.of(troubles), incidents, calmAfter);
    }

    private Simulation withIncidents(TreeMap<Integer, Incident> incidents) {
        return new Simulation(seed, desired, troubles, Optional.of(incidents), calmAfter);
    }

    private Simulation withCalmAfter(int calmAfter) {
        return new Simulation(seed, desired, troubles, incidents, Optional.of(calmAfter));
    }

    /** As small as it can be found, and still failing: fewer instances, less that goes wrong, and for a shorter time. */
    Simulation shrunk(Predicate<Simulation> fails) {
        Simulation smallest = this;
        int tries = 0;
        boolean smaller = true;
        while (smaller) {
            smaller = false;
            for (Simulation next : smallest.smaller()) {
                if (tries++ >= MOST_TRIES) {
                    return smallest;
                }
                if (fails.test(next)) {
                    smallest = next;
                    smaller = true;
                    break;
                }
            }
        }
        return smallest;
    }

    private List<Simulation> smaller() {
        Scenario scenario = scenario();
        List<Simulation> smaller = new ArrayList<>();
        for (int count = 1; count < scenario.desired(); count = Math.max(count + 1, count * 3 / 2)) {
            smaller.add(withDesired(count));
        }
        scenario.troubles().keySet().forEach(trouble -> {
            TreeMap<Trouble, Double> left = new TreeMap<>(scenario.troubles());
            left.remove(trouble);
            smaller.add(withTroubles(left));
        });
        scenario.incidents().keySet().forEach(step -> {
            TreeMap<Integer, Incident> left = new TreeMap<>(scenario.incidents());
            left.remove(step);
            smaller.add(withIncidents(left));
        });
        if (!scenario.troubles().isEmpty()) {
            Stream.of(scenario.calmAfter() / 2, scenario.calmAfter() * 9 / 10, scenario.calmAfter() - 1)
                    .filter(step -> step >= 0 && step < scenario.calmAfter())
                    .forEach(step -> smaller.add(withCalmAfter(step)));
        }
        return smaller;
    }
}
