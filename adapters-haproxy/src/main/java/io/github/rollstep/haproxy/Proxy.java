package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.ProviderException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The backend of one HAProxy. What it holds is read anew at each call: a restart, a reload and another hand are seen, not
 * assumed away. Safe for use by several threads, one at a time.
 *
 * <p>A server stands for the instance at its address. An address is used again soon after its instance is gone: a server that
 * stood for another one is taken out before the new instance is let in.
 */
final class Proxy {

    private static final Logger LOG = LoggerFactory.getLogger(Proxy.class);

    private final RuntimeApi api;
    private final Places places;
    private final Optional<RevisionMap> revisions;
    private final Optional<StateFile> stateFile;
    private final Duration reloadGrace;
    private final InstantSource clock;
    private final Map<InetSocketAddress, InstanceId> owners = new HashMap<>();
    private RuntimeApi.@Nullable Incarnation process;
    private Set<InstanceId> routed = Set.of();
    private Set<InstanceId> uncounted = Set.of();
    private Instant counted = Instant.MIN;

    /** @param reloadGrace how long a former process may go on with requests that this one does not count */
    Proxy(
            RuntimeApi api,
            Places places,
            Optional<RevisionMap> revisions,
            Optional<StateFile> stateFile,
            Duration reloadGrace,
            InstantSource clock) {
        this.api = api;
        this.places = places;
        this.revisions = revisions;
        this.stateFile = stateFile;
        this.reloadGrace = reloadGrace;
        this.clock = clock;
    }

    /** What HAProxy does with the instances. Frees the servers that none of them needs any more. */
    synchronized Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        RuntimeApi.View view = api.view();
        Map<String, Server> servers = view.servers();
        Map<Server, Instance> standing = standing(servers, instances);
        Map<InstanceId, Routing> routes = new HashMap<>();
        standing.forEach((server, instance) -> routes.merge(instance.id(), server.routing(), Proxy::both));
        revisions.ifPresent(map -> map.point(serversByRevision(standing)));
        noticeReload(view.process());
        routed = routes.keySet().stream()
                .filter(id -> routes.get(id).state() != Routing.State.OUT)
                .collect(Collectors.toSet());
        for (Server server : servers.values()) {
            boolean stands = standing.containsKey(server);
            boolean done = server.draining() || server.maintained() || !stands && !server.running();
            if (done && server.open() == 0 && (stands || places.owns(server))) {
                free(server);
            }
        }
        save();
        countFormerProcess(routes);
        return routes;
    }

    synchronized void admitAll(Collection<Instance> instances) {
        Map<String, Server> servers = api.servers();
        Bulk.forEach(instances, instance -> admit(instance, servers));
        save();
    }

    private void admit(Instance instance, Map<String, Server> servers) {
        if (instance.address().isEmpty()) {
            throw ProviderException.permanent("instance " + instance.id() + " has no address to send requests to");
        }
        InetSocketAddress address = resolved(instance).orElseThrow(() -> notResolved(instance));
        Map<Server, Instance> standing = standing(servers, Set.of(instance));
        owners.put(address, instance.id());
        if (standing.isEmpty()) {
            places.add(instance, address, servers);
        }
        if (standing.keySet().stream().noneMatch(server -> server.routing().takesRequests())) {
            standing.keySet().stream().min(Comparator.comparing(Server::name)).ifPresent(server -> {
                api.ready(server.name());
                servers.put(server.name(), server.admitted()); // No free slot for the next one.
            });
        }
    }

    synchronized void drainAll(Collection<Instance> instances) {
        List<String> leaving = standing(api.servers(), instances).keySet().stream()
                .filter(server -> server.routing().takesRequests())
                .map(Server::name)
                .toList();
        revisions.ifPresent(map -> map.forget(leaving));
        Bulk.forEach(leaving, api::drain);
        save();
    }

    /** Each server that stands for one of the instances. What stood for another one at the same address is taken out. */
    private Map<Server, Instance> standing(Map<String, Server> servers, Collection<Instance> instances) {
        Map<Server, Instance> standing = new HashMap<>();
        for (Instance instance : instances) {
            @Nullable InetSocketAddress address = resolved(instance).orElse(null);
            if (address == null) {
                continue;
            }
            @Nullable InstanceId owner = owners.get(address);
            for (Server server : servers.values()) {
                if (!server.isAt(address)) {
                    continue;
                }
                if (places.standsFor(server, instance)
                        && (server.maintained() || owner == null || owner.equals(instance.id()))) {
                    standing.put(server, instance);
                } else if (!server.maintained()) {
                    api.maintain(server.name());
                }
            }
            owners.put(address, instance.id());
        }
        requireNoneHidden(servers, instances, standing);
        return standing;
    }

    /** An instance whose address is not known may have a server all the same, if there is one that stands for no other. */
    private void requireNoneHidden(
            Map<String, Server> servers, Collection<Instance> instances, Map<Server, Instance> standing) {
        for (Instance instance : instances) {
            if (instance.address().isPresent()
                    && resolved(instance).isEmpty()
                    && servers.values().stream()
                            .anyMatch(server -> server.routing().state() != Routing.State.OUT
                                    && !standing.containsKey(server)
                                    && places.standsFor(server, instance))) {
                throw notResolved(instance);
            }
        }
    }

    private static Map<String, SortedSet<String>> serversByRevision(Map<Server, Instance> standing) {
        Map<String, SortedSet<String>> servers = new TreeMap<>();
        standing.forEach((server, instance) -> {
            if (server.routing().state() == Routing.State.IN) {
                servers.computeIfAbsent(instance.revision().id(), revision -> new TreeSet<>())
                        .add(server.name());
            }
        });
        return servers;
    }

    private void free(Server server) {
        try {
            if (!server.maintained()) {
                api.maintain(server.name());
            }
            if (places.owns(server)) {
                places.free(server);
            }
        } catch (ProviderException e) {
            LOG.warn("Server {} takes no requests, and was not freed", server.name(), e);
        }
    }

    private void noticeReload(RuntimeApi.Incarnation now) {
        if (process != null && now.isOther(process)) {
            LOG.warn("{} was restarted or reloaded: {} instances were routed before", api, routed.size());
            uncounted = routed;
            counted = clock.instant().plus(reloadGrace);
        }
        process = now;
    }

    /** Of what was routed before a reload nobody knows the open requests for a while: it is not quiet. */
    private void countFormerProcess(Map<InstanceId, Routing> routes) {
        if (!clock.instant().isBefore(counted)) {
            return;
        }
        for (InstanceId id : uncounted) {
            Routing routing = routes.getOrDefault(id, Routing.out());
            if (routing.isQuiet()) {
                routes.put(id, Routing.draining(1));
            }
        }
    }

    private void save() {
        stateFile.ifPresent(file -> file.write(api.state()));
    }

    /** HAProxy takes addresses only, no names. Empty without an address, or if its name is not to be resolved now. */
    private static Optional<InetSocketAddress> resolved(Instance instance) {
        return instance.address()
                .map(address -> address.isUnresolved()
                        ? new InetSocketAddress(address.getHostString(), address.getPort())
                        : address)
                .filter(address -> !address.isUnresolved());
    }

    private static ProviderException notResolved(Instance instance) {
        return ProviderException.retryable("the address %s of instance %s is not resolved"
                .formatted(instance.address().orElseThrow(), instance.id()));
    }

    private static Routing both(Routing a, Routing b) {
        Routing best = a.state().compareTo(b.state()) >= 0 && a.takesRequests() || !b.takesRequests() ? a : b;
        return new Routing(best.state(), a.openRequests() + b.openRequests());
    }
}
