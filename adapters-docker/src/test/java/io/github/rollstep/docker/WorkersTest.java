package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Eventually;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Calls side by side, so many and no more; one that fails keeps no other back. */
class WorkersTest {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Test
    void soManyAtOnceAndNoMore() {
        AtomicInteger now = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        CountDownLatch release = new CountDownLatch(1);
        try (Workers workers = new Workers("test", 3)) {
            CompletableFuture<Void> all = CompletableFuture.runAsync(
                    () -> workers.forEach(IntStream.range(0, 10).boxed().toList(), number -> {
                        int atOnce = now.incrementAndGet();
                        wait(release);
                        assertThat(atOnce).isLessThanOrEqualTo(3);
                        now.decrementAndGet();
                        done.incrementAndGet();
                    }));

            Eventually.holds(PATIENCE, () -> assertThat(now.get()).isEqualTo(3));
            assertThat(all).isNotDone();
            release.countDown();
            all.join();
        }
        assertThat(done.get()).isEqualTo(10);
    }

    private static void wait(CountDownLatch release) {
        try {
            release.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void allAreTriedAndThePermanentFailureIsThrown() {
        AtomicInteger tried = new AtomicInteger();
        try (Workers workers = new Workers("test", 2)) {
            ProviderException error = catchThrowableOfType(
                    ProviderException.class,
                    () -> workers.forEach(List.of(1, 2, 3, 4), number -> {
                        tried.incrementAndGet();
                        if (number == 1) {
                            throw ProviderException.retryable("first");
                        } else if (number == 3) {
                            throw ProviderException.permanent("third");
                        }
                    }));

            assertThat(error).hasMessage("third");
            assertThat(error.getSuppressed())
                    .singleElement()
                    .satisfies(other -> assertThat(other).hasMessage("first"));
        }
        assertThat(tried.get()).isEqualTo(4);
    }
}
