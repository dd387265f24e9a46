package io.github.rollstep.spi;

/**
 * An ability of a provider, health checker or router: to tell that something changed, so that the reaction is not bound to a
 * polling interval. A hint only: one may be lost, late or for nothing.
 */
public interface Watchable {

    /**
     * Calls {@code changed} after each change, until closed. It may be called from any thread, returns at once and throws
     * nothing.
     *
     * @return ends the watch; a repeated close is fine. After it returns, {@code changed} may be called once more
     * @throws ProviderException if the platform cannot be watched now; the engine goes on polling
     */
    Subscription watch(Runnable changed);

    /** Ends a watch. */
    @FunctionalInterface
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
