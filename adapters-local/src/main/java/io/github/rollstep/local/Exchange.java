package io.github.rollstep.local;

import io.github.rollstep.local.BackendFailure.Reach;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way to a backend, and the answer on its way back.
 *
 * <ul>
 *   <li>A backend is claimed from before the first byte until the whole answer was written to the client, or failed.
 *   <li>A request that reached no backend, because none accepted the connection, goes to the next; each is tried once.
 *   <li>An idempotent request without a body that got no byte of an answer on a broken connection is repeated once, on
 *       another backend if there is one, on a fresh connection in any case. After a time-out nothing is repeated.
 *   <li>Only such requests use connections that were used before.
 *   <li>Once the head of the answer has been passed on, a failure ends the connection of the client without the proper end
 *       of the body: an answer is never cut short in silence.
 * </ul>
 */
final class Exchange {

    /** Up to this size a body of known length is sent before the answer is listened to. */
    private static final long SMALL_BODY = 64 * 1024;

    private static final int COPY = 16 * 1024;
    private static final Duration UPLOAD_LOOK = Duration.ofMillis(100);

    private final ClientConnection client;
    private final RouterSettings settings;
    private final Backends backends;
    private final RequestHead request;
    private final Framing framing;
    private final boolean repeatable;
    private @Nullable Upload upload;
    private boolean continued;

    Exchange(ClientConnection client, RouterSettings settings, Backends backends, RequestHead request) throws Refusal {
        this.client = client;
        this.settings = settings;
        this.backends = backends;
        this.request = request;
        this.framing = Framing.ofRequest(request);
        this.repeatable = request.isIdempotent() && !framing.hasBody();
    }

    /** The upload, which may still be under way when the answer is complete; empty if there was none. */
    Optional<Upload> upload() {
        return Optional.ofNullable(upload);
    }

    boolean hasBody() {
        return framing.hasBody();
    }

    /**
     * Answers the request.
     *
     * @return whether the answer allows another request on the connection of the client
     * @throws Refusal if no backend has, and nothing was sent to the client yet
     * @throws IOException if the client is gone or the answer broke off
     */
    boolean run() throws IOException, Refusal {
        Optional<String> revision = settings.revisionKey().flatMap(request::named);
        Set<Backend> unreachable = new HashSet<>();
        Optional<Backend> claimed = backends.claim(revision, unreachable);
        boolean repeated = false;
        while (claimed.isPresent()) {
            Backend backend = claimed.get();
            BackendFailure failure;
            try {
                return attempt(backend, repeated);
            } catch (BackendFailure e) {
                failure = e;
            } finally {
                backends.release(backend);
            }
            claimed = Optional.empty();
            if (settings.retries() && failure.reach() == Reach.NOT_REACHED) {
                unreachable.add(backend);
                claimed = backends.claim(revision, unreachable);
            } else if (settings.retries() && failure.reach() == Reach.NO_ANSWER && repeatable && !repeated) {
                repeated = true;
                Set<Backend> others = new HashSet<>(unreachable);
                others.add(backend);
                claimed = backends.claim(revision, others).or(() -> backends.claim(revision, unreachable));
            }
            if (claimed.isEmpty()) {
                throw failure;
            }
            client.countRetry();
        }
        throw new Refusal(503, "no instance takes requests now");
    }

    private boolean attempt(Backend backend, boolean fresh) throws IOException, Refusal {
        InetSocketAddress address = backend.address();
        Optional<BackendConnection> used = repeatable && !fresh ? backend.idle().take(address) : Optional.empty();
        BackendConnection connection = used.isPresent() ? used.get() : connect(backend, address);
        boolean reusable = false;
        client.watch(connection.wire());
        try {
            connection.wire().whileWaiting(this::lookAtClient);
            ResponseHead response = answer(backend, connection);
            Framing body = Framing.ofResponse(request.method(), response);
            boolean keepsClient = relay(connection.wire(), response, body);
            reusable = response.keepsAlive()
                    && body.kind() != Framing.Kind.UNTIL_CLOSE
                    && (upload == null || upload.isDelivered());
            return keepsClient;
        } finally {
            client.unwatch(connection.wire());
            connection.wire().forgetWaits();
            if (reusable) {
                backend.idle().put(connection);
            } else {
                connection.close();
            }
        }
    }

    private BackendConnection connect(Backend backend, InetSocketAddress address) throws BackendFailure {
        try {
            return BackendConnection.open(address, settings);
        } catch (SocketTimeoutException e) {
            throw new BackendFailure(Reach.NOT_REACHED, 504, "instance " + backend + " accepts no connection", e);
        } catch (IOException | RuntimeException e) {
            throw new BackendFailure(Reach.NOT_REACHED, 502, "instance " + backend + " refuses the connection", e);
        }
    }

    /** Sends the request and waits for the head of the final answer. */
    private ResponseHead answer(Backend backend, BackendConnection connection) throws IOException, Refusal {
        Wire wire = connection.wire();
        long before = wire.received();
        try {
            send(connection);
            wire.timeout(UPLOAD_LOOK);
            while (upload != null && upload.isRunning() && !hasAnswer(wire)) {
                // The time for the answer counts from the end of the request.
            }
            ResponseHead response;
            do {
                wire.deadline(settings.responseTimeout());
                response = connection.receiveHead();
                if (response.status() < 200) {
                    relayInterim(response);
                }
            } while (response.status() < 200);
            return response;
        } catch (ClientGone e) {
            throw e;
        } catch (SocketTimeoutException e) {
            throw new BackendFailure(
                    Reach.BROKEN,
                    504,
                    "instance " + backend + " gave no answer within " + settings.responseTimeout(),
                    e);
        } catch (IOException | HttpException e) {
            throwIfClientFailed();
            Reach reach = wire.received() == before ? Reach.NO_ANSWER : Reach.BROKEN;
            throw new BackendFailure(reach, 502, "instance " + backend + " broke off before its answer", e);
        }
    }

    private static boolean hasAnswer(Wire wire) throws IOException {
        try {
            return wire.awaitInput() || wire.ended();
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private void send(BackendConnection connection) throws IOException, Refusal {
        Wire wire = connection.wire();
        connection.writer().request(request.method(), request.target(), requestFields(connection.address()));
        if (!framing.hasBody()) {
            wire.flush();
            return;
        }
        Upload body = new Upload(client.wire(), wire, framing, settings.bodyTimeout());
        upload = body;
        if (framing.kind() == Framing.Kind.LENGTH && framing.length() <= SMALL_BODY && !request.expectsContinue()) {
            body.run();
            throwIfClientFailed();
        } else {
            client.start(body);
        }
    }

    private void throwIfClientFailed() throws IOException, Refusal {
        if (upload != null && upload.isFailed()) {
            Optional<Refusal> refusal = upload.refusal();
            if (refusal.isPresent()) {
                throw refusal.get();
            }
            throw new ClientGone("the request ended within its body");
        }
    }

    private void lookAtClient() throws IOException {
        if (upload != null && !upload.isComplete()) {
            return; // it looks itself
        }
        try {
            if (!client.wire().poll()) {
                throw new ClientGone("the client closed the connection");
            }
        } catch (ClientGone e) {
            throw e;
        } catch (IOException e) {
            throw new ClientGone(e);
        }
    }

    private List<Header> requestFields(InetSocketAddress address) {
        List<Header> fields = new ArrayList<>(request.fields().size() + 6);
        fields.add(Fields.field(
                "Host", request.host().orElseGet(() -> address.getHostString() + ":" + address.getPort())));
        List<String> via = new ArrayList<>();
        List<String> forwardedFor = new ArrayList<>();
        for (Header field : Fields.endToEnd(request.fields())) {
            String name = field.getName();
            if (name.equalsIgnoreCase("X-Forwarded-For")) {
                forwardedFor.add(field.getValue());
            } else if (name.equalsIgnoreCase("Via")) {
                via.add(field.getValue());
            } else if (!name.equalsIgnoreCase("Host")
                    && !name.equalsIgnoreCase("X-Forwarded-Proto")
                    && !name.equalsIgnoreCase("X-Forwarded-Host")
                    // HTTP/1.0 does not know it, and a client of it would not wait.
                    && !(name.equalsIgnoreCase("Expect") && !request.isHttp11())) {
                fields.add(field);
            }
        }
        forwardedFor.add(client.remoteAddress());
        via.add((request.isHttp11() ? "1.1" : "1.0") + " rollstep");
        fields.add(Fields.field("X-Forwarded-For", String.join(", ", forwardedFor)));
        fields.add(Fields.field("X-Forwarded-Proto", "http"));
        request.host().ifPresent(host -> fields.add(Fields.field("X-Forwarded-Host", host)));
        fields.add(Fields.field("Via", String.join(", ", via)));
        framing.addTo(fields);
        return fields;
    }

    private void relayInterim(ResponseHead response) throws IOException {
        if (!request.isHttp11() || response.status() == 100 && !request.expectsContinue()) {
            return;
        }
        continued |= response.status() == 100;
        try {
            client.writer().response(response.status(), response.reason(), Fields.endToEnd(response.fields()));
            client.wire().flush();
        } catch (IOException e) {
            throw new ClientGone(e);
        }
    }

    private boolean relay(Wire backend, ResponseHead response, Framing body) throws IOException {
        boolean endless = body.kind() == Framing.Kind.CHUNKED || body.kind() == Framing.Kind.UNTIL_CLOSE;
        Framing toClient = !endless ? body : request.isHttp11() ? Framing.CHUNKED : Framing.UNTIL_CLOSE;
        // A client that got its answer instead of a 100 does not send the body: where its next request starts is
        // unknown.
        boolean unsent = request.expectsContinue() && !continued && upload != null && !upload.isComplete();
        boolean keepsClient =
                request.keepsAlive() && toClient.kind() != Framing.Kind.UNTIL_CLOSE && !unsent && !client.isClosing();
        client.writer().response(response.status(), response.reason(), responseFields(response, toClient, keepsClient));
        if (body.hasBody()) {
            if (toClient.kind() == Framing.Kind.UNTIL_CLOSE) {
                client.failuresMustReset(true);
            }
            copy(backend, body, toClient);
            client.failuresMustReset(false);
        }
        client.wire().flush();
        return keepsClient;
    }

    private void copy(Wire backend, Framing body, Framing toClient) throws IOException {
        backend.timeout(settings.bodyTimeout());
        InputStream from = backend.bodyInput(body);
        OutputStream to = client.wire().bodyOutput(toClient);
        backend.beforeWait(to::flush);
        byte[] buffer = new byte[COPY];
        for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
            to.write(buffer, 0, count);
        }
        if (body.kind() == Framing.Kind.CHUNKED && backend.ended()) {
            throw new IOException("the answer ended within its last chunk");
        }
        to.close();
    }

    private List<Header> responseFields(ResponseHead response, Framing toClient, boolean keepsClient) {
        List<Header> fields = Fields.endToEnd(response.fields());
        if (request.method().equals("HEAD") || response.status() == 304) {
            // The length of the body that is not there.
            List<String> lengths = Fields.values(response.fields(), "content-length");
            if (lengths.size() == 1) {
                fields.add(Fields.field("Content-Length", lengths.get(0)));
            }
        }
        toClient.addTo(fields);
        if (!keepsClient) {
            fields.add(Fields.field("Connection", "close"));
        } else if (!request.isHttp11()) {
            fields.add(Fields.field("Connection", "keep-alive"));
        }
        return fields;
    }
}
