package io.github.rollstep.spi;

/**
 * A platform cannot tell, or it is not known whether it did what was asked.
 *
 * <p>Retryable: throttled, timed out, not reachable. The engine asks again with growing delay, shows the message as the
 * reason of its wait, and counts what is not known against itself. Not retryable: the same call can never succeed (no such
 * image, not permitted); the rollout follows its failure policy.
 */
public class ProviderException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final boolean retryable;

    protected ProviderException(String message, Throwable cause, boolean retryable) {
        super(message, cause);
        this.retryable = retryable;
    }

    protected ProviderException(String message, boolean retryable) {
        super(message);
        this.retryable = retryable;
    }

    public static ProviderException retryable(String message) {
        return new ProviderException(message, true);
    }

    public static ProviderException retryable(String message, Throwable cause) {
        return new ProviderException(message, cause, true);
    }

    public static ProviderException permanent(String message) {
        return new ProviderException(message, false);
    }

    public static ProviderException permanent(String message, Throwable cause) {
        return new ProviderException(message, cause, false);
    }

    public boolean isRetryable() {
        return retryable;
    }
}
