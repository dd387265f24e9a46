package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEngine;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.run.SimulatedEngine;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** One JVM, one engine, many rollouts, in real time. */
class ManyRolloutsTest {

    private static final int ROLLOUTS = 200;
    private static final int THREADS = 8;

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(2)))
            .maxSurge(1)
            .minReady(Duration.ZERO)
            .build();

    @Test
    void twoHundredAtOnceOnEightThreads() throws InterruptedException {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger mostRunning = new AtomicInteger();
        AtomicInteger mostThreads = new AtomicInteger();
        RolloutListener census = new RolloutListener() {
            @Override
            public void progressed(Progress progress) {
                mostRunning.accumulateAndGet(running.get(), Math::max);
                mostThreads.accumulateAndGet(engineThreads(), Math::max);
            }
        };
        List<SimulatedFleet> fleets = new ArrayList<>();
        List<InvariantMonitor> monitors = new ArrayList<>();
        List<Rollout> rollouts = new ArrayList<>();
        try (RolloutEngine engine = SimulatedEngine.patient(THREADS)) {
            for (int i = 0; i < ROLLOUTS; i++) {
                SimulatedFleet fleet = fleet(i);
                fleets.add(fleet);
                InvariantMonitor monitor = InvariantMonitor.builder(fleet.id(), POLICY)
                        .truth(fleet::observe)
                        .build();
                monitors.add(monitor);
                RollingUpdate update = monitor.around(
                                fleet.provider(),
                                fleet.healthChecker(),
                                fleet.router(),
                                new InMemoryRolloutStore(InstantSource.system()))
                        .desired(4)
                        .listener(census)
                        .engine(engine)
                        .pollInterval(Duration.ofMillis(500))
                        .build();
                running.incrementAndGet();
                Rollout rollout = update.start(Revision.of("v2"));
                rollout.end().whenComplete((end, error) -> running.decrementAndGet());
                rollouts.add(rollout);
            }
            for (Rollout rollout : rollouts) {
                Progress end = rollout.await(Duration.ofMinutes(3)).orElseThrow();
                assertThat(end.phase()).as("%s", end).isEqualTo(RolloutPhase.SUCCEEDED);
                assertThat(end.peak()).isLessThanOrEqualTo(5);
                assertThat(end.fewestServing()).hasValue(4);
            }
        }
        monitors.forEach(InvariantMonitor::assertKept);
        assertThat(fleets).allSatisfy(fleet -> assertThat(fleet.violations()).isEmpty());
        assertThat(mostRunning).as("they ran at once").hasValueGreaterThan(ROLLOUTS / 2);
        assertThat(mostThreads).hasValueBetween(3, THREADS);
    }

    private static SimulatedFleet fleet(int number) {
        SimulatedFleet fleet = SimulatedFleet.builder(FleetId.of("fleet-" + number), InstantSource.system())
                .seed(number)
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofMillis(200), Duration.ofMillis(800))
                        .stopTime(Duration.ofMillis(200))
                        .build())
                .build();
        fleet.start(4, Revision.of("v1"));
        return fleet;
    }

    private static int engineThreads() {
        Thread[] all = new Thread[4096];
        int count = Thread.enumerate(all);
        int engine = 0;
        for (int i = 0; i < count; i++) {
            engine += all[i].getName().startsWith("rollstep-") ? 1 : 0;
        }
        return engine;
    }
}
