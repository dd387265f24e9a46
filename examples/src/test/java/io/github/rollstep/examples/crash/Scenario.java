package io.github.rollstep.examples.crash;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.RolloutPhase;
import java.time.Duration;

/** What is rolled out to a fleet of two, and what has to come of it. */
enum Scenario {
    /** What is there before the others begin. */
    FIRST("v1", RolloutPhase.SUCCEEDED, 0),
    GOOD("v2", RolloutPhase.SUCCEEDED, 0),
    /** Never healthy; one failure more than is allowed. */
    BAD("bad", RolloutPhase.ROLLED_BACK, 2);

    static final int DESIRED = 2;
    static final int FOOTPRINT = 3;

    final Revision revision;
    final RolloutPhase end;
    final int failures;

    Scenario(String revision, RolloutPhase end, int failures) {
        this.revision = Revision.of(revision);
        this.end = end;
        this.failures = failures;
    }

    RolloutPolicy policy() {
        RolloutPolicy.Builder policy = RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(1)))
                .maxSurge(FOOTPRINT - DESIRED)
                .maxUnavailable(0)
                .minReady(Duration.ZERO)
                .maxFailedInstances(Math.max(0, failures - 1));
        // A good one has all the time that a new controller takes to begin.
        return this == BAD ? policy.startDeadline(Duration.ofMillis(300)).build() : policy.build();
    }

    /** One that waits for a deadline looks seldom, so that the number of its calls is about the same each time. */
    Duration pollInterval() {
        return Duration.ofMillis(this == BAD ? 100 : 20);
    }

    Health health(Instance instance) {
        return instance.revision().equals(BAD.revision) ? Health.unhealthy("never healthy") : Health.healthy();
    }

    Revision revisionAtTheEnd() {
        return end == RolloutPhase.ROLLED_BACK ? FIRST.revision : revision;
    }
}
