package io.github.rollstep.health;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A router that nobody can talk to, since it finds instances by label or by their health: Traefik, a service mesh, DNS with health
 * checks. To drain an instance is to make it a lame duck: it fails its health check and closes its connections, and goes on
 * answering until the router has found out.
 *
 * <pre>{@code
 * TrafficRouter router = LameDuckRouter.builder()
 *         .detectionTime(Duration.ofSeconds(12))   // of the router's check: interval 3 s, 3 failures, time-out 3 s
 *         .build();
 * }</pre>
 *
 * <p>What such a router does is not observed but bounded by its detection time. An instance is {@code ADMITTING} until it was known
 * for so long, then {@code IN}. Once told, it is {@code DRAINING} with an open request, known or not, until detection time and request
 * time have passed; only then is it quiet. A policy whose drain deadline is shorter than both together is refused: {@link #longestDrain}.
 *
 * <p>The fleet's own health checker must look at something else than the check that a lame duck fails. After a crash of the
 * controller each instance is asked once whether it is a lame duck; if so it counts as told now.
 *
 * <p>Safe for use by several threads.
 */
public final class LameDuckRouter implements TrafficRouter {

    private final LameDuckSignal signal;
    private final Duration detectionTime;
    private final Duration requestTime;
    private final InstantSource clock;
    private final Map<InstanceId, Known> known = new ConcurrentHashMap<>();

    /** @param toldAt empty: it is no lame duck */
    private record Known(Instant since, Optional<Instant> toldAt, Instant lastListed) {}

    private LameDuckRouter(Builder builder, Duration detectionTime) {
        this.signal = builder.signal == null ? new HttpLameDuckSignal(builder.path, builder.timeout) : builder.signal;
        this.detectionTime = detectionTime;
        this.requestTime = builder.requestTime;
        this.clock = builder.clock;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** {@inheritDoc} Asks only instances that it does not know; one that cannot be asked may take requests, and is no error. */
    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Instant now = clock.instant();
        Map<InstanceId, Routing> routes = new HashMap<>();
        for (Instance instance : instances) {
            if (instance.address().isPresent() && instance.state() == Instance.State.RUNNING) {
                routes.put(instance.id(), routing(instance, now));
            }
        }
        known.values().removeIf(one -> one.lastListed().plus(Builder.FORGET).isBefore(now));
        return routes;
    }

    private Routing routing(Instance instance, Instant now) {
        Known one;
        try {
            one = know(instance, now);
        } catch (ProviderException e) {
            return new Routing(Routing.State.ADMITTING, 0);
        }
        if (one.toldAt().isPresent()) {
            boolean quiet = !now.isBefore(one.toldAt().get().plus(detectionTime).plus(requestTime));
            return Routing.draining(quiet ? 0 : 1);
        }
        return now.isBefore(one.since().plus(detectionTime)) ? new Routing(Routing.State.ADMITTING, 0) : Routing.in();
    }

    private Known know(Instance instance, Instant now) {
        @Nullable Known before = known.get(instance.id());
        if (before == null) {
            Optional<Instant> told = signal.isIn(instance) ? Optional.of(now) : Optional.empty();
            before = new Known(instance.createdAt().filter(now::isAfter).orElse(now), told, now);
        }
        Known listed = new Known(before.since(), before.toldAt(), now);
        // Whoever told it meanwhile knows better.
        return known.merge(
                instance.id(), listed, (there, ours) -> new Known(there.since(), there.toldAt(), ours.lastListed()));
    }

    /**
     * {@inheritDoc} It is let in by its own health; one that is a lame duck is told that it is none any more, and is known anew.
     */
    @Override
    public void admit(Instance instance) {
        if (instance.address().isEmpty()) {
            throw ProviderException.permanent("instance " + instance.id() + " has no address to send requests to");
        }
        Instant now = clock.instant();
        if (know(instance, now).toldAt().isPresent()) {
            signal.leave(instance);
            known.put(instance.id(), new Known(clock.instant(), Optional.empty(), now));
        }
    }

    /** {@inheritDoc} The time counts from the first that reached the instance. */
    @Override
    public void drain(Instance instance) {
        @Nullable Known before = known.get(instance.id());
        if (before != null && before.toldAt().isPresent()
                || instance.address().isEmpty()
                || instance.state() != Instance.State.RUNNING) {
            return;
        }
        signal.enter(instance);
        Instant now = clock.instant();
        known.put(instance.id(), new Known(before == null ? now : before.since(), Optional.of(now), now));
    }

    /** Detection time and request time: until then an instance may be answering. */
    @Override
    public Duration longestDrain() {
        return detectionTime.plus(requestTime);
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        /** Longer than any list is stale. */
        private static final Duration FORGET = Duration.ofHours(1);

        private @Nullable LameDuckSignal signal;
        private @Nullable Duration detectionTime;
        private Duration requestTime = Duration.ofSeconds(30);
        private String path = "/lameduck";
        private Duration timeout = Duration.ofSeconds(2);
        private InstantSource clock = InstantSource.system();

        private Builder() {}

        /**
         * How long the router may take to find out that an instance's health has changed: of its check, interval times failures plus
         * time-out; more than 0, at most 1 hour. Required.
         */
        public Builder detectionTime(Duration detectionTime) {
            this.detectionTime = positive("detectionTime", detectionTime);
            return this;
        }

        /** How long a request may take that came within the detection time; 1 ms to 1 hour; default: 30 s. */
        public Builder requestTime(Duration requestTime) {
            this.requestTime = positive("requestTime", requestTime);
            return this;
        }

        /**
         * Where instances are told by HTTP: {@code PUT} enters, {@code DELETE} leaves, {@code GET} is answered with 200 or 404.
         * Default: {@code /lameduck}.
         */
        public Builder path(String path) {
            if (!path.startsWith("/")) {
                throw new IllegalArgumentException("path must begin with /, was " + path);
            }
            this.path = path;
            return this;
        }

        /** How long telling one may take; 1 ms to 10 min; default: 2 s. */
        public Builder timeout(Duration timeout) {
            this.timeout = Settings.timeout(timeout);
            return this;
        }

        /** Another way to tell them than HTTP. */
        public Builder signal(LameDuckSignal signal) {
            this.signal = signal;
            return this;
        }

        /** The default is the system's clock. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        private static Duration positive(String name, Duration value) {
            if (value.isZero() || value.isNegative() || value.compareTo(Duration.ofHours(1)) > 0) {
                throw new IllegalArgumentException("%s must be > 0 and <= PT1H, was %s".formatted(name, value));
            }
            return value;
        }

        public LameDuckRouter build() {
            @Nullable Duration detection = detectionTime;
            if (detection == null) {
                throw new IllegalArgumentException("detectionTime must be given, was none");
            }
            return new LameDuckRouter(this, detection);
        }
    }
}
