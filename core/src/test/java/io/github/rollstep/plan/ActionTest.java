package io.github.rollstep.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.Reason.Code;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Actions as logs and metrics name them. */
class ActionTest {

    private static final InstanceId ID = InstanceId.of("i-7");

    private static Action launch(Place place) {
        Reason missing = Reason.of(Code.MISSING, "2 of 3 of v2 exist");
        return new Action.Launch(LaunchToken.of("r1-1"), Revision.of("v2"), place, missing);
    }

    private static final List<Action> ALL = List.of(
            launch(Place.anywhere()),
            new Action.Admit(ID, Reason.of(Code.HEALTHY, "i-7 is healthy")),
            new Action.Drain(ID, Reason.of(Code.OUTDATED, "i-7 runs v1, the goal is v2")),
            new Action.Terminate(ID, Reason.of(Code.DRAINED, "i-7 has no open request")));

    @Test
    void eachKindIsOneWord() {
        assertThat(ALL).extracting(Action::kind).containsExactly("launch", "admit", "drain", "terminate");
    }

    @Test
    void eachSaysWhatAndWhy() {
        assertThat(ALL)
                .extracting(Action::toString)
                .containsExactly(
                        "launch r1-1 of v2: 2 of 3 of v2 exist",
                        "admit i-7: i-7 is healthy",
                        "drain i-7: i-7 runs v1, the goal is v2",
                        "terminate i-7: i-7 has no open request");
    }

    @Test
    void aLaunchSaysWhereToIfThatMatters() {
        assertThat(launch(Place.inZone("x"))).hasToString("launch r1-1 of v2 in zone x: 2 of 3 of v2 exist");
    }
}
