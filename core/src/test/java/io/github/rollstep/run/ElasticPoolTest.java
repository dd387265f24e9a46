package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ElasticPoolTest {

    /** What the timer was asked to do when a task has become slow. */
    private final BlockingQueue<Runnable> ticks = new LinkedBlockingQueue<>();

    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1) {
        @Override
        public ScheduledFuture<?> schedule(Runnable tick, long delay, TimeUnit unit) {
            ticks.add(tick);
            return super.schedule(() -> {}, 1, TimeUnit.DAYS);
        }
    };

    private final ElasticPool pool = new ElasticPool("test", 2, Duration.ofSeconds(1), timer);

    @AfterEach
    void close() {
        pool.close();
        timer.shutdownNow();
    }

    @Test
    void hasAThreadMoreWhileATaskIsSlow() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        pool.execute(() -> await(release));
        Runnable tick = ticks.take();
        assertThat(pool.threads()).isEqualTo(2);

        tick.run();

        assertThat(pool.threads()).isEqualTo(3);
        release.countDown();
        Await.until("it to be as small as before", () -> pool.threads() == 2);
    }

    /** As after a pause of the whole process: the task and its tick end together. */
    @Test
    void doesNotGrowForATaskThatHasEnded() throws Exception {
        pool.execute(() -> {});
        Runnable tick = ticks.take();
        CyclicBarrier bothThreads = new CyclicBarrier(3);
        pool.execute(() -> await(bothThreads));
        pool.execute(() -> await(bothThreads));
        bothThreads.await(); // So none is at the first task any more.

        tick.run();

        assertThat(pool.threads()).isEqualTo(2);
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
