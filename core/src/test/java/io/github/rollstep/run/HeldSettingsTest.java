package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.Recovery.Kind;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What a rollout changes on the platform is recorded before it is changed, and put back however the rollout ends. */
class HeldSettingsTest {

    private static final Revision V2 = Revision.of("v2");

    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-11-25T00:00:00Z"));
    private final InMemoryRolloutStore store = new InMemoryRolloutStore(now::get);
    private final FakePlatform platform = FakePlatform.of("v1", 3);
    private final List<String> calls = new ArrayList<>();
    private final Recorder recorder = new Recorder();

    /** As a group that replaces by itself what we stop, until it is told not to. */
    private final InstanceProvider group = new InstanceProvider() {
        private String settings = "balancing";

        @Override
        public Optional<String> settings(Revision target) {
            platform.interference.before("settings");
            return Optional.of(settings);
        }

        @Override
        public void hold(String before, int atMost, Revision goal) {
            platform.interference.before("hold");
            assertThat(recorded().held()).as("recorded first").contains(before);
            settings = "nothing";
            calls.add("hold %s, at most %d, %s".formatted(before, atMost, goal));
        }

        @Override
        public void restore(String before, Revision outcome) {
            platform.interference.before("restore");
            settings = before;
            calls.add("restore %s, %s".formatted(before, outcome));
        }

        @Override
        public List<Instance> list() {
            return platform.list();
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            assertThat(settings).isEqualTo("nothing");
            platform.launch(open);
            calls.add("launch");
        }

        @Override
        public void terminate(InstanceId id) {
            assertThat(settings).isEqualTo("nothing");
            platform.terminate(id);
        }
    };

    private RolloutState recorded() {
        return store.load(FleetId.of("shop")).map(RolloutStore.Stored::state).orElseThrow();
    }

    private RollingUpdate update() {
        return RollingUpdate.builder()
                .fleet(FleetId.of("shop"))
                .desired(3)
                .provider(group)
                .health(platform)
                .router(platform)
                .store(store)
                .clock(now::get)
                .policy(RolloutPolicy.builder()
                        .batches(Batches.sliding(Quota.of(1)))
                        .minReady(Duration.ZERO)
                        .build())
                .listener(recorder)
                .hostDriven()
                .build();
    }

    private void run(Rollout rollout) {
        for (int step = 0; step < 1_000 && !rollout.phase().isFinal(); step++) {
            step(rollout);
        }
        assertThat(rollout.phase().isFinal()).isTrue();
    }

    private void step(Rollout rollout) {
        rollout.step();
        now.updateAndGet(time -> time.plusSeconds(1));
    }

    private void failing(String failing, ProviderException error) {
        platform.interference = call -> {
            if (call.equals(failing)) {
                throw error;
            }
        };
    }

    private void working() {
        platform.interference = call -> {};
    }

    @Test
    void areHeldBeforeTheFirstActionAndRestoredAfterTheLast() {
        Rollout rollout = update().start(V2);
        run(rollout);

        assertThat(calls).startsWith("hold balancing, at most 4, v2", "launch").endsWith("restore balancing, v2");
        assertThat(calls).filteredOn(call -> !call.equals("launch")).hasSize(2);
        assertThat(recorded().isOver()).isTrue();
        assertThat(rollout.end()).isCompleted();
    }

    @Test
    void areRestoredForTheOldRevisionAfterARollBack() {
        platform.bad.add("v2");
        Rollout rollout = update().start(V2);
        run(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(calls).endsWith("restore balancing, v1");
    }

    @Test
    void areRestoredWhenItIsAborted() {
        Rollout rollout = update().start(V2);
        step(rollout);
        rollout.abort();

        assertThat(calls).endsWith("restore balancing, v1");
        assertThat(rollout.end()).isCompleted();
    }

    @Test
    void nothingIsDoneWhileTheyCannotBeHeld() {
        failing("hold", ProviderException.retryable("throttled"));
        Rollout rollout = update().start(V2);
        for (int step = 0; step < 5; step++) {
            step(rollout);
        }

        assertThat(rollout.progress().waits()).extracting(Object::toString).anyMatch(why -> why.contains("throttled"));
        assertThat(calls).isEmpty();

        working();
        run(rollout);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void oneThatCanNeverHoldThemEndsWithoutAnAction() {
        failing("hold", ProviderException.permanent("denied"));
        Rollout rollout = update().start(V2);
        run(rollout);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(recorder.failedCalls).singleElement().asString().contains("denied");
        assertThat(calls).containsExactly("restore balancing, v1");
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");
    }

    @Test
    void aPlatformThatRefusesBeginsNoRollout() {
        failing("settings", ProviderException.permanent("an instance refresh is in progress"));

        assertThatThrownBy(() -> update().start(V2)).hasMessageContaining("an instance refresh is in progress");
        assertThat(store.load(FleetId.of("shop"))).isEmpty();
    }

    @Test
    void anotherControllerRestoresWhatOneLeftThatDied() {
        Rollout rollout = update().start(V2);
        failing("restore", ProviderException.retryable("the controller died before"));
        run(rollout);
        assertThat(recorded().isOver()).isFalse();
        working();
        now.updateAndGet(time -> time.plusSeconds(31));

        Recovery found = update().recover();

        assertThat(found.leftovers()).extracting(Recovery.Leftover::kind).containsExactly(Kind.SETTINGS);
        step(found.rollout().orElseThrow());
        assertThat(calls).endsWith("restore balancing, v2");
        assertThat(recorded().isOver()).isTrue();
        now.updateAndGet(time -> time.plusSeconds(31));
        assertThat(update().recover().rollout()).isEmpty();
    }

    @Test
    void restoringIsTriedAgain() {
        Rollout rollout = update().start(V2);
        failing("restore", ProviderException.retryable("throttled"));
        run(rollout);

        assertThat(rollout.end()).isNotCompleted();
        assertThat(rollout.progress().waits()).extracting(Object::toString).anyMatch(why -> why.contains("throttled"));

        working();
        now.updateAndGet(time -> time.plusSeconds(5));
        step(rollout);
        assertThat(rollout.end()).isCompleted();
        assertThat(recorded().isOver()).isTrue();
    }

    @Test
    void whatCannotBeRestoredStaysOnRecordForTheNextRollout() {
        RollingUpdate update = update();
        Rollout rollout = update.start(V2);
        failing("restore", ProviderException.permanent("denied"));
        run(rollout);

        assertThat(rollout.end()).isCompleted();
        assertThat(rollout.progress().waits()).extracting(Object::toString).anyMatch(why -> why.contains("denied"));
        assertThat(recorded().held()).contains("balancing");
        run(update.resume().orElseThrow());
        assertThat(recorder.phases).as("each is told once").containsExactly("ROLLING", "SUCCEEDED");

        working();
        run(update.start(Revision.of("v3")));
        assertThat(calls).as("as it was before the first one").endsWith("restore balancing, v3");
    }

    @Test
    void oneThatSupersedesKeepsWhatTheFirstFound() {
        RollingUpdate update = update();
        step(update.start(V2));
        run(update.start(Revision.of("v3")));

        assertThat(calls).contains("hold balancing, at most 4, v2").endsWith("restore balancing, v3");
    }

    @Test
    void aRestartOfWhichOnlyTheSettingsAreLeftIsNotTheOneAskedFor() {
        RollingUpdate update = update();
        Rollout first = update.restart();
        failing("restore", ProviderException.retryable("throttled"));
        run(first);
        assertThat(first.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(recorded().held()).isPresent();

        Rollout second = update.restart();

        assertThat(second.id()).isNotEqualTo(first.id());
        working();
        run(second);
        assertThat(calls).endsWith("restore balancing, v1");
    }

    @Test
    void areHeldAnewWhenTheLimitsChange() {
        RollingUpdate update = update();
        Rollout rollout = update.start(V2);
        step(rollout);
        update.resize(5);
        run(rollout);

        assertThat(calls).contains("hold balancing, at most 4, v2", "hold balancing, at most 7, v2");
    }

    @Test
    void aRefusalLeavesTheRolloutInProgressAsItIs() {
        RollingUpdate update = update();
        Rollout rollout = update.start(V2);
        step(rollout);
        failing("settings", ProviderException.permanent("an instance refresh is in progress"));

        assertThatThrownBy(() -> update.start(Revision.of("v3")))
                .hasMessageContaining("an instance refresh is in progress");

        working();
        run(rollout);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    @Test
    void areHeldAnewForTheWayBack() {
        Rollout rollout = update().start(V2);
        step(rollout);
        rollout.rollBack("by hand");
        step(rollout);

        assertThat(calls).contains("hold balancing, at most 4, v2", "hold balancing, at most 4, v1");
    }
}
