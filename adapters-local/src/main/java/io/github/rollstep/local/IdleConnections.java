package io.github.rollstep.local;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * Connections to one backend that wait for their next request, the latest used first. None is kept for longer than two
 * seconds, shorter than any server's own limit, and each is looked at before it is used again: closed, or with bytes nobody
 * asked for, it is thrown away. Safe for use by several threads.
 */
final class IdleConnections {

    private static final long MAX_IDLE = Duration.ofSeconds(2).toNanos();
    private static final int MAX_KEPT = 256;

    private record Idle(BackendConnection connection, long since) {}

    private final Deque<Idle> idle = new ArrayDeque<>();
    private boolean closed;

    Optional<BackendConnection> take(InetSocketAddress address) {
        while (true) {
            Idle latest;
            synchronized (this) {
                latest = idle.pollFirst();
            }
            if (latest == null) {
                return Optional.empty();
            }
            if (!isOld(latest)
                    && latest.connection().address().equals(address)
                    && isFresh(latest.connection().wire())) {
                return Optional.of(latest.connection());
            }
            latest.connection().close();
        }
    }

    void put(BackendConnection connection) {
        synchronized (this) {
            if (!closed && idle.size() < MAX_KEPT) {
                idle.addFirst(new Idle(connection, System.nanoTime()));
                return;
            }
        }
        connection.close();
    }

    /** Closes those that have been idle for too long. */
    void expire() {
        List<Idle> old = new ArrayList<>();
        synchronized (this) {
            for (Iterator<Idle> eldest = idle.descendingIterator(); eldest.hasNext(); ) {
                Idle next = eldest.next();
                if (!isOld(next)) {
                    break;
                }
                eldest.remove();
                old.add(next);
            }
        }
        old.forEach(next -> next.connection().close());
    }

    /** Closes all; those that come back later are closed too if {@code forGood}. */
    void clear(boolean forGood) {
        List<Idle> all;
        synchronized (this) {
            closed |= forGood;
            all = List.copyOf(idle);
            idle.clear();
        }
        all.forEach(next -> next.connection().close());
    }

    synchronized int size() {
        return idle.size();
    }

    private static boolean isOld(Idle connection) {
        return System.nanoTime() - connection.since() > MAX_IDLE;
    }

    private static boolean isFresh(Wire wire) {
        try {
            return wire.poll() && !wire.hasInput();
        } catch (IOException e) {
            return false;
        }
    }
}
