package io.github.rollstep.local;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hc.core5.http.Header;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of a client: reads a request, has it answered, and again. It knows no backend, so that it outlives them
 * all. Answers of the router itself are a line of plain text.
 */
final class ClientConnection implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    /** How long a client that still sends is listened to, so that it comes to read the answer. */
    private static final Duration LINGER = Duration.ofSeconds(2);

    private final EmbeddedRouter router;
    private final RouterSettings settings;
    private final Backends backends;
    private final Wire wire;
    private final HeadReader reader;
    private final HeadWriter writer;
    private final String remoteAddress;
    private volatile boolean idle = true;
    private boolean failuresMustReset;

    ClientConnection(EmbeddedRouter router, RouterSettings settings, Backends backends, SocketChannel channel)
            throws IOException {
        this.router = router;
        this.settings = settings;
        this.backends = backends;
        this.wire = new Wire(channel, settings.maxHeaderLine(), settings.maxHeaders());
        this.reader = new HeadReader(wire, settings.maxHeaderLine(), settings.maxHeaders());
        this.writer = new HeadWriter(wire);
        InetAddress remote = ((InetSocketAddress) channel.getRemoteAddress()).getAddress();
        this.remoteAddress = remote.getHostAddress().replaceFirst("%.*", "");
    }

    @Override
    public void run() {
        try {
            boolean again = true;
            while (again) {
                again = serveOne();
            }
        } catch (IOException e) {
            LOG.debug("Connection of {} ended: {}", remoteAddress, e.toString());
            if (failuresMustReset) {
                wire.closeWillReset();
            }
        } catch (RuntimeException e) {
            LOG.warn("Connection of {} failed", remoteAddress, e);
        } finally {
            wire.close();
            router.ended(this);
        }
    }

    /** Refuses in one packet and stays open for reading; the caller closes it later. */
    void refuseAll(String reason) throws IOException {
        answer(new Refusal(503, reason), false, false);
        wire.shutdownOutput();
    }

    private boolean serveOne() throws IOException {
        Optional<RequestHead> head = Optional.empty();
        Exchange exchange;
        try {
            idle = true;
            if (router.isClosing()) {
                return false;
            }
            wire.timeout(settings.keepAlive());
            try {
                if (!wire.awaitInput()) {
                    return false;
                }
            } catch (SocketTimeoutException e) {
                return false;
            }
            idle = false;
            wire.deadline(settings.headerTimeout());
            head = RequestHead.read(wire, reader);
            if (head.isEmpty()) {
                return false;
            }
            exchange = new Exchange(this, settings, backends, head.get());
        } catch (SocketTimeoutException e) {
            answer(new Refusal(408, "the header of the request took too long", e), false, false);
            linger();
            return false;
        } catch (Refusal refusal) {
            answer(refusal, false, isHead(head));
            linger();
            return false;
        }
        try {
            boolean again = exchange.run();
            if (!again) {
                wire.shutdownOutput();
            }
            return endOf(exchange) && again;
        } catch (Refusal refusal) {
            boolean again = head.get().keepsAlive() && !exchange.hasBody() && !isClosing();
            answer(refusal, again, isHead(head));
            if (!again) {
                wire.shutdownOutput();
                if (endOf(exchange)) {
                    linger();
                }
            }
            return again;
        }
    }

    /** Waits for the rest of an upload that nobody needs any more; whether no upload reads from the connection now. */
    private static boolean endOf(Exchange exchange) {
        Optional<Upload> upload = exchange.upload();
        return upload.isEmpty() || upload.get().await(LINGER) && upload.get().isComplete();
    }

    /** A close with bytes unread would take the answer away from the client. */
    private void linger() throws IOException {
        wire.shutdownOutput();
        wire.discardInput(LINGER);
    }

    private void answer(Refusal refusal, boolean again, boolean headOnly) throws IOException {
        byte[] text = (refusal.status() + ": " + refusal.reason() + "\n").getBytes(StandardCharsets.UTF_8);
        Framing framing = new Framing(Framing.Kind.LENGTH, text.length);
        List<Header> fields = new ArrayList<>();
        fields.add(Fields.field("Content-Type", "text/plain; charset=utf-8"));
        framing.addTo(fields);
        fields.add(Fields.field("Connection", again ? "keep-alive" : "close"));
        writer.response(refusal.status(), fields);
        if (!headOnly) {
            OutputStream body = wire.bodyOutput(framing);
            body.write(text);
        }
        wire.flush();
    }

    private static boolean isHead(Optional<RequestHead> head) {
        return head.isPresent() && head.get().method().equals("HEAD");
    }

    Wire wire() {
        return wire;
    }

    HeadWriter writer() {
        return writer;
    }

    String remoteAddress() {
        return remoteAddress;
    }

    boolean isIdle() {
        return idle;
    }

    boolean isClosing() {
        return router.isClosing();
    }

    void start(Upload upload) throws IOException {
        router.start(upload);
    }

    /** Until {@link #unwatch}, the wire is closed if a write to it stands still for too long. */
    void watch(Wire other) {
        router.watch(other);
    }

    void unwatch(Wire other) {
        router.unwatch(other);
    }

    void countRetry() {
        router.countRetry();
    }

    /** Whether an answer is under way whose end the client only knows by the end of the connection. */
    void failuresMustReset(boolean now) {
        failuresMustReset = now;
    }

    void close() {
        wire.close();
    }
}
