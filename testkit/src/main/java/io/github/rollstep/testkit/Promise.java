package io.github.rollstep.testkit;

/** What is promised of every rollout, in the order of the README, and last what its policy asks for. */
public enum Promise {
    /** What exists never exceeds the footprint by a launch of ours. */
    FOOTPRINT,
    /** Our own actions never take serving below the floor. */
    AVAILABILITY,
    /** Nothing that lives is terminated while the router sends it new requests, nor with open ones before its drain deadline. */
    DRAINED_FIRST,
    /** Nothing is admitted that is not healthy. */
    HEALTHY_FIRST,
    /** Paused, failed or waiting: no new work on healthy instances. */
    NO_WORK_WHILE_HELD,
    /** All on target: no actions. The same plan applied twice is the same as once. */
    REPEATABLE,
    /** A rollout ends, within its deadlines and its failure budget; with success only when all is in place; and stays ended. */
    ENDS,
    /** A crash between any two calls leaves nothing behind: each intent is persisted before its request is sent. */
    SURVIVES_CRASHES,
    /** The failure count never shrinks, over restarts neither. */
    FAILURES_REMEMBERED,
    /** Of two controllers the one that lost its lease finds out before it acts. */
    ONE_CONTROLLER_ACTS,
    /** Only instances of the own fleet are ever touched. */
    OWN_FLEET_ONLY,
    /** What the policy says beyond the limits: batches, gates, approvals, partition, zones, vetoes. */
    POLICY
}
