package io.github.rollstep.docker;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.Optional;

/**
 * Where the requests of a container go.
 *
 * @param network whose address counts; empty: any
 * @param port of the container; 0: it takes no requests
 * @param published whether they go to the port of the host at which that one is published
 */
record Addressing(Optional<String> network, int port, boolean published, String publishedHost) {

    Optional<InetSocketAddress> of(ListedContainer container) {
        if (port == 0) {
            return Optional.empty();
        }
        return published
                ? Optional.ofNullable(container.published().get(port))
                        .map(hostPort -> new InetSocketAddress(publishedHost, hostPort))
                : ip(container.addresses()).map(ip -> new InetSocketAddress(literal(ip), port));
    }

    /** Why a running container has no address; "" if it has one or needs none. */
    String complaint(ListedContainer container) {
        if (port == 0 || of(container).isPresent()) {
            return "";
        }
        return published
                ? "port %d is not published".formatted(port)
                : "it has no address in network " + network.orElse("of its own");
    }

    private Optional<String> ip(Map<String, String> addresses) {
        return network.isPresent()
                ? Optional.ofNullable(addresses.get(network.get()))
                : addresses.values().stream().findFirst();
    }

    /** The engine gives addresses, never names: nothing is looked up. */
    private static InetAddress literal(String ip) {
        try {
            return InetAddress.getByName(ip);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("the engine's address must be an IP address, was " + ip, e);
        }
    }
}
