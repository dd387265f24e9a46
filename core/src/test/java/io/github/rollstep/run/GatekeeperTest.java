package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.Gate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When gates are asked, and what becomes of their answers, late ones and none. */
class GatekeeperTest {

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);

    private record Asked(String name, Function<Context, Verdict> answer) implements Gate {
        @Override
        public Verdict judge(Context context) {
            return answer.apply(context);
        }
    }

    private Rollout rollout(Gate... gates) {
        return update(gates).start(Revision.of("v2"));
    }

    private RollingUpdate update(Gate... gates) {
        return update(Batches.fixed(Quota.of(1)), gates);
    }

    private RollingUpdate update(Batches batches, Gate... gates) {
        RollingUpdate.Builder builder = platform.update(FleetId.of("shop"))
                .policy(RolloutPolicy.builder()
                        .batches(batches)
                        .maxSurge(1)
                        .minReady(Duration.ZERO)
                        .build())
                .clock(clock)
                .gateInterval(Duration.ofSeconds(1))
                .hostDriven();
        List.of(gates).forEach(builder::gate);
        return builder.build();
    }

    /** Steps on the hand-moved clock; a gate answers on a thread of its own, so that it may take some more. */
    private void stepUntil(Rollout rollout, BooleanSupplier goal) {
        for (int i = 0; i < 500 && !goal.getAsBoolean(); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(goal.getAsBoolean()).as("%s", rollout.progress()).isTrue();
    }

    private static List<String> waits(Rollout rollout) {
        return rollout.progress().waits().stream().map(Reason::text).toList();
    }

    @Test
    void isAskedBeforeTheFirstBatchAndOfEachThatIsWhole() {
        List<Gate.Context> asked = Collections.synchronizedList(new ArrayList<>());
        Rollout rollout = rollout(new Asked("tests", context -> {
            asked.add(context);
            return Verdict.pass();
        }));

        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);

        assertThat(asked).extracting(Gate.Context::batch).containsExactly(0, 1, 2, 3);
        assertThat(asked).extracting(context -> context.counts().updated()).containsExactly(0, 1, 2, 3);
        assertThat(asked).extracting(Gate.Context::baking).containsExactly(false, false, false, true);
    }

    @Test
    void whatItSaidOfAnEarlierBatchDoesNotCount() {
        Rollout rollout = rollout(
                new Asked("tests", context -> context.batch() < 2 ? Verdict.pass() : Verdict.waits("one test to go")));

        stepUntil(rollout, () -> waits(rollout).contains("gate tests: one test to go"));

        assertThat(platform.revisions()).containsExactly("v1", "v2", "v2");
    }

    @Test
    void oneThatIsSlowHoldsUpNoStep() {
        CountDownLatch answer = new CountDownLatch(1);
        Rollout rollout = rollout(new Asked("slow", context -> {
            if (context.batch() > 0) {
                await(answer);
            }
            return Verdict.pass();
        }));
        stepUntil(rollout, () -> waits(rollout).contains("gate slow: has not answered yet"));

        platform.instances.remove(InstanceId.of("v1-3"));
        platform.routes.remove(InstanceId.of("v1-3"));
        platform.instances.keySet().stream()
                .filter(id -> platform.instances.get(id).revision().id().equals("v2"))
                .findFirst()
                .ifPresent(platform.instances::remove);
        stepUntil(rollout, () -> Collections.frequency(platform.revisions(), "v2") == 1);
        assertThat(answer.getCount()).as("it has not answered meanwhile").isOne();

        answer.countDown();
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    /** It is asked of the present batch as soon as it has answered, and not only at the next interval. */
    @ParameterizedTest
    @ValueSource(ints = {0, 20})
    void aLateAnswerOfAnEarlierBatchDoesNotCountAndIsNoError(int millisLater) {
        CountDownLatch late = new CountDownLatch(1);
        List<Integer> asked = Collections.synchronizedList(new ArrayList<>());
        Gate slow = new Asked("slow", context -> {
            asked.add(context.batch());
            if (asked.size() == 3) { // Of the first batch once more: it has passed, and is followed by a pause.
                await(late);
                sleep(millisLater); // Between two steps, or while one waits for it.
                return Verdict.fail("of the first batch");
            }
            return Verdict.pass();
        });
        Rollout rollout = update(Batches.fixed(Quota.of(1)).pause(Duration.ofSeconds(30)), slow)
                .start(Revision.of("v2"));
        stepUntil(
                rollout,
                () -> Collections.frequency(platform.revisions(), "v2") == 2
                        && waits(rollout).contains("gate slow: has not answered yet"));
        assertThat(asked).containsExactly(0, 1, 1);

        late.countDown();

        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    /** Then fewer serve the new revision than the batch was whole with. */
    @Test
    void isAskedAlsoAfterTheFleetWasMadeSmaller() {
        AtomicBoolean green = new AtomicBoolean();
        RollingUpdate update = update(new Asked(
                "tests", context -> context.batch() < 3 || green.get() ? Verdict.pass() : Verdict.waits("not yet")));
        Rollout rollout = update.start(Revision.of("v2"));
        stepUntil(rollout, () -> waits(rollout).contains("gate tests: not yet"));

        update.resize(2);
        stepUntil(rollout, () -> rollout.progress().counts().existing() == 2);
        green.set(true);

        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    /** It is asked again after the interval at the earliest, and not before its answer was acted upon. */
    @Test
    void aLateFailureIsNotMadeUpForByTheNextAnswer() {
        CountDownLatch late = new CountDownLatch(1);
        List<Integer> asked = Collections.synchronizedList(new ArrayList<>());
        Rollout rollout = rollout(new Asked("slow", context -> {
            asked.add(context.batch());
            if (asked.size() == 2) {
                await(late);
                return Verdict.fail("too many errors");
            }
            return Verdict.pass();
        }));
        stepUntil(rollout, () -> asked.size() == 2);

        late.countDown();
        sleep(50); // So that it is there before the next step, as a rule.

        stepUntil(rollout, () -> rollout.phase().isFinal());
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
    }

    @Test
    void whatIsAskedWhenTheRolloutEndsIsGivenUp() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        Rollout rollout = rollout(new Asked("hung", context -> {
            if (context.batch() > 0) {
                asked.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                    interrupted.countDown();
                }
            }
            return Verdict.pass();
        }));
        stepUntil(rollout, () -> asked.getCount() == 0);

        rollout.abort();

        assertThat(interrupted.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void noVerdictAtAllIsShownAsAnError() {
        Rollout rollout = rollout(new Asked("null", context -> null));

        stepUntil(rollout, () -> waits(rollout).contains("gate null: cannot tell: gate null: the verdict was null"));
    }

    @Test
    void theFirstAnswerIsWaitedFor() {
        Rollout rollout = rollout(new Asked("slow", context -> {
            if (context.batch() == 0) {
                takeTime();
            }
            return Verdict.fail("red before");
        }));

        stepUntil(rollout, () -> rollout.phase().isFinal());
        assertThat(rollout.phase()).as("what failed before blocks nothing").isEqualTo(RolloutPhase.SUCCEEDED);
    }

    /** Longer than a step waits for an answer, all but the first. */
    private static void takeTime() {
        try {
            Thread.sleep(400);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void sleep(int millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void anErrorIsShownAndNoVerdict() {
        boolean[] down = {true};
        Rollout rollout = rollout(new Asked("alarm", context -> {
            if (down[0]) {
                throw new IllegalStateException("monitoring is down");
            }
            return Verdict.pass();
        }));

        stepUntil(rollout, () -> waits(rollout).contains("gate alarm: cannot tell: gate alarm: monitoring is down"));
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLING);
        down[0] = false;
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    @Test
    void allOfThemMustPass() {
        boolean[] green = {false};
        Rollout rollout = rollout(
                new Asked("first", context -> Verdict.pass()),
                new Asked("second", context -> green[0] ? Verdict.pass() : Verdict.waits("not yet")));

        stepUntil(rollout, () -> waits(rollout).contains("gate second: not yet"));
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v2");
        green[0] = true;
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    @Test
    void isNotAskedOnTheWayBack() {
        List<Gate.Context> asked = Collections.synchronizedList(new ArrayList<>());
        Rollout rollout = rollout(new Asked("alarm", context -> {
            asked.add(context);
            return context.batch() > 0 ? Verdict.fail("5 % errors") : Verdict.pass();
        }));

        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.ROLLED_BACK);

        assertThat(asked).extracting(Gate.Context::batch).containsExactly(0, 1);
        assertThat(rollout.progress().reason().text()).isEqualTo("3 of 3 serve v1");
    }

    @Test
    void twoOfOneNameAreRejected() {
        Gate alarm = new Asked("alarm", context -> Verdict.pass());

        assertThatIllegalArgumentException()
                .isThrownBy(() -> rollout(alarm, new Asked("alarm", context -> Verdict.pass())))
                .withMessage("gates must have different names, two have alarm");
    }
}
