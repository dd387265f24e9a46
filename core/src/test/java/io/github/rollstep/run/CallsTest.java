package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CallsTest {

    private final ExecutorService pool = Executors.newCachedThreadPool();
    private final CountDownLatch release = new CountDownLatch(1);

    @AfterEach
    void close() {
        release.countDown();
        pool.shutdownNow();
    }

    @Test
    void twoOfOneNameAreMadeAtOnce() {
        Calls calls = new Calls(pool, Duration.ofMinutes(1));
        CyclicBarrier both = new CyclicBarrier(2);

        Calls.Pending<Integer> one = calls.start("list", both::await);
        Calls.Pending<Integer> other = calls.start("list", both::await);

        assertThat(one.result() + other.result()).isEqualTo(1);
    }

    @Test
    void oneThatWasGivenUpIsNotMadeAgainUntilItReturns() throws Exception {
        Calls calls = new Calls(pool, Duration.ofMinutes(1));
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        Calls.Pending<String> hung = calls.start("list", () -> {
            begun.countDown();
            ignoreInterrupts(interrupted);
            return "too late";
        });
        begun.await();

        hung.giveUp();
        interrupted.await();

        assertThatThrownBy(() -> calls.call("list", () -> "again"))
                .isInstanceOf(ProviderException.class)
                .hasMessage("list: was given up and has not returned yet");
        assertThat(calls.call("check", () -> "others are made")).isEqualTo("others are made");
        release.countDown();
        Await.until("it to return", () -> answers(calls));
    }

    private void ignoreInterrupts(CountDownLatch interrupted) {
        while (release.getCount() > 0) {
            try {
                release.await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
        }
    }

    private static boolean answers(Calls calls) {
        try {
            return calls.call("list", () -> true);
        } catch (ProviderException e) {
            return false;
        }
    }

    @Test
    void whatAClosedEngineCannotBeginFails() {
        Calls calls = new Calls(pool, Duration.ofMinutes(1));
        pool.shutdownNow();

        Calls.Pending<String> pending = calls.start("list", () -> "never");

        assertThatThrownBy(pending::result)
                .isInstanceOf(ProviderException.class)
                .hasMessage("list: the engine is closed");
    }
}
