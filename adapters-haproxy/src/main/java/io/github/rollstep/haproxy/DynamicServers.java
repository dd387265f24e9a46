package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.ProviderException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Servers that are added and deleted as instances come and go, named after them. */
final class DynamicServers implements Places {

    /** Deleting stops all threads of HAProxy for a moment. */
    private static final Duration DELETE_AGAIN = Duration.ofSeconds(1);

    private final RuntimeApi api;
    private final String prefix;
    private final Optional<String> check;
    private final String options;
    private final Map<String, Long> refusals = new HashMap<>();

    DynamicServers(RuntimeApi api, String prefix, Optional<String> check, String options) {
        this.api = api;
        this.prefix = prefix;
        this.check = check;
        this.options = (check.orElse("") + " " + options).strip();
    }

    @Override
    public boolean owns(Server server) {
        return server.name().startsWith(prefix);
    }

    @Override
    public boolean standsFor(Server server, Instance instance) {
        return !owns(server) || server.name().equals(prefix + instance.id());
    }

    @Override
    public void add(Instance instance, InetSocketAddress address, Map<String, Server> servers) {
        String name = prefix + instance.id();
        if (!name.matches(RuntimeApi.NAME)) {
            throw ProviderException.permanent("an instance behind HAProxy needs a name that matches %s, this is \"%s\""
                    .formatted(RuntimeApi.NAME, name));
        }
        if (servers.containsKey(name)) {
            // It was at another address, and moved.
            api.maintain(name);
            if (!api.delete(name)) {
                throw ProviderException.retryable("server " + name + " at a former address still has connections");
            }
        }
        api.add(name, address, options);
        if (check.isPresent()) {
            api.enableCheck(name);
        }
        api.ready(name);
    }

    @Override
    public void free(Server server) {
        @Nullable Long refused = refusals.get(server.name());
        if (refused != null && System.nanoTime() - refused < DELETE_AGAIN.toNanos()) {
            return;
        }
        refusals.put(server.name(), System.nanoTime());
        if (api.delete(server.name())) {
            refusals.remove(server.name());
        }
    }
}
