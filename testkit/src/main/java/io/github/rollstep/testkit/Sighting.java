package io.github.rollstep.testkit;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Observed;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** One look at the fleet by one controller: the answers of provider, health checker and router, and what the fleet really was then. */
final class Sighting {

    private static final Health UNTOLD = Health.unknown("no answer");

    /** Before the list was asked for. */
    final Instant at;

    /** How many launches had been begun by then. */
    final int launchesBefore;

    private final List<Map<InstanceId, Observed>> truths = new ArrayList<>();
    private @Nullable Map<InstanceId, Instance> listed;
    private @Nullable Map<InstanceId, Health> health;
    private @Nullable Map<InstanceId, Routing> routes;

    Sighting(Instant at, int launchesBefore) {
        this.at = at;
        this.launchesBefore = launchesBefore;
    }

    /** @param instances of two with the same id the first counts */
    void list(List<Instance> instances) {
        Map<InstanceId, Instance> byId = new LinkedHashMap<>();
        instances.forEach(instance -> byId.putIfAbsent(instance.id(), instance));
        listed = byId;
    }

    void check(Map<InstanceId, Health> verdicts) {
        Map<InstanceId, Health> all = health == null ? new LinkedHashMap<>() : new LinkedHashMap<>(health);
        all.putAll(verdicts);
        health = all;
    }

    void route(Map<InstanceId, Routing> answer) {
        routes = Map.copyOf(answer);
    }

    void add(Map<InstanceId, Observed> truth) {
        truths.add(truth);
    }

    Map<InstanceId, Instance> listed() {
        return listed == null ? Map.of() : listed;
    }

    Set<LaunchToken> tokens() {
        return listed().values().stream()
                .flatMap(instance -> instance.token().stream())
                .collect(Collectors.toCollection(HashSet::new));
    }

    /** Whether there was enough to plan on. */
    boolean isSighted(boolean routed) {
        return listed != null && (!routed || routes != null);
    }

    /** Whether each answer has come. */
    boolean isWhole(boolean routed) {
        return isSighted(routed) && health != null;
    }

    Optional<Observed> of(InstanceId id) {
        return Optional.ofNullable(listed().get(id)).map(this::observed);
    }

    private Observed observed(Instance instance) {
        Health verdict = health == null ? UNTOLD : health.getOrDefault(instance.id(), UNTOLD);
        Routing routing = routes == null ? Routing.out() : routes.getOrDefault(instance.id(), Routing.out());
        return new Observed(instance, verdict, routing);
    }

    Map<InstanceId, Observed> seen() {
        Map<InstanceId, Observed> seen = new LinkedHashMap<>();
        listed().forEach((id, instance) -> seen.put(id, observed(instance)));
        return seen;
    }

    /** What was seen; or where the truth is known, what the fleet was. */
    List<Map<InstanceId, Observed>> views() {
        return truths.isEmpty() ? List.of(seen()) : List.copyOf(truths);
    }

    boolean knowsTheTruth() {
        return !truths.isEmpty();
    }

    Map<String, String> told() {
        return told(seen());
    }

    /** Each instance in a few words, for the history. */
    static Map<String, String> told(Map<InstanceId, Observed> fleet) {
        Map<String, String> told = new TreeMap<>();
        fleet.forEach((id, seen) -> told.put(id.value(), told(seen)));
        return told;
    }

    private static String told(Observed seen) {
        Routing routing = seen.routing();
        return "%s %s, %s, %s%s"
                .formatted(
                        seen.instance().revision(),
                        seen.instance().state(),
                        seen.health().status(),
                        routing.state(),
                        routing.openRequests() == 0 ? "" : " with %d requests".formatted(routing.openRequests()));
    }
}
