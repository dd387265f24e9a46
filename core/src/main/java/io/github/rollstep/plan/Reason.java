package io.github.rollstep.plan;

/**
 * Why something is done, or waited for. The same reason feeds the log line, the metric tag and the test.
 *
 * @param code the kind, of few values, fit for a tag
 * @param text the whole of it for people, with names and numbers: {@code surge cap 4 of 4: i-7 is still stopping}
 */
public record Reason(Code code, String text) {

    /** The kinds of reasons. */
    public enum Code {
        // why an action is taken
        /** A launch towards the desired count. */
        MISSING,
        /** Healthy, and not yet in the router. */
        HEALTHY,
        /** Wanted again while it was draining. */
        WANTED_AGAIN,
        /** Runs another revision than the goal. */
        OUTDATED,
        /** More of the goal revision than desired. */
        SURPLUS,
        /** Not serving, so that replacing it costs nothing. */
        NOT_SERVING,
        /** Failed: exited, not serving in time, or ill for too long. */
        INSTANCE_FAILED,
        /** No request is open any more. */
        DRAINED,
        /** Requests are still open, but the drain deadline has passed. */
        DRAIN_DEADLINE,
        /** Was kept for as long as it was to be. */
        RETENTION_OVER,
        /** Was kept, and its room is needed. */
        ROOM_NEEDED,
        /** Asked before, and no effect is seen. */
        NO_EFFECT,

        // why it waits
        /** Launched, not yet seen or not yet running. */
        STARTING,
        /** Running, not healthy. */
        UNHEALTHY,
        /** The checker cannot tell. */
        HEALTH_UNKNOWN,
        /** Healthy, the router has not confirmed. */
        ADMITTING,
        /** Healthy and in, not yet for {@code minReady}. */
        SOAKING,
        /** Requests are open. */
        DRAINING,
        /** Told to stop, not yet gone. */
        STOPPING,
        /** Not seen in the list; not yet believed gone. */
        ABSENT,
        /** As many exist as may. */
        FOOTPRINT,
        /** As few serve as may. */
        AVAILABILITY,
        /** As many are in flight as may. */
        BATCH,
        /** Between two batches. */
        BATCH_PAUSE,
        /** After the last batch. */
        BAKE,
        /** A gate has not passed; or it has failed, which is why the phase changed. */
        GATE,
        /** Its owner does not let it stop now. */
        VETO,
        /** Its zone may not lose it now. */
        ZONE,
        /** Kept, out of traffic. */
        KEPT,
        /** The new revision has not proved itself, so that nothing grows. */
        UNPROVEN,
        /** After a failure, before the next launch. */
        BACKOFF,
        /** Held by hand or by policy. */
        PAUSED,
        /** Waits for an approval. */
        APPROVAL,
        /** The fleet could not be observed. */
        BLIND,
        /** A call to the platform failed and will be repeated. */
        PLATFORM,

        // why the phase changed
        /** A rollout was started. */
        STARTED,
        /** Somebody asked for it. */
        BY_HAND,
        /** A pause that the policy asks for after a batch. */
        CHECKPOINT,
        /** More instances failed than may. */
        FAILURE_BUDGET,
        /** No progress for too long. */
        STALLED,
        /** Took too long in all. */
        TOTAL_DEADLINE,
        /** A call can never succeed. */
        FAULT,
        /** The goal is reached. */
        COMPLETE
    }

    public static Reason of(Code code, String text) {
        return new Reason(code, text);
    }

    @Override
    public String toString() {
        return text;
    }
}
