package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.plan.RollingPlanner;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Where nothing is wrong the monitor reports nothing, whatever the platform does, the operator says and the controller suffers. */
class WatchedScenariosPropertyTest {

    @Provide
    Arbitrary<Scenario> scenarios() {
        return Arbitraries.randomValue(Scenario::random);
    }

    @Property(tries = 500)
    void aGoodRolloutIsNotReported(@ForAll("scenarios") Scenario scenario, @ForAll boolean exactly) {
        assertThat(WatchedTrial.violations(
                        scenario, (snapshot, state, in) -> RollingPlanner.plan(snapshot, state, in.policy()), exactly))
                .as("%s", scenario)
                .isEmpty();
    }
}
