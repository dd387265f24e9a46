package io.github.rollstep.run;

import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.Plan;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * When to look next: at the latest when the plan asks for it, and else at intervals that begin short after each change and grow up to
 * the polling interval.
 *
 * <p>Where lists are stale, a look is a request to somebody else's service, and it sees nothing newer before that time has passed. There
 * it waits at least twice as long, and a quarter of the time waited already if that is more: what happens is seen late by no more than
 * that. And it learns: what the first batch took is not looked at earlier in the next ones.
 */
final class Cadence {

    private static final int FASTEST = 20;
    private static final int LATE = 4;

    private final Duration pollInterval;
    private final Duration staleness;
    private final Duration fastest;
    private Duration interval;
    private Instant changedAt;

    /** The shortest time between a step that took such actions and the next one that took any. */
    private final Map<Set<String>, Duration> learned = new HashMap<>();

    private Instant actedAt;
    private Set<String> acted = Set.of();

    Cadence(Duration pollInterval, Duration staleness, Instant now) {
        this.pollInterval = pollInterval;
        this.staleness = staleness;
        Duration shortest = pollInterval.dividedBy(FASTEST);
        fastest = clamp(staleness.multipliedBy(2), shortest, pollInterval);
        interval = fastest;
        changedAt = now;
        actedAt = now;
    }

    /** @param changed whether the step changed anything: took an action, or saw what it did not know */
    Instant next(Plan plan, boolean changed, Instant now) {
        if (!plan.actions().isEmpty()) {
            learn(plan, now);
        }
        if (changed) {
            changedAt = now;
        }
        interval = staleness.isZero()
                ? changed ? fastest : clamp(interval.multipliedBy(2), fastest, pollInterval)
                : clamp(longer(waited(now), expected(now)), fastest, pollInterval);
        Instant due = now.plus(interval);
        return plan.wakeAt()
                .filter(asked -> asked.isBefore(due))
                .filter(asked -> staleness.isZero() || asked.isAfter(now)) // At once it sees what it has seen.
                .orElse(due);
    }

    private void learn(Plan plan, Instant now) {
        Duration took = Duration.between(actedAt, now);
        learned.merge(acted, took, (one, other) -> one.compareTo(other) < 0 ? one : other);
        acted = plan.actions().stream().map(Action::kind).collect(Collectors.toSet());
        actedAt = now;
    }

    private Duration waited(Instant now) {
        return Duration.between(changedAt, now).dividedBy(LATE);
    }

    /** Until what followed last time on such actions. */
    private Duration expected(Instant now) {
        return Duration.between(now, actedAt.plus(learned.getOrDefault(acted, Duration.ZERO)));
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) > 0 ? one : other;
    }

    private static Duration clamp(Duration value, Duration least, Duration most) {
        return value.compareTo(least) < 0 ? least : value.compareTo(most) > 0 ? most : value;
    }
}
