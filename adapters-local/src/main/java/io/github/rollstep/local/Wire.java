package io.github.rollstep.local;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.BasicHttpTransportMetrics;
import org.apache.hc.core5.http.impl.io.ChunkedInputStream;
import org.apache.hc.core5.http.impl.io.ChunkedOutputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthInputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthOutputStream;
import org.apache.hc.core5.http.impl.io.IdentityInputStream;
import org.apache.hc.core5.http.impl.io.IdentityOutputStream;
import org.apache.hc.core5.http.impl.io.SessionInputBufferImpl;
import org.apache.hc.core5.http.impl.io.SessionOutputBufferImpl;
import org.apache.hc.core5.util.CharArrayBuffer;

/**
 * One TCP connection with its buffers. Every read is limited in time; a write is seen from outside by how long it has been
 * standing still ({@link #writingFor()}). What was buffered for the other side goes out before a read waits, so that a stream
 * is passed on as it comes, and bytes that come together leave together.
 *
 * <p>One thread may read while another writes; {@link #close()} from any thread ends both.
 *
 * <p>Why not httpcore's connection classes: they end a chunked body properly even when its source failed, which hides a
 * truncation; take the end of the stream within a header section for its end; and need a millisecond for a stale check.
 */
final class Wire implements Closeable {

    /** Runs around a wait for input. */
    @FunctionalInterface
    interface Wait {
        Wait NOTHING = () -> {};

        void run() throws IOException;
    }

    private static final int BUFFER = 16 * 1024;
    private static final int CHUNK = 8 * 1024;
    private static final long FIRST_LOOK = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LAST_LOOK = TimeUnit.MILLISECONDS.toNanos(320);

    private final SocketChannel channel;
    private final Socket socket;
    private final InputStream socketIn;
    private final OutputStream socketOut;
    private final SessionInputBufferImpl in;
    private final SessionOutputBufferImpl out;
    private final InputStream timedIn = new TimedInput();
    private final OutputStream watchedOut = new WatchedOutput();
    private final Http1Config limits;

    private Wait beforeWait = Wait.NOTHING;
    private Wait whileWaiting = Wait.NOTHING;
    private long timeoutNanos = TimeUnit.SECONDS.toNanos(60);
    private boolean untilDeadline;
    private long deadline;
    private boolean polling;
    private boolean ended;
    private long received;

    private volatile boolean writing;
    private volatile long writingSince;

    Wire(SocketChannel channel, int maxLine, int maxHeaders) throws IOException {
        this.channel = channel;
        this.socket = channel.socket();
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        this.socketIn = socket.getInputStream();
        this.socketOut = socket.getOutputStream();
        // Headers go through byte by byte: no decoder on the way in, its inverse on the way out.
        this.in = new SessionInputBufferImpl(new BasicHttpTransportMetrics(), BUFFER, -1, maxLine, null);
        this.out = new SessionOutputBufferImpl(
                new BasicHttpTransportMetrics(), BUFFER, BUFFER, StandardCharsets.ISO_8859_1.newEncoder());
        this.limits = Http1Config.custom()
                .setMaxLineLength(maxLine)
                .setMaxHeaderCount(maxHeaders)
                .build();
    }

    /** Connects, or throws with nothing left open. */
    static Wire connect(InetSocketAddress address, Duration timeout, int maxLine, int maxHeaders) throws IOException {
        InetSocketAddress target =
                address.isUnresolved() ? new InetSocketAddress(address.getHostString(), address.getPort()) : address;
        SocketChannel channel = SocketChannel.open();
        try {
            channel.socket().connect(target, millis(timeout.toNanos()));
            if (target.equals(channel.getLocalAddress())) {
                // TCP's simultaneous open: a dead local port that happened to be our own ephemeral one.
                throw new java.net.ConnectException("Connection refused (it was our own)");
            }
            return new Wire(channel, maxLine, maxHeaders);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Each later read may stand still for this long. */
    void timeout(Duration timeout) {
        untilDeadline = false;
        timeoutNanos = timeout.toNanos();
    }

    /** All later reads together may take this long from now. */
    void deadline(Duration timeout) {
        untilDeadline = true;
        deadline = System.nanoTime() + timeout.toNanos();
    }

    /** What to do before a read waits: pass on what is buffered for the other side. */
    void beforeWait(Wait action) {
        beforeWait = action;
    }

    /** What to do every now and then while a read waits. */
    void whileWaiting(Wait action) {
        whileWaiting = action;
    }

    void forgetWaits() {
        beforeWait = Wait.NOTHING;
        whileWaiting = Wait.NOTHING;
    }

    /** How many bytes were read from the socket so far. */
    long received() {
        return received;
    }

    /** Whether the end of the stream was met: then a header section or chunk that was just read is not complete. */
    boolean ended() {
        return ended;
    }

    boolean hasInput() {
        return in.hasBufferedData();
    }

    /** Waits for input; false at the end of the stream. */
    boolean awaitInput() throws IOException {
        return in.hasBufferedData() || in.fillBuffer(timedIn) >= 0;
    }

    /** Takes what has arrived without waiting; false at the end of the stream. Not while another thread writes. */
    boolean poll() throws IOException {
        channel.configureBlocking(false);
        polling = true;
        try {
            return in.fillBuffer(timedIn) >= 0;
        } finally {
            polling = false;
            channel.configureBlocking(true);
        }
    }

    /** One line without its end; false at the end of the stream. */
    boolean readLine(CharArrayBuffer line) throws IOException {
        line.clear();
        return in.readLine(line, timedIn) >= 0;
    }

    SessionInputBufferImpl input() {
        return in;
    }

    InputStream inputStream() {
        return timedIn;
    }

    void writeLine(CharArrayBuffer line) throws IOException {
        out.writeLine(line, watchedOut);
    }

    void flush() throws IOException {
        out.flush(watchedOut);
    }

    InputStream bodyInput(Framing framing) {
        switch (framing.kind()) {
            case CHUNKED:
                return new ChunkedInputStream(in, timedIn, limits);
            case UNTIL_CLOSE:
                return new IdentityInputStream(in, timedIn);
            default:
                return new ContentLengthInputStream(in, timedIn, framing.length());
        }
    }

    OutputStream bodyOutput(Framing framing) {
        switch (framing.kind()) {
            case CHUNKED:
                return new ChunkedOutputStream(out, watchedOut, CHUNK);
            case UNTIL_CLOSE:
                return new IdentityOutputStream(out, watchedOut);
            default:
                return new ContentLengthOutputStream(out, watchedOut, framing.length());
        }
    }

    /** How long the write that is under way has been standing; zero if none is. From any thread. */
    Duration writingFor() {
        long since = writingSince;
        return writing ? Duration.ofNanos(System.nanoTime() - since) : Duration.ZERO;
    }

    void shutdownOutput() throws IOException {
        flush();
        channel.shutdownOutput();
    }

    /** Reads and throws away until the peer closes or the time is over. */
    void discardInput(Duration atMost) throws IOException {
        forgetWaits();
        deadline(atMost);
        try {
            do {
                in.clear();
            } while (in.fillBuffer(timedIn) >= 0);
        } catch (SocketTimeoutException e) {
            // long enough
        }
    }

    /** Makes the next close visible to the peer as a failure, not as an end. */
    void closeWillReset() {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException e) {
            // closed already
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // nothing to be done, nothing lost
        }
    }

    private static int millis(long nanos) {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE, (nanos + 999_999) / 1_000_000));
    }

    private final class TimedInput extends InputStream {

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            int count = polling ? channel.read(ByteBuffer.wrap(buffer, offset, length)) : await(buffer, offset, length);
            if (count < 0) {
                ended = true;
            } else {
                received += count;
            }
            return count;
        }

        private int await(byte[] buffer, int offset, int length) throws IOException {
            beforeWait.run();
            long limit = untilDeadline ? deadline : System.nanoTime() + timeoutNanos;
            long look = whileWaiting == Wait.NOTHING ? Long.MAX_VALUE : FIRST_LOOK;
            while (true) {
                long left = limit - System.nanoTime();
                if (left <= 0) {
                    throw new SocketTimeoutException("Read timed out");
                }
                socket.setSoTimeout(millis(Math.min(left, look)));
                try {
                    return socketIn.read(buffer, offset, length);
                } catch (SocketTimeoutException e) {
                    whileWaiting.run();
                    look = look == Long.MAX_VALUE ? look : Math.min(look * 2, LAST_LOOK);
                }
            }
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }
    }

    private final class WatchedOutput extends OutputStream {

        @Override
        public void write(byte[] buffer, int offset, int length) throws IOException {
            writingSince = System.nanoTime();
            writing = true;
            try {
                socketOut.write(buffer, offset, length);
            } finally {
                writing = false;
            }
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }
    }
}
