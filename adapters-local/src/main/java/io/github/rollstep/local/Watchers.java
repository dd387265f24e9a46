package io.github.rollstep.local;

import io.github.rollstep.spi.Watchable;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Those who want to be told that something changed. One that throws is logged and does no harm. */
final class Watchers {

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

    Watchable.Subscription add(Runnable changed) {
        Watcher watcher = new Watcher(changed);
        watchers.add(watcher);
        return () -> watchers.remove(watcher);
    }

    void hint() {
        for (Watcher watcher : watchers) {
            try {
                watcher.changed().run();
            } catch (RuntimeException e) {
                LOG.warn("A watcher failed", e);
            }
        }
    }
}
