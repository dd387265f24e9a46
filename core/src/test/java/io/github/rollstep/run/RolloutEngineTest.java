package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rollouts driven by an engine, in real time. */
class RolloutEngineTest {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final RolloutEngine engine = RolloutEngine.create(3);
    private final CountDownLatch release = new CountDownLatch(1);

    @AfterEach
    void close() {
        release.countDown();
        engine.close();
    }

    private RollingUpdate.Builder builder(String fleet, FakePlatform platform) {
        return platform.update(FleetId.of(fleet))
                .policy(FakePlatform.oneByOne().build())
                .engine(engine)
                .pollInterval(Duration.ofMillis(50));
    }

    @Test
    void drivesARolloutToItsEnd() throws Exception {
        FakePlatform platform = FakePlatform.of("v1", 3);
        Rollout rollout = builder("a", platform).build().start(Revision.of("v2"));

        assertThat(rollout.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
        Await.until("the watch to end", platform.watchers::isEmpty);
    }

    @Test
    void aHungAdapterHoldsUpNoOtherRollout() throws Exception {
        FakePlatform hung = FakePlatform.of("v1", 3);
        CountDownLatch hanging = new CountDownLatch(1);
        hung.interference = call -> {
            if (call.equals("list")) {
                hanging.countDown();
                awaitUninterruptibly(release);
            }
        };
        builder("hung", hung).build().start(Revision.of("v2"));
        assertThat(hanging.await(60, TimeUnit.SECONDS)).isTrue();

        for (int i = 0; i < 5; i++) {
            Rollout rollout =
                    builder("fleet-" + i, FakePlatform.of("v1", 3)).build().start(Revision.of("v2"));
            assertThat(rollout.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
    }

    @Test
    void aCallThatDoesNotReturnIsGivenUpAndShownAndNotMadeAgainMeanwhile() throws Exception {
        FakePlatform hung = FakePlatform.of("v1", 3);
        AtomicInteger calls = new AtomicInteger();
        hung.interference = call -> {
            if (call.equals("list") && calls.incrementAndGet() == 1) {
                awaitUninterruptibly(release);
            }
        };
        CountDownLatch shown = new CountDownLatch(1);
        CountDownLatch repeated = new CountDownLatch(1);
        Rollout rollout = builder("hung", hung)
                .callTimeout(Duration.ofSeconds(3))
                .listener(new RolloutListener() {
                    @Override
                    public void progressed(Progress progress) {
                        List<String> waits =
                                progress.waits().stream().map(Reason::text).toList();
                        if (waits.toString().contains("did not return within PT3S")) {
                            shown.countDown();
                        }
                        if (waits.toString().contains("was given up and has not returned yet")) {
                            repeated.countDown();
                        }
                    }
                })
                .build()
                .start(Revision.of("v2"));

        assertThat(shown.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(repeated.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(calls).hasValue(1);
        release.countDown();
        assertThat(rollout.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void aHintWakesItBeforeThePollingInterval() throws Exception {
        FakePlatform platform = FakePlatform.of("v1", 3);
        platform.bad.add("v2");
        AtomicInteger steps = new AtomicInteger();
        Rollout rollout = builder("a", platform)
                .pollInterval(Duration.ofSeconds(10))
                .listener(new RolloutListener() {
                    @Override
                    public void progressed(Progress progress) {
                        steps.incrementAndGet();
                    }
                })
                .build()
                .start(Revision.of("v2"));
        for (int i = 0; i < 20; i++) {
            int before = steps.get();
            platform.changed();
            Await.until("a step", () -> steps.get() > before);
        }
        platform.bad.clear();
        while (rollout.await(Duration.ofMillis(1)).isEmpty()) {
            platform.changed();
        }

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void closingTheEngineEndsItsRolloutsWithAnError() {
        FakePlatform platform = FakePlatform.of("v1", 3);
        platform.bad.add("v2");
        Rollout rollout = builder("a", platform).build().start(Revision.of("v2"));

        engine.close();

        assertThatIllegalStateException()
                .isThrownBy(() -> rollout.await(PATIENCE))
                .withMessageContaining("the engine is closed");
    }

    @Test
    void needsAThreadForEachKindOfWork() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RolloutEngine.create(2))
                .withMessage("threads must be >= 3, was 2");
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                // A bad adapter ignores it.
            }
        }
    }
}
