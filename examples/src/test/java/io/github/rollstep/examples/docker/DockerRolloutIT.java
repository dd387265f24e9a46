package io.github.rollstep.examples.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.docker.DockerEngine;
import io.github.rollstep.haproxy.HaProxyRouter;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Eventually;
import io.github.rollstep.testkit.LoadClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rollouts of real containers behind a real HAProxy, under load, watched from outside; and what is killed in the middle. */
class DockerRolloutIT {

    static final int DESIRED = 3;

    static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMillis(300))
            .startDeadline(Duration.ofSeconds(20))
            .drainDeadline(Duration.ofSeconds(20))
            .stopDeadline(Duration.ofSeconds(40))
            .build();

    private static final FleetId FLEET = FleetId.of("it-rollout");
    private static final Revision V1 = Revision.of("v1");
    private static final Revision V2 = Revision.of("v2", Map.of("stop-signal", "SIGKILL"));

    @TempDir
    Path directory;

    private DockerEngine engine;
    private HaProxy haproxy;
    private ContainerFleet fleet;

    @BeforeEach
    void startAll() throws Exception {
        try {
            engine = DockerEngine.connect();
            ExampleImage.build("rollstep-example:1");
            haproxy = new HaProxy();
        } catch (ProviderException | IOException e) {
            assumeTrue(false, "a Docker Engine and haproxy are needed: " + e.getMessage());
        }
        fleet = fleet(DESIRED);
        fleet.remove();
        fleet = fleet(DESIRED);
    }

    private ContainerFleet fleet(int desired) {
        return new ContainerFleet(
                engine,
                FLEET,
                desired,
                POLICY,
                HaProxyRouter.builder(HaProxy.BACKEND)
                        .endpoint(haproxy.socket())
                        .build());
    }

    @AfterEach
    void stopAll() throws Exception {
        if (fleet != null) {
            fleet.remove();
            fleet.monitor().assertKept();
        }
        if (haproxy != null) {
            haproxy.close();
        }
        if (engine != null) {
            engine.close();
        }
    }

    private void begin(ContainerFleet fleet) throws InterruptedException {
        assertThat(fleet.roll(V1, RolloutListener.NONE).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    private void allRun(String revision, int count) {
        assertThat(fleet.provider().list()).hasSize(count).allSatisfy(instance -> {
            assertThat(instance.revision().id()).isEqualTo(revision);
            assertThat(instance.state()).isEqualTo(Instance.State.RUNNING);
        });
    }

    private LoadClient load() {
        return LoadClient.start(haproxy.address(), "/", "/slow");
    }

    private static void nothingWasLost(LoadClient load, OutsideView outside) {
        assertThat(load.requests()).isGreaterThan(100);
        assertThat(load.failures()).isEmpty();
        assertThat(outside.breaches()).isEmpty();
    }

    /** Does something once, right after the first action of a kind, on another thread than the rollout's. */
    private static final class Once implements RolloutListener {

        private final Predicate<Action> kind;
        private final Disturbance disturbance;
        private final AtomicReference<CompletableFuture<RolloutPhase>> done = new AtomicReference<>();
        private volatile RolloutPhase phase = RolloutPhase.ROLLING;

        private Once(Predicate<Action> kind, Disturbance disturbance) {
            this.kind = kind;
            this.disturbance = disturbance;
        }

        @Override
        public void actionTaken(RolloutEvent.ActionTaken event) {
            CompletableFuture<RolloutPhase> begun = new CompletableFuture<>();
            if (kind.test(event.action()) && done.compareAndSet(null, begun)) {
                begun.completeAsync(() -> {
                    try {
                        disturbance.happen();
                        return phase;
                    } catch (IOException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                });
            }
        }

        @Override
        public void phaseChanged(RolloutEvent.PhaseChanged event) {
            phase = event.to();
        }

        /** It did, and the rollout was not at its end by then. */
        void happenedInTheMiddle() {
            assertThat(done.get()).as("something happened").isNotNull();
            assertThat(done.get().join()).isEqualTo(RolloutPhase.ROLLING);
        }
    }

    private interface Disturbance {
        void happen() throws IOException, InterruptedException;
    }

    @Test
    void aMillionRequestsInShort() throws Exception {
        DockerLoad.Result result = DockerLoad.run(20_000, 2, true, Duration.ofMillis(10));

        assertThat(result.isGood()).as(result.toString()).isTrue();
        assertThat(result.requests()).isGreaterThan(20_000);
    }

    @Test
    void withoutTheDrainTheSameMeasurementSeesFailures() throws Exception {
        DockerLoad.Result result = DockerLoad.run(1, 1, false, Duration.ofMillis(10));

        assertThat(result.failed()).isPositive();
        assertThat(result.breaches()).anyMatch(breach -> breach.contains("was told to stop while HAProxy had it UP"));
    }

    @Test
    void aBadRevisionIsTakenBackAndNoOldContainerWasTakenAway() throws Exception {
        begin(fleet);
        List<Instance> before = fleet.provider().list();
        Progress end;
        OutsideView outside = new OutsideView(FLEET.value(), haproxy, DESIRED + 1, DESIRED);
        LoadClient load = load();
        try (outside;
                load) {
            end = fleet.roll(Revision.of("bad", Map.of("healthy", "false")), RolloutListener.NONE);
        }
        nothingWasLost(load, outside);
        assertThat(end.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(fleet.provider().list())
                .extracting(Instance::id)
                .containsExactlyInAnyOrderElementsOf(
                        before.stream().map(Instance::id).toList());
    }

    @Test
    void aFleetOfOneRollsWithoutDowntime() throws Exception {
        fleet.close();
        fleet = fleet(1);
        begin(fleet);
        OutsideView outside = new OutsideView(FLEET.value(), haproxy, 2, 1);
        LoadClient load = load();
        try (outside;
                load) {
            assertThat(fleet.roll(V2, RolloutListener.NONE).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
        nothingWasLost(load, outside);
        allRun("v2", 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whenHaProxyIsRestartedOrReloadedItsServersAreBackAndTheRolloutEndsRight(boolean reloaded) throws Exception {
        begin(fleet);
        Once once = new Once(action -> action instanceof Action.Admit, reloaded ? haproxy::reload : haproxy::restart);
        Progress end;
        try (OutsideView outside = new OutsideView(FLEET.value(), haproxy, DESIRED + 1, 0)) {
            end = fleet.roll(V2, once);

            assertThat(outside.breaches()).noneMatch(breach -> breach.contains("told to stop while"));
            assertThat(outside.peak()).isLessThanOrEqualTo(DESIRED + 1);
            assertThat(outside.fewestWhenStopped()).isGreaterThanOrEqualTo(DESIRED);
        }
        once.happenedInTheMiddle();
        assertThat(end.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        allRun("v2", DESIRED);
        LoadClient load = load();
        try (load) {
            while (load.requests() < 100) {
                Thread.onSpinWait();
            }
        }
        assertThat(load.failures()).isEmpty();
    }

    @Test
    void whenSomeoneKillsAContainerItIsReplacedAndTheRolloutEndsRight() throws Exception {
        begin(fleet);
        String victim = fleet.provider().list().get(0).id().value();
        Once once = new Once(action -> action instanceof Action.Launch, () -> Commands.run("docker", "kill", victim));
        Progress end;
        try (OutsideView outside = new OutsideView(FLEET.value(), haproxy, DESIRED + 1, 0)) {
            end = fleet.roll(V2, once);

            assertThat(outside.breaches()).noneMatch(breach -> !breach.startsWith(victim));
            Eventually.holds(
                    Duration.ofSeconds(20),
                    () -> assertThat(outside.stopped())
                            .as("the victim and the old ones")
                            .isGreaterThan(DESIRED - 1));
        }
        once.happenedInTheMiddle();
        assertThat(end.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        allRun("v2", DESIRED);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 6})
    void anotherControllerFinishesWhatAKilledOneBegan(int actions) throws Exception {
        fleet.close();
        assertThat(runToTheEnd("v1")).isEqualTo("END SUCCEEDED v1");
        OutsideView outside = new OutsideView(FLEET.value(), haproxy, DESIRED + 1, DESIRED);
        LoadClient load = load();
        try (outside;
                load) {
            killAfter(actions);
            assertThat(runToTheEnd("v2")).isEqualTo("END SUCCEEDED v2");
        }
        nothingWasLost(load, outside);
        fleet = fleet(DESIRED);
        allRun("v2", DESIRED);
    }

    private String runToTheEnd(String revision) throws IOException, InterruptedException {
        Process controller = controller(revision);
        try (BufferedReader out = reader(controller)) {
            List<String> lines = out.lines().toList();
            controller.waitFor();
            noneIsBroken(lines);
            return lines.isEmpty() ? "nothing" : lines.get(lines.size() - 1);
        }
    }

    private void killAfter(int actions) throws IOException, InterruptedException {
        Process controller = controller("v2");
        try (BufferedReader out = reader(controller)) {
            List<String> lines = new ArrayList<>();
            int seen = 0;
            for (String line = out.readLine(); line != null && seen < actions; line = out.readLine()) {
                seen += line.startsWith("ACTION ") ? 1 : 0;
                lines.add(line);
            }
            controller.destroyForcibly().waitFor();
            noneIsBroken(lines);
        }
    }

    private static void noneIsBroken(List<String> lines) {
        assertThat(lines).noneMatch(line -> line.startsWith("BROKEN "));
    }

    private Process controller(String revision) throws IOException {
        return new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DockerControllerProcess.class.getName(),
                        FLEET.value(),
                        directory.toString(),
                        haproxy.socket().toString(),
                        revision)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static BufferedReader reader(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream()));
    }
}
