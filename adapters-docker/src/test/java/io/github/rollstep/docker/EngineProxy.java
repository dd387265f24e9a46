package io.github.rollstep.docker;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The network to the engine, or to a registry: it can be cut or held up, and it knows the requests. */
final class EngineProxy implements AutoCloseable {

    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Set<Closeable> open = ConcurrentHashMap.newKeySet();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final SocketAddress target;
    private final CountDownLatch released = new CountDownLatch(1);
    private final Set<Conversation> conversations = ConcurrentHashMap.newKeySet();
    private volatile long slowMillis;
    private volatile String heldAnswers = "";
    private volatile boolean held;
    private volatile boolean cut;

    /** One connection; its request is "" once it is being answered. */
    private static final class Conversation {
        private volatile String request = "";
    }

    EngineProxy() throws IOException {
        this(UnixDomainSocketAddress.of("/var/run/docker.sock"));
    }

    EngineProxy(SocketAddress target) throws IOException {
        this.target = target;
        start(this::accept);
    }

    /** Lets nothing through until {@link #release}. */
    void hold() {
        held = true;
    }

    /** As slow a network as that: each 16 KB of answers take so long, until {@link #release}. */
    void slow(Duration pause) {
        slowMillis = pause.toMillis();
    }

    /** Passes requests on, and keeps the answers to these until {@link #release}. */
    void holdAnswersTo(String part) {
        heldAnswers = part;
    }

    void release() {
        held = false;
        slowMillis = 0;
        heldAnswers = "";
        released.countDown();
    }

    /** How many requests of this kind have not been answered. */
    long unanswered(String part) {
        return conversations.stream()
                .filter(conversation -> conversation.request.contains(part))
                .count();
    }

    URI address() {
        return URI.create("tcp://127.0.0.1:" + server.getLocalPort());
    }

    /** The first lines of all requests. */
    List<String> requests() {
        return requests;
    }

    /** Breaks all connections, and takes no more. */
    void cut() throws IOException {
        cut = true;
        breakAll();
    }

    void restore() {
        cut = false;
    }

    void breakAll() throws IOException {
        for (Closeable connection : open) {
            connection.close();
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = server.accept();
                if (cut) {
                    client.close();
                } else {
                    connect(client);
                }
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void connect(Socket client) throws IOException {
        SocketChannel engine = SocketChannel.open(target);
        open.add(client);
        open.add(engine);
        if (cut) {
            breakAll(); // It was cut meanwhile, perhaps before this one was known.
        }
        InputStream in = client.getInputStream();
        OutputStream out = client.getOutputStream();
        Conversation conversation = new Conversation();
        conversations.add(conversation);
        start(() -> {
            copy(buffer -> in.read(buffer.array()), ask(engine, conversation), engine, client);
            conversations.remove(conversation);
        });
        start(() -> copy(engine::read, answer(out, conversation), client, engine));
    }

    private To answer(OutputStream out, Conversation conversation) {
        return buffer -> {
            String kept = heldAnswers;
            if (!kept.isEmpty() && conversation.request.contains(kept)) {
                released.await();
            }
            TimeUnit.MILLISECONDS.sleep(slowMillis);
            conversation.request = "";
            out.write(buffer.array(), 0, buffer.limit());
        };
    }

    private To ask(SocketChannel engine, Conversation conversation) {
        return buffer -> {
            new String(buffer.array(), 0, buffer.limit(), StandardCharsets.ISO_8859_1)
                    .lines()
                    .filter(line -> line.endsWith(" HTTP/1.1"))
                    .forEach(line -> {
                        requests.add(line);
                        conversation.request = line;
                    });
            while (buffer.hasRemaining()) {
                engine.write(buffer);
            }
        };
    }

    private interface From {
        int read(ByteBuffer buffer) throws IOException;
    }

    private interface To {
        void write(ByteBuffer buffer) throws IOException, InterruptedException;
    }

    private void copy(From from, To to, Closeable one, Closeable other) {
        ByteBuffer buffer = ByteBuffer.allocate(16 * 1024);
        try (one;
                other) {
            for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
                if (held) {
                    released.await();
                }
                buffer.position(0).limit(count);
                to.write(buffer);
                buffer.clear();
            }
        } catch (IOException e) {
            // One side left.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "engine-proxy");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        server.close();
        breakAll();
    }
}
