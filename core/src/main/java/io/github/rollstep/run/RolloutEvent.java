package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.ProviderException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Something that happened in a rollout. New kinds may come: do not match them exhaustively. */
public interface RolloutEvent {

    FleetId fleet();

    RolloutId rollout();

    Instant at();

    /** The rollout began ({@code from} is empty) or changed its phase. */
    record PhaseChanged(
            FleetId fleet, RolloutId rollout, Instant at, Optional<RolloutPhase> from, RolloutPhase to, Reason reason)
            implements RolloutEvent {}

    /** The platform accepted an action. */
    record ActionTaken(FleetId fleet, RolloutId rollout, Instant at, Action action) implements RolloutEvent {}

    /** A call failed; it is repeated if the error is retryable. */
    record CallFailed(FleetId fleet, RolloutId rollout, Instant at, String call, ProviderException error)
            implements RolloutEvent {}

    /** An instance is counted as failed; its id is empty if it never appeared. */
    record InstanceFailed(FleetId fleet, RolloutId rollout, Instant at, Optional<InstanceId> id, Reason reason)
            implements RolloutEvent {}

    /**
     * This controller makes no further step of a rollout that has not ended: it is superseded, its {@link RollingUpdate} or engine is
     * closed, or another controller has it now. Whoever goes on with it begins with a {@link PhaseChanged} without {@code from}.
     */
    record Left(FleetId fleet, RolloutId rollout, Instant at, String why) implements RolloutEvent {}

    /** What is waited for changed. */
    record Waiting(FleetId fleet, RolloutId rollout, Instant at, List<Reason> reasons) implements RolloutEvent {}
}
