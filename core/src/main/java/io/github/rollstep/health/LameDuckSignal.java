package io.github.rollstep.health;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.ProviderException;

/**
 * How an instance is told to be a lame duck: to fail its health check and to close its connections after the answer in progress,
 * while it still answers whatever comes. Calls block until the instance has it; a repeat changes nothing. Safe for use by several
 * threads.
 */
public interface LameDuckSignal {

    /** @throws ProviderException retryable if it is not known whether the instance has it */
    void enter(Instance instance);

    /** Healthy again. */
    void leave(Instance instance);

    /**
     * Whether it is one now; asked once of each instance that is not known, after a controller died.
     *
     * @throws ProviderException retryable if the instance cannot be asked
     */
    boolean isIn(Instance instance);
}
