package io.github.rollstep.run;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A small pool that slow tasks do not use up: while a task runs longer than {@code slowAfter}, the pool has one thread more.
 * So fast tasks share few threads, and a task waits for a hung one of somebody else for {@code slowAfter} at most.
 */
final class ElasticPool implements Executor, AutoCloseable {

    private final ThreadPoolExecutor pool;
    private final ScheduledExecutorService timer;
    private final Duration slowAfter;
    private final int size;
    private int slow;

    ElasticPool(String name, int size, Duration slowAfter, ScheduledExecutorService timer) {
        this.size = size;
        this.slowAfter = slowAfter;
        this.timer = timer;
        pool = new ThreadPoolExecutor(
                size, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads(name));
        pool.allowCoreThreadTimeOut(true);
    }

    /** Daemon threads with names that tell whose they are. */
    static ThreadFactory threads(String name) {
        AtomicInteger next = new AtomicInteger(1);
        return task -> {
            Thread thread = new Thread(task, name + "-" + next.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** @throws RejectedExecutionException after {@link #close} */
    @Override
    public void execute(Runnable task) {
        pool.execute(new Work(task));
    }

    private final class Work implements Runnable {

        private final Runnable task;
        private boolean counted;
        private boolean ended;

        Work(Runnable task) {
            this.task = task;
        }

        @Override
        public void run() {
            Future<?> watch;
            try {
                watch = timer.schedule(this::isSlow, slowAfter.toMillis(), TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                drop();
                return;
            }
            try {
                task.run();
            } finally {
                watch.cancel(false);
                end();
            }
        }

        private void isSlow() {
            synchronized (pool) {
                if (!ended) {
                    counted = true;
                    compensate(1);
                }
            }
        }

        private void end() {
            synchronized (pool) {
                ended = true;
                if (counted) {
                    compensate(-1);
                }
            }
        }

        /** So that nobody waits for what will never run. */
        void drop() {
            if (task instanceof Future<?> future) {
                future.cancel(true);
            }
        }
    }

    /** How many tasks may run at once now. */
    int threads() {
        return pool.getCorePoolSize();
    }

    /** To be called with the lock on the pool. */
    private void compensate(int more) {
        slow += more;
        pool.setCorePoolSize(Math.max(size, size + slow));
    }

    /** Begins no task any more, interrupts those that run, and cancels those that wait. */
    @Override
    public void close() {
        for (Runnable work : pool.shutdownNow()) {
            ((Work) work).drop();
        }
    }
}
