package io.github.rollstep.local;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One connection, no cleverness: what it is told to send, and nothing twice. */
final class RawClient implements Closeable {

    private final Socket socket = new Socket();
    private final InputStream in;

    RawClient(InetSocketAddress address) throws IOException {
        socket.connect(address);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(20_000);
        in = new BufferedInputStream(socket.getInputStream());
    }

    RawClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    RawClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    RawClient get(String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    }

    RawMessage receive() throws IOException {
        return RawMessage.read(in, false, false);
    }

    RawMessage receiveHead() throws IOException {
        return RawMessage.readHead(in);
    }

    RawMessage receiveUntilClose() throws IOException {
        return RawMessage.read(in, false, true);
    }

    String receiveChunk() throws IOException {
        return new String(RawMessage.chunk(in), StandardCharsets.ISO_8859_1);
    }

    /** The next byte, -1 at the end. */
    int next() throws IOException {
        return in.read();
    }

    Socket socket() {
        return socket;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
