package io.github.rollstep.testkit.explore;

import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;

/** The real planner, or one with a defect. */
public interface Planner {
    Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy);
}
