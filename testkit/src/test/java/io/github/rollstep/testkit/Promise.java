package io.github.rollstep.testkit;

/** What is promised of every rollout, numbered as in the README. */
enum Promise {
    FOOTPRINT,
    AVAILABILITY,
    DRAINED_FIRST,
    HEALTHY_FIRST,
    NO_WORK_WHILE_HELD,
    REPEATABLE,
    ENDS,
    OWN_FLEET_ONLY
}
