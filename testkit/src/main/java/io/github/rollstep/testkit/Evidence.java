package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Observed;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the fleet was when an action was decided on, in one view or more: things happen in between. Certain is only what all views
 * agree on.
 *
 * @param routed whether only what the router sends requests to serves
 */
record Evidence(boolean routed, List<Map<InstanceId, Observed>> views) {

    /** In each view; an instance that is missing in one is not. */
    boolean always(InstanceId id, Predicate<Observed> fact) {
        return !views.isEmpty() && views.stream().allMatch(view -> holds(view.get(id), fact));
    }

    boolean ever(InstanceId id, Predicate<Observed> fact) {
        return views.stream().anyMatch(view -> holds(view.get(id), fact));
    }

    private static boolean holds(@Nullable Observed seen, Predicate<Observed> fact) {
        return seen != null && fact.test(seen);
    }

    boolean isKnown(InstanceId id) {
        return ever(id, seen -> true);
    }

    Set<InstanceId> ids() {
        Set<InstanceId> ids = new HashSet<>();
        views.forEach(view -> ids.addAll(view.keySet()));
        return ids;
    }

    /** Healthy and in the router, whether soaked or not. */
    boolean serves(Observed seen) {
        return isHealthy(seen) && (!routed || seen.routing().state() == Routing.State.IN);
    }

    static boolean isHealthy(Observed seen) {
        return seen.instance().state() == Instance.State.RUNNING
                && seen.health().isHealthy();
    }

    static boolean isFed(Observed seen) {
        return seen.instance().state() != Instance.State.FAILED
                && seen.routing().takesRequests();
    }

    /** It lives, and answers requests that it would not finish. */
    static boolean isBusy(Observed seen) {
        return seen.instance().state() != Instance.State.FAILED
                && seen.routing().openRequests() > 0;
    }
}
