package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.Exchange;
import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;

/**
 * The threads that rollouts share: one engine runs many of them.
 *
 * <p>A step takes a thread only while it is in progress, and each call of an adapter another one; between steps a rollout
 * takes none. A call that takes longer than a second is made up for by another thread until it returns, so that a slow
 * adapter never holds up the rollouts of others. All threads are daemons. Safe for use by several threads.
 */
public final class RolloutEngine implements AutoCloseable {

    private static final Duration SLOW = Duration.ofSeconds(1);
    private static final int LEAST = 3;

    final ScheduledThreadPoolExecutor timer;
    final ElasticPool steps;
    final ElasticPool calls;
    final Set<Controller> driven = ConcurrentHashMap.newKeySet();

    /** What the owner of each lease begins with. */
    final String name = "pid-%d-%s"
            .formatted(ProcessHandle.current().pid(), Wiring.REAL.names().get());

    final Map<Exchange, SharedWork> shared = new IdentityHashMap<>();

    private RolloutEngine(int threads, Duration slowAfter) {
        timer = new ScheduledThreadPoolExecutor(1, ElasticPool.threads("rollstep-timer"));
        timer.setRemoveOnCancelPolicy(true);
        int forSteps = (threads - 1) / 2;
        steps = new ElasticPool("rollstep-step", forSteps, slowAfter, timer);
        calls = new ElasticPool("rollstep-call", threads - 1 - forSteps, slowAfter, timer);
    }

    /** An engine with four threads. */
    public static RolloutEngine create() {
        return create(4);
    }

    /**
     * @param threads how many, as long as no call is slow; idle ones end
     * @throws IllegalArgumentException if less than 3: one for the time, one for steps, one for calls
     */
    public static RolloutEngine create(int threads) {
        if (threads < LEAST) {
            throw new IllegalArgumentException("threads must be >= %d, was %d".formatted(LEAST, threads));
        }
        return create(threads, SLOW);
    }

    /** @param slowAfter how long a call may take before it has a thread of its own */
    static RolloutEngine create(int threads, Duration slowAfter) {
        return new RolloutEngine(threads, slowAfter);
    }

    /** Has a part in the work on this store, until its last fleet is gone. */
    synchronized void share(Exchange exchange, RollingUpdate update, Duration lease) {
        shared.computeIfAbsent(exchange, one -> new SharedWork(this, one)).add(update, lease);
    }

    void unshare(Exchange exchange, FleetId fleet) {
        SharedWork work;
        synchronized (this) {
            work = shared.get(exchange);
        }
        work.remove(fleet);
        synchronized (this) {
            if (work.stopIfIdle()) {
                shared.remove(exchange, work);
            }
        }
    }

    /**
     * Begins no step and no call any more, and interrupts those in progress. What is in progress can be resumed by another
     * engine; its lease ends by itself, or at once if {@link RollingUpdate#close} comes first.
     */
    @Override
    public void close() {
        timer.shutdownNow();
        steps.close();
        calls.close();
        driven.forEach(controller -> controller.leave("the engine is closed"));
        List<SharedWork> left;
        synchronized (this) {
            left = List.copyOf(shared.values());
        }
        left.forEach(SharedWork::leave);
    }
}
