package io.github.rollstep.examples.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.local.LocalProcessProvider;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;

/** One fleet of its own, the controllers that die over its rollout, and the one that finishes it. */
final class CrashScene implements AutoCloseable {

    /** Longer than a process takes to begin, so that the next one finds it. */
    private static final Duration LEFT_LEASE = Duration.ofSeconds(10);

    private final StoreKind kind;
    private final String address;
    private final Path directory;
    private final Scenario scenario;
    private final Set<String> first;
    private final Set<String> launched = new TreeSet<>();
    private int failures;
    private List<String> calls = List.of();

    /**
     * Begins with a fleet that serves the first revision.
     *
     * @param address of a store that no other scene has
     */
    CrashScene(StoreKind kind, String address, Path directory, Scenario scenario) throws Exception {
        this.kind = kind;
        this.address = address;
        this.directory = Files.createDirectory(directory);
        this.scenario = scenario;
        try {
            runHere(Scenario.FIRST);
            first = ids();
            assertThat(first).hasSize(Scenario.DESIRED);
            launched.clear();
        } catch (Exception | AssertionError e) {
            close();
            throw e;
        }
    }

    /** What a controller leaves that died when it had the lease, before it recorded anything. */
    void dieWithTheLease() {
        try (StoreKind.Opened store = kind.open(address)) {
            store.store().acquire(CrashController.FLEET, "dead/1", LEFT_LEASE).orElseThrow();
        }
    }

    /**
     * Begins the rollout, or goes on with it, in a process that is killed at this point, and looks at what it left.
     *
     * @return the point and its call; empty if the end of the rollout came first
     */
    Optional<String> dieAt(Point point) throws IOException {
        return play(Optional.of(point));
    }

    /** Runs the rollout to its end in a process that nobody kills; returns the names of its calls. */
    List<String> live() throws IOException {
        play(Optional.empty());
        return calls;
    }

    private Optional<String> play(Optional<Point> point) throws IOException {
        Optional<String> died = Optional.empty();
        Process controller = start(point);
        try (BufferedReader out = new BufferedReader(new InputStreamReader(controller.getInputStream()))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.startsWith("DIE ")) {
                    died = Optional.of(line.substring("DIE ".length()));
                    controller.toHandle().destroyForcibly(); // the process would close what is read here
                } else {
                    hear(line);
                }
            }
        } finally {
            controller.destroyForcibly().onExit().join();
        }
        assertThat(controller.exitValue()).as("exit of the controller").isEqualTo(died.isPresent() ? 128 + 9 : 0);
        assertThat(CrashController.running(directory))
                .as("what exists after the death")
                .hasSizeLessThanOrEqualTo(Scenario.FOOTPRINT);
        lookAtTheRecord();
        return died;
    }

    /** Another controller goes on, in this process; then all has to be as if nobody had died. */
    void finish() throws InterruptedException {
        runHere(scenario);
        RolloutState state = lookAtTheRecord().orElseThrow();
        assertThat(state.target()).isEqualTo(scenario.revision);
        assertThat(state.phase()).as(state.phaseReason().text()).isEqualTo(scenario.end);
        assertThat(state.failures().count()).as("failures at the end").isEqualTo(scenario.failures);
        assertThat(state.launches()).as("launches intended").isEqualTo(2);
        assertThat(launched).as("launches asked for").hasSizeLessThanOrEqualTo(2);
        assertThat(state.extremes().peak()).as("peak").isLessThanOrEqualTo(Scenario.FOOTPRINT);
        assertThat(state.extremes().fewestServing().orElseThrow())
                .as("fewest serving")
                .isGreaterThanOrEqualTo(Scenario.DESIRED);

        Set<String> expected = scenario == Scenario.GOOD ? launched : first;
        assertThat(ids()).as("the final fleet").hasSize(Scenario.DESIRED).isEqualTo(expected);
        assertThat(CrashController.running(directory)).as("the final processes").hasSize(Scenario.DESIRED);
        assertThat(CrashController.router(directory).admitted())
                .as("who takes requests")
                .isEqualTo(expected);
    }

    private Process start(Optional<Point> point) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "-XX:+UseSerialGC",
                        "-Xmx64m",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CrashController.class.getName(),
                        kind.name(),
                        address,
                        directory.toString(),
                        scenario.name())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        point.ifPresent(death -> builder.environment().put("DIE_AT", death.toString()));
        return builder.start();
    }

    /** What it says is judged here, not on the engine's threads, which would take an error for one of an adapter. */
    private void runHere(Scenario what) throws InterruptedException {
        Queue<String> lines = new ConcurrentLinkedQueue<>();
        try {
            new CrashController(kind, address, directory, what, Optional.empty(), lines::add).run();
        } finally {
            lines.forEach(this::hear);
        }
    }

    private void hear(String line) {
        String[] words = line.split(" ", 2);
        switch (words[0]) {
            case "LAUNCH" -> launched.add(words[1]);
            case "EXIST" ->
                assertThat(Integer.parseInt(words[1]))
                        .as("what exists after a launch")
                        .isLessThanOrEqualTo(Scenario.FOOTPRINT);
            case "CALLS" -> calls = List.of(words[1].split(" "));
            default -> throw new AssertionError(line);
        }
    }

    /** The failures that were recorded are never fewer than before. */
    private Optional<RolloutState> lookAtTheRecord() {
        try (StoreKind.Opened store = kind.open(address)) {
            Optional<RolloutState> state = store.store()
                    .load(CrashController.FLEET)
                    .map(RolloutStore.Stored::state)
                    .filter(record -> record.target().equals(scenario.revision));
            int count = state.map(record -> record.failures().count()).orElse(0);
            assertThat(count).as("failures on record").isGreaterThanOrEqualTo(failures);
            failures = count;
            return state;
        }
    }

    /** Of the instances that are listed: all have to be running, and of one revision. */
    private Set<String> ids() {
        try (LocalProcessProvider processes = CrashController.processes(directory)) {
            List<Instance> instances = processes.list();
            Set<String> kinds = instances.stream()
                    .map(instance -> instance.revision() + " " + instance.state())
                    .collect(Collectors.toSet());
            assertThat(kinds).as("what is listed").hasSize(1);
            return instances.stream()
                    .map(instance -> instance.id().value())
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @Override
    public void close() {
        try (LocalProcessProvider processes = CrashController.processes(directory)) {
            processes.stopFleet();
        } finally {
            Set<ProcessHandle> left = new HashSet<>(CrashController.running(directory));
            left.forEach(ProcessHandle::destroyForcibly);
            assertThat(left).as("processes that nobody knew of").isEmpty();
        }
    }
}
