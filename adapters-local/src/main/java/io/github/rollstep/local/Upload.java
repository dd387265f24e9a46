package io.github.rollstep.local;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.hc.core5.http.MalformedChunkCodingException;
import org.apache.hc.core5.http.MessageConstraintException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the body of one request from the client to the backend, on the thread of the connection or, while that one already
 * listens to the backend, on one of its own. A backend that no longer listens does not end it: the rest is thrown away, so
 * that the client comes to read the answer. If the client fails, the connection to the backend is closed: it never takes
 * half a body for a whole one.
 */
final class Upload implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(Upload.class);

    private static final int COPY = 16 * 1024;

    private final Wire client;
    private final Wire backend;
    private final Framing framing;
    private final Duration timeout;
    private final CountDownLatch done = new CountDownLatch(1);
    private volatile boolean complete;
    private volatile boolean failed;
    private volatile boolean unheard;
    private volatile @Nullable Refusal refusal;

    Upload(Wire client, Wire backend, Framing framing, Duration timeout) {
        this.client = client;
        this.backend = backend;
        this.framing = framing;
        this.timeout = timeout;
    }

    @Override
    public void run() {
        try {
            copy();
            client.forgetWaits();
            complete = true;
        } catch (SocketTimeoutException e) {
            refusal = new Refusal(408, "the body of the request stood still for too long", e);
        } catch (MalformedChunkCodingException | MessageConstraintException e) {
            refusal = new Refusal(400, "the body of the request is malformed", e);
        } catch (IOException e) {
            LOG.debug("An upload ended: {}", e.toString());
        } finally {
            if (!complete) {
                client.forgetWaits();
                failed = true;
                backend.close();
            }
            done.countDown();
        }
    }

    private void copy() throws IOException {
        client.timeout(timeout);
        InputStream from = client.bodyInput(framing);
        OutputStream to = backend.bodyOutput(framing);
        client.beforeWait(() -> heard(to::flush));
        byte[] buffer = new byte[COPY];
        for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
            int length = count;
            heard(() -> to.write(buffer, 0, length));
        }
        if (client.ended()) {
            throw new EOFException("the request ended within its body");
        }
        heard(to::close);
    }

    private void heard(Wire.Wait write) {
        if (!unheard) {
            try {
                write.run();
            } catch (IOException e) {
                unheard = true;
            }
        }
    }

    boolean isRunning() {
        return done.getCount() > 0;
    }

    /** Whether the client has sent it all. */
    boolean isComplete() {
        return complete;
    }

    /** Whether the backend has been sent it all. */
    boolean isDelivered() {
        return complete && !unheard;
    }

    /** Whether the client left or did something wrong within the body. */
    boolean isFailed() {
        return failed;
    }

    /** What the client did wrong; empty if it left. */
    Optional<Refusal> refusal() {
        return Optional.ofNullable(refusal);
    }

    boolean await(Duration atMost) {
        try {
            return done.await(atMost.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
