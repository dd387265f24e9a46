package io.github.rollstep.gate;

import java.util.LinkedHashMap;
import java.util.Map;

/** A map of bounded size: what was not touched for longest is forgotten. Not safe for use by several threads. */
final class Recent<K, V> extends LinkedHashMap<K, V> {

    private static final long serialVersionUID = 1;

    private final int most;

    Recent(int most) {
        super(16, 0.75f, true);
        this.most = most;
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > most;
    }
}
