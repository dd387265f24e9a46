package io.github.rollstep.plan;

import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;

/**
 * The limits of a rollout as whole numbers, resolved once for its desired count, stored and shown.
 *
 * @param desired how many instances shall serve at the end; >= 1
 * @param footprint how many may exist at once by a launch of ours; > {@code floor}
 * @param footprintRule what the footprint comes from, for people: {@code desired 3 + maxSurge 1}
 * @param floor how many must go on serving through what we do; 0 to {@code desired}
 * @param kept how many stay on what they run, on purpose; less than {@code desired}
 * @param maxFailedInstances how many may fail before the failure policy is followed
 */
public record Limits(int desired, int footprint, String footprintRule, int floor, int kept, int maxFailedInstances) {

    /** More than any platform holds in one fleet, and far from an overflow. */
    private static final int MOST = 1_000_000;

    /**
     * Resolves the policy. Surge rounds up, unavailable down; both 0 after that gives unavailable 1, as in Kubernetes'
     * Deployment.
     *
     * @throws IllegalArgumentException if {@code desired} is not within 1 to 1,000,000, or if a rollout could never finish;
     *     names the limit, the rule and the value
     */
    public static Limits resolve(RolloutPolicy policy, int desired) {
        if (desired < 1 || desired > MOST) {
            throw new IllegalArgumentException("desired must be within 1 to %,d, was %,d".formatted(MOST, desired));
        }
        int surge = policy.maxSurge().roundUp(desired);
        int unavailable = Math.min(desired, policy.maxUnavailable().roundDown(desired));
        if (surge == 0 && unavailable == 0) {
            unavailable = 1;
        }
        int footprint = (int) Math.min((long) desired + surge, Integer.MAX_VALUE);
        String rule = "desired %d + maxSurge %d".formatted(desired, surge);
        if (policy.maxInstances().isPresent() && policy.maxInstances().getAsInt() < footprint) {
            footprint = policy.maxInstances().getAsInt();
            rule = "maxInstances %d".formatted(footprint);
        }
        for (ResourceBudget budget : policy.budgets()) {
            if (budget.instances() < footprint) {
                footprint = budget.instances();
                rule = budget.toString();
            }
        }
        if (footprint < desired) {
            throw new IllegalArgumentException(
                    "footprint must be >= desired (%d), was %d: %s".formatted(desired, footprint, rule));
        }
        int floor = desired - unavailable;
        if (footprint <= floor) {
            throw new IllegalArgumentException(
                    "footprint must be > desired - maxUnavailable (%d), was %d: %s; nothing could ever be replaced"
                            .formatted(floor, footprint, rule));
        }
        if (floor == desired && policy.maxSurgePerZone().filter(Quota::isZero).isPresent()) {
            throw new IllegalArgumentException(
                    "maxSurgePerZone must be > 0 where maxUnavailable is 0 of desired (%d), was 0: nothing could ever be replaced"
                            .formatted(desired));
        }
        int kept = policy.partition().roundUp(desired);
        if (kept >= desired) {
            throw new IllegalArgumentException(
                    "partition must be < desired (%d), was %d: nothing would be rolled".formatted(desired, kept));
        }
        return new Limits(
                desired,
                footprint,
                rule,
                floor,
                kept,
                policy.maxFailedInstances().roundDown(desired));
    }
}
