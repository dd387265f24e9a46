package io.github.rollstep;

/** What a rollout does once more instances failed than it may cost, or a deadline has passed. */
public enum FailurePolicy {
    /** Back to the revision that was serving when the rollout began. The default. */
    ROLL_BACK,
    /** Leave the mix as it is, and wait for somebody to resume, roll back or abort. */
    PAUSE,
    /** Leave the mix as it is, and end FAILED. */
    STOP
}
