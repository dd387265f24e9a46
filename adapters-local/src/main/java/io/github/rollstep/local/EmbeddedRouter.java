package io.github.rollstep.local;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Require;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.spi.Watchers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A reverse proxy for HTTP/1.1 and HTTP/1.0 within this process: admitted instances get requests, draining ones end theirs.
 *
 * <pre>{@code
 * try (EmbeddedRouter router = EmbeddedRouter.builder().port(8080).start()) {
 *     router.admit(instance);
 *     ...
 * }
 * }</pre>
 *
 * <p><b>In and out.</b> What {@link #admit} and {@link #drain} ask for holds when they return. A request belongs to an
 * instance from before its first byte is sent until its answer was written to the client, or failed; {@link #routes()}
 * counts it as long. Once it shows a draining instance without open requests, or not at all, no request reaches that
 * instance, and no idle connection to it is left. The next request goes to the instance with the fewest open ones, in turns
 * among equals. Connections of clients know nothing of instances and survive each change of them.
 *
 * <p><b>Repeats.</b> A request that reached no instance, because the connection was not accepted, goes to another, each is
 * tried once. An idempotent one without a body whose connection broke before the first byte of an answer is repeated once.
 * Nothing else is repeated: not after a time-out, not once a byte of the answer or of a body has passed.
 * {@link #retries()} counts them.
 *
 * <p><b>Messages.</b> Bodies are streamed both ways as they come. Header fields that belong to one connection are removed;
 * X-Forwarded-For is appended to, X-Forwarded-Proto and X-Forwarded-Host are set, Host is kept. Trailers are dropped. A
 * client that closes, even only its sending side, while it waits for an answer is taken as gone, and its instance is freed.
 * If an instance breaks off in the middle of an answer the client's connection ends without the proper end of the body.
 *
 * <p><b>Its own answers</b> are a line of plain text: 400 what is malformed or could be understood in two ways (both
 * Content-Length and Transfer-Encoding), 408 the request took too long, 414 and 431 it is too large, 501 upgrades (WebSocket)
 * and CONNECT, 505 another HTTP; 502 and 504 the instance failed or took too long; 503 no instance takes requests, or there
 * are too many connections. An offer to upgrade to {@code h2c} is passed over, as HTTP allows, since the JDK's client makes
 * it with each first request.
 *
 * <p>One daemon thread for each client connection, and one more while a large body is sent. All methods may be called from
 * any thread.
 */
public final class EmbeddedRouter implements TrafficRouter, Watchable, RevisionAffinity, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedRouter.class);

    private static final int BACKLOG = 1024;

    private final RouterSettings settings;
    private final ServerSocketChannel server;
    private final InetSocketAddress address;
    private final Watchers watchers = new Watchers();
    private final Backends backends = new Backends(watchers);
    private final Set<ClientConnection> connections = ConcurrentHashMap.newKeySet();
    private final Set<Wire> watched = ConcurrentHashMap.newKeySet();
    private final ExecutorService threads;
    private final Thread acceptor = daemon(this::acceptAll, "rollstep-router-accept");
    private final Housekeeper housekeeper = new Housekeeper();
    private final AtomicLong retries = new AtomicLong();
    private volatile boolean closing;

    private EmbeddedRouter(RouterSettings settings, ServerSocketChannel server) throws IOException {
        this.settings = settings;
        this.server = server;
        this.address = (InetSocketAddress) server.getLocalAddress();
        AtomicInteger number = new AtomicInteger();
        this.threads =
                Executors.newCachedThreadPool(task -> daemon(task, "rollstep-router-" + number.incrementAndGet()));
    }

    /** Listens on a free port of the loopback address. */
    public static EmbeddedRouter start() {
        return builder().start();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Where clients reach it. */
    public InetSocketAddress address() {
        return address;
    }

    public int port() {
        return address.getPort();
    }

    /** How often a request was sent once more, to another instance or on another connection. */
    public long retries() {
        return retries.get();
    }

    /** All instances that it knows. */
    public Map<InstanceId, Routing> routes() {
        return backends.routes();
    }

    /** {@inheritDoc} It knows the ids itself: {@link #routes()}. */
    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        return routes();
    }

    /**
     * {@inheritDoc}
     *
     * @throws ProviderException never retryable: the instance has no address, or the router is closed
     */
    @Override
    public void admit(Instance instance) {
        InetSocketAddress target = instance.address()
                .orElseThrow(() -> ProviderException.permanent(
                        "instance " + instance.id() + " has no address to send requests to"));
        if (closing) {
            throw ProviderException.permanent("the router on port " + port() + " is closed");
        }
        backends.admit(instance.id(), instance.revision().id(), target);
    }

    @Override
    public void drain(Instance instance) {
        backends.drain(instance.id());
    }

    @Override
    public Optional<RevisionKey> revisionKey() {
        return settings.revisionKey();
    }

    @Override
    public Subscription watch(Runnable changed) {
        return watchers.add(changed);
    }

    /**
     * Stops listening, closes idle connections, lets open requests end for as long as {@link Builder#closeTimeout} says,
     * then closes what is left. A repeat is fine.
     */
    @Override
    public void close() {
        stopListening();
        closing = true;
        connections.stream().filter(ClientConnection::isIdle).forEach(ClientConnection::close);
        try {
            awaitConnections(settings.closeTimeout());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        connections.forEach(ClientConnection::close);
        watched.forEach(Wire::close);
        threads.shutdown();
        backends.closeIdle();
        housekeeper.close();
    }

    /** Idle connections that are kept to an instance. */
    int idleConnections(InstanceId id) {
        return backends.idle(id);
    }

    boolean isClosing() {
        return closing;
    }

    void countRetry() {
        retries.incrementAndGet();
    }

    void start(Upload upload) throws IOException {
        try {
            threads.execute(upload);
        } catch (RejectedExecutionException e) {
            throw new IOException("the router is closing", e);
        }
    }

    /** Until {@link #unwatch}, the wire is closed if a write to it stands still for too long. */
    void watch(Wire wire) {
        watched.add(wire);
    }

    void unwatch(Wire wire) {
        watched.remove(wire);
    }

    void ended(ClientConnection connection) {
        watched.remove(connection.wire());
        connections.remove(connection);
        if (closing) {
            synchronized (connections) {
                connections.notifyAll();
            }
        }
    }

    /** Nobody connects once it returns. The socket lives for as long as somebody waits in it, so that thread ends first. */
    private void stopListening() {
        try {
            server.close();
            acceptor.join();
        } catch (IOException e) {
            LOG.debug("Closing the listening socket failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void awaitConnections(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (connections) {
            for (long left = atMost.toNanos();
                    left > 0 && !connections.isEmpty();
                    left = deadline - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(connections, left);
            }
        }
    }

    private void listen() {
        // Connections are closed by it; a few looks within each limit.
        Duration look = Duration.ofMillis(
                Math.max(10, Math.min(500, settings.bodyTimeout().toMillis() / 4)));
        housekeeper.start(look, () -> {
            backends.expireIdle();
            for (Wire wire : watched) {
                if (wire.writingFor().compareTo(settings.bodyTimeout()) > 0) {
                    wire.close();
                }
            }
        });
        acceptor.start();
    }

    private void acceptAll() {
        while (server.isOpen()) {
            try {
                accept(server.accept());
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                if (server.isOpen()) {
                    // No file handle or no thread left: it may pass.
                    LOG.warn("The router on port {} could not take a connection", port(), e);
                    pause();
                }
            }
        }
    }

    private void accept(SocketChannel channel) throws IOException {
        boolean accepted = false;
        try {
            ClientConnection connection = new ClientConnection(this, settings, backends, channel);
            if (connections.size() >= settings.maxConnections()) {
                connection.refuseAll("too many connections");
                housekeeper.closeSoon(connection);
            } else {
                connections.add(connection);
                watched.add(connection.wire());
                try {
                    threads.execute(connection);
                } catch (RejectedExecutionException | OutOfMemoryError e) {
                    ended(connection);
                    throw e;
                }
            }
            accepted = true;
        } finally {
            if (!accepted) {
                channel.close();
            }
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {
        private InetAddress bind = InetAddress.getLoopbackAddress();
        private int port;
        private int maxConnections = 1024;
        private int maxHeaderLine = 16 * 1024;
        private int maxHeaders = 100;
        private Duration keepAlive = Duration.ofSeconds(60);
        private Duration headerTimeout = Duration.ofSeconds(10);
        private Duration connectTimeout = Duration.ofMillis(1500);
        private Duration responseTimeout = Duration.ofSeconds(60);
        private Duration bodyTimeout = Duration.ofMinutes(5);
        private Duration closeTimeout = Duration.ofSeconds(10);
        private boolean retries = true;
        private Optional<RevisionKey> revisionKey = Optional.empty();

        private Builder() {}

        /** The address to listen on. The default is loopback: nobody else reaches the router. */
        public Builder bind(InetAddress bind) {
            this.bind = bind;
            return this;
        }

        /** The port to listen on; 0, the default, takes a free one. */
        public Builder port(int port) {
            this.port = Require.within("port", 0, 65_535, port);
            return this;
        }

        /** Connections of clients at once; one more is answered with 503 and closed. The default is 1,024. */
        public Builder maxConnections(int maxConnections) {
            this.maxConnections = Require.within("maxConnections", 1, 100_000, maxConnections);
            return this;
        }

        /** Length of the request line and of each header field, in bytes. The default is 16,384. */
        public Builder maxHeaderLine(int maxHeaderLine) {
            this.maxHeaderLine = Require.within("maxHeaderLine", 256, 1_048_576, maxHeaderLine);
            return this;
        }

        /** Header fields of one message. The default is 100. */
        public Builder maxHeaders(int maxHeaders) {
            this.maxHeaders = Require.within("maxHeaders", 1, 10_000, maxHeaders);
            return this;
        }

        /** How long a client's connection may wait for its next request. The default is 60 s. */
        public Builder keepAlive(Duration keepAlive) {
            this.keepAlive = positive("keepAlive", keepAlive);
            return this;
        }

        /** How long the header of a request may take from its first byte to its last. The default is 10 s. */
        public Builder headerTimeout(Duration headerTimeout) {
            this.headerTimeout = positive("headerTimeout", headerTimeout);
            return this;
        }

        /** How long a connection to an instance may take. The default is 1.5 s. */
        public Builder connectTimeout(Duration connectTimeout) {
            this.connectTimeout = positive("connectTimeout", connectTimeout);
            return this;
        }

        /** How long an instance may take from the end of a request to the header of its answer. The default is 60 s. */
        public Builder responseTimeout(Duration responseTimeout) {
            this.responseTimeout = positive("responseTimeout", responseTimeout);
            return this;
        }

        /**
         * How long a body, of a request or an answer, may stand still: none comes, or the other side takes none. A stream
         * of events that is silent for longer is cut. The default is 5 minutes.
         */
        public Builder bodyTimeout(Duration bodyTimeout) {
            this.bodyTimeout = positive("bodyTimeout", bodyTimeout);
            return this;
        }

        /** How long {@link EmbeddedRouter#close} lets open requests go on. The default is 10 s. */
        public Builder closeTimeout(Duration closeTimeout) {
            this.closeTimeout = positive("closeTimeout", closeTimeout);
            return this;
        }

        /** Whether requests are repeated at all; without it, each drop is seen. The default is true. */
        public Builder retries(boolean retries) {
            this.retries = retries;
            return this;
        }

        /** Requests that name a revision there reach it while one of its instances takes requests. By default nobody looks. */
        public Builder revisionAffinity(RevisionKey key) {
            this.revisionKey = Optional.of(key);
            return this;
        }

        /**
         * Listens, with no instance yet: each request is answered with 503 until one is admitted.
         *
         * @throws UncheckedIOException if the address cannot be listened on
         */
        public EmbeddedRouter start() {
            RouterSettings settings = new RouterSettings(
                    bind,
                    port,
                    maxConnections,
                    maxHeaderLine,
                    maxHeaders,
                    keepAlive,
                    headerTimeout,
                    connectTimeout,
                    responseTimeout,
                    bodyTimeout,
                    closeTimeout,
                    retries,
                    revisionKey);
            InetSocketAddress wanted = new InetSocketAddress(bind, port);
            try {
                ServerSocketChannel server = ServerSocketChannel.open();
                try {
                    server.bind(wanted, BACKLOG);
                    EmbeddedRouter router = new EmbeddedRouter(settings, server);
                    router.listen();
                    return router;
                } catch (IOException | RuntimeException e) {
                    server.close();
                    throw e;
                }
            } catch (IOException e) {
                throw new UncheckedIOException("cannot listen on " + wanted + ": " + e.getMessage(), e);
            }
        }

        private static Duration positive(String name, Duration value) {
            if (value.isNegative() || value.isZero() || value.compareTo(Duration.ofDays(1)) > 0) {
                throw new IllegalArgumentException("%s must be > 0 and <= 1 day, was %s"
                        .formatted(name, value.toString().substring(2).toLowerCase(Locale.ROOT)));
            }
            return value;
        }
    }
}
