package io.github.rollstep.plan;

import static io.github.rollstep.plan.RolloutPhase.ABORTED;
import static io.github.rollstep.plan.RolloutPhase.AWAITING_APPROVAL;
import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** All pairs of phases, against a table written a second time by hand. */
class RolloutPhaseTest {

    private static final Map<RolloutPhase, Set<RolloutPhase>> EXPECTED = Map.of(
            ROLLING, EnumSet.of(PAUSED, AWAITING_APPROVAL, ROLLING_BACK, SUCCEEDED, FAILED, ABORTED),
            PAUSED, EnumSet.of(ROLLING, ROLLING_BACK, ABORTED),
            AWAITING_APPROVAL, EnumSet.of(ROLLING, PAUSED, ROLLING_BACK, ABORTED),
            ROLLING_BACK, EnumSet.of(PAUSED, ROLLED_BACK, FAILED, ABORTED));

    @ParameterizedTest
    @EnumSource
    void onlyTheLegalChangesAreMade(RolloutPhase from) {
        for (RolloutPhase to : RolloutPhase.values()) {
            boolean legal = EXPECTED.getOrDefault(from, Set.of()).contains(to);
            assertThat(from.mayBecome(to)).as("%s -> %s", from, to).isEqualTo(legal);
            Scene scene = Scene.of(1, Scene.oneByOne().build());
            RolloutState.Draft draft = scene.state.draft();
            draft.phase = from;
            RolloutState state = draft.state();
            Reason reason = Reason.of(Reason.Code.BY_HAND, "test");
            if (legal) {
                assertThat(state.become(to, Scene.START, reason).phase()).isEqualTo(to);
            } else {
                assertThatThrownBy(() -> state.become(to, Scene.START, reason))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("rollout r1 is %s, which may not become %s", from, to);
            }
        }
    }

    @Test
    void whatIsFinalIsNeitherActiveNorHeld() {
        for (RolloutPhase phase : RolloutPhase.values()) {
            int kinds = (phase.isFinal() ? 1 : 0) + (phase.isActive() ? 1 : 0) + (phase.isHeld() ? 1 : 0);
            assertThat(kinds).as("%s", phase).isOne();
        }
    }
}
