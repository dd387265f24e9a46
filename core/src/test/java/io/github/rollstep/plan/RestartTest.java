package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A rollout to the revision that is there already. */
class RestartTest {

    /** a, b, c of v1, and their restart, r2. */
    private static Scene restart() {
        return Scene.of(3, oneByOne().build()).restartTo("v1", 3);
    }

    @Test
    void replacesEachThatWasThereOnce() {
        Scene scene = restart();

        assertThat(scene.run())
                .containsExactly(
                        "launch r2-1 v1",
                        "admit r2-1",
                        "drain a",
                        "terminate a",
                        "launch r2-2 v1",
                        "admit r2-2",
                        "drain b",
                        "terminate b",
                        "launch r2-3 v1",
                        "admit r2-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text()).isEqualTo("3 of 3 serve v1");
    }

    @Test
    void stopsFirstWhereThereIsNoRoom() {
        Scene scene =
                Scene.of(2, oneByOne().maxSurge(0).maxUnavailable(1).build()).restartTo("v1", 2);

        assertThat(scene.run())
                .containsExactly(
                        "drain a",
                        "terminate a",
                        "launch r2-1 v1",
                        "admit r2-1",
                        "drain b",
                        "terminate b",
                        "launch r2-2 v1",
                        "admit r2-2");
    }

    @Test
    void aFailureGoesBackAndTouchesNothingElse() {
        Scene scene = restart();
        scene.plan();
        scene.starts("r2-1").exits("r2-1");

        assertThat(scene.plan()).containsExactly("terminate r2-1");
        assertThat(scene.obey().run()).isEmpty();
        assertThat(scene.fleet.keySet()).containsExactly("a", "b", "c");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.state.phaseReason().text()).isEqualTo("3 of 3 serve v1");
    }

    @Test
    void rollingItBackInTheMiddleReplacesNoneThatServes() {
        Scene scene = restart();
        scene.steps(5);
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "r2-1", "r2-2");

        assertThat(scene.rollBackByHand().run()).containsExactly("terminate r2-2");
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "r2-1");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void rollingItBackLetsOneInAgainThatWasOnlyDraining() {
        Scene scene = restart();
        scene.steps(2);
        assertThat(scene.plan()).containsExactly("drain a");
        scene.drains("a", 3).rollBackByHand();

        assertThat(scene.run()).containsExactly("admit a", "drain r2-1", "terminate r2-1");
        assertThat(scene.fleet.keySet()).containsExactly("a", "b", "c");
    }

    @Test
    void whatWasRetainedOfARestartServesAgainAtOnce() {
        Scene scene = Scene.of(
                        2,
                        oneByOne().maxSurge(2).retainOld(Duration.ofMinutes(10)).build())
                .restartTo("v1", 2);
        assertThat(scene.steps(7))
                .containsExactly("launch r2-1 v1", "admit r2-1", "launch r2-2 v1, drain a", "admit r2-2", "drain b");

        assertThat(scene.rollBackByHand().run())
                .containsExactly("admit a, admit b", "drain r2-2, drain r2-1", "terminate r2-1, terminate r2-2");
        assertThat(scene.fleet.keySet()).containsExactly("a", "b");
    }

    @Test
    void inTheMiddleOfARolloutReplacesAlsoWhatRunsTheTargetAlready() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("b", "r1-1");

        assertThat(scene.restartTo("v2", 2).run())
                .as("the half-rolled first")
                .containsExactly(
                        "launch r2-1 v2",
                        "admit r2-1",
                        "drain r1-1",
                        "terminate r1-1",
                        "launch r2-2 v2",
                        "admit r2-2",
                        "drain b",
                        "terminate b");
    }

    @Test
    void afterACrashOfTheControllerNoneIsReplacedTwice() {
        Scene scene = restart();
        scene.steps(4);
        scene.plan();
        RolloutState persisted = scene.state;
        scene.comesUp("r2-2").afterSeconds(40);
        scene.state = persisted;

        assertThat(scene.run())
                .containsExactly(
                        "admit r2-2",
                        "drain b",
                        "terminate b",
                        "launch r2-3 v1",
                        "admit r2-3",
                        "drain c",
                        "terminate c");
    }

    @Test
    void aRestartOfWhatIsIllDoesNotWaitForIt() {
        Scene scene = restart().ill("a", "b", "c");

        assertThat(scene.plan()).containsExactly("launch r2-1 v1", "drain a");
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.obey().run();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void aRestartOfAFleetThatIsIllHasNothingToGoBackTo() {
        Scene scene = restart().ill("a", "b", "c");
        scene.plan();
        scene.starts("r2-1").exits("r2-1").plan();

        assertThat(scene.state.phaseReason().text()).contains("there is no revision to go back to");
    }

    @Test
    void rollingItBackHasNoneBackOfThoseThatItLaunched() {
        Scene scene = restart();
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("b", "c", "r2-1");
        scene.rollBackByHand();
        scene.plan();
        scene.serving("d", "v1", 5).plan();
        scene.drains("r2-1", 1).gone("d");

        assertThat(scene.plan()).doesNotContain("admit r2-1");
    }
}
