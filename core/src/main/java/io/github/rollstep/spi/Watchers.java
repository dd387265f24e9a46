package io.github.rollstep.spi;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Those who watch an adapter: what {@link Watchable#watch} needs, for the adapter to hold and to call. A watcher that throws is
 * logged and keeps no other from being told. Safe for use by several threads.
 */
public final class Watchers {

    private static final Logger LOG = LoggerFactory.getLogger(Watchers.class);

    private record Watcher(Runnable changed) {
        // The same action may watch twice: identity tells them apart.
        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }
    }

    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();

    /** Tells {@code changed} of each change until the subscription is closed. */
    public Watchable.Subscription add(Runnable changed) {
        Watcher watcher = new Watcher(changed);
        watchers.add(watcher);
        return () -> watchers.remove(watcher);
    }

    /** Something changed: tells all of them, on this thread. */
    public void hint() {
        for (Watcher watcher : watchers) {
            try {
                watcher.changed().run();
            } catch (RuntimeException e) {
                LOG.warn("A watcher failed", e);
            }
        }
    }
}
