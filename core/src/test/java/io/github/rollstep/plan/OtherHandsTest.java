package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static io.github.rollstep.plan.Scene.oneByOne;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.plan.RolloutState.Extremes;
import java.time.Duration;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Instances that appear or vanish by somebody else's hand are observed, never fought. */
class OtherHandsTest {

    // ---- appearing

    @Test
    void oneOfTheNewRevisionThatAppearsCountsAndIsNotTerminated() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(4);
        scene.serving("x", "v2", 2000);

        assertThat(scene.run())
                .containsExactly("drain b", "terminate b", "launch r1-2 v2", "admit r1-2", "drain c", "terminate c");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2", "x");
        assertThat(scene.state.phaseReason().text()).isEqualTo("3 of 3 serve v2");
    }

    @Test
    void moreOfTheNewRevisionThanDesiredAreLeftAlone() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(7);
        scene.serving("x", "v2", 2000).serving("y", "v2", 2001);

        assertThat(scene.run()).containsExactly("terminate b");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2", "x", "y");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("4 of 2 serve v2, 2 of them started by somebody else and left alone");
    }

    @Test
    void oneThatAppearsWhileALaunchIsOpenCountsAndBothStay() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(4);
        assertThat(scene.plan()).containsExactly("launch r1-2 v2");
        scene.serving("x", "v2", 2000);

        assertThat(scene.plan()).as("and makes room to go on").containsExactly("drain b");
        scene.obey().comesUp("r1-2");
        assertThat(scene.run()).containsExactly("admit r1-2, terminate b", "drain c", "terminate c");
        assertThat(scene.fleet.keySet()).containsExactly("r1-1", "r1-2", "x");
    }

    @Test
    void oneOfTheOldRevisionThatAppearsIsRolledLikeTheRest() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.serving("x", "v1", 2000);

        assertThat(scene.run())
                .containsExactly("drain b", "terminate b", "launch r1-2 v2", "admit r1-2", "drain x", "terminate x");
        assertThat(scene.state.extremes().peak()).isEqualTo(3);
    }

    @Test
    void oneOfTheOldRevisionThatAppearsInARollBackIsLeftAlone() {
        Scene scene = Scene.of(2, oneByOne().build());
        scene.steps(4);
        scene.rollBackByHand().serving("x", "v1", 2000);

        assertThat(scene.run()).containsExactly("drain r1-1", "terminate r1-1");
        assertThat(scene.fleet.keySet()).containsExactly("b", "x");
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
    }

    @Test
    void howeverManyAppearNoLaunchOfOursExceedsTheFootprint() {
        Scene scene = Scene.of(2, oneByOne().build());
        for (int i = 0; i < 5; i++) {
            scene.serving("x" + i, "v1", 2000 + i);
        }

        assertThat(scene.run())
                .as("seven exist, three may")
                .startsWith("drain a", "terminate a", "drain b", "terminate b", "drain x0")
                .endsWith("drain x3", "terminate x3", "launch r1-2 v2", "admit r1-2", "drain x4", "terminate x4");
        assertThat(scene.state.extremes()).isEqualTo(new Extremes(7, OptionalInt.of(2)));
    }

    // ---- vanishing

    @Test
    void aServingOneOfTheNewRevisionThatVanishesIsReplacedAndIsNoFailure() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(4);
        scene.gone("r1-1");

        assertThat(scene.plan()).containsExactly("launch r1-2 v2");
        assertThat(scene.plan.failures()).isEmpty();
        scene.obey();
        assertThat(scene.run())
                .containsExactly(
                        "admit r1-2",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain b",
                        "terminate b",
                        "launch r1-4 v2",
                        "admit r1-4",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void oneThatVanishesBeforeItServedHasFailed() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.starts("r1-1").plan();

        assertThat(scene.gone("r1-1").plan()).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.plan.failures())
                .extracting(failure -> failure.reason().text())
                .containsExactly("r1-1 vanished without being terminated");
    }

    @Test
    void oneThatFellIllAndVanishesHasFailed() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.steps(4);
        scene.ill("r1-1").plan();

        scene.gone("r1-1").plan();

        assertThat(scene.state.failures().count()).isOne();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @Test
    void anOldOneThatVanishesIsNotLaunchedAgainAndNoneElseLeavesForIt() {
        Scene scene = Scene.of(3, oneByOne().build());
        scene.plan();
        scene.obey().gone("b").afterSeconds(1);

        assertThat(scene.run())
                .containsExactly(
                        "admit r1-1",
                        "launch r1-2 v2",
                        "admit r1-2",
                        "drain a",
                        "terminate a",
                        "launch r1-3 v2",
                        "admit r1-3",
                        "drain c",
                        "terminate c");
        assertThat(scene.state.failures().count()).isZero();
    }

    @Test
    void oneThatSomebodyElseStopsIsReplacedAndIsNoFailure() {
        Scene scene = Scene.of(2, oneByOne().maxSurge(2).build());
        scene.steps(4);
        assertThat(scene.fleet.keySet()).containsExactly("b", "r1-1", "r1-2");
        scene.stops("r1-1").isOut("r1-1");

        assertThat(scene.steps(3)).containsExactly("launch r1-3 v2", "admit r1-3");
        assertThat(scene.gone("r1-1").run()).containsExactly("drain b", "terminate b");
        assertThat(scene.state.failures().count()).isZero();
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void oneThatVanishesInTheBakeIsReplaced() {
        Scene scene = Scene.of(2, oneByOne().bake(Duration.ofMinutes(5)).build());
        scene.steps(9);
        scene.gone("r1-1");

        assertThat(scene.run()).containsExactly("launch r1-3 v2", "admit r1-3");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
    }

    @Test
    void onAPlatformThatKeepsNoTokensNobodyKnowsWhoStartedTheNewestSoItGoes() {
        Scene scene = Scene.of(1, oneByOne().build());
        scene.plan();
        scene.serving("i-1", "v2", 2000).plan();
        scene.serving("i-2", "v2", 2001);

        assertThat(scene.run()).containsExactly("drain a", "terminate a", "drain i-2", "terminate i-2");
        assertThat(scene.fleet.keySet()).containsExactly("i-1");
    }

    @Test
    void whatIsRememberedIsInTheOrderOfTokensThenIds() {
        Scene scene = Scene.of(1, oneByOne().maxSurge(2).build()).serving("m", "v1", 5);
        scene.plan();
        scene.comesUp("r1-1").serving("0", "v1", 6).plan();

        assertThat(scene.state.instances())
                .extracting(record -> record.id().orElseThrow().value())
                .containsExactly("0", "a", "m", "r1-1");
    }
}
