package io.github.rollstep.haproxy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The map in which HAProxy looks up the server of a request that names a revision: {@code REVISION/PLACE SERVER}, for each
 * revision as many places as the configuration draws lots from, shared among its servers. Exchanged as a whole, so that no request
 * sees half of it. Used by one thread at a time.
 */
final class RevisionMap {

    /** As in docs/haproxy.md. */
    private static final int PLACES = 100;

    private final RuntimeApi api;
    private final String file;

    RevisionMap(RuntimeApi api, String file) {
        this.api = api;
        this.file = file;
    }

    /** Makes each revision's requests reach these servers of it. */
    void point(Map<String, SortedSet<String>> serversByRevision) {
        if (!serversByRevision.equals(read())) {
            write(serversByRevision);
        }
    }

    /** Before they are drained: who is named by a map gets requests even then. */
    void forget(Collection<String> servers) {
        Map<String, SortedSet<String>> all = read();
        boolean changed = false;
        for (SortedSet<String> of : all.values()) {
            changed |= of.removeAll(servers);
        }
        if (changed) {
            all.values().removeIf(Collection::isEmpty);
            write(all);
        }
    }

    private Map<String, SortedSet<String>> read() {
        Map<String, SortedSet<String>> servers = new TreeMap<>();
        api.map(file)
                .forEach((key, server) -> servers.computeIfAbsent(
                                key.substring(0, Math.max(0, key.lastIndexOf('/'))), revision -> new TreeSet<>())
                        .add(server));
        return servers;
    }

    private void write(Map<String, SortedSet<String>> serversByRevision) {
        Map<String, String> entries = new TreeMap<>();
        serversByRevision.forEach((revision, servers) -> {
            List<String> all = new ArrayList<>(servers);
            for (int place = 0; place < PLACES; place++) {
                entries.put(revision + "/" + place, all.get(place % all.size()));
            }
        });
        api.replaceMap(file, entries);
    }
}
