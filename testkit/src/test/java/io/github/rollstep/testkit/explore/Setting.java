package io.github.rollstep.testkit.explore;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Platform;
import java.time.Duration;

/**
 * What is explored: a fleet, its limits, how the target turns out, what the platform is like, and how many faults it has.
 *
 * @param faults how many things may go wrong, or be commanded, in one history
 * @param stale whether a list may be old: by two ticks it is said, by one it is
 */
public record Setting(
        int desired, int surge, int unavailable, int faults, Target target, Router router, boolean stale) {

    /** The time moves by this. All durations are whole numbers of it, and small: what counts is their order. */
    static final Duration TICK = Duration.ofSeconds(1);

    static final int MIN_READY = 1;
    static final int GRACE = 1;
    static final int START_DEADLINE = 6;

    /** Less than the life of a request: what waits for that one waits longer. */
    static final int DRAIN_DEADLINE = 1;

    static final int STOP_DEADLINE = 3;
    static final int REQUEST_LIFE = 3;

    /** How long a fair platform takes at most to let requests end, and to stop what was told to. */
    static final int LEAVE_BOUND = 2;

    /** How the target turns out. */
    enum Target {
        GOOD(2),
        /** Runs, and never gets healthy. */
        BAD(2),
        /** May or may not be serving in time. */
        SLOW(5),
        /** Exits instead of running. */
        EXITS(2);

        /** How long a fair platform takes at most to start it. */
        final int startBound;

        Target(int startBound) {
            this.startBound = startBound;
        }
    }

    enum Router {
        DRAINS_FIRST,
        PLATFORM_DRAINS,
        NONE
    }

    RolloutPolicy policy() {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.percent(100)))
                .maxSurge(surge)
                .maxUnavailable(unavailable)
                .maxFailedInstances(0)
                .onFailure(FailurePolicy.ROLL_BACK)
                .minReady(ticks(MIN_READY))
                .unhealthyGrace(ticks(GRACE))
                .startDeadline(ticks(START_DEADLINE))
                .drainDeadline(ticks(DRAIN_DEADLINE))
                .stopDeadline(ticks(STOP_DEADLINE))
                .stallDeadline(Duration.ofDays(300))
                .build();
    }

    Platform platform() {
        return new Platform(
                router != Router.NONE, router == Router.PLATFORM_DRAINS, ticks(staleness()), ticks(REQUEST_LIFE));
    }

    int staleness() {
        return stale ? 2 : 0;
    }

    static Duration ticks(int count) {
        return TICK.multipliedBy(count);
    }

    @Override
    public String toString() {
        return "desired %d, surge %d, unavailable %d, faults %d, %s, %s%s"
                .formatted(desired, surge, unavailable, faults, target, router, stale ? ", stale lists" : "");
    }
}
