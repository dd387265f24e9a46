package io.github.rollstep.run;

import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;

/** Decides what to do next, as {@link io.github.rollstep.plan.RollingPlanner} does. */
@FunctionalInterface
interface Planner {

    Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy);
}
