package io.github.rollstep.haproxy;

import io.github.rollstep.spi.ProviderException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A stats socket of HAProxy: one command a connection, so that no reply is taken for that of another command. Safe for use by
 * several threads.
 */
final class Endpoint {

    private static final int MOST_BYTES = 64 * 1024 * 1024;

    private final SocketAddress address;
    private final Duration timeout;

    private Endpoint(SocketAddress address, Duration timeout) {
        this.address = address;
        this.timeout = timeout;
    }

    static Endpoint of(Path socket, Duration timeout) {
        return new Endpoint(UnixDomainSocketAddress.of(socket), timeout);
    }

    static Endpoint of(InetSocketAddress address, Duration timeout) {
        return new Endpoint(address, timeout);
    }

    /**
     * Sends one command, and reads the reply to its end.
     *
     * @throws ProviderException retryable if HAProxy is not reached, or does not end its reply in time
     */
    String ask(String command) {
        long deadline = System.nanoTime() + timeout.toNanos();
        try (SocketChannel channel = open();
                Selector selector = Selector.open()) {
            channel.configureBlocking(false);
            SelectionKey key = channel.register(selector, 0);
            if (!channel.connect(address)) {
                await(key, SelectionKey.OP_CONNECT, deadline);
                channel.finishConnect();
            }
            ByteBuffer request = StandardCharsets.US_ASCII.encode(command + "\n");
            while (channel.write(request) >= 0 && request.hasRemaining()) {
                await(key, SelectionKey.OP_WRITE, deadline);
            }
            return read(channel, key, deadline);
        } catch (IOException e) {
            if (e instanceof ClosedByInterruptException || e instanceof InterruptedIOException) {
                Thread.currentThread().interrupt();
            }
            throw ProviderException.retryable(
                    "HAProxy at %s did not answer \"%s\": %s".formatted(this, verb(command), e.getMessage()), e);
        }
    }

    private SocketChannel open() throws IOException {
        return address instanceof UnixDomainSocketAddress
                ? SocketChannel.open(StandardProtocolFamily.UNIX)
                : SocketChannel.open();
    }

    private String read(SocketChannel channel, SelectionKey key, long deadline) throws IOException {
        ByteArrayOutputStream reply = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(16 * 1024);
        while (true) {
            int count = channel.read(buffer);
            if (count < 0) {
                return reply.toString(StandardCharsets.US_ASCII);
            }
            if (count == 0) {
                await(key, SelectionKey.OP_READ, deadline);
            }
            reply.write(buffer.array(), 0, buffer.position());
            buffer.clear();
            if (reply.size() > MOST_BYTES) {
                throw new IOException("the reply is longer than " + MOST_BYTES + " bytes");
            }
        }
    }

    private void await(SelectionKey key, int operation, long deadline) throws IOException {
        key.interestOps(operation);
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
            throw new IOException("no answer within " + timeout.toMillis() + " ms");
        }
        key.selector().select(millis);
        key.selector().selectedKeys().clear();
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedIOException("interrupted");
        }
    }

    private static String verb(String command) {
        return command.length() <= 80 ? command : command.substring(0, 80) + "...";
    }

    @Override
    public String toString() {
        return address instanceof InetSocketAddress tcp
                ? tcp.getAddress().getHostAddress() + ":" + tcp.getPort()
                : address.toString();
    }
}
