package io.github.rollstep.local;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What has to happen though no request asks for it, on one thread: what was refused is closed once its answer could be read. */
final class Housekeeper implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Housekeeper.class);

    private static final long LINGER = TimeUnit.SECONDS.toNanos(1);
    private static final int MAX_LINGERING = 256;

    private record Lingering(ClientConnection connection, long since) {}

    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "rollstep-router-housekeeper");
        thread.setDaemon(true);
        return thread;
    });
    private final Deque<Lingering> lingering = new ArrayDeque<>();

    void start(Duration period, Runnable task) {
        Runnable guarded = () -> {
            try {
                task.run();
                closeLingering(System.nanoTime() - LINGER);
            } catch (RuntimeException e) {
                LOG.warn("Housekeeping of the router failed", e);
            }
        };
        executor.scheduleWithFixedDelay(guarded, period.toNanos(), period.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Closes the connection in a second, or at once if many are waiting for that. */
    void closeSoon(ClientConnection connection) {
        synchronized (lingering) {
            if (lingering.size() < MAX_LINGERING) {
                lingering.add(new Lingering(connection, System.nanoTime()));
                return;
            }
        }
        connection.close();
    }

    private void closeLingering(long before) {
        synchronized (lingering) {
            while (!lingering.isEmpty() && lingering.peek().since() - before <= 0) {
                lingering.remove().connection().close();
            }
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
        closeLingering(System.nanoTime());
    }
}
