package io.github.rollstep.plan;

/**
 * A fleet in numbers, seen from the revision that is the goal of the rollout's present direction.
 *
 * @param existing all of them, open launches and stopping ones included: what counts in the footprint
 * @param serving of any revision, and staying: what counts for availability
 * @param updated serving the goal revision, and staying
 * @param starting of the goal revision, launched or found, and not serving yet (or not any more)
 * @param outdated of another revision, and staying
 * @param draining on their way out, still running
 * @param stopping told to stop, not yet gone
 * @param kept out of traffic and left there: replaced ones for a roll-back, failed ones for whoever wants to know why
 * @param failed counted as failed since the rollout began, gone ones included
 */
public record FleetCounts(
        int existing,
        int serving,
        int updated,
        int starting,
        int outdated,
        int draining,
        int stopping,
        int kept,
        int failed) {

    public static FleetCounts none() {
        return new FleetCounts(0, 0, 0, 0, 0, 0, 0, 0, 0);
    }
}
