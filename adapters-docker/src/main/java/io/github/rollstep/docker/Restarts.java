package io.github.rollstep.docker;

import com.github.dockerjava.api.exception.NotFoundException;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How often the engine has started containers again by itself, as their restart policies say. The engine's own count, which a
 * list does not show, and which has counted a restart before its {@code die} event is told: a container is asked for it when it
 * is first listed, after each end of it and after a gap in the events. One that was created before our eyes has none and is not
 * asked, so that as long as none ends, the engine is asked nothing.
 */
final class Restarts {

    private static final Logger LOG = LoggerFactory.getLogger(Restarts.class);

    private final DockerEngine engine;
    private final Workers workers;
    private final Map<String, Integer> counts = new ConcurrentHashMap<>();
    private final Set<String> outdated = ConcurrentHashMap.newKeySet();

    Restarts(DockerEngine engine, Workers workers) {
        this.engine = engine;
        this.workers = workers;
    }

    void created(String id) {
        counts.putIfAbsent(id, 0);
    }

    void ended(String id) {
        outdated.add(id);
    }

    void forget(String id) {
        counts.remove(id);
        outdated.remove(id);
    }

    /** Events were missed, it is not known of which. */
    void missed() {
        outdated.addAll(counts.keySet());
    }

    /** Asks for what is not known of those that are listed. */
    void learn(Collection<ListedContainer> listed) {
        Set<String> ids = listed.stream().map(ListedContainer::id).collect(Collectors.toSet());
        outdated.stream().filter(id -> !ids.contains(id)).forEach(this::forget);
        Set<String> unknown = ids.stream()
                .filter(id -> outdated.remove(id) || !counts.containsKey(id))
                .collect(Collectors.toSet());
        if (!unknown.isEmpty()) {
            workers.forEach(unknown, this::ask);
        }
    }

    /** What cannot be asked keeps what was known of it, and is asked again. */
    private void ask(String id) {
        try {
            Integer count = engine.calls().inspectContainerCmd(id).exec().getRestartCount();
            counts.put(id, count == null ? 0 : count);
        } catch (NotFoundException e) {
            forget(id);
        } catch (RuntimeException e) {
            LOG.debug("The restarts of {} are not known", id, e);
            outdated.add(id);
        }
    }

    int of(String id) {
        return counts.getOrDefault(id, 0);
    }
}
