package io.github.rollstep.haproxy;

import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks at HAProxy, which tells nobody by itself, and says when a server went in, out or quiet. A daemon thread for each. */
final class Lookout implements Watchable.Subscription {

    private static final Logger LOG = LoggerFactory.getLogger(Lookout.class);

    /** While requests are ending; else {@link #CALM}. */
    private static final Duration ALERT = Duration.ofMillis(20);

    private static final Duration CALM = Duration.ofMillis(250);

    /** Of its time it looks at most a tenth, so that a large backend does not cost more than a small one. */
    private static final int REST = 9;

    private final List<RuntimeApi> apis;
    private final Runnable changed;
    private final Thread thread = new Thread(this::run, "rollstep-haproxy-watch");
    private Map<String, Routing> seen = Map.of();

    Lookout(List<RuntimeApi> apis, Runnable changed) {
        this.apis = apis;
        this.changed = changed;
        thread.setDaemon(true);
    }

    Lookout open() {
        thread.start();
        return this;
    }

    private void run() {
        try {
            while (!thread.isInterrupted()) {
                long began = System.nanoTime();
                Duration pause = look();
                long rest = Math.max(pause.toNanos(), REST * (System.nanoTime() - began));
                TimeUnit.NANOSECONDS.sleep(rest);
            }
        } catch (InterruptedException e) {
            LOG.trace("closed", e);
        }
    }

    private Duration look() {
        Map<String, Routing> now = new HashMap<>();
        boolean ending = false;
        try {
            for (RuntimeApi api : apis) {
                for (Server server : api.servers().values()) {
                    Routing routing = server.routing();
                    ending |= !routing.takesRequests() && !routing.isQuiet();
                    // How many are open is no news, but whether any is.
                    now.put(api + " " + server.name(), new Routing(routing.state(), routing.isQuiet() ? 0 : 1));
                }
            }
        } catch (ProviderException e) {
            LOG.debug("looked in vain", e);
            return CALM;
        }
        if (!now.equals(seen)) {
            seen = now;
            changed.run();
        }
        return ending ? ALERT : CALM;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
