package io.github.rollstep.testkit;

/** What is promised of every rollout, in the order of the README. */
enum Promise {
    FOOTPRINT,
    AVAILABILITY,
    DRAINED_FIRST,
    HEALTHY_FIRST,
    NO_WORK_WHILE_HELD,
    REPEATABLE,
    ENDS,
    OWN_FLEET_ONLY,
    /** What the policy says beyond the limits: batches, gates, approvals, partition, zones, vetoes. */
    POLICY
}
