package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Require;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A backend of HAProxy, or the same backend of several, as the router of a fleet. It speaks the runtime API: nothing is reloaded.
 *
 * <pre>{@code
 * TrafficRouter router = HaProxyRouter.builder("app")
 *         .endpoint(Path.of("/run/haproxy/admin.sock"))
 *         .build();
 * }</pre>
 *
 * <p><b>HAProxy 2.6 or newer</b> needs no more than this of its configuration ({@code docs/haproxy.md}): a stats socket of level
 * admin, which only the controller's user may open, since whoever can write to it rules HAProxy; and a backend with a dynamic
 * algorithm (roundrobin, leastconn or random). With {@code mode http} requests are counted and none is cut; with
 * {@code mode tcp} connections are, and one that stays open holds up the drain until its deadline.
 *
 * <p><b>Servers</b> are added as instances come and deleted when they are gone, or, with {@link Builder#slots}, taken from those
 * that the configuration prepares. A server that the configuration itself gives an instance's address is used as it is. Servers
 * that begin with the prefix belong to this router; others are touched only if they stand for an instance of the fleet.
 *
 * <p><b>In</b> is what each HAProxy sends requests to: enabled, and up by its own check. A dynamic server counts as up until its
 * first check, so that the engine's health checker is what keeps an unready one out. <b>Draining</b> is quiet once no HAProxy has
 * a request open to it or waiting for it; then it goes to maintenance, which closes the idle connections to it.
 *
 * <p><b>A restart or reload</b> loses dynamic servers: they are observed as out, and the engine lets them in again, the old
 * revision's too as soon as too few are serving. Slots with a server-state file outlive it. After it, an instance that was routed
 * before is not quiet for {@link Builder#reloadGrace}: the former process may still have requests of its own. Of several HAProxies
 * one that lost a server which another still has is given it back at once.
 *
 * <p>Safe for use by several threads. It holds no connection, and a daemon thread only for each {@link #watch}, which looks at
 * HAProxy every 20 ms while requests of draining instances end, else every 250 ms.
 */
public final class HaProxyRouter implements TrafficRouter, Watchable, RevisionAffinity {

    private final List<RuntimeApi> apis;
    private final List<Proxy> proxies;
    private final Optional<RevisionKey> revisionKey;
    private final Set<InstanceId> leaving = ConcurrentHashMap.newKeySet();

    private HaProxyRouter(Builder builder) {
        revisionKey = builder.revisionKey;
        apis = builder.targets.stream().map(builder::api).toList();
        proxies = IntStream.range(0, apis.size())
                .mapToObj(i -> builder.proxy(apis.get(i), builder.targets.get(i)))
                .toList();
    }

    /**
     * @param backend the backend's name, the same in each HAProxy; 1 to 64 characters of {@code [A-Za-z0-9_.:-]}
     */
    public static Builder builder(String backend) {
        return new Builder(backend);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Three commands to each HAProxy, whatever the number of instances.
     *
     * @throws ProviderException if one of them cannot tell; not retryable if it has no such backend
     */
    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        leaving.retainAll(instances.stream().map(Instance::id).collect(Collectors.toSet()));
        List<Map<InstanceId, Routing>> views = new ArrayList<>();
        for (Proxy proxy : proxies) {
            views.add(proxy.routes(instances));
        }
        Map<InstanceId, Routing> routes = new HashMap<>();
        for (Instance instance : instances) {
            List<Routing> routings = views.stream()
                    .map(view -> view.getOrDefault(instance.id(), Routing.out()))
                    .toList();
            routes.put(instance.id(), all(routings));
            if (!leaving.contains(instance.id()) && has(routings, Routing.State.IN)) {
                for (int i = 0; i < routings.size(); i++) {
                    if (routings.get(i).state() == Routing.State.OUT) {
                        proxies.get(i).admitAll(List.of(instance));
                    }
                }
            }
        }
        return routes;
    }

    /** In if all confirm; as long as one sends requests it is not out. */
    private static Routing all(List<Routing> routings) {
        int open = routings.stream().mapToInt(Routing::openRequests).sum();
        boolean allIn = routings.stream().allMatch(routing -> routing.state() == Routing.State.IN);
        boolean someTake = routings.stream().anyMatch(Routing::takesRequests);
        Routing.State state = allIn
                ? Routing.State.IN
                : someTake
                        ? Routing.State.ADMITTING
                        : has(routings, Routing.State.DRAINING) ? Routing.State.DRAINING : Routing.State.OUT;
        return new Routing(state, open);
    }

    private static boolean has(List<Routing> routings, Routing.State state) {
        return routings.stream().anyMatch(routing -> routing.state() == state);
    }

    /**
     * {@inheritDoc}
     *
     * @throws ProviderException if one of the HAProxies did not accept; not retryable if the instance has no address, or an id
     *     that cannot name a server
     */
    @Override
    public void admit(Instance instance) {
        admitAll(List.of(instance));
    }

    @Override
    public void admitAll(Collection<Instance> instances) {
        instances.forEach(instance -> leaving.remove(instance.id()));
        Bulk.forEach(proxies, proxy -> proxy.admitAll(instances));
    }

    @Override
    public void drain(Instance instance) {
        drainAll(List.of(instance));
    }

    @Override
    public void drainAll(Collection<Instance> instances) {
        instances.forEach(instance -> leaving.add(instance.id()));
        Bulk.forEach(proxies, proxy -> proxy.drainAll(instances));
    }

    @Override
    public Optional<RevisionKey> revisionKey() {
        return revisionKey;
    }

    @Override
    public Subscription watch(Runnable changed) {
        return new Lookout(apis, changed).open();
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private record Target(Endpoint endpoint, Optional<Path> stateFile) {}

        private final String backend;
        private final List<Target> targets = new ArrayList<>();
        private Duration timeout = Duration.ofSeconds(5);
        private Duration reloadGrace = Duration.ofSeconds(10);
        private InstantSource clock = InstantSource.system();
        private String prefix = "rs-";
        private boolean slots;
        private Optional<String> check = Optional.of(checkOptions(Duration.ofSeconds(2), 3, 1));
        private String options = "";
        private Optional<RevisionKey> revisionKey = Optional.empty();
        private Optional<String> revisionMap = Optional.empty();

        private Builder(String backend) {
            this.backend = Require.matches("backend", RuntimeApi.NAME, backend);
        }

        /** One more HAProxy, by its stats socket. */
        public Builder endpoint(Path socket) {
            targets.add(new Target(Endpoint.of(socket, timeout), Optional.empty()));
            return this;
        }

        /**
         * One more HAProxy, whose server states are written to a file at each change, for its {@code server-state-file}: with it
         * slots survive a restart. A file that cannot be written is logged as a warning, and requests go on without it.
         */
        public Builder endpoint(Path socket, Path serverStateFile) {
            targets.add(new Target(Endpoint.of(socket, timeout), Optional.of(serverStateFile)));
            return this;
        }

        /** One more HAProxy, by TCP on a loopback address; the socket has no authentication, so no other is taken. */
        public Builder endpoint(InetSocketAddress address) {
            Require.that(
                    !address.isUnresolved() && address.getAddress().isLoopbackAddress(),
                    "endpoint must be a loopback address, as whoever reaches it rules HAProxy, was %s",
                    address);
            targets.add(new Target(Endpoint.of(address, timeout), Optional.empty()));
            return this;
        }

        /** What the names of added servers begin with, an instance id follows. The default is {@code rs-}. */
        public Builder prefix(String prefix) {
            this.prefix = Require.matches("prefix", "[A-Za-z0-9_.:-]{1,32}", prefix);
            this.slots = false;
            return this;
        }

        /**
         * Takes the servers of a {@code server-template} instead of adding any: {@code server-template s 1-24 127.0.0.1:1 disabled}
         * has the prefix {@code s}. It must have room for the desired count and the surge, draining ones included.
         */
        public Builder slots(String prefix) {
            this.prefix = Require.matches("slots", "[A-Za-z0-9_.:-]{1,32}", prefix);
            this.slots = true;
            return this;
        }

        /**
         * How HAProxy itself checks an added server; the path is up to {@code option httpchk} of the backend. The default is every
         * 2 s, down after 3 failures, as HAProxy has it, and up after 1 success. The interval is also the time a check may take:
         * with a short one a machine that is out of breath loses all servers at once. Slots have the check of their template.
         *
         * @param interval 10 ms to 1 hour
         * @param fall 1 to 100
         * @param rise 1 to 100
         */
        public Builder check(Duration interval, int fall, int rise) {
            check = Optional.of(checkOptions(interval, fall, rise));
            return this;
        }

        /** No check by HAProxy: an added server is in until it is drained. */
        public Builder noCheck() {
            check = Optional.empty();
            return this;
        }

        /** Requests that an added server gets at once, more wait for it; 1 to 1,000,000. The default is no limit. */
        public Builder maxConnections(int maxConnections) {
            options = "maxconn " + Require.within("maxConnections", 1, 1_000_000, maxConnections);
            return this;
        }

        /**
         * How long the process that a reload replaced may go on with requests: at least {@code hard-stop-after}, 0 to 1 hour. The
         * default is 10 s.
         */
        public Builder reloadGrace(Duration reloadGrace) {
            this.reloadGrace = Require.within("reloadGrace", Duration.ZERO, Duration.ofHours(1), reloadGrace);
            return this;
        }

        /**
         * Requests that name a revision reach it while one of its servers is in: {@code docs/haproxy.md} shows the lines of
         * configuration that do so by a map, which this router fills. Of a revision at most 100 servers are reached so.
         *
         * @param key where the configuration looks
         * @param map the map's file as the configuration names it, the same for each HAProxy; it may be empty
         */
        public Builder revisionAffinity(RevisionKey key, Path map) {
            revisionKey = Optional.of(key);
            revisionMap = Optional.of(Require.matches("revision map", "/[A-Za-z0-9_./-]{1,200}", map.toString()));
            return this;
        }

        Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        private static String checkOptions(Duration interval, int fall, int rise) {
            Require.within("check interval", Duration.ofMillis(10), Duration.ofHours(1), interval);
            return "check inter %dms fall %d rise %d"
                    .formatted(
                            interval.toMillis(),
                            Require.within("check fall", 1, 100, fall),
                            Require.within("check rise", 1, 100, rise));
        }

        /** Connects to nothing yet. */
        public HaProxyRouter build() {
            Require.that(!targets.isEmpty(), "endpoint must be given at least once");
            return new HaProxyRouter(this);
        }

        private RuntimeApi api(Target target) {
            return new RuntimeApi(target.endpoint(), backend);
        }

        private Proxy proxy(RuntimeApi api, Target target) {
            Places places = slots ? new PreparedSlots(api, prefix) : new DynamicServers(api, prefix, check, options);
            Optional<RevisionMap> revisions = revisionMap.map(file -> new RevisionMap(api, file));
            return new Proxy(api, places, revisions, target.stateFile().map(StateFile::new), reloadGrace, clock);
        }
    }
}
