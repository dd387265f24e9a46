package io.github.rollstep.run;

import static io.github.rollstep.Batches.fixed;
import static io.github.rollstep.FailurePolicy.PAUSE;
import static io.github.rollstep.FailurePolicy.STOP;
import static io.github.rollstep.Quota.of;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.rollstep.FailurePolicy;
import io.github.rollstep.FleetId;
import io.github.rollstep.GuideLine;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.StopVeto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/** The lines of docs/policies.md that are about commands, gates and vetoes: each is played, step by step, on a clock moved by hand. */
class GuideCommandsTest {

    private final HandClock clock = new HandClock();
    private FakePlatform platform = FakePlatform.of("v1", 10);
    private final Recorder recorder = new Recorder();
    private final Revision v1 = Revision.of("v1");
    private final Revision v2 = Revision.of("v2");
    private final Revision v3 = Revision.of("v3");

    private RollingUpdate update(RolloutPolicy.Builder policy) {
        return completed(RollingUpdate.builder(), policy);
    }

    private RollingUpdate completed(RollingUpdate.Builder builder, RolloutPolicy.Builder policy) {
        return builder.fleet(FleetId.of("shop"))
                .desired(10)
                .provider(platform)
                .health(platform)
                .router(platform)
                .policy(policy.build())
                .listener(recorder)
                .clock(clock)
                .hostDriven()
                .build();
    }

    private static RolloutPolicy.Builder policy() {
        return RolloutPolicy.builder();
    }

    private void stepUntil(Rollout rollout, BooleanSupplier reached) {
        for (int i = 0; i < 5000 && !reached.getAsBoolean(); i++) {
            rollout.step();
            clock.advance(ofSeconds(1));
        }
        assertThat(reached.getAsBoolean()).as("%s", rollout.progress()).isTrue();
    }

    private void stepUntil(Rollout rollout, RolloutPhase phase) {
        stepUntil(rollout, () -> rollout.phase() == phase);
    }

    private void stepFor(Rollout rollout, Duration time) {
        for (long i = 0; i < time.toSeconds(); i += 10) {
            rollout.step();
            clock.advance(ofSeconds(10));
        }
    }

    private int running(Revision revision) {
        return Collections.frequency(platform.revisions(), revision.id());
    }

    private List<String> waits(Rollout rollout) {
        return rollout.progress().waits().stream().map(Reason::text).toList();
    }

    // ---- room

    @GuideLine("""
            | another size in the middle | `update.resize(12)`: grows in v2, once one of v2 has served.
            `update.resize(8)`: v1 goes first. No limit is broken |""")
    void anotherSize() {
        try (RollingUpdate update = update(policy())) {
            Rollout rollout = update.start(v2);
            rollout.step();
            update.resize(12);
            rollout.step();
            assertThat(waits(rollout)).contains("grows from 10 to 12 once v2 has proved itself");
            stepUntil(rollout, () -> {
                boolean grows = !waits(rollout).toString().contains("grows from 10 to 12");
                assertThat(grows || platform.instances.size() <= 13).isTrue();
                return grows;
            });
            assertThat(rollout.progress().counts().updated()).isEqualTo(1);

            stepUntil(rollout, RolloutPhase.SUCCEEDED);

            assertThat(running(v2)).isEqualTo(12);
            assertThat(rollout.progress().peak()).isLessThanOrEqualTo(15);
            assertThat(rollout.progress().fewestServing()).hasValue(10);
        }
        platform = FakePlatform.of("v1", 10);
        try (RollingUpdate update = update(policy())) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, () -> rollout.progress().counts().updated() == 4);
            int updated = running(v2);
            update.resize(8);
            stepUntil(rollout, () -> {
                assertThat(running(v2)).as("v1 goes first").isGreaterThanOrEqualTo(updated);
                return rollout.phase() == RolloutPhase.SUCCEEDED;
            });

            assertThat(running(v2)).isEqualTo(8);
            assertThat(rollout.progress().fewestServing()).hasValue(8);
        }
    }

    // ---- gates and holds

    @GuideLine("""
            | a canary | `canary(1)`: 1 of v2, then AWAITING_APPROVAL until `rollout.approve("ann")`; then the batches |""")
    void aCanary() {
        try (RollingUpdate update = update(policy().canary(1))) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, RolloutPhase.AWAITING_APPROVAL);
            stepFor(rollout, ofHours(1));

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.AWAITING_APPROVAL);
            assertThat(running(v2)).isEqualTo(1);
            assertThat(platform.instances).hasSize(10);
            rollout.approve("ann");
            stepUntil(rollout, RolloutPhase.SUCCEEDED);
            assertThat(recorder.phases).containsExactly("ROLLING", "AWAITING_APPROVAL", "ROLLING", "SUCCEEDED");
        }
    }

    @GuideLine("""
            | to be asked on the way | `batches(fixed(of(3))).approveAfter(1).pauseAfter(2)`: with 3 of v2 until
            `rollout.approve("ann")`, with 6 until `rollout.resume()` |""")
    void askedOnTheWay() {
        try (RollingUpdate update =
                update(policy().batches(fixed(of(3))).approveAfter(1).pauseAfter(2))) {
            Rollout rollout = update.start(v2);

            stepUntil(rollout, RolloutPhase.AWAITING_APPROVAL);
            assertThat(running(v2)).isEqualTo(3);
            rollout.approve("ann");
            stepUntil(rollout, RolloutPhase.PAUSED);
            assertThat(running(v2)).isEqualTo(6);
            rollout.resume();
            stepUntil(rollout, RolloutPhase.SUCCEEDED);
        }
    }

    @GuideLine("""
            | to hold it now | `rollout.pause()`: nothing is begun on healthy instances, no deadline passes, until
            `rollout.resume()` |""")
    void holdItNow() {
        try (RollingUpdate update = update(policy().totalDeadline(ofMinutes(30)))) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, () -> rollout.progress().counts().updated() == 1);
            rollout.pause();
            List<String> before = List.copyOf(platform.revisions());
            stepFor(rollout, ofHours(1));

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.PAUSED);
            assertThat(platform.revisions()).isEqualTo(before);
            rollout.resume();
            stepUntil(rollout, RolloutPhase.SUCCEEDED);
            assertThat(recorder.phases).containsExactly("ROLLING", "PAUSED", "ROLLING", "SUCCEEDED");
        }
    }

    @GuideLine("""
            | an alarm, a metric or a test to judge | `RollingUpdate.builder().gate(gate)`: asked after each batch and
            while baking. Pass: goes on. Fail: as `onFailure` says. Wait or an error: holds, and pauses after `stallDeadline` |""")
    void toJudge() {
        List<Gate.Context> asked = new ArrayList<>();
        Rollout passed = gated(FailurePolicy.ROLL_BACK, context -> {
            asked.add(context);
            return Verdict.pass();
        });
        stepUntil(passed, RolloutPhase.SUCCEEDED);
        assertThat(asked).extracting(Gate.Context::batch).contains(0, 1, 2, 3, 4);
        assertThat(asked).filteredOn(Gate.Context::baking).hasSizeGreaterThan(1);

        Rollout failed = gated(FailurePolicy.ROLL_BACK, afterBatch(Verdict.fail("errors")));
        stepUntil(failed, RolloutPhase.ROLLING_BACK);
        assertThat(failed.progress().reason().text()).isEqualTo("gate alarm failed: errors");
        assertThat(running(v2)).isLessThanOrEqualTo(3);
        stepUntil(gated(PAUSE, afterBatch(Verdict.fail("errors"))), RolloutPhase.PAUSED);

        Rollout waiting = gated(FailurePolicy.ROLL_BACK, afterBatch(Verdict.waits("too few requests")));
        stepUntil(waiting, () -> waits(waiting).contains("gate alarm: too few requests"));
        Duration whole = waiting.progress().elapsed();
        stepUntil(waiting, RolloutPhase.PAUSED);
        assertThat(waiting.progress().elapsed().minus(whole))
                .isBetween(policy().build().stallDeadline().minusSeconds(5), ofMinutes(10));

        boolean[] blind = {true};
        Rollout held = gated(FailurePolicy.ROLL_BACK, context -> {
            if (blind[0] && context.batch() > 0) {
                throw new IllegalStateException("monitoring is down");
            }
            return Verdict.pass();
        });
        stepUntil(held, () -> waits(held).toString().contains("cannot tell"));
        stepFor(held, ofMinutes(5));
        assertThat(running(v2)).isEqualTo(3);
        blind[0] = false;
        stepUntil(held, RolloutPhase.SUCCEEDED);
    }

    private static Function<Gate.Context, Verdict> afterBatch(Verdict verdict) {
        return context -> context.batch() == 0 ? Verdict.pass() : verdict;
    }

    /** A rollout of another fleet of v1. */
    private Rollout gated(FailurePolicy onFailure, Function<Gate.Context, Verdict> verdict) {
        platform = FakePlatform.of("v1", 10);
        Gate gate = new Gate() {
            @Override
            public String name() {
                return "alarm";
            }

            @Override
            public Verdict judge(Context context) {
                return verdict.apply(context);
            }
        };
        return completed(
                        RollingUpdate.builder().gate(gate),
                        policy().batches(fixed(of(3))).bake(ofMinutes(1)).onFailure(onFailure))
                .start(v2);
    }

    // ---- who goes next

    @GuideLine("""
            | a quorum, the leader last | `RollingUpdate.builder().stopVeto(veto)`: whom it refuses stays, the others go;
            while it cannot tell, nobody goes |""")
    void theLeaderLast() {
        InstanceId leader = InstanceId.of("v1-1");
        boolean[] tells = {true};
        StopVeto veto = (candidates, stopped) -> {
            if (!tells[0]) {
                throw ProviderException.retryable("no quorum seen");
            }
            boolean last = candidates.size() == 1;
            return new StopVeto.Refusals(last ? Map.of() : Map.of(leader, "leads"));
        };
        try (RollingUpdate update = completed(RollingUpdate.builder().stopVeto(veto), policy())) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, () -> rollout.progress().counts().updated() == 4);
            assertThat(waits(rollout)).contains("v1-1 may not stop now: leads");
            tells[0] = false;
            stepUntil(rollout, () -> waits(rollout).toString().contains("no quorum seen"));
            stepFor(rollout, ofMinutes(1));
            int left = running(v1);
            stepFor(rollout, ofMinutes(5));
            assertThat(running(v1)).isEqualTo(left);
            tells[0] = true;

            stepUntil(rollout, () -> running(v1) == 1);

            assertThat(platform.instances).containsKey(leader);
            stepUntil(rollout, RolloutPhase.SUCCEEDED);
            assertThat(platform.instances).doesNotContainKey(leader);
        }
    }

    @GuideLine("""
            | the same revision anew | `update.restart()`: every instance is replaced |""")
    void theSameRevisionAnew() {
        try (RollingUpdate update = update(policy())) {
            List<InstanceId> before = List.copyOf(platform.instances.keySet());

            Rollout rollout = update.restart();
            stepUntil(rollout, RolloutPhase.SUCCEEDED);

            assertThat(platform.instances.keySet()).doesNotContainAnyElementsOf(before);
            assertThat(running(v1)).isEqualTo(10);
        }
    }

    @GuideLine("""
            | another revision in the middle | `update.start(v3)`: goes on from the mix, v2 goes before v1; a failure
            leads back to v1 |""")
    void anotherRevision() {
        platform.bad.add("v3");
        try (RollingUpdate update = update(policy().onFailure(PAUSE))) {
            Rollout first = update.start(v2);
            stepUntil(first, () -> first.progress().counts().updated() == 4);

            Rollout rollout = update.start(v3);
            stepUntil(rollout, RolloutPhase.PAUSED);
            int old = running(v1);
            platform.bad.clear();
            rollout.resume();
            stepUntil(rollout, () -> running(v2) == 0);
            assertThat(running(v1)).as("v2 goes before v1").isEqualTo(old);
            rollout.rollBack("bad");
            stepUntil(rollout, RolloutPhase.ROLLED_BACK);
            assertThat(running(v1)).isEqualTo(10);
        }
    }

    // ---- when it fails

    @GuideLine("""
            | no way back by itself | `onFailure(PAUSE)`: the mix stays; `rollout.resume()` or `rollout.rollBack("bad")`.
            `onFailure(STOP)`: it stays, and FAILED says who runs what |""")
    void noWayBackByItself() {
        platform.bad.add("v2");
        try (RollingUpdate update = update(policy().onFailure(PAUSE))) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, RolloutPhase.PAUSED);
            stepFor(rollout, ofHours(1));
            assertThat(running(v2)).isEqualTo(1);
            platform.bad.clear();
            rollout.resume();
            stepUntil(rollout, RolloutPhase.SUCCEEDED);
        }
        platform.bad.add("v3");
        try (RollingUpdate update = update(policy().onFailure(PAUSE))) {
            Rollout rollout = update.start(v3);
            stepUntil(rollout, RolloutPhase.PAUSED);
            rollout.rollBack("bad");
            stepUntil(rollout, RolloutPhase.ROLLED_BACK);
            assertThat(running(v2)).isEqualTo(10);
        }
        try (RollingUpdate update = update(policy().onFailure(STOP))) {
            Rollout rollout = update.start(v3);
            stepUntil(rollout, RolloutPhase.FAILED);
            assertThat(running(v3)).isEqualTo(1);
            assertThat(rollout.progress().reason().text())
                    .contains(" runs v3 (is unhealthy (bad))", " runs v2 (is serving)");
        }
    }

    @GuideLine("""
            | to end it by hand | `rollout.rollBack("bad")`: to v1. `rollout.abort()`: leaves all as it is.
            `update.retry(v2)`: what has failed before once more |""")
    void endItByHand() {
        try (RollingUpdate update = update(policy())) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, () -> rollout.progress().counts().updated() == 4);
            rollout.rollBack("bad");
            stepUntil(rollout, RolloutPhase.ROLLED_BACK);
            assertThat(running(v1)).isEqualTo(10);
        }
        platform = FakePlatform.of("v1", 10);
        try (RollingUpdate update = update(policy())) {
            Rollout rollout = update.start(v2);
            stepUntil(rollout, () -> rollout.progress().counts().updated() == 4);
            List<String> before = platform.revisions();
            rollout.abort();
            stepFor(rollout, ofMinutes(5));
            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ABORTED);
            assertThat(platform.revisions()).isEqualTo(before);
        }
        platform = FakePlatform.of("v1", 10);
        platform.bad.add("v2");
        try (RollingUpdate update = update(policy())) {
            stepUntil(update.start(v2), RolloutPhase.ROLLED_BACK);
            assertThatIllegalStateException().isThrownBy(() -> update.start(v2));
            platform.bad.clear();
            stepUntil(update.retry(v2), RolloutPhase.SUCCEEDED);
        }
    }
}
