package io.github.rollstep.run;

/**
 * Is told what happens in rollouts. Called in the order of events, on the thread of the step or of the command and before the next one, so it
 * returns soon; what it throws is logged once and disturbs nothing. The events of one rollout never come at the same time;
 * those of several may. It may command the rollout, and must not call {@link RollingUpdate}.
 */
public interface RolloutListener {

    RolloutListener NONE = new RolloutListener() {};

    default void phaseChanged(RolloutEvent.PhaseChanged event) {}

    default void actionTaken(RolloutEvent.ActionTaken event) {}

    default void callFailed(RolloutEvent.CallFailed event) {}

    default void instanceFailed(RolloutEvent.InstanceFailed event) {}

    /** The last that is told of a rollout which does not end here. */
    default void left(RolloutEvent.Left event) {}

    default void waiting(RolloutEvent.Waiting event) {}

    /** After each step, also one that changed nothing. */
    default void progressed(Progress progress) {}
}
