package io.github.rollstep.run;

import io.github.rollstep.plan.RolloutState;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes one step after the other on the engine's threads: when it is due, see {@link Cadence}, or when a hint comes.
 */
final class Pacer {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);

    /** Hints come in swarms: so long the others of a swarm are waited for. */
    private static final Duration LEAST = Duration.ofMillis(5);

    private static final Duration JITTERED = Duration.ofSeconds(2);

    private final RolloutEngine engine;
    private final Controller controller;
    private final InstantSource clock;
    private @Nullable ScheduledFuture<?> next;
    private boolean running;
    private boolean woken;

    Pacer(RolloutEngine engine, Controller controller, InstantSource clock) {
        this.engine = engine;
        this.controller = controller;
        this.clock = clock;
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
        Optional<Duration> delay = Optional.empty();
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
        try {
            controller.step();
        } catch (RuntimeException | Error e) {
            if (controller.hasEnded()) {
                LOG.debug("no further step", e);
                return Optional.empty();
            }
            LOG.error("{} {}: a step failed unexpectedly, will be repeated", before.fleet(), before.rollout(), e);
        }
        return controller.nextStepAt().map(time -> later(Duration.between(clock.instant(), time)));
    }

    /** By up to a tenth: the controllers of many fleets do not ask all at once. */
    static Duration later(Duration delay) {
        return delay.compareTo(JITTERED) < 0
                ? delay
                : delay.plusMillis(ThreadLocalRandom.current().nextLong(delay.toMillis() / 10));
    }
}
