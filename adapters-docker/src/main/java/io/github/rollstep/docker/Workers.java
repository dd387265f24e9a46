package io.github.rollstep.docker;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls to the engine side by side, so many at once and no more. Its daemon threads end when there is nothing to do. */
final class Workers implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Workers.class);

    private static final int IDLE_SECONDS = 10;

    private final ThreadPoolExecutor pool;

    Workers(String name, int most) {
        AtomicInteger count = new AtomicInteger();
        pool = new ThreadPoolExecutor(most, most, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
            Thread thread = new Thread(task, name + "-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        pool.allowCoreThreadTimeOut(true);
    }

    /**
     * Calls for each of them and returns when all have ended; a failure keeps no other from being tried. An interrupt gives up
     * what has not begun and interrupts what has.
     *
     * @throws ProviderException the worst failure, with the others as suppressed
     */
    <T> void forEach(Collection<T> items, Consumer<T> call) {
        List<Future<?>> futures = new ArrayList<>();
        List<ProviderException> failures = new ArrayList<>();
        try {
            for (T item : items) {
                futures.add(pool.submit(() -> call.accept(item)));
            }
            for (Future<?> future : futures) {
                await(future, failures);
            }
        } catch (InterruptedException e) {
            futures.forEach(future -> future.cancel(true));
            Thread.currentThread().interrupt();
            failures.add(ProviderException.retryable("interrupted", e));
        } catch (RejectedExecutionException e) {
            futures.forEach(future -> future.cancel(true));
            failures.add(ProviderException.permanent("the provider is closed", e));
        }
        throwWorst(failures);
    }

    private static void await(Future<?> future, List<ProviderException> failures) throws InterruptedException {
        try {
            future.get();
        } catch (ExecutionException e) {
            failures.add(
                    e.getCause() instanceof ProviderException known
                            ? known
                            : ProviderException.retryable(String.valueOf(e.getCause()), e.getCause()));
        } catch (CancellationException e) {
            failures.add(ProviderException.permanent("the provider is closed", e));
        }
    }

    /** Begins it; the future tells when it has ended. */
    Future<?> begin(Runnable task) {
        try {
            return pool.submit(task);
        } catch (RejectedExecutionException e) {
            throw ProviderException.permanent("the provider is closed", e);
        }
    }

    /** Waits until all have ended, but not for longer than so; an interrupt ends it. */
    static void await(Collection<Future<?>> futures, Duration atMost) {
        long deadline = System.nanoTime() + atMost.toNanos();
        try {
            for (Future<?> future : futures) {
                future.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (TimeoutException | CancellationException | ExecutionException e) {
            LOG.trace("not waited for any longer", e);
        }
    }

    /** @return false if it was interrupted */
    static boolean pause(Duration duration) {
        try {
            TimeUnit.NANOSECONDS.sleep(duration.toNanos());
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Does it later, without being waited for. */
    void submit(Runnable task) {
        try {
            pool.execute(task);
        } catch (RejectedExecutionException e) {
            throw ProviderException.permanent("the provider is closed", e);
        }
    }

    /** If possible a permanent one: the others may go away by themselves. */
    private static void throwWorst(List<ProviderException> failures) {
        failures.stream()
                .min(Comparator.comparing(ProviderException::isRetryable))
                .ifPresent(worst -> {
                    failures.stream().filter(failure -> failure != worst).forEach(worst::addSuppressed);
                    throw worst;
                });
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
