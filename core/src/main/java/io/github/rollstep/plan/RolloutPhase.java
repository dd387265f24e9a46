package io.github.rollstep.plan;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Where a rollout stands. {@link #mayBecome} is the one table of legal changes. */
public enum RolloutPhase {
    /** Towards the new revision. */
    ROLLING,
    /** Held by hand or by the failure policy: nothing new is begun on a healthy instance, and deadlines stand still. */
    PAUSED,
    /** Held until somebody approves; otherwise as {@link #PAUSED}. */
    AWAITING_APPROVAL,
    /** Towards the revision that was serving when the rollout began. */
    ROLLING_BACK,
    /** The desired number serves the new revision, and nothing else of the fleet exists. Final. */
    SUCCEEDED,
    /** The desired number serves the revision from before, and nothing else of the fleet exists. Final. */
    ROLLED_BACK,
    /** Given up; the reason says which instance runs what. Final. */
    FAILED,
    /** Ended by hand; the fleet is left as it was then. Final. */
    ABORTED;

    private static final Map<RolloutPhase, Set<RolloutPhase>> LEGAL = new EnumMap<>(Map.of(
            ROLLING, EnumSet.of(PAUSED, AWAITING_APPROVAL, ROLLING_BACK, SUCCEEDED, FAILED, ABORTED),
            PAUSED, EnumSet.of(ROLLING, ROLLING_BACK, ABORTED),
            AWAITING_APPROVAL, EnumSet.of(ROLLING, PAUSED, ROLLING_BACK, ABORTED),
            ROLLING_BACK, EnumSet.of(PAUSED, ROLLED_BACK, FAILED, ABORTED),
            SUCCEEDED, EnumSet.noneOf(RolloutPhase.class),
            ROLLED_BACK, EnumSet.noneOf(RolloutPhase.class),
            FAILED, EnumSet.noneOf(RolloutPhase.class),
            ABORTED, EnumSet.noneOf(RolloutPhase.class)));

    public boolean mayBecome(RolloutPhase next) {
        return LEGAL.getOrDefault(this, Set.of()).contains(next);
    }

    /** Nothing follows. */
    public boolean isFinal() {
        return LEGAL.getOrDefault(this, Set.of()).isEmpty();
    }

    /** It has ended with every instance in its place. */
    boolean isComplete() {
        return this == SUCCEEDED || this == ROLLED_BACK;
    }

    /** New work is begun. */
    public boolean isActive() {
        return this == ROLLING || this == ROLLING_BACK;
    }

    /** Deadlines stand still. */
    public boolean isHeld() {
        return this == PAUSED || this == AWAITING_APPROVAL;
    }
}
