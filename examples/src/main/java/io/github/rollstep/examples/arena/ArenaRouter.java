package io.github.rollstep.examples.arena;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** The lobby of an arena as the router: players are its requests. */
final class ArenaRouter implements TrafficRouter {

    private final Arena arena;

    ArenaRouter(Arena arena) {
        this.arena = arena;
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Map<InstanceId, Routing> routes = new HashMap<>();
        for (Arena.Match match : ArenaProvider.ask(arena::matches)) {
            Routing.State state = match.joinable() ? Routing.State.IN : Routing.State.DRAINING;
            if (match.joinable() || match.players() > 0) {
                routes.put(InstanceId.of(match.name()), new Routing(state, match.players()));
            }
        }
        return routes;
    }

    @Override
    public void admit(Instance instance) {
        if (instance.address().isEmpty()) {
            throw ProviderException.permanent("no player finds " + instance.id() + ": it has no address");
        }
        joinable(instance, true);
    }

    @Override
    public void drain(Instance instance) {
        joinable(instance, false);
    }

    private void joinable(Instance instance, boolean joinable) {
        ArenaProvider.ask(() -> arena.joinable(instance.id().value(), joinable));
    }
}
