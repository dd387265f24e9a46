package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A rollout step by step, on a clock moved by hand. */
class RollingUpdateTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V2 = Revision.of("v2");
    private static final Revision V3 = Revision.of("v3");

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);
    private final Recorder recorder = new Recorder();
    private final RolloutStore store = new InMemoryRolloutStore(clock);
    private RolloutPolicy policy = policy().build();

    private static RolloutPolicy.Builder policy() {
        return FakePlatform.oneByOne();
    }

    private RollingUpdate.Builder builder() {
        return platform.update(SHOP)
                .store(store)
                .policy(policy)
                .listener(recorder)
                .clock(clock)
                .hostDriven();
    }

    private RollingUpdate update() {
        return builder().build();
    }

    private Progress drive(Rollout rollout) {
        for (int i = 0; i < 5000 && !rollout.phase().isFinal(); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        return rollout.progress();
    }

    private Progress stepUntil(Rollout rollout, RolloutPhase phase) {
        for (int i = 0; i < 5000 && rollout.phase() != phase; i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(rollout.phase()).isEqualTo(phase);
        return rollout.progress();
    }

    // ---- the whole way

    @Test
    void replacesTheFleetAndTellsTheWholeStory() throws Exception {
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(V2);

            Progress end = drive(rollout);

            assertThat(rollout.await(Duration.ZERO)).contains(end);
            assertThat(end.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(end.from()).contains(Revision.of("v1"));
            assertThat(end.peak()).isEqualTo(4);
            assertThat(end.fewestServing()).hasValue(3);
            assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
            assertThat(recorder.phases).containsExactly("ROLLING", "SUCCEEDED");
            assertThat(recorder.actions).hasSize(12).contains("0 of 3 of v2 exist", "v1-1 runs v1, the goal is v2");
        }
    }

    @Test
    void startTakesNoAction() {
        Rollout rollout = update().start(V2);

        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLING);
        assertThat(rollout.id().value()).matches("20261124-021530-[a-z0-9]{5}");
    }

    @Test
    void persistsBeforeItActs() {
        List<Long> launches = new ArrayList<>();
        platform.interference = call -> {
            if (call.equals("launch")) {
                RolloutState stored = store.load(SHOP).orElseThrow().state();
                launches.add((long) stored.launches());
            }
        };

        drive(update().start(V2));

        assertThat(launches).containsExactly(1L, 2L, 3L);
    }

    @Test
    void estimatesTheTimeLeft() {
        Rollout rollout = update().start(V2);
        assertThat(rollout.progress().remaining()).isEmpty();
        while (rollout.progress().counts().updated() < 1) {
            clock.advance(Duration.ofSeconds(10));
            rollout.step();
        }

        Progress progress = rollout.progress();

        assertThat(progress.remaining()).contains(progress.elapsed().multipliedBy(2));
    }

    // ---- bad input

    @Test
    void rejectsWhatCanNeverFinishBeforeTheFirstAction() {
        policy = policy().budget(ResourceBudget.of("db connections", 30, 15)).build();

        assertThatIllegalArgumentException()
                .isThrownBy(this::update)
                .withMessage("footprint must be >= desired (3), was 2: "
                        + "db connections: (30 slots - 0 reserved) / 15 per instance = 2 instances");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().desired(0).build())
                .withMessage("desired must be within 1 to 1,000,000, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RollingUpdate.builder().build())
                .withMessage("fleet must be given, was not");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().pollInterval(Duration.ofSeconds(61)))
                .withMessage("pollInterval must be within PT0.01S to PT1M, was PT1M1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().keepHistory(20, Duration.ofSeconds(-1)))
                .withMessage("age must be within PT0S to PT87600H, was PT-1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().keepHistory(20, Duration.ofDays(3_651)))
                .withMessage("age must be within PT0S to PT87600H, was PT87624H");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().keepHistory(-1, Duration.ZERO))
                .withMessage("rollouts must be within 0 to 1000, was -1");
    }

    @Test
    void theLongestHistoryIsKept() {
        try (RollingUpdate update =
                builder().keepHistory(1_000, Duration.ofDays(3_650)).build()) {
            drive(update.start(V2));
            clock.advance(Duration.ofDays(3_600));
            drive(update.start(V3));

            assertThat(update.history()).hasSize(2);
        }
    }

    @Test
    void doesNotTryAFailedRevisionAgainUnlessAsked() {
        platform.bad.add("v2");
        try (RollingUpdate update = update()) {
            assertThat(drive(update.start(V2)).phase()).isEqualTo(RolloutPhase.ROLLED_BACK);

            assertThatIllegalStateException()
                    .isThrownBy(() -> update.start(V2))
                    .withMessage("revision v2 has failed in fleet shop before: retry(...) tries it again");

            platform.bad.clear();
            assertThat(drive(update.retry(V2)).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
    }

    @Test
    void aLaunchThatARolloutLeftOpenIsTheSameForTheNext() {
        platform.interference = call -> {
            if (call.equals("launched")) {
                throw ProviderException.retryable("the answer was lost, and the request, too");
            }
        };
        try (RollingUpdate update = update()) {
            Rollout first = update.start(V2);
            first.step();
            first.abort();
            clock.advance(Duration.ofSeconds(10));
            platform.interference = call -> {};

            Rollout second = update.start(V2);
            assertThat(drive(second).phase()).isEqualTo(RolloutPhase.SUCCEEDED);

            LaunchRequest left = platform.launches.get(0);
            assertThat(left.rollout()).isEqualTo(first.id());
            assertThat(platform.launches)
                    .filteredOn(request -> request.token().equals(left.token()))
                    .hasSizeGreaterThan(1)
                    .allMatch(left::equals);
            assertThat(platform.launches)
                    .filteredOn(request -> !request.token().equals(left.token()))
                    .extracting(LaunchRequest::rollout)
                    .containsOnly(second.id());
        }
    }

    @Test
    void launchesOfSeveralRolloutsThatAreStillOpenAreAskedForTogether() {
        platform.interference = call -> {
            if (call.equals("launched")) {
                throw ProviderException.retryable("the answer was lost, and the request, too");
            }
        };
        policy = policy().maxSurge(3).batches(Batches.sliding(Quota.of(3))).build();
        try (RollingUpdate update = builder().desired(2).build()) {
            Rollout first = update.start(V2);
            first.step();
            update.resize(3);
            update.start(V3).step();
            Rollout third = update.start(V2);
            clock.advance(Duration.ofSeconds(10));
            third.step();

            assertThat(platform.launches)
                    .allMatch(request -> request.rollout().owns(request.token()))
                    .filteredOn(request -> request.revision().equals(V2))
                    .extracting(LaunchRequest::rollout)
                    .contains(first.id(), third.id());
            platform.interference = call -> {};
            assertThat(drive(third).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
        }
    }

    // ---- errors of the platform

    @Test
    void showsARetryableErrorAsTheReasonAndGoesOn() {
        Rollout rollout = update().start(V2);
        platform.interference = call -> {
            if (call.equals("list")) {
                throw ProviderException.retryable("throttled");
            }
        };
        Plan blind = rollout.step();
        assertThat(blind.actions()).isEmpty();
        assertThat(rollout.progress().waits()).extracting(Reason::text).anyMatch(text -> text.contains("throttled"));

        platform.interference = call -> {};
        assertThat(rollout.step().actions()).as("backs off first").isEmpty();
        clock.advance(Duration.ofSeconds(1));
        assertThat(rollout.step().actions()).hasSize(1);
        assertThat(recorder.failedCalls).containsExactly("observe: list instances: throttled");
        assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void repeatsAnActionThatFailedAndNeverDoublesIt() {
        int[] failures = {3};
        platform.interference = call -> {
            if (call.equals("launch") && failures[0]-- > 0) {
                throw new IllegalStateException("broken pipe");
            }
        };

        Progress end = drive(update().start(V2));

        assertThat(end.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(end.peak()).isEqualTo(4);
        assertThat(recorder.failedCalls).hasSize(3).allMatch(text -> text.contains("broken pipe"));
        assertThat(recorder.waits).anyMatch(text -> text.contains("broken pipe"));
    }

    @Test
    void followsTheFailurePolicyWhenACallCanNeverSucceed() {
        platform.interference = call -> {
            if (call.equals("launch")) {
                throw ProviderException.permanent("no such image");
            }
        };
        policy = policy().onFailure(FailurePolicy.PAUSE).build();

        Progress paused = stepUntil(update().start(V2), RolloutPhase.PAUSED);

        assertThat(paused.reason().text()).isEqualTo("the platform refuses: launch instances: no such image");
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
    }

    @Test
    void aBrokenHealthCheckerMakesHealthUnknownAndKillsNothing() {
        Rollout rollout = update().start(V2);
        platform.interference = call -> {
            if (call.equals("check")) {
                throw ProviderException.retryable("monitoring is down");
            }
        };
        for (int i = 0; i < 20; i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }

        assertThat(platform.revisions()).contains("v1", "v1", "v1").hasSizeLessThanOrEqualTo(4);
        assertThat(rollout.progress().waits())
                .extracting(Reason::text)
                .anyMatch(text -> text.contains("monitoring is down"));
    }

    @Test
    void aListenerThatThrowsDisturbsNothing() {
        RolloutListener broken = new RolloutListener() {
            @Override
            public void progressed(Progress progress) {
                throw new IllegalStateException("broken listener");
            }

            @Override
            public void phaseChanged(RolloutEvent.PhaseChanged event) {
                throw new AssertionError("broken listener");
            }
        };
        try (RollingUpdate update =
                builder().listener(broken).listener(recorder).build()) {
            assertThat(drive(update.start(V2)).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
    }

    @Test
    void aListenerMayHoldTheRolloutBeforeThePlanIsCarriedOut() {
        platform.bad.add("v2");
        AtomicReference<Rollout> handle = new AtomicReference<>();
        RolloutListener holding = new RolloutListener() {
            @Override
            public void phaseChanged(RolloutEvent.PhaseChanged event) {
                if (event.to() == RolloutPhase.ROLLING_BACK) {
                    handle.get().pause();
                }
            }
        };
        try (RollingUpdate update = builder().listener(holding).build()) {
            handle.set(update.start(V2));

            stepUntil(handle.get(), RolloutPhase.PAUSED);
            handle.get().step();

            assertThat(platform.revisions()).as("nothing is terminated").containsExactly("v1", "v1", "v1", "v2");
        }
    }

    @Test
    void anInterruptedStepTakesNoActionAndKeepsTheFlag() {
        Rollout rollout = update().start(V2);

        Thread.currentThread().interrupt();
        Plan plan = rollout.step();

        assertThat(Thread.interrupted()).isTrue();
        assertThat(plan.actions()).isEmpty();
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
        assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    // ---- commands

    @Test
    void beginsNothingNewAfterPauseReturned() {
        Rollout rollout = update().start(V2);
        rollout.step();
        rollout.pause();
        int before = recorder.actions.size();

        for (int i = 0; i < 100; i++) {
            clock.advance(Duration.ofMinutes(1));
            rollout.step();
        }

        assertThat(recorder.actions).as("only what was launched is let in").hasSize(before + 1);
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1", "v2");
        rollout.resume();
        assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void rollsBackByHand() {
        Rollout rollout = update().start(V2);
        while (rollout.progress().counts().updated() < 2) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }

        rollout.rollBack("customers complain");
        Progress end = drive(rollout);

        assertThat(end.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
        assertThat(end.fewestServing()).hasValue(3);
        assertThat(end.peak()).isEqualTo(4);
    }

    @Test
    void abortLeavesTheFleetAsItIs() throws Exception {
        Rollout rollout = update().start(V2);
        rollout.step();
        rollout.abort();

        assertThat(rollout.await(Duration.ZERO).orElseThrow().phase()).isEqualTo(RolloutPhase.ABORTED);
        assertThat(rollout.step().actions()).isEmpty();
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1", "v2");
        assertThatIllegalStateException().isThrownBy(rollout::pause);
    }

    @Test
    void rejectsCommandsThatThePhaseDoesNotAllow() {
        Rollout rollout = update().start(V2);

        assertThatIllegalStateException()
                .isThrownBy(rollout::resume)
                .withMessageContaining("is ROLLING: only one that is paused can resume");
        assertThatIllegalStateException()
                .isThrownBy(() -> rollout.rollBack("too early to know what was serving"))
                .withMessageContaining("has no revision to go back to");
    }

    // ---- one after the other, and several controllers

    @Test
    void startingTheSameRevisionAgainGoesOnWithTheSameRollout() {
        try (RollingUpdate update = update()) {
            Rollout rollout = update.start(V2);

            assertThat(update.start(V2)).isSameAs(rollout);
            assertThat(update.resume()).contains(rollout);
        }
    }

    @Test
    void anotherTargetSupersedes() {
        try (RollingUpdate update = update()) {
            Rollout first = update.start(V2);
            while (first.progress().counts().updated() < 1) {
                first.step();
                clock.advance(Duration.ofSeconds(1));
            }

            Rollout second = update.start(V3);

            assertThatIllegalStateException().isThrownBy(first::step).withMessageContaining("superseded by");
            assertThat(drive(second).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(platform.revisions()).containsExactly("v3", "v3", "v3");
            assertThat(second.progress().peak()).isEqualTo(4);
        }
    }

    @Test
    void aNewControllerGoesOnWhereTheOldOneDied() {
        Rollout lost = update().start(V2);
        lost.step();
        lost.step();
        clock.advance(Duration.ofSeconds(30).plusSeconds(1));

        try (RollingUpdate next = update()) {
            Rollout rollout = next.resume().orElseThrow();

            assertThat(rollout.id()).isEqualTo(lost.id());
            assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(rollout.progress().peak()).isEqualTo(4);
            assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
        }
    }

    @Test
    void twoControllersDoNotRollOneFleet() {
        RollingUpdate first = update();
        Rollout rollout = first.start(V2);

        assertThatIllegalStateException()
                .isThrownBy(() -> update().start(V3))
                .withMessageContaining("another controller holds the lease of fleet shop");

        clock.advance(Duration.ofSeconds(30).plusSeconds(1));
        RollingUpdate second = update();
        second.resume().orElseThrow();
        int launched = platform.instances.size();
        assertThatIllegalStateException()
                .isThrownBy(rollout::step)
                .withMessageContaining("another controller has taken over fleet shop");
        assertThat(platform.instances)
                .as("the one that lost the lease did not act")
                .hasSize(launched);
    }

    @Test
    void resizesNothingThatAnotherControllerHolds() {
        Rollout held = update().start(V2);
        RollingUpdate other = update();

        assertThatIllegalStateException()
                .isThrownBy(() -> other.resize(5))
                .withMessageStartingWith("another controller holds the lease of fleet shop");

        assertThat(other.limits().desired()).isEqualTo(3);
        assertThat(held.progress().limits().desired()).isEqualTo(3);
    }

    @Test
    void resizesARolloutThatNobodyDrives() {
        RollingUpdate first = update();
        RolloutId id = first.start(V2).id();
        first.close();
        RollingUpdate second = update();

        second.resize(5);

        assertThat(second.limits().desired()).isEqualTo(5);
        RollingUpdate third = update();
        Rollout rollout = third.start(V2);
        assertThat(rollout.id()).isEqualTo(id);
        assertThat(third.limits().desired())
                .as("the size of what it goes on with")
                .isEqualTo(5);
        assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(platform.revisions()).containsExactly("v2", "v2", "v2", "v2", "v2");
    }

    @Test
    void aControllerOfAnotherSizeSupersedes() {
        RollingUpdate first = update();
        RolloutId id = first.start(V2).id();
        first.resize(5);
        first.close();

        Rollout rollout = builder().desired(4).build().start(V2);

        assertThat(rollout.id()).isNotEqualTo(id);
        assertThat(rollout.progress().limits().desired()).isEqualTo(4);
    }

    @Test
    void aRestartThatGoesBackIsNotTheOneAskedFor() {
        RollingUpdate update = update();
        Rollout first = update.restart();
        while (first.progress().counts().updated() < 1) {
            first.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(update.restart()).isSameAs(first);
        first.rollBack("by hand");

        Rollout second = update.restart();

        assertThat(second.id()).isNotEqualTo(first.id());
        assertThat(drive(second).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void tellsThatItLeavesARolloutThatGoesOn() {
        RollingUpdate first = update();
        Rollout superseded = first.start(V2);
        superseded.step();
        Rollout rollout = first.start(V3);
        assertThat(recorder.left).singleElement().asString().contains("superseded by " + rollout.id());

        clock.advance(Duration.ofSeconds(30).plusSeconds(1));
        RollingUpdate second = update();
        Rollout resumed = second.resume().orElseThrow();
        assertThatIllegalStateException().isThrownBy(rollout::step);
        assertThatIllegalStateException().isThrownBy(rollout::step);
        first.close();
        assertThat(recorder.left).hasSize(2).last().asString().contains("another controller has taken over");

        second.close();
        assertThat(recorder.left).hasSize(3).last().asString().contains(resumed.id() + ": ", "closed, can be resumed");
    }

    @Test
    void aRolloutThatEndsIsNotLeft() {
        RollingUpdate update = update();
        drive(update.start(V2));

        update.close();

        assertThat(recorder.left).isEmpty();
    }

    @Test
    void closeGivesTheLeaseBack() {
        RollingUpdate first = update();
        Rollout rollout = first.start(V2);
        rollout.step();
        first.close();

        assertThatIllegalStateException().isThrownBy(rollout::step).withMessageContaining("closed, can be resumed");
        assertThatIllegalStateException().isThrownBy(() -> first.start(V3)).withMessageContaining("is closed");
        try (RollingUpdate second = update()) {
            assertThat(drive(second.resume().orElseThrow()).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
    }

    @Test
    void nothingToResumeIsNoRollout() {
        try (RollingUpdate update = update()) {
            assertThat(update.resume()).isEmpty();
            drive(update.start(V2));
            assertThat(update.resume()).isEmpty();
        }
    }

    @Test
    void doesNotActWhileTheStateCannotBeSaved() {
        FlakyStore flaky = new FlakyStore(store);
        try (RollingUpdate update = builder().store(flaky).build()) {
            Rollout rollout = update.start(V2);
            flaky.failure = Optional.of("disk full");

            assertThat(rollout.step().actions()).isEmpty();
            assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
            assertThat(rollout.progress().waits())
                    .extracting(Reason::text)
                    .anyMatch(text -> text.contains("disk full"));

            flaky.failure = Optional.empty();
            assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(rollout.progress().peak()).isEqualTo(4);
        }
    }

    @Test
    void goesOnFromASaveThatTookEffectAlthoughItFailed() {
        FlakyStore flaky = new FlakyStore(store);
        flaky.savesBeforeItFails = true;
        try (RollingUpdate update = builder().store(flaky).build()) {
            Rollout rollout = update.start(V2);
            flaky.failure = Optional.of("connection lost");
            rollout.step();
            flaky.failure = Optional.empty();

            assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(rollout.progress().peak()).isEqualTo(4);
        }
    }

    @Test
    void aCommandGoesOnFromASaveThatTookEffectAlthoughItFailed() {
        FlakyStore flaky = new FlakyStore(store);
        flaky.savesBeforeItFails = true;
        try (RollingUpdate update = builder().store(flaky).build()) {
            Rollout rollout = update.start(V2);
            rollout.step();
            rollout.pause();
            flaky.failure = Optional.of("connection lost");
            rollout.step();
            flaky.failure = Optional.empty();
            List<InstanceRecord> recorded =
                    store.load(SHOP).orElseThrow().state().instances();

            rollout.resume();

            assertThat(recorded).noneMatch(record -> record.intent() == InstanceRecord.Intent.LAUNCH);
            assertThat(store.load(SHOP).orElseThrow().state().instances()).isEqualTo(recorded);
        }
    }

    @Test
    void terminatesOnlyWhatTheRouterLetGo() {
        platform.interference = call -> {
            if (call.equals("terminate")) {
                assertThat(platform.routes.values())
                        .filteredOn(Routing::takesRequests)
                        .hasSize(3);
                assertThat(platform.routes.keySet()).isSubsetOf(platform.instances.keySet());
            }
        };

        assertThat(drive(update().start(V2)).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(recorder.failedCalls).isEmpty();
        assertThat(platform.routes).doesNotContainKey(InstanceId.of("v1-1"));
    }

    /** Fails each save while a failure is set. */
    private static final class FlakyStore implements RolloutStore {

        private final RolloutStore store;
        private Optional<String> failure = Optional.empty();
        private boolean savesBeforeItFails;

        FlakyStore(RolloutStore store) {
            this.store = store;
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            return store.load(fleet);
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            boolean saved = (failure.isEmpty() || savesBeforeItFails) && store.save(lease, expectedVersion, next);
            failure.ifPresent(text -> {
                throw ProviderException.retryable(text);
            });
            return saved;
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
