package io.github.rollstep.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RecordTextTest {

    @Test
    void everyStateComesBackAsItWas() {
        for (long seed = 0; seed < 500; seed++) {
            RolloutState state = new RandomStates(seed).next();
            assertThat(RecordText.toState(RecordText.of(state))).isEqualTo(state);
        }
    }

    @Test
    void theRevisionsThatFailedComeBackInTheirOrder() {
        for (int seed = 0; seed < 20; seed++) {
            RolloutState state = new RandomStates(seed).next();
            assertThat(RecordText.toState(RecordText.of(state)).history().failed())
                    .containsExactlyElementsOf(state.history().failed());
        }
    }

    @Test
    void everyCommandComesBackAsItWas() {
        Revision revision = Revision.of("v2", Map.of("image", "a=b\n\\"));
        Optional<RolloutId> rollout = Optional.of(RolloutId.of("r-1"));
        List<Command> commands = List.of(
                new Command.Start(revision, true, false),
                new Command.Start(revision, false, true),
                new Command.Pause(),
                new Command.Pause(rollout),
                new Command.Resume(rollout),
                new Command.Approve(rollout),
                new Command.RollBack("two\nlines", rollout),
                new Command.Resize(12, rollout),
                new Command.Abort(rollout));

        assertThat(commands)
                .hasSize(Command.class.getPermittedSubclasses().length + 1) // All but Unknown; two of them twice.
                .allSatisfy(command ->
                        assertThat(RecordText.toCommand(RecordText.of(command))).isEqualTo(command));
    }

    @Test
    void aCommandThatNamesNoRolloutIsMeantForWhicheverIsInProgress() {
        assertThat(RecordText.toCommand("rollstep-command 3\ncommand=PAUSE\n")).isEqualTo(new Command.Pause());
        assertThat(RecordText.toCommand("rollstep-command 2\ncommand=ROLL_BACK\nreason=bad\n"))
                .isEqualTo(new Command.RollBack("bad"));
    }

    /** As a newer version may ask. */
    @Test
    void aCommandThatCannotBeReadIsUnknownAndSaysWhy() {
        assertThat(RecordText.toCommand("rollstep-command 9\ncommand=PAUSE\n"))
                .isEqualTo(new Command.Unknown("its format is 9, this version reads 2 and 3"));
        assertThat(RecordText.toCommand("rollstep-command 3\ncommand=DANCE\n"))
                .isEqualTo(new Command.Unknown("command is not known, was \"DANCE\""));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RecordText.of(new Command.Unknown("its format is 9")))
                .withMessageStartingWith("command must be known, was ");
    }

    @Test
    void aTextIsWithoutTheNulOfAValue() {
        Command command = new Command.RollBack("it said \0, \\0 and \\\0");

        String text = RecordText.of(command);

        assertThat(text).doesNotContain("\0");
        assertThat(RecordText.toCommand(text)).isEqualTo(command);
    }

    @Test
    void refusesWhatIsForeignNewerOrNotWhole() {
        String text = RecordText.of(new RandomStates(1).next());

        assertRefused("", "it is not a record of Rollstep");
        assertRefused(RecordText.of(new Command.Pause()), "it is not a record of Rollstep");
        assertRefused(text.replaceFirst("3", "4"), "its format is 4, this version reads 2 and 3");
        assertRefused(text.replaceFirst("phase=.*\n", ""), "phase is missing");
        assertRefused(text + "colour=red\n", "colour is not known");
    }

    private static void assertRefused(String text, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RecordText.toState(text))
                .withMessage(why);
    }
}
