package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.plan.RollingPlanner;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The planner keeps every promise in any scenario. {@link BrokenPlannersTest} shows that each promise can be broken. */
class RollingPlannerPropertyTest {

    @Provide
    Arbitrary<Scenario> scenarios() {
        return Arbitraries.randomValue(Scenario::random);
    }

    @Property(tries = 3000)
    void keepsEveryPromise(@ForAll("scenarios") Scenario scenario) {
        assertThat(Trial.violations(scenario, (snapshot, state, s) -> RollingPlanner.plan(snapshot, state, s.policy())))
                .as("%s", scenario)
                .isEmpty();
    }
}
