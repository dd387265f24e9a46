package io.github.rollstep.health;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks an instance's own address by HTTP/1.1: healthy if the status is an accepted one.
 *
 * <p>A redirect is an answer like any other and never followed. At most 4 KiB of a body are read. Many are asked at once, 256 at
 * a time, each within the timeout from its connection to the end of its body. Safe for use by several threads.
 */
public final class HttpHealthChecker implements HealthChecker {

    private static final int MOST_BODY_BYTES = 4096;

    private final String path;
    private final BitSet accepted;
    private final Duration timeout;
    private final Duration interval;
    private final Thresholds thresholds;
    private final HttpClient client;

    private HttpHealthChecker(Builder builder) {
        path = builder.path;
        accepted = (BitSet) builder.accepted.clone();
        timeout = builder.timeout;
        interval = builder.interval;
        thresholds = new Thresholds(builder.healthyThreshold, builder.unhealthyThreshold);
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(timeout)
                .build();
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public Health check(Instance instance) {
        return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("not checked"));
    }

    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> verdicts = new HashMap<>();
        List<Instance> all = List.copyOf(instances);
        for (int from = 0; from < all.size(); from += Settings.AT_ONCE) {
            probe(all.subList(from, Math.min(all.size(), from + Settings.AT_ONCE)), verdicts);
        }
        return verdicts;
    }

    private void probe(List<Instance> instances, Map<InstanceId, Health> verdicts) {
        long deadline = System.nanoTime() + timeout.toNanos();
        List<Probe> probes = new ArrayList<>();
        for (Instance instance : instances) {
            Optional<Health> standing = thresholds.standing(instance.id(), interval);
            if (standing.isPresent()) {
                verdicts.put(instance.id(), standing.get());
            } else if (instance.address().isPresent()) {
                probes.add(begin(instance.id(), instance.address().get()));
            } else {
                verdicts.put(instance.id(), Health.unknown("it has no address yet"));
            }
        }
        try {
            for (Probe probe : probes) {
                verdicts.put(probe.id, thresholds.judge(probe.id, end(probe, deadline)));
            }
        } finally {
            probes.forEach(probe -> probe.answer.cancel(true));
        }
    }

    private record Probe(InstanceId id, URI uri, CompletableFuture<HttpResponse<Void>> answer) {}

    private Probe begin(InstanceId id, InetSocketAddress address) {
        URI uri = uri(address, path);
        HttpRequest request = HttpRequest.newBuilder(uri).timeout(timeout).GET().build();
        return new Probe(id, uri, client.sendAsync(request, info -> new Bounded()));
    }

    static URI uri(InetSocketAddress address, String path) {
        String host = address.isUnresolved()
                ? address.getHostString()
                : address.getAddress().getHostAddress();
        String literal = host.contains(":") ? "[" + host.replaceFirst("%.*", "") + "]" : host;
        return URI.create("http://%s:%d%s".formatted(literal, address.getPort(), path));
    }

    private Health end(Probe probe, long deadline) {
        try {
            int status = probe.answer
                    .get(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS)
                    .statusCode();
            return accepted.get(status)
                    ? Health.healthy()
                    : Health.unhealthy("GET %s: status %d".formatted(probe.uri, status));
        } catch (TimeoutException | CancellationException e) {
            return tooSlow(probe);
        } catch (ExecutionException e) {
            Throwable cause =
                    e.getCause() instanceof CompletionException c && c.getCause() != null ? c.getCause() : e.getCause();
            return cause instanceof HttpTimeoutException
                    ? tooSlow(probe)
                    : Health.unhealthy("GET %s: %s".formatted(probe.uri, describe(cause)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("interrupted while asking " + probe.uri, e);
        }
    }

    /** The client's ConnectException says nothing more. */
    private static String describe(Throwable cause) {
        return cause instanceof ConnectException
                ? "cannot connect"
                : cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    private Health tooSlow(Probe probe) {
        return Health.unhealthy("GET %s: no whole answer within %s".formatted(probe.uri, timeout));
    }

    /** Reads a small body to its end, so that the connection can be kept, and cuts a large one. */
    private static final class Bounded implements HttpResponse.BodySubscriber<Void> {

        private final CompletableFuture<Void> done = new CompletableFuture<>();
        private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
        private long bytes;

        @Override
        public CompletionStage<Void> getBody() {
            return done;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            this.subscription.complete(subscription);
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> item) {
            bytes += item.stream().mapToLong(ByteBuffer::remaining).sum();
            if (bytes > MOST_BODY_BYTES) {
                subscription.join().cancel();
                done.complete(null);
            }
        }

        @Override
        public void onError(Throwable error) {
            done.completeExceptionally(error);
        }

        @Override
        public void onComplete() {
            done.complete(null);
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private String path = "/";
        private final BitSet accepted = new BitSet();
        private Duration timeout = Duration.ofSeconds(2);
        private Duration interval = Duration.ofMillis(100);
        private int healthyThreshold = 1;
        private int unhealthyThreshold = 3;

        private Builder() {}

        /** What to ask for, with a query if wanted; begins with {@code /}; default: {@code /}. */
        public Builder path(String path) {
            if (!path.startsWith("/")) {
                throw new IllegalArgumentException("path must begin with /, was " + path);
            }
            try {
                new URI("http://localhost" + path);
            } catch (URISyntaxException e) {
                throw new IllegalArgumentException("path must be a valid path of a URI, was " + path, e);
            }
            this.path = path;
            return this;
        }

        /** Adds a status that means healthy; default: 200 to 299. */
        public Builder accept(int status) {
            return accept(status, status);
        }

        /** Adds the statuses {@code from} to {@code to}, both included. */
        public Builder accept(int from, int to) {
            if (from < 100 || to > 599 || from > to) {
                throw new IllegalArgumentException(
                        "accepted statuses must be within 100 to 599, was %d to %d".formatted(from, to));
            }
            accepted.set(from, to + 1);
            return this;
        }

        /** How long a whole answer may take; 1 ms to 10 min; default: 2 s. */
        public Builder timeout(Duration timeout) {
            this.timeout = Settings.timeout(timeout);
            return this;
        }

        /**
         * How soon one that is healthy is asked again at the earliest, however often the engine looks; 0 to 10 min; default:
         * 100 ms. So {@link #unhealthyThreshold} is a time as well. One that is not healthy is asked each time.
         */
        public Builder interval(Duration interval) {
            this.interval = Settings.interval(interval);
            return this;
        }

        /** How many good probes in a row make it healthy; default: 1, as Kubernetes' {@code successThreshold}. */
        public Builder healthyThreshold(int probes) {
            healthyThreshold = Settings.threshold("healthyThreshold", probes);
            return this;
        }

        /**
         * How many bad probes in a row make one unhealthy that was healthy; default: 3, as Kubernetes'
         * {@code failureThreshold}. One that was never healthy is unhealthy at once.
         */
        public Builder unhealthyThreshold(int probes) {
            unhealthyThreshold = Settings.threshold("unhealthyThreshold", probes);
            return this;
        }

        public HttpHealthChecker build() {
            if (accepted.isEmpty()) {
                accept(200, 299);
            }
            return new HttpHealthChecker(this);
        }
    }
}
