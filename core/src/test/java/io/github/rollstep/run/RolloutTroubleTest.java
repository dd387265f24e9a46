package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What goes wrong around a rollout that goes well: nobody is left without a controller, a lease or a word. */
class RolloutTroubleTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V2 = Revision.of("v2");
    private static final Revision V3 = Revision.of("v3");

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);
    private final Recorder recorder = new Recorder();
    private final FailingStore store = new FailingStore(new InMemoryRolloutStore(clock));
    private final AtomicInteger comparisons = new AtomicInteger();

    /** What the order of the policy throws so many times. */
    private Throwable thrown = new IllegalStateException("no age known");

    private int throwing;

    private RollingUpdate.Builder builder() {
        return platform.update(SHOP)
                .store(store)
                .policy(FakePlatform.oneByOne()
                        .order(Comparator.comparing(this::age))
                        .build())
                .listener(recorder)
                .clock(clock);
    }

    private String age(Instance instance) {
        if (throwing > 0) {
            throwing--;
            comparisons.incrementAndGet();
            RolloutTroubleTest.<RuntimeException>raise(thrown);
        }
        return instance.id().value();
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void raise(Throwable thrown) throws T {
        throw (T) thrown;
    }

    private RollingUpdate update() {
        return builder().hostDriven().build();
    }

    private void drive(Rollout rollout) {
        for (int i = 0; i < 5000 && !rollout.phase().isFinal(); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
    }

    private RolloutState recorded() {
        return store.load(SHOP).orElseThrow().state();
    }

    private static List<String> waits(Rollout rollout) {
        return rollout.progress().waits().stream().map(Reason::text).toList();
    }

    @Test
    @Timeout(60)
    void whatFollowsTheEndWaitsForNoLockOfTheStepThatBroughtIt() {
        Rollout rollout = update().start(V2);
        CompletableFuture<Void> followed = rollout.end()
                .thenRun(() -> {
                    Thread other =
                            new Thread(() -> assertThatIllegalStateException().isThrownBy(rollout::pause));
                    other.start();
                    joined(other);
                })
                .toCompletableFuture();

        drive(rollout);

        followed.join();
    }

    private static void joined(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aRolloutThatCannotBeRecordedLeavesTheOneInProgressInItsHands() {
        RollingUpdate update = update();
        Rollout rollout = update.start(V2);
        rollout.step();

        store.failing = true;
        assertThatThrownBy(() -> update.start(V3))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("the store is away");
        store.failing = false;

        assertThat(rollout.end()).isNotCompleted();
        drive(rollout);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
    }

    @Test
    void aLookThatTakesTooLongInAllIsNotActedUponAndSaysSo() {
        Rollout rollout = update().start(V2);
        platform.interference = call -> clock.advance(Duration.ofSeconds(call.equals("list") ? 31 : 0));

        for (int i = 0; i < 10; i++) {
            rollout.step();
        }

        assertThat(waits(rollout))
                .anyMatch(wait -> wait.contains(
                        "looking took longer than the callTimeout of PT30S in all: what was seen is old"));
        assertThat(recorded().instances())
                .extracting(InstanceRecord::intent)
                .doesNotContain(InstanceRecord.Intent.LAUNCH);
        assertThat(recorder.actions).isEmpty();
        platform.interference = call -> {};
        drive(rollout);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void aStepThatFailsUnexpectedlyIsShown() {
        Rollout rollout = update().start(V2);
        throwing = 1;
        assertThatIllegalStateException().isThrownBy(() -> drive(rollout)).withMessage("no age known");

        assertThat(waits(rollout))
                .anyMatch(wait -> wait.contains(
                        "a step failed unexpectedly: java.lang.IllegalStateException: no age known; tried 1 times"));
        drive(rollout);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(waits(rollout)).isEmpty();
    }

    @Test
    void anErrorInAStepStopsNoRollout() throws Exception {
        thrown = new StackOverflowError("too deep");
        throwing = 2;
        try (RollingUpdate update = builder()
                .clock(java.time.Clock.systemUTC())
                .pollInterval(Duration.ofMillis(20))
                .build()) {
            Optional<Progress> end = update.start(V2).await(Duration.ofMinutes(1));

            assertThat(end.map(Progress::phase)).contains(RolloutPhase.SUCCEEDED);
            assertThat(comparisons).hasValue(2);
        }
    }

    @Test
    void aCommandToOneThatHasEndedTakesNoLease() {
        Rollout rollout = update().start(V2);
        drive(rollout);
        clock.advance(Duration.ofHours(1));

        assertThatIllegalStateException().isThrownBy(rollout::pause).withMessageContaining("SUCCEEDED");

        assertThat(update().start(V3).phase()).isEqualTo(RolloutPhase.ROLLING);
    }

    @Test
    void whoCannotReadTheRecordGivesTheLeaseBack() {
        store.unreadable = true;
        assertThatThrownBy(() -> update().start(V2)).hasMessageContaining("the store is away");
        store.unreadable = false;

        assertThat(update().start(V2).phase()).isEqualTo(RolloutPhase.ROLLING);
    }

    /** It was away for longer than its lease, and nobody wanted it: what it got anew it does not keep. */
    @Test
    void whoHasLostTheLeaseKeepsNoNewOne() {
        Rollout rollout = update().start(V2);
        rollout.step();
        clock.advance(Duration.ofHours(1));
        RolloutStore.Lease other =
                store.acquire(SHOP, "another", Duration.ofSeconds(30)).orElseThrow();
        store.release(other);

        assertThatIllegalStateException().isThrownBy(rollout::step).withMessageContaining("taken over");

        assertThat(update().resume()).isPresent();
    }

    @Test
    void theBeginIsToldBeforeAnyHintCanCauseAStep() throws Exception {
        CompletableFuture<Boolean> watched = new CompletableFuture<>();
        RollingUpdate.Builder builder = builder()
                .clock(java.time.Clock.systemUTC())
                .listener(new RolloutListener() {
                    @Override
                    public void phaseChanged(RolloutEvent.PhaseChanged event) {
                        watched.complete(!platform.watchers.isEmpty());
                    }
                });
        try (RollingUpdate update = builder.build()) {
            update.start(V2);

            assertThat(watched.get()).isFalse();
        }
    }

    /** A provider that takes a number has to know which list the launches of a step belong to. */
    @Test
    void whoeverElseLooksDoesSoBetweenTwoSteps() throws Exception {
        RollingUpdate update = update();
        Rollout rollout = update.start(V2);
        List<String> calls = new CopyOnWriteArrayList<>();
        Thread other = new Thread(() -> update.preview(V2, Timings.start(Duration.ofSeconds(1))));
        platform.interference = call -> {
            calls.add(call);
            if (call.equals("routes") && other.getState() == Thread.State.NEW) {
                other.start();
                waitsOrIsDone(other);
            }
        };

        for (int i = 0; i < 20 && recorder.actions.isEmpty(); i++) {
            rollout.step();
        }
        other.join();

        assertThat(calls.subList(0, calls.indexOf("launch"))).containsOnlyOnce("list");
        assertThat(calls)
                .filteredOn("list"::equals)
                .as("the other one looked then")
                .hasSizeGreaterThan(1);
    }

    private static void waitsOrIsDone(Thread thread) {
        try {
            Await.until(
                    "the other one to wait",
                    () -> List.of(Thread.State.WAITING, Thread.State.TERMINATED).contains(thread.getState()));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Its saves or its reads fail while a test wants them to. */
    private static final class FailingStore implements RolloutStore {

        private final RolloutStore store;
        boolean failing;
        boolean unreadable;

        FailingStore(RolloutStore store) {
            this.store = store;
        }

        private static void away(boolean away) {
            if (away) {
                throw ProviderException.retryable("the store is away");
            }
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            away(unreadable);
            return store.load(fleet);
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            away(failing);
            return store.save(lease, expectedVersion, next);
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            return store.acquire(fleet, owner, duration);
        }

        @Override
        public void release(Lease lease) {
            store.release(lease);
        }
    }
}
