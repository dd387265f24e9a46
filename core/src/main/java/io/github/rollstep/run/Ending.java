package io.github.rollstep.run;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The end of a rollout as {@link Rollout#await} and {@link Rollout#end} say it. */
final class Ending {

    private Ending() {}

    static Optional<Progress> await(CompletableFuture<Progress> end, Duration timeout) throws InterruptedException {
        try {
            return Optional.of(end.get(timeout.toMillis(), TimeUnit.MILLISECONDS));
        } catch (TimeoutException e) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw failure(end);
        }
    }

    /** What depends on an end to come runs on another thread than the one that brings it, which holds locks. */
    static CompletionStage<Progress> stage(CompletableFuture<Progress> end) {
        if (end.isDone()) {
            return end.minimalCompletionStage();
        }
        CompletableFuture<Progress> copy = new CompletableFuture<>();
        end.whenCompleteAsync((progress, error) -> {
            if (error == null) {
                copy.complete(progress);
            } else {
                copy.completeExceptionally(error);
            }
        });
        return copy.minimalCompletionStage();
    }

    /** Why it ended without a final progress. */
    static IllegalStateException failure(CompletableFuture<Progress> end) {
        Throwable cause = end.handle((done, error) -> error).join();
        return new IllegalStateException(cause == null ? "ended" : cause.getMessage(), cause);
    }
}
