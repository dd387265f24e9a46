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
import java.util.concurrent.atomic.AtomicReference;

/**
 * Calls to the adapters of one fleet, bounded in time. Whatever goes wrong is a {@link ProviderException}.
 *
 * <p>A call that does not return in time is interrupted and given up. Until it really returns none of that name is made again: a hung
 * adapter takes one thread for each of its methods, not one for each step.
 */
final class Calls {

    private final Executor pool;
    private final Duration timeout;

    /** How many calls of a name were given up and have not returned. */
    private final Map<String, Integer> hung = new ConcurrentHashMap<>();

    Calls(Executor pool, Duration timeout) {
        this.pool = pool;
        this.timeout = timeout;
    }

    <T> T call(String name, Callable<T> call) {
        return start(name, call).result();
    }

    void run(String name, Runnable call) {
        call(name, () -> {
            call.run();
            return true;
        });
    }

    /** Begins a call, and its time; the result is to be asked for, or it is to be given up, or the time is not bounded. */
    <T> Pending<T> start(String name, Callable<T> call) {
        Pending<T> pending = new Pending<>(name, call);
        try {
            pool.execute(pending.task);
        } catch (RejectedExecutionException e) {
            pending.task.cancel(false); // The result will say so.
        }
        return pending;
    }

    private enum Stage {
        WAITS,
        RUNS,
        GIVEN_UP,
        RETURNED
    }

    /** A call in progress. */
    final class Pending<T> {

        private final String name;
        private final Callable<T> call;
        private final long deadline = System.nanoTime() + timeout.toNanos();
        private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.WAITS);
        private final FutureTask<T> task = new FutureTask<>(this::make);

        private Pending(String name, Callable<T> call) {
            this.name = name;
            this.call = call;
        }

        private T make() throws Exception {
            if (System.nanoTime() - deadline >= 0) {
                throw ProviderException.retryable("was not begun in time"); // The process stood still.
            }
            if (hung.containsKey(name)) {
                throw ProviderException.retryable("was given up and has not returned yet");
            }
            if (!stage.compareAndSet(Stage.WAITS, Stage.RUNS)) {
                throw ProviderException.retryable("was given up before it began");
            }
            try {
                return call.call();
            } finally {
                if (stage.getAndSet(Stage.RETURNED) == Stage.GIVEN_UP) {
                    count(-1);
                }
            }
        }

        private void count(int more) {
            hung.merge(name, more, (one, other) -> one + other == 0 ? null : one + other);
        }

        /** @throws ProviderException if it failed, or did not return in time */
        T result() {
            try {
                return task.get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                giveUp();
                throw ProviderException.retryable("%s did not return within %s".formatted(name, timeout), e);
            } catch (CancellationException e) {
                throw ProviderException.retryable(name + ": the engine is closed", e);
            } catch (InterruptedException e) {
                giveUp();
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

        /** Whether {@link #result} is there at once; waits so long for it. */
        boolean isDone(Duration patience) {
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

        /** Interrupts it: nobody waits for the result any more. */
        void giveUp() {
            Stage before = stage.getAndUpdate(now -> now == Stage.RETURNED ? now : Stage.GIVEN_UP);
            if (before == Stage.RUNS) {
                count(1);
            }
            task.cancel(true);
        }
    }
}
