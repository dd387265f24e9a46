package io.github.rollstep.aws;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is asked once for all who want to know it in a step: each look, or the reason why there is none, is given to each reader once, and
 * is not kept for longer than a second. Safe for use by several threads.
 *
 * @param <R> who reads
 * @param <T> what is read
 */
final class SharedLook<R, T> {

    private static final Duration KEPT = Duration.ofSeconds(1);

    private final String what;
    private final Supplier<T> read;
    private final LongSupplier nanoTime;
    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicLong changes = new AtomicLong();
    private @Nullable Look last;

    private final class Look {

        /** Also those that happened meanwhile are not in it for sure. */
        private final long changesBefore = changes.get();

        private final Set<R> givenTo = new HashSet<>();
        private final Supplier<T> answer = ask();

        /** When all was answered: that may take longer than a look is kept. */
        private final long at = nanoTime.getAsLong();

        private Supplier<T> ask() {
            try {
                T answered = read.get();
                return () -> answered;
            } catch (ProviderException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e; // Another reader was not.
                }
                return () -> {
                    throw e;
                };
            }
        }

        boolean isGoodFor(R reader) {
            return !givenTo.contains(reader)
                    && changesBefore == changes.get()
                    && nanoTime.getAsLong() - at < KEPT.toNanos();
        }

        T giveTo(R reader) {
            givenTo.add(reader);
            return answer.get();
        }
    }

    /** @param what for messages */
    SharedLook(String what, Supplier<T> read) {
        this(what, read, System::nanoTime);
    }

    SharedLook(String what, Supplier<T> read, LongSupplier nanoTime) {
        this.what = what;
        this.read = read;
        this.nanoTime = nanoTime;
    }

    /** @throws ProviderException if it cannot be read */
    T of(R reader) {
        try {
            lock.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable(what + " was interrupted", e);
        }
        try {
            Look look = last;
            if (look == null || !look.isGoodFor(reader)) {
                look = new Look();
                last = look;
            }
            return look.giveTo(reader);
        } finally {
            lock.unlock();
        }
    }

    /** What was seen until now, or is being read, is not true any more. Waits for nobody. */
    void forget() {
        changes.incrementAndGet();
    }
}
