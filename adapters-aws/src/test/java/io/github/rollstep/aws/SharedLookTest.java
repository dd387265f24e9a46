package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SharedLookTest {

    private static final Duration SECOND = Duration.ofSeconds(1);

    private final AtomicLong nanos = new AtomicLong();
    private final AtomicInteger reads = new AtomicInteger();
    private final SharedLook<String, Integer> look = new SharedLook<>("it", reads::incrementAndGet, nanos::get);

    private void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @Test
    void isGivenToEachReaderOnce() {
        assertThat(look.of("a")).isEqualTo(1);
        assertThat(look.of("b")).isEqualTo(1);
        assertThat(look.of("a")).isEqualTo(2);
        assertThat(look.of("b")).isEqualTo(2);
    }

    @Test
    void isNotKeptForLongerThanASecond() {
        look.of("a");
        pass(SECOND.minusNanos(1));
        assertThat(look.of("b")).isEqualTo(1);
        pass(Duration.ofNanos(1));
        assertThat(look.of("c")).isEqualTo(2);
    }

    /** Many target groups are read one after the other. */
    @Test
    void theSecondBeginsWhenAllIsRead() {
        SharedLook<String, Integer> slow = new SharedLook<>(
                "it",
                () -> {
                    pass(SECOND.multipliedBy(10));
                    return reads.incrementAndGet();
                },
                nanos::get);

        assertThat(slow.of("a")).isEqualTo(1);
        assertThat(slow.of("b")).isEqualTo(1);
    }

    @Test
    void isReadAnewOnceItIsForgotten() {
        look.of("a");
        look.forget();
        assertThat(look.of("b")).isEqualTo(2);
    }

    /** A hundred gates ask once of a service that throttles, and not a hundred times. */
    @Test
    void thatThereIsNoneIsGivenToEachReaderOnceToo() {
        SharedLook<String, Integer> failing = new SharedLook<>(
                "it",
                () -> {
                    throw ProviderException.retryable("throttled " + reads.incrementAndGet());
                },
                nanos::get);

        assertThatThrownBy(() -> failing.of("a")).hasMessage("throttled 1");
        assertThatThrownBy(() -> failing.of("b")).hasMessage("throttled 1");
        assertThatThrownBy(() -> failing.of("b")).hasMessage("throttled 2");
    }

    @Test
    void anInterruptIsThatOfItsReaderAlone() {
        SharedLook<String, Integer> interrupted = new SharedLook<>(
                "it",
                () -> {
                    if (reads.incrementAndGet() == 1) {
                        Thread.currentThread().interrupt();
                        throw ProviderException.retryable("interrupted");
                    }
                    return reads.get();
                },
                nanos::get);

        assertThatThrownBy(() -> interrupted.of("a")).hasMessage("interrupted");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(interrupted.of("b")).isEqualTo(2);
    }

    @Test
    void whatIsForgottenWhileItIsReadIsNotGivenToOthersAndNobodyWaitsForIt() {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch forgotten = new CountDownLatch(1);
        SharedLook<String, Integer> slow = new SharedLook<>(
                "it",
                () -> {
                    reading.countDown();
                    await(forgotten);
                    return reads.incrementAndGet();
                },
                nanos::get);
        CompletableFuture<Integer> first = CompletableFuture.supplyAsync(() -> slow.of("a"));
        await(reading);
        slow.forget();
        forgotten.countDown();

        assertThat(first.join()).isEqualTo(1);
        assertThat(slow.of("b")).isEqualTo(2);
    }

    @Test
    void whoWaitsForAnotherCanBeInterrupted() throws InterruptedException {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        SharedLook<String, Integer> slow = new SharedLook<>("it", () -> {
            reading.countDown();
            await(end);
            return reads.incrementAndGet();
        });
        CompletableFuture<Integer> first = CompletableFuture.supplyAsync(() -> slow.of("a"));
        await(reading);
        CompletableFuture<Throwable> second = new CompletableFuture<>();
        Thread waiting = new Thread(() -> second.complete(catchThrowable(() -> slow.of("b"))));
        waiting.start();
        waiting.interrupt();

        assertThat(second.join()).isInstanceOf(ProviderException.class).hasMessage("it was interrupted");
        end.countDown();
        waiting.join();
        assertThat(first.join()).isEqualTo(1);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
