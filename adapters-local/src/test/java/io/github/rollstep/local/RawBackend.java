package io.github.rollstep.local;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** An instance made of sockets: what it answers, and when it breaks off, is up to the test. */
final class RawBackend implements Closeable {

    /** Answers one request, whose head was read; closes the socket or leaves it open for the next. */
    @FunctionalInterface
    interface Handler {
        void handle(Call call) throws Exception;
    }

    record Call(RawMessage head, InputStream in, Socket socket, int connection) {
        void send(String text) throws IOException {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        void ok(String body) throws IOException {
            send("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
        }

        String exactly(int length) throws IOException {
            return new String(in.readNBytes(length), StandardCharsets.ISO_8859_1);
        }

        String path() {
            return head.firstLine().split(" ")[1];
        }
    }

    private final ServerSocket server;
    private final Handler handler;
    private final Instance instance;
    private final AtomicInteger connections = new AtomicInteger();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final Thread acceptor;
    private final List<RawMessage> requests = new CopyOnWriteArrayList<>();

    RawBackend(String id, Handler handler) throws IOException {
        this.server = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        this.handler = handler;
        this.instance = instance(id, (InetSocketAddress) server.getLocalSocketAddress());
        acceptor = start(this::acceptAll, "backend-" + id);
    }

    /** One that answers each request with its id. */
    static RawBackend named(String id) throws IOException {
        return new RawBackend(id, call -> call.ok(id));
    }

    static Instance instance(String id, InetSocketAddress address) {
        return Instance.builder(InstanceId.of(id), Revision.of("r1"), Instance.State.RUNNING)
                .address(address)
                .build();
    }

    Instance instance() {
        return instance;
    }

    InstanceId id() {
        return instance.id();
    }

    int connections() {
        return connections.get();
    }

    int openConnections() {
        return open.size();
    }

    List<RawMessage> requests() {
        return requests;
    }

    private void acceptAll() {
        try {
            while (true) {
                Socket socket = server.accept();
                socket.setTcpNoDelay(true);
                open.add(socket);
                int number = connections.incrementAndGet();
                start(() -> serve(socket, number), "backend-connection");
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket socket, int number) {
        try (socket) {
            InputStream in = new BufferedInputStream(socket.getInputStream());
            while (!socket.isClosed()) {
                RawMessage head = RawMessage.readHead(in);
                requests.add(head);
                handler.handle(new Call(head, in, socket, number));
            }
        } catch (Exception e) {
            // the other side left, or the handler wants the connection broken
        } finally {
            open.remove(socket);
        }
    }

    private static Thread start(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Stops listening; then its port refuses connections. */
    void stopListening() throws IOException {
        server.close();
        try {
            acceptor.join(); // Until then the kernel goes on.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        stopListening();
        for (Socket socket : open) {
            socket.close();
        }
    }
}
