package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls in bad times: the thread is interrupted, or the platform is away. */
final class Disturbed {

    /** What a busy machine takes to give a new thread its turn. */
    private static final Duration TURN = Duration.ofSeconds(5);

    private Disturbed() {}

    /**
     * Calls on a thread that is interrupted, as the engine does with a call that took too long. It has to end, by itself or by a
     * retryable {@link ProviderException}, and to leave the thread interrupted.
     */
    static void interrupted(Duration patience, Runnable call) {
        FutureTask<Boolean> task = new FutureTask<>(call, true);
        CompletableFuture<Boolean> kept = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    Thread.currentThread().interrupt();
                    task.run();
                    kept.complete(Thread.currentThread().isInterrupted());
                },
                "contract-interrupted");
        thread.setDaemon(true);
        thread.start();
        try {
            assertThat(kept.get(patience.plus(TURN).toMillis(), TimeUnit.MILLISECONDS))
                    .as("the thread is still interrupted after the call")
                    .isTrue();
            task.get();
        } catch (TimeoutException e) {
            throw new AssertionError("an interrupted call has not ended within " + patience, e);
        } catch (ExecutionException e) {
            assertIsRetryable(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Calls while the platform is away: a retryable {@link ProviderException}, and never an answer. */
    static void away(Callable<?> call) {
        assertIsRetryable(catchThrowable(call::call));
    }

    /** Calls what an adapter may take upon itself while the platform is away: if it does not, it throws as it does in {@link #away}. */
    static void perhapsAway(Runnable call) {
        Throwable error = catchThrowable(call::run);
        if (error != null) {
            assertIsRetryable(error);
        }
    }

    private static void assertIsRetryable(Throwable error) {
        assertThat(error)
                .as("what was thrown")
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable())
                                .as("%s is retryable", e)
                                .isTrue());
    }

    /** Calls again as long as the error is retryable, as the engine does. */
    static <T> T again(Duration patience, Callable<T> call) {
        return Eventually.get(patience, () -> {
            try {
                return call.call();
            } catch (ProviderException e) {
                if (!e.isRetryable()) {
                    throw e;
                }
                throw new AssertionError(e.getMessage(), e);
            }
        });
    }

    /** {@link #again} without a result. */
    static void again(Duration patience, Runnable call) {
        again(patience, () -> {
            call.run();
            return true;
        });
    }
}
