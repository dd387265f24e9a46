package io.github.rollstep.gate;

import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Asks a service over HTTP/1.1: POSTs the {@link Gate.Context} as JSON, signed, and reads the verdict from the answer.
 *
 * <p>A verdict is status 200 and a body in UTF-8 whose first line is {@code pass}, {@code wait} or {@code fail}, in lower case, with
 * the reason behind a blank: {@code fail 3 of 40 acceptance tests}. Everything else is none, and the rollout waits: another status, a
 * redirect (never followed), a body of more than 64 KiB, no whole answer in time. So neither a proxy's error page nor a wrong URL
 * lets a rollout pass or fail. The same question comes again at each gate interval: it has to be answered at once, with
 * {@code wait} if the answer is not known yet.
 *
 * <p>The body is an object in ASCII; members may be added to it. The revisions' attributes are not in it: they may be secret.
 * <pre>{@code
 * {"gate":"acceptance","fleet":"shop","rollout":"20261124-021530-7f3a","target":"v2","baseline":"v1","batch":1,"baking":false,
 *  "waitedMillis":42000,"counts":{"existing":4,"serving":3,"updated":1,"starting":0,"outdated":2,"draining":0,"stopping":1,
 *  "kept":0,"failed":0},"metadata":{}}
 * }</pre>
 * {@code baseline} is null if there was none.
 *
 * <p>The header {@code Rollstep-Signature: t=1795486530,v1=5257a8...} has the time in seconds since 1970 and the HMAC-SHA256, in hex, of
 * that number, a dot and the body: the scheme of Stripe's webhooks, so that libraries for those verify it. The answer is not
 * signed: what is between here and the service must be trusted, or the URL be one of https.
 *
 * <p>Safe for use by several threads.
 */
public final class WebhookGate implements Gate {

    private static final int MOST_BODY_BYTES = 64 * 1024;
    private static final int MOST_REASON = 500;
    private static final String SIGNATURE = "Rollstep-Signature";
    private static final String CONTENT_TYPE = "Content-Type";

    private final String name;
    private final URI url;
    private final byte[] key;
    private final Duration timeout;
    private final Map<String, String> headers;
    private final Map<String, String> metadata;
    private final InstantSource clock;
    private final HttpClient client;

    private WebhookGate(Builder builder) {
        name = builder.name;
        url = builder.url;
        key = builder.key;
        timeout = builder.timeout;
        headers = Map.copyOf(builder.headers);
        metadata = new LinkedHashMap<>(builder.metadata);
        clock = builder.clock;
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(timeout)
                .build();
    }

    /**
     * @param name of the gate
     * @param url of http or https, without user info and fragment. Messages show it without its query; secrets belong into a
     *     {@link Builder#header}
     */
    public static Builder builder(String name, URI url) {
        return new Builder(name, url);
    }

    @Override
    public String name() {
        return name;
    }

    /** @throws ProviderException if the answer is no verdict; always retryable */
    @Override
    public Verdict judge(Context context) {
        byte[] body = body(context).getBytes(StandardCharsets.US_ASCII);
        HttpRequest.Builder request = HttpRequest.newBuilder(url).timeout(timeout);
        headers.forEach(request::setHeader);
        request.setHeader(CONTENT_TYPE, "application/json")
                .setHeader(SIGNATURE, signature(key, clock.instant().getEpochSecond(), body))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        CompletableFuture<HttpResponse<String>> answer = client.sendAsync(request.build(), info -> new Bounded());
        try {
            return verdict(answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException | CancellationException e) {
            throw tooSlow(e);
        } catch (ExecutionException e) {
            Throwable cause =
                    e.getCause() instanceof CompletionException c && c.getCause() != null ? c.getCause() : e.getCause();
            throw cause instanceof HttpTimeoutException ? tooSlow(cause) : noVerdict(describe(cause), cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw noVerdict("interrupted", e);
        } finally {
            answer.cancel(true); // the timeout of a request ends with the headers
        }
    }

    private String body(Context context) {
        FleetCounts fleet = context.counts();
        Map<String, String> counts = new LinkedHashMap<>();
        counts.put("existing", String.valueOf(fleet.existing()));
        counts.put("serving", String.valueOf(fleet.serving()));
        counts.put("updated", String.valueOf(fleet.updated()));
        counts.put("starting", String.valueOf(fleet.starting()));
        counts.put("outdated", String.valueOf(fleet.outdated()));
        counts.put("draining", String.valueOf(fleet.draining()));
        counts.put("stopping", String.valueOf(fleet.stopping()));
        counts.put("kept", String.valueOf(fleet.kept()));
        counts.put("failed", String.valueOf(fleet.failed()));
        Map<String, String> members = new LinkedHashMap<>();
        members.put("gate", Json.string(name));
        members.put("fleet", Json.string(context.fleet().value()));
        members.put("rollout", Json.string(context.rollout().value()));
        members.put("target", Json.string(context.target().id()));
        members.put(
                "baseline",
                context.baseline().map(Revision::id).map(Json::string).orElse("null"));
        members.put("batch", String.valueOf(context.batch()));
        members.put("baking", String.valueOf(context.baking()));
        members.put("waitedMillis", String.valueOf(context.waited().toMillis()));
        members.put("counts", Json.object(counts));
        Map<String, String> values = new LinkedHashMap<>();
        metadata.forEach((key, value) -> values.put(key, Json.string(value)));
        members.put("metadata", Json.object(values));
        return Json.object(members);
    }

    static String signature(byte[] key, long seconds, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update((seconds + ".").getBytes(StandardCharsets.US_ASCII));
            return "t=%d,v1=%s".formatted(seconds, HexFormat.of().formatHex(mac.doFinal(body)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    private Verdict verdict(HttpResponse<String> answer) {
        if (answer.statusCode() != 200) {
            throw noVerdict("status " + answer.statusCode());
        }
        String line = answer.body().lines().findFirst().orElse("").strip();
        String[] parts = line.split("\\s+", 2);
        String reason = parts.length > 1 ? shown(parts[1]) : "";
        return switch (parts[0]) {
            case "pass" -> Verdict.pass(reason);
            case "wait" -> Verdict.waits(reason.isEmpty() ? noReason() : reason);
            case "fail" -> Verdict.fail(reason.isEmpty() ? noReason() : reason);
            default -> throw noVerdict("the answer must begin with pass, wait or fail, was \"" + shown(line) + "\"");
        };
    }

    private String noReason() {
        return shownUrl() + " gave no reason";
    }

    /** What a stranger wrote, fit for one line of a log. */
    private static String shown(String text) {
        String line = text.replaceAll("\\p{Cntrl}", " ");
        return line.length() <= MOST_REASON ? line : line.substring(0, MOST_REASON) + "...";
    }

    private ProviderException tooSlow(Throwable cause) {
        return noVerdict("no whole answer within " + timeout, cause);
    }

    private ProviderException noVerdict(String why) {
        return ProviderException.retryable("POST %s: %s".formatted(shownUrl(), why));
    }

    private ProviderException noVerdict(String why, Throwable cause) {
        return ProviderException.retryable("POST %s: %s".formatted(shownUrl(), why), cause);
    }

    /** The client's ConnectException says nothing more. */
    private static String describe(Throwable cause) {
        return cause instanceof ConnectException
                ? "cannot connect"
                : cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    private String shownUrl() {
        return "%s://%s%s".formatted(url.getScheme(), url.getRawAuthority(), url.getRawPath());
    }

    /** Name and URL; neither the key nor headers. */
    @Override
    public String toString() {
        return "WebhookGate[%s, %s]".formatted(name, shownUrl());
    }

    /** Keeps a small body, and refuses a large one as soon as it is seen to be one. */
    private static final class Bounded implements HttpResponse.BodySubscriber<String> {

        private final CompletableFuture<String> done = new CompletableFuture<>();
        private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        private final List<byte[]> parts = new ArrayList<>();
        private int bytes;

        @Override
        public CompletionStage<String> getBody() {
            return done;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription.complete(subscription);
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> item) {
            for (ByteBuffer buffer : item) {
                bytes += buffer.remaining();
                if (bytes > MOST_BODY_BYTES) {
                    subscription.join().cancel();
                    done.completeExceptionally(
                            new IOException("the body has more than %d bytes".formatted(MOST_BODY_BYTES)));
                    return;
                }
                byte[] part = new byte[buffer.remaining()];
                buffer.get(part);
                parts.add(part);
            }
        }

        @Override
        public void onError(Throwable error) {
            done.completeExceptionally(error);
        }

        @Override
        public void onComplete() {
            ByteBuffer all = ByteBuffer.allocate(bytes);
            parts.forEach(all::put);
            done.complete(new String(all.array(), StandardCharsets.UTF_8));
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private final String name;
        private final URI url;
        private byte[] key = {};
        private Duration timeout = Duration.ofSeconds(10);
        private final Map<String, String> headers = new LinkedHashMap<>();
        private final Map<String, String> metadata = new LinkedHashMap<>();
        private InstantSource clock = InstantSource.system();

        private Builder(String name, URI url) {
            this.name = Settings.name(name);
            Require.that(
                    "http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme()),
                    "url must be one of http or https, was one of %s",
                    url.getScheme());
            Require.that(url.getHost() != null, "url must have a host, has none");
            Require.that(url.getRawUserInfo() == null, "url must have no user info, has one: use a header");
            Require.that(url.getRawFragment() == null, "url must have no fragment, has #%s", url.getRawFragment());
            this.url = url;
        }

        /** The secret that both sides know, as its bytes in UTF-8; at least 16 of them; has to be set. */
        public Builder key(String key) {
            return key(key.getBytes(StandardCharsets.UTF_8));
        }

        /** The secret that both sides know; at least 16 bytes; has to be set. */
        public Builder key(byte[] key) {
            Require.that(key.length >= 16, "key must have >= 16 bytes, has %d", key.length);
            this.key = key.clone();
            return this;
        }

        /** How long a whole answer may take, connecting included; 1 ms to 10 min; default: 10 s, as in Flagger. */
        public Builder timeout(Duration timeout) {
            this.timeout = Require.within("timeout", Duration.ofMillis(1), Duration.ofMinutes(10), timeout);
            return this;
        }

        /** Adds a header, for example of authorization; never shown. */
        public Builder header(String name, String value) {
            Require.that(
                    !name.equalsIgnoreCase(CONTENT_TYPE) && !name.equalsIgnoreCase(SIGNATURE),
                    "header must not be one that the gate sets, was %s",
                    name);
            try {
                HttpRequest.newBuilder(url).setHeader(name, value);
            } catch (IllegalArgumentException e) { // its message has the value
                throw new IllegalArgumentException(
                        "header must have a name and a value that HTTP allows, was \"%s\"".formatted(name));
            }
            headers.put(name, value);
            return this;
        }

        /** Adds a member to the body's {@code metadata}, for one service that judges many things; not for secrets. */
        public Builder metadata(String key, String value) {
            metadata.put(key, value);
            return this;
        }

        /** For tests; default: the system's. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        /** @throws IllegalArgumentException if there is no {@link #key} */
        public WebhookGate build() {
            Require.that(key.length > 0, "key must be set, was not");
            return new WebhookGate(this);
        }
    }
}
