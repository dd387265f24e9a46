package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Recovery;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A controller dies before and after each call that changes anything, and another one recovers when its lease is over: the same fleet in
 * the end, no promise broken, the group given back.
 */
class AwsCrashMatrixIT {

    private static final int DESIRED = 2;

    @ParameterizedTest
    @CsvSource({"GROUP,true", "GROUP,false", "EC2,true", "EC2,false"})
    void wheneverTheControllerDiesAnotherOneEndsWhatItBegan(Kind kind, boolean good) {
        int calls = play(kind, good, 0, false);
        assertThat(calls).isGreaterThan(3);
        IntStream.rangeClosed(1, calls).forEach(call -> {
            play(kind, good, call, true);
            play(kind, good, call, false);
        });
    }

    /** @return how many calls were made that change anything */
    private static int play(Kind kind, boolean good, int call, boolean before) {
        String what = "%s, %s revision, died %s call %d"
                .formatted(kind, good ? "good" : "bad", before ? "before" : "after", call);
        try (AwsScene scene = new AwsScene(kind, DESIRED, AwsRolloutIT.TIMES, AwsRolloutIT.policy(1))) {
            String next = scene.world.newVersion();
            if (!good) {
                scene.world.reality().bad(next);
            }
            int first = scene.world.faults().mutatingCalls();
            if (before) {
                scene.world.faults().dieBefore(call);
            } else {
                scene.world.faults().dieAfter(call);
            }
            Rollout rollout = scene.update().start(scene.revision(next));
            scene.drive(rollout);
            assertThat(scene.world.faults().isDead()).as(what).isEqualTo(call > 0);
            if (call > 0) {
                rollout = recovered(scene).orElse(rollout);
            }

            RolloutPhase end =
                    scene.store.load(AwsScene.FLEET).orElseThrow().state().phase();
            assertThat(end).as(what).isEqualTo(good ? RolloutPhase.SUCCEEDED : RolloutPhase.ROLLED_BACK);
            try {
                scene.assertIs(good ? next : "1");
            } catch (AssertionError e) {
                throw new AssertionError(what + ": " + e.getMessage(), e);
            }
            return scene.world.faults().mutatingCalls() - first;
        }
    }

    private static Optional<Rollout> recovered(AwsScene scene) {
        scene.world.faults().revive();
        scene.world.advance(Duration.ofSeconds(91));
        RollingUpdate update = scene.update();
        Optional<Rollout> found = update.recover().rollout();
        found.ifPresent(scene::drive);
        assertThat(update.recover()).isEqualTo(new Recovery(Optional.empty(), java.util.List.of()));
        return found;
    }
}
