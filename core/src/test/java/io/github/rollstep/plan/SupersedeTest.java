package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A new target in the middle of a rollout continues from the mix that is there. */
class SupersedeTest {

    @Test
    void aLaunchOfTheSupersededRolloutCountsUntilItShowsUpAndGoesThen() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.rollTo("v3", 3);

        assertThat(scene.plan()).as("r1-1 may still come").isEmpty();
        assertThat(scene.starts("r1-1").plan()).containsExactly("terminate r1-1");
        assertThat(scene.gone("r1-1").plan()).containsExactly("launch r2-1 v3");
        assertThat(scene.state.extremes().peak()).isEqualTo(4);
    }

    @Test
    void whatTheSupersededRolloutHasJustLetInIsNotServingYet() {
        Scene scene = Scene.of(1, oneByOne().minReady(Duration.ofSeconds(10)).build());
        scene.plan();
        scene.comesUp("r1-1").plan();
        scene.afterSeconds(30).isIn("r1-1").rollTo("v2", 1);

        assertThat(scene.plan()).as("a is all that serves").isEmpty();
        assertThat(scene.afterSeconds(9).plan()).isEmpty();
        assertThat(scene.afterSeconds(1).plan()).containsExactly("drain a");
    }

    @Test
    void whatHasRecoveredSinceTheLastRolloutEndedServesAtTheFirstLook() {
        Scene scene = Scene.of(1, oneByOne().minReady(Duration.ofSeconds(10)).build());
        Reason byHand = Reason.of(Code.BY_HAND, "by hand");
        scene.state = scene.state.pause(scene.now, byHand);
        scene.ill("a").plan();
        scene.state = scene.state.abort(scene.now, byHand);
        scene.health(Health.healthy(), "a").afterSeconds(60).rollTo("v2", 1).plan();

        assertThat(scene.state.extremes().fewestServing()).hasValue(1);
        assertThat(scene.state.baseline()).contains(Revision.of("v1"));
    }

    @Test
    void goesBackToTheOldRevisionByLettingInWhatWasDraining() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(2);
        scene.plan();
        scene.drains("a", 3).rollTo("v1", 2);

        assertThat(scene.run()).containsExactly("admit a", "drain r1-1", "terminate r1-1");
        assertThat(scene.fleet.keySet()).containsExactly("a", "b");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aFixTakesTheBrokenOnesOutBeforeAnyThatServes() {
        Scene scene = Scene.of(
                3, oneByOne().batches(Batches.sliding(Quota.of(2))).maxSurge(2).build());
        scene.plan();
        scene.starts("r1-1").starts("r1-2").rollTo("v3", 3);

        assertThat(scene.run())
                .containsExactly(
                        "terminate r1-1, terminate r1-2",
                        "launch r2-1 v3, launch r2-2 v3",
                        "admit r2-1, admit r2-2",
                        "drain a, drain b",
                        "terminate a, terminate b",
                        "launch r2-3 v3",
                        "admit r2-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.extremes().fewestServing()).hasValue(3);
    }

    @Test
    void supersedesARollBackAndWouldGoBackToTheSameRevision() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(5);
        scene.exits("r1-2").plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
        scene.obey().rollTo("v3", 3);

        assertThat(scene.run())
                .as("the half-rolled r1-1 before b and c")
                .containsExactly(
                        "launch r2-1 v3",
                        "admit r2-1",
                        "drain r1-1",
                        "terminate r1-1",
                        "launch r2-2 v3",
                        "admit r2-2",
                        "drain b",
                        "terminate b",
                        "launch r2-3 v3",
                        "admit r2-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.baseline()).contains(Revision.of("v1"));
        assertThat(scene.state.failures().count())
                .as("failures of the superseded one")
                .isZero();
    }

    @Test
    void failingItGoesBackToWhatServedBeforeTheSupersededOne() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("b", "r1-1");
        scene.rollTo("v3", 2).plan();
        scene.starts("r2-1").exits("r2-1");

        assertThat(scene.plan()).containsExactly("terminate r2-1");
        assertThat(scene.obey().afterSeconds(1).run())
                .containsExactly("launch r2-2 v1", "admit r2-2", "drain r1-1", "terminate r1-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.phaseReason().text()).isEqualTo("2 of 2 serve v1");
    }

    @Test
    void oneThatIsPausedIsSupersededAtOnce() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.state = scene.state.pause(scene.now, Reason.of(Code.BY_HAND, "by hand"));
        scene.plan();
        assertThat(scene.state.phase()).isEqualTo(PAUSED);

        assertThat(scene.rollTo("v3", 2).plan()).containsExactly("launch r2-1 v3");
    }

    @Test
    void theMixMayBeOfManyRevisions() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.serving("b", "v0", 1).serving("c", "v2", 2);

        assertThat(scene.run())
                .as("v2 stays; which of v0 and v1 served before is said by id")
                .containsExactly(
                        "launch r1-1 v2",
                        "admit r1-1",
                        "drain a",
                        "terminate a",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain b",
                        "terminate b");
        assertThat(scene.fleet.keySet()).containsExactly("c", "r1-1", "r1-2");
    }

    // ---- where it would go back to

    private static Revision baseline(Scene scene) {
        scene.plan();
        return scene.state.baseline().orElseThrow();
    }

    /** v2 is verified, and no rollout has failed. */
    private static Scene verified() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.run();
        assertThat(scene.state.history().verified()).contains(Revision.of("v2"));
        return scene;
    }

    @Test
    void goesBackToTheVerifiedRevisionAlsoWhereAnotherServesMore() {
        Scene scene = verified().serving("x", "w", 1).serving("y", "w", 2).serving("z", "w", 3);

        assertThat(baseline(scene.rollTo("v3", 2))).isEqualTo(Revision.of("v2"));
    }

    @Test
    void goesBackToNoVerifiedRevisionThatIsIllOrNotThere() {
        Scene ill = verified().ill("r1-1", "r1-2").serving("x", "w", 1);
        assertThat(baseline(ill.rollTo("v3", 2))).isEqualTo(Revision.of("w"));

        Scene replaced = verified().gone("r1-1", "r1-2").serving("x", "w", 1);
        assertThat(baseline(replaced.rollTo("v3", 2))).isEqualTo(Revision.of("w"));
    }

    @Test
    void ofTwoThatServeEquallyMuchGoesBackToTheFirstByName() {
        for (String last : new String[] {"w1", "w2", "w3", "w4"}) {
            Scene scene = Scene.of(1, oneByOne().build()).serving("y", "v0", 1).serving("z", last, 2);

            assertThat(baseline(scene)).as(last).isEqualTo(Revision.of("v0"));
        }
    }

    @Test
    void whatIsLeavingWhenItBeginsHasNoShareOfItsZone() {
        Scene scene = Scene.of(3, oneByOne().build()).inZone("x", "a", "b").inZone("y", "c");
        scene.steps(3);

        scene.drains("a", 1).rollTo("v3", 3).plan();

        assertThat(scene.state.zones()).isEqualTo(Map.of("x", 1, "y", 1));
    }
}
