package io.github.rollstep.haproxy;

import io.github.rollstep.Routing;
import java.net.InetSocketAddress;
import java.util.Optional;

/**
 * A server of the backend, as HAProxy sees it.
 *
 * @param address empty for one that has a name still to be resolved
 * @param maintained it is out: no request, no check
 * @param draining no new request; it may be down as well
 * @param running HAProxy's own check holds it to be up
 * @param open requests that it answers, or that wait for it
 */
record Server(
        String name,
        Optional<InetSocketAddress> address,
        boolean maintained,
        boolean draining,
        boolean running,
        int open) {

    Routing routing() {
        if (maintained) {
            return open == 0 ? Routing.out() : Routing.draining(open);
        }
        if (draining) {
            return Routing.draining(open);
        }
        return new Routing(running ? Routing.State.IN : Routing.State.ADMITTING, open);
    }

    /** The same, let in by us since. */
    Server admitted() {
        return new Server(name, address, false, false, running, open);
    }

    boolean isAt(InetSocketAddress place) {
        return address.filter(place::equals).isPresent();
    }
}
