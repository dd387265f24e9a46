package io.github.rollstep.health;

import io.github.rollstep.Health;
import io.github.rollstep.InstanceId;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Makes verdicts of probes: so many in a row that say the same change the verdict. What was never healthy is unhealthy at the
 * first probe that says so. Safe for use by several threads.
 */
final class Thresholds {

    /** More than any fleet; what was not asked for longest is forgotten. */
    private static final int MOST_INSTANCES = 200_000;

    private final int healthy;
    private final int unhealthy;
    private final Map<InstanceId, Streak> streaks = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<InstanceId, Streak> eldest) {
            return size() > MOST_INSTANCES;
        }
    };

    /**
     * @param against how many probes in a row contradict the verdict
     * @param verdict the last one
     * @param nanos when it was made
     */
    private record Streak(boolean isHealthy, int against, Health verdict, long nanos) {}

    Thresholds(int healthy, int unhealthy) {
        this.healthy = healthy;
        this.unhealthy = unhealthy;
    }

    /** The verdict on one that is healthy, if it was made so short a time ago that no probe is due. */
    synchronized Optional<Health> standing(InstanceId id, Duration interval) {
        return Optional.ofNullable(streaks.get(id))
                .filter(known -> known.isHealthy() && System.nanoTime() - known.nanos() < interval.toNanos())
                .map(Streak::verdict);
    }

    /** A probe that cannot tell changes nothing and says so. */
    synchronized Health judge(InstanceId id, Health probe) {
        if (probe.status() == Health.Status.UNKNOWN) {
            return probe;
        }
        Optional<Streak> known = Optional.ofNullable(streaks.get(id));
        boolean was = known.map(Streak::isHealthy).orElse(false);
        int against = probe.isHealthy() == was ? 0 : known.map(Streak::against).orElse(0) + 1;
        int needed = was ? unhealthy : healthy;
        boolean turns = against >= needed;
        Health verdict = against == 0 || turns ? probe : pending(was, against, needed, probe);
        streaks.put(id, new Streak(turns != was, turns ? 0 : against, verdict, System.nanoTime()));
        return verdict;
    }

    private static Health pending(boolean was, int against, int needed, Health probe) {
        String detail = "%d of %d probes in a row: %s"
                .formatted(against, needed, probe.isHealthy() ? "healthy" : probe.detail());
        return was ? new Health(Health.Status.HEALTHY, detail) : Health.unhealthy(detail);
    }
}
