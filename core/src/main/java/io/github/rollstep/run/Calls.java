package io.github.rollstep.run;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls to the adapters of one fleet, bounded in time. Whatever goes wrong is a {@link ProviderException}.
 *
 * <p>A call that does not return in time is interrupted and given up. Until it really returns it is not made again: a hung
 * adapter takes one thread for each of its methods, not one for each step.
 */
final class Calls {

    private final Executor pool;
    private final Duration timeout;
    private final Map<String, Boolean> running = new ConcurrentHashMap<>();

    Calls(Executor pool, Duration timeout) {
        this.pool = pool;
        this.timeout = timeout;
    }

    <T> T call(String name, Callable<T> call) {
        return start(name, call).result();
    }

    /** Begins a call, and its time; the result is to be asked for, or the time is not bounded. */
    <T> Pending<T> start(String name, Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(() -> {
            if (running.putIfAbsent(name, true) != null) {
                throw ProviderException.retryable("was given up and has not returned yet");
            }
            try {
                return call.call();
            } finally {
                running.remove(name);
            }
        });
        try {
            pool.execute(task);
        } catch (RejectedExecutionException e) {
            throw ProviderException.retryable(name + ": the engine is closed", e);
        }
        long deadline = System.nanoTime() + timeout.toNanos();
        return new Pending<>() {
            @Override
            public T result() {
                return Calls.this.result(name, task, deadline);
            }

            @Override
            public boolean isDone(Duration patience) {
                long left = Math.min(patience.toNanos(), deadline - System.nanoTime());
                try {
                    task.get(Math.max(0, left), TimeUnit.NANOSECONDS);
                    return true;
                } catch (TimeoutException e) {
                    return System.nanoTime() >= deadline;
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                } catch (ExecutionException | CancellationException e) {
                    return true;
                }
            }
        };
    }

    private <T> T result(String name, FutureTask<T> task, long deadline) {
        try {
            return task.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            task.cancel(true);
            throw ProviderException.retryable("%s did not return within %s".formatted(name, timeout), e);
        } catch (CancellationException e) {
            throw ProviderException.retryable(name + ": the engine is closed", e);
        } catch (InterruptedException e) {
            task.cancel(true);
            Thread.currentThread().interrupt();
            throw ProviderException.retryable(name + " was interrupted", e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            String text = "%s: %s".formatted(name, cause.getMessage() == null ? cause : cause.getMessage());
            if (cause instanceof ProviderException known && !known.isRetryable()) {
                throw ProviderException.permanent(text, cause);
            }
            throw ProviderException.retryable(text, cause);
        }
    }

    /** A call in progress. */
    interface Pending<T> {
        /** @throws ProviderException if it failed, or did not return in time */
        T result();

        /** Whether {@link #result} is there at once; waits so long for it. */
        boolean isDone(Duration patience);
    }
}
