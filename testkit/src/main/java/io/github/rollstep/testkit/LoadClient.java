package io.github.rollstep.testkit;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Constant load over raw sockets, counted: by connections that are kept, by new ones for each request, and by slow requests.
 *
 * <p>It repeats nothing: a client that repeats a request on a new connection, as most do, hides the drops that are to be
 * counted. A request has failed if its answer is not a whole 200. Safe for use by several threads.
 */
public final class LoadClient implements AutoCloseable {

    private static final int TIMEOUT_MILLIS = 10_000;
    private static final int MOST_FAILURES_KEPT = 20;

    private final InetSocketAddress target;
    private final List<Thread> workers = new ArrayList<>();
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    private LoadClient(InetSocketAddress target) {
        this.target = target;
    }

    /**
     * Begins: eight connections that are kept and four that are new for each request, with 4 ms between two requests, and
     * eight that ask for {@code slowPath} without a pause.
     *
     * @param slowPath answers after some 300 ms: fast requests alone hide a router that does not wait for open ones
     */
    public static LoadClient start(InetSocketAddress target, String path, String slowPath) {
        return start(target, path, slowPath, Duration.ofMillis(4));
    }

    /** As {@link #start(InetSocketAddress, String, String)}, with another pause; without one the load is what the machine takes. */
    public static LoadClient start(InetSocketAddress target, String path, String slowPath, Duration pause) {
        LoadClient client = new LoadClient(target);
        client.add(8, path, true, pause.toMillis());
        client.add(4, path, false, pause.toMillis());
        client.add(8, slowPath, true, 0);
        client.workers.forEach(Thread::start);
        return client;
    }

    private void add(int count, String path, boolean keepAlive, long pauseMillis) {
        for (int i = 0; i < count; i++) {
            Thread worker = new Thread(() -> work(path, keepAlive, pauseMillis), "load");
            worker.setDaemon(true);
            workers.add(worker);
        }
    }

    /** How many were answered or failed so far. */
    public long requests() {
        return requests.get();
    }

    public long failed() {
        return failed.get();
    }

    /** The first 20 failures, each with what happened. */
    public List<String> failures() {
        return List.copyOf(failures);
    }

    /** Lets the requests in progress end. */
    @Override
    public void close() {
        closed = true;
        for (Thread worker : workers) {
            try {
                worker.join(TIMEOUT_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private void work(String path, boolean keepAlive, long pauseMillis) {
        @Nullable Connection connection = null;
        while (!closed) {
            try {
                connection = connection == null ? new Connection(target) : connection;
                boolean kept = connection.request(path, keepAlive);
                if (!kept) {
                    connection.close();
                    connection = null;
                }
            } catch (IOException e) {
                failed.incrementAndGet();
                if (failures.size() < MOST_FAILURES_KEPT) {
                    failures.add("%s %s: %s".formatted(keepAlive ? "kept-alive" : "one-shot", path, e));
                }
                if (connection != null) {
                    connection.close();
                }
                connection = null;
            }
            requests.incrementAndGet();
            pause(pauseMillis);
        }
        if (connection != null) {
            connection.close();
        }
    }

    private static void pause(long millis) {
        if (millis == 0) {
            return;
        }
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** One connection to the router, and just enough HTTP. */
    private static final class Connection {

        private final Socket socket;
        private final InputStream in;

        Connection(InetSocketAddress target) throws IOException {
            socket = new Socket();
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.connect(target, TIMEOUT_MILLIS);
            in = new BufferedInputStream(socket.getInputStream());
        }

        /**
         * @return whether the connection is kept
         * @throws IOException if the answer is not a whole 200
         */
        boolean request(String path, boolean keepAlive) throws IOException {
            String head =
                    "GET %s HTTP/1.1\r\nHost: load\r\n%s\r\n".formatted(path, keepAlive ? "" : "Connection: close\r\n");
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            String status = line();
            int length = -1;
            boolean kept = keepAlive;
            for (String field = line(); !field.isEmpty(); field = line()) {
                String lower = field.toLowerCase(Locale.ROOT);
                if (lower.startsWith("content-length:")) {
                    length = Integer.parseInt(
                            lower.substring("content-length:".length()).strip());
                }
                kept &= !lower.matches("connection:\\s*close");
            }
            if (in.readNBytes(Math.max(0, length)).length != length) {
                throw new IOException("the answer ended too early");
            }
            if (!status.startsWith("HTTP/1.1 200")) {
                throw new IOException(status);
            }
            return kept;
        }

        private String line() throws IOException {
            StringBuilder line = new StringBuilder();
            for (int next = in.read(); next != '\n'; next = in.read()) {
                if (next < 0) {
                    throw new IOException("the connection was closed");
                }
                if (next != '\r') {
                    line.append((char) next);
                }
            }
            return line.toString();
        }

        void close() {
            try {
                socket.close();
            } catch (IOException e) {
                // Nothing is lost with it: the answer was read.
            }
        }
    }
}
