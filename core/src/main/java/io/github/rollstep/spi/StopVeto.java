package io.github.rollstep.spi;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Lets the owner of a stateful fleet say which instances may go now: a quorum must stay, the leader goes last, data is still being
 * copied.
 *
 * <p>Asked before an instance that lives is taken out, in either direction; a dead one has stopped already. What was let go is not
 * asked for again. Threads: one call at a time for each fleet.
 */
@FunctionalInterface
public interface StopVeto {

    /**
     * Says which of these may stop now. Blocks until it can tell; the engine bounds the call by its call time-out.
     *
     * @param candidates who would go, those first that the engine would take first; not empty
     * @param presumedStopped of the fleet as well, and to be counted as gone: draining, stopping or dead
     * @return whom it refuses, and why. All others may go, and all of them at once
     * @throws ProviderException if it cannot tell: nobody goes until it can
     */
    Refusals mayStop(List<Instance> candidates, List<Instance> presumedStopped);

    /**
     * Who may not stop now.
     *
     * @param reasons why, by instance; whoever is not in it may stop
     */
    record Refusals(Map<InstanceId, String> reasons) {

        public Refusals {
            reasons = Map.copyOf(reasons);
        }

        /** Everybody may go. */
        public static Refusals none() {
            return new Refusals(Map.of());
        }

        /** None of these may go. */
        public static Refusals all(Collection<Instance> candidates, String reason) {
            Map<InstanceId, String> reasons = new HashMap<>();
            candidates.forEach(candidate -> reasons.put(candidate.id(), reason));
            return new Refusals(reasons);
        }
    }
}
