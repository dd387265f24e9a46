package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Event;
import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In the middle of a rollout the engine is restarted, or the network to it is away. */
class DockerOutageIT {

    private static final FleetId FLEET = FleetId.of("it-outage");
    private static final int DESIRED = 3;
    private static final int FOOTPRINT = 4;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofMillis(200))
            .startDeadline(Duration.ofSeconds(60))
            .build();

    private final InvariantMonitor monitor = InvariantMonitor.of(FLEET, POLICY);

    @AfterEach
    void everyPromiseWasKept() {
        monitor.assertKept();
    }

    private static DockerInstanceProvider provider(DockerEngine engine) {
        return DockerInstanceProvider.builder(engine, FLEET)
                .template(revision -> ContainerTemplate.builder(TestImage.NAME)
                        .command(List.of("/serve"))
                        .environment("REVISION", revision.id())
                        .restartUnlessStopped()
                        .build())
                .port(8080)
                .build();
    }

    private RollingUpdate update(DockerInstanceProvider provider, RolloutListener listener) {
        return monitor.around(
                        provider,
                        HttpHealthChecker.builder().path("/healthz").build(),
                        new InMemoryRolloutStore(InstantSource.system()))
                .desired(DESIRED)
                .listener(listener)
                .pollInterval(Duration.ofMillis(500))
                .build();
    }

    private Progress roll(DockerInstanceProvider provider, String revision) throws InterruptedException {
        try (RollingUpdate update = update(provider, RolloutListener.NONE)) {
            return update.start(Revision.of(revision)).await(PATIENCE).orElseThrow();
        }
    }

    private static Progress end(Rollout rollout) throws InterruptedException {
        return rollout.await(PATIENCE)
                .orElseThrow(() -> new AssertionError("not within " + PATIENCE + ": " + rollout.progress()));
    }

    private static void allRunV2(DockerInstanceProvider provider) {
        assertThat(provider.list()).hasSize(DESIRED).allSatisfy(instance -> {
            assertThat(instance.revision().id()).isEqualTo("v2");
            assertThat(instance.state()).isEqualTo(Instance.State.RUNNING);
        });
    }

    @Test
    void theNetworkToTheEngineIsAwayFor30Seconds() throws Exception {
        DockerEngine direct = TestImage.engine();
        TestImage.removeAll(direct, FLEET.value());
        CountDownLatch begun = new CountDownLatch(1);
        try (EngineProxy network = new EngineProxy();
                DockerEngine remote = DockerEngine.connect(network.address());
                DockerInstanceProvider provider = provider(remote)) {
            assertThat(roll(provider, "v1").phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            try (Existing existing = new Existing(direct);
                    RollingUpdate update = update(provider, afterFirstAction(begun))) {
                Rollout rollout = update.start(Revision.of("v2"));
                assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();

                network.cut();
                assertThat(rollout.await(Duration.ofSeconds(30))).isEmpty();
                assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLING);
                network.restore();

                assertThat(end(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
                assertThat(existing.peak()).isBetween(DESIRED, FOOTPRINT);
                assertThat(existing.fewestRunning()).isGreaterThanOrEqualTo(DESIRED);
            }
            allRunV2(provider);
        } finally {
            TestImage.removeAll(direct, FLEET.value());
            direct.close();
        }
    }

    @Test
    void theEngineIsRestarted(@TempDir Path directory) throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        try (OwnEngine own = new OwnEngine(directory)) {
            try (DockerEngine engine = own.connect();
                    DockerInstanceProvider provider = provider(engine)) {
                assertThat(roll(provider, "v1").phase()).isEqualTo(RolloutPhase.SUCCEEDED);
                Sampled existing = new Sampled(own);
                try (existing;
                        RollingUpdate update = update(provider, afterFirstAction(begun))) {
                    Rollout rollout = update.start(Revision.of("v2"));
                    assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();

                    own.restart();

                    Progress end = end(rollout);
                    assertThat(end.phase()).as(end.toString()).isEqualTo(RolloutPhase.SUCCEEDED);
                }
                assertThat(existing.peak()).isBetween(DESIRED, FOOTPRINT);
                allRunV2(provider);
                TestImage.removeAll(engine, FLEET.value());
            }
        }
    }

    private static RolloutListener afterFirstAction(CountDownLatch latch) {
        return new RolloutListener() {
            @Override
            public void actionTaken(RolloutEvent.ActionTaken event) {
                latch.countDown();
            }
        };
    }

    /** How many containers of the fleet exist and run, by the engine's own events. */
    private static final class Existing extends ResultCallback.Adapter<Event> {

        private final Set<String> ids = new HashSet<>();
        private final Set<String> running = new HashSet<>();
        private int peak;
        private int fewestRunning;

        Existing(DockerEngine engine) throws InterruptedException {
            List<String> labels = List.of("io.github.rollstep.fleet=" + FLEET);
            engine.calls().listContainersCmd().withShowAll(true).withLabelFilter(labels).exec().stream()
                    .forEach(container -> ids.add(container.getId()));
            running.addAll(ids);
            peak = ids.size();
            fewestRunning = running.size();
            engine.streams()
                    .eventsCmd()
                    .withLabelFilter(labels.toArray(String[]::new))
                    .exec(this);
            awaitStarted();
        }

        @Override
        public synchronized void onNext(Event event) {
            String id = event.getActor().getId();
            switch (String.valueOf(event.getAction())) {
                case "create" -> ids.add(id);
                case "start" -> running.add(id);
                case "die" -> running.remove(id);
                case "destroy" -> ids.remove(id);
                default -> {}
            }
            peak = Math.max(peak, ids.size());
            fewestRunning = Math.min(fewestRunning, running.size());
        }

        synchronized int peak() {
            return peak;
        }

        synchronized int fewestRunning() {
            return fewestRunning;
        }
    }

    /** How many containers exist, as an engine says that is away in between. */
    private static final class Sampled implements AutoCloseable {

        private final OwnEngine own;
        private final Thread thread = new Thread(this::look, "existing");
        private volatile boolean closed;
        private volatile int peak;

        Sampled(OwnEngine own) {
            this.own = own;
            thread.setDaemon(true);
            thread.start();
        }

        private void look() {
            while (!closed) {
                try (DockerEngine engine = DockerEngine.connect(own.socket())) {
                    while (!closed) {
                        int now = EngineErrors.translate(
                                "count",
                                () -> engine.calls()
                                        .listContainersCmd()
                                        .withShowAll(true)
                                        .exec()
                                        .size());
                        peak = Math.max(peak, now);
                        TimeUnit.MILLISECONDS.sleep(20);
                    }
                } catch (ProviderException e) {
                    pause(); // It is away, and is looked at again.
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        private static void pause() {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }

        int peak() {
            return peak;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
