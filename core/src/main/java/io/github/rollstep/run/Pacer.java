package io.github.rollstep.run;

import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes one step after the other on the engine's threads: when the plan asks for it, when a hint comes, and else at intervals
 * that begin short after each change and double up to the polling interval.
 */
final class Pacer {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);

    /** Hints come in swarms: so long the others of a swarm are waited for. */
    private static final Duration LEAST = Duration.ofMillis(5);

    private static final int FASTEST = 20;

    private final RolloutEngine engine;
    private final Controller controller;
    private final InstantSource clock;
    private final Duration pollInterval;
    private Duration interval = LEAST;
    private @Nullable ScheduledFuture<?> next;
    private boolean running;
    private boolean woken;

    Pacer(RolloutEngine engine, Controller controller, InstantSource clock, Duration pollInterval) {
        this.engine = engine;
        this.controller = controller;
        this.clock = clock;
        this.pollInterval = pollInterval;
    }

    synchronized void wake() {
        if (running) {
            woken = true;
        } else if (next == null || next.getDelay(TimeUnit.MILLISECONDS) > LEAST.toMillis()) {
            schedule(LEAST);
        }
    }

    private synchronized void schedule(Duration delay) {
        if (next != null) {
            next.cancel(false);
        }
        try {
            next = engine.timer.schedule(() -> engine.steps.execute(this::run), delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("the engine is closed and has told the rollouts so", e);
        }
    }

    private void run() {
        synchronized (this) {
            if (running) {
                return;
            }
            running = true;
            woken = false;
            next = null;
        }
        Optional<Duration> delay = Optional.of(pollInterval);
        try {
            delay = step();
        } finally {
            synchronized (this) {
                running = false;
                delay.ifPresent(asked -> schedule(woken || asked.compareTo(LEAST) < 0 ? LEAST : asked));
            }
        }
    }

    /** When the next step is due; empty if there is none. */
    private Optional<Duration> step() {
        if (controller.hasEnded()) {
            return Optional.empty();
        }
        RolloutState before = controller.state();
        Plan plan;
        try {
            plan = controller.step();
        } catch (RuntimeException e) {
            if (controller.hasEnded()) {
                LOG.debug("no further step", e);
                return Optional.empty();
            }
            LOG.error("{} {}: a step failed unexpectedly, will be repeated", before.fleet(), before.rollout(), e);
            return Optional.of(pollInterval);
        }
        boolean changed = !plan.actions().isEmpty() || !plan.next().equals(before);
        Duration fastest = pollInterval.dividedBy(FASTEST);
        interval = changed ? fastest : interval.multipliedBy(2);
        interval = clamp(interval, fastest, pollInterval);
        Duration due = plan.wakeAt()
                .map(time -> Duration.between(clock.instant(), time))
                .orElse(interval);
        return plan.next().phase().isFinal() ? Optional.empty() : Optional.of(clamp(due, Duration.ZERO, interval));
    }

    private static Duration clamp(Duration value, Duration least, Duration most) {
        return value.compareTo(least) < 0 ? least : value.compareTo(most) > 0 ? most : value;
    }
}
