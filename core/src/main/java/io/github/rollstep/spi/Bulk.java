package io.github.rollstep.spi;

import java.util.Collection;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Many calls as one, as the bulk calls of an SPI do it: a failure does not keep the rest from being tried, and the worst is
 * thrown when all were.
 */
public final class Bulk {

    private Bulk() {}

    /**
     * Calls with one item after the other; an interrupt ends it.
     *
     * @throws RuntimeException the first failure, if possible a permanent one, with the others as suppressed
     */
    public static <T> void forEach(Collection<T> items, Consumer<T> call) {
        @Nullable RuntimeException failure = null;
        for (T item : items) {
            try {
                call.accept(item);
            } catch (RuntimeException e) {
                failure = worse(failure, e);
            }
            if (Thread.currentThread().isInterrupted()) {
                failure = worse(failure, ProviderException.retryable("interrupted"));
                break;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static RuntimeException worse(@Nullable RuntimeException first, RuntimeException second) {
        if (first == null) {
            return second;
        }
        boolean secondIsPermanent = second instanceof ProviderException p && !p.isRetryable();
        boolean firstIsPermanent = first instanceof ProviderException p && !p.isRetryable();
        if (secondIsPermanent && !firstIsPermanent) {
            second.addSuppressed(first);
            return second;
        }
        first.addSuppressed(second);
        return first;
    }
}
