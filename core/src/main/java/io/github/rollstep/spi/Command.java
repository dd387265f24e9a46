package io.github.rollstep.spi;

import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import java.util.Optional;

/** What may be asked of the controller that holds a fleet. Each does what the method of the same name does. */
public sealed interface Command {

    /**
     * The rollout that it is meant for: while another one is in progress it is refused. Empty if it is meant for whichever is in
     * progress when it is obeyed.
     */
    Optional<RolloutId> rollout();

    /**
     * Rolls the fleet to a revision.
     *
     * @param restart whether what runs it already is replaced, too
     * @param again whether it is tried although it has failed before
     */
    record Start(Revision target, boolean restart, boolean again) implements Command {

        /** Empty: it begins one. */
        @Override
        public Optional<RolloutId> rollout() {
            return Optional.empty();
        }
    }

    record Pause(Optional<RolloutId> rollout) implements Command {

        public Pause() {
            this(Optional.empty());
        }
    }

    record Resume(Optional<RolloutId> rollout) implements Command {

        public Resume() {
            this(Optional.empty());
        }
    }

    /** Of the batch that the rollout waits for an approval of; who asks is who approves. */
    record Approve(Optional<RolloutId> rollout) implements Command {

        public Approve() {
            this(Optional.empty());
        }
    }

    record RollBack(String reason, Optional<RolloutId> rollout) implements Command {

        public RollBack(String reason) {
            this(reason, Optional.empty());
        }
    }

    /** For the rollout in progress, and those that the controller begins that obeys. */
    record Resize(int desired, Optional<RolloutId> rollout) implements Command {

        public Resize(int desired) {
            this(desired, Optional.empty());
        }
    }

    record Abort(Optional<RolloutId> rollout) implements Command {

        public Abort() {
            this(Optional.empty());
        }
    }

    /**
     * One that this version of Rollstep cannot read; nobody asks it. Controllers are replaced one by one, and a newer one may ask what an
     * older one does not know: that one refuses it if nobody else can answer.
     *
     * @param why it cannot be read
     */
    record Unknown(String why) implements Command {

        /** Empty: it is not known. */
        @Override
        public Optional<RolloutId> rollout() {
            return Optional.empty();
        }
    }
}
