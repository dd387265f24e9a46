package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.ProviderException;
import java.net.InetSocketAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Servers of a {@code server-template}, disabled until they are given an instance's address. */
final class PreparedSlots implements Places {

    private final RuntimeApi api;
    private final String prefix;

    PreparedSlots(RuntimeApi api, String prefix) {
        this.api = api;
        this.prefix = prefix;
    }

    @Override
    public boolean owns(Server server) {
        return server.name().startsWith(prefix)
                && server.name().substring(prefix.length()).matches("[0-9]+");
    }

    @Override
    public boolean standsFor(Server server, Instance instance) {
        return true;
    }

    @Override
    public void add(Instance instance, InetSocketAddress address, Map<String, Server> servers) {
        List<Server> slots = servers.values().stream().filter(this::owns).toList();
        Server free = slots.stream()
                .filter(slot -> slot.maintained() && slot.open() == 0)
                .min(Comparator.comparing(Server::name))
                .orElseThrow(() -> ProviderException.retryable(
                        "no slot is free for instance %s: %d servers have the prefix %s, and desired count and surge need more"
                                .formatted(instance.id(), slots.size(), prefix)));
        api.move(free.name(), address);
        api.ready(free.name());
        servers.putAll(api.servers());
    }

    @Override
    public void free(Server server) {
        // A slot in maintenance is free.
    }
}
