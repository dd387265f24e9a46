package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import java.net.InetSocketAddress;
import java.util.Map;

/** Where a backend has room for the servers of instances. Used by one thread at a time. */
sealed interface Places permits DynamicServers, PreparedSlots {

    /** Whether the router made this server, or was given it, so that it may also take it away. */
    boolean owns(Server server);

    /** Whether a server at the instance's address stands for it, and not for one that had the address before. */
    boolean standsFor(Server server, Instance instance);

    /**
     * Puts an instance into traffic that has no server.
     *
     * @param servers those that there are; a place that is taken is taken in it too
     */
    void add(Instance instance, InetSocketAddress address, Map<String, Server> servers);

    /** Makes room again: an owned server is in maintenance, and quiet. A repeat is fine. */
    void free(Server server);
}
