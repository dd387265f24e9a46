package io.github.rollstep.gate;

import io.micrometer.core.instrument.Meter;
import java.util.Map;

/**
 * How much some counters have grown from one look to the next. A count that has fallen has started anew, as in Prometheus'
 * {@code increase}; one that was not there at the look before has started since; one that was away for a while goes on where it was.
 * Not safe for use by several threads.
 */
final class Series {

    /** How many counters are remembered; not more than these may be looked at together. */
    static final int MOST = 10_000;

    private final Map<Meter.Id, Double> last = new Recent<>(MOST);
    private boolean begun;

    /** The first look only begins: what was counted before it is not ours to judge. */
    double grown(Map<Meter.Id, Double> now) {
        double grown = 0;
        for (Map.Entry<Meter.Id, Double> counter : now.entrySet()) {
            double value = counter.getValue();
            double before = last.getOrDefault(counter.getKey(), begun ? 0.0 : value);
            grown += Math.max(0, value >= before ? value - before : value);
            last.put(counter.getKey(), value);
        }
        begun = true;
        return grown;
    }
}
