package io.github.rollstep.docker;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.Event;
import java.io.Closeable;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happens to the containers of one fleet, as the engine tells it, over a stream that is connected again whenever it ends.
 * After a gap the engine repeats what it still knows since the last event, and a hint is given, as it does not know all.
 */
final class EngineEvents implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EngineEvents.class);

    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final long LONGEST_PAUSE_MILLIS = 2_000;

    private final DockerEngine engine;
    private final Map<String, String> labels;
    private final Consumer<Event> happened;
    private final Runnable connected;
    private final ScheduledExecutorService connector = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "rollstep-docker-events");
        thread.setDaemon(true);
        return thread;
    });
    private volatile boolean closed;
    private volatile @Nullable Stream stream;
    private volatile long lastNanos;
    private long pauseMillis = FIRST_PAUSE_MILLIS;

    EngineEvents(DockerEngine engine, Map<String, String> labels, Consumer<Event> happened, Runnable connected) {
        this.engine = engine;
        this.labels = labels;
        this.happened = happened;
        this.connected = connected;
    }

    EngineEvents open() {
        connector.execute(this::connect);
        return this;
    }

    private void connect() {
        if (closed) {
            return;
        }
        Stream next = new Stream();
        stream = next;
        var events =
                engine.streams().eventsCmd().withEventTypeFilter("container").withLabelFilter(labels);
        if (lastNanos > 0) {
            events.withSince("%d.%09d".formatted(lastNanos / 1_000_000_000, lastNanos % 1_000_000_000));
        }
        events.exec(next);
    }

    private synchronized void ended(Stream which, @Nullable Throwable why) {
        if (closed || stream != which) {
            return;
        }
        stream = null;
        LOG.debug("The event stream of {} ended, and is connected again in {} ms", engine.host(), pauseMillis, why);
        try {
            connector.schedule(this::connect, pauseMillis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("Closed meanwhile", e);
        }
        pauseMillis = Math.min(LONGEST_PAUSE_MILLIS, pauseMillis * 2);
    }

    private synchronized void started() {
        pauseMillis = FIRST_PAUSE_MILLIS;
    }

    @Override
    public void close() {
        closed = true;
        connector.shutdownNow();
        @Nullable Stream open = stream;
        if (open != null) {
            try {
                open.close();
            } catch (IOException e) {
                LOG.debug("The event stream of {} was not closed cleanly", engine.host(), e);
            }
        }
    }

    /** Not docker-java's adapter: that one logs each end of a stream as an error. */
    private final class Stream implements ResultCallback<Event> {

        private volatile @Nullable Closeable connection;

        @Override
        public void onStart(Closeable connection) {
            this.connection = connection;
            if (closed) {
                EngineEvents.this.close();
                return;
            }
            started();
            connected.run();
        }

        @Override
        public void onNext(Event event) {
            @Nullable Long nanos = event.getTimeNano();
            if (nanos != null) {
                // The engine repeats what happened at "since" itself.
                lastNanos = nanos + 1;
            }
            happened.accept(event);
        }

        @Override
        public void onError(Throwable why) {
            ended(this, why);
        }

        @Override
        public void onComplete() {
            ended(this, null);
        }

        @Override
        public void close() throws IOException {
            @Nullable Closeable open = connection;
            if (open != null) {
                open.close();
            }
        }
    }
}
