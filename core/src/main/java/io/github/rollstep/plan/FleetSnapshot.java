package io.github.rollstep.plan;

import io.github.rollstep.InstanceId;
import io.github.rollstep.Verdict;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The fleet as it is observed at one time. The order of the instances has no meaning.
 *
 * @param now the time of the observation; it was begun no earlier
 * @param instances empty if {@code blind}
 * @param blind why the fleet could not be observed; then nothing is known of the instances
 * @param gates what each gate says, by name; one that was not asked, or could not tell, waits
 * @param refusals who may not leave now, and why
 * @param fault a call that can never succeed; the failure policy is followed
 */
public record FleetSnapshot(
        Instant now,
        Platform platform,
        List<Observed> instances,
        Map<String, Verdict> gates,
        Map<InstanceId, String> refusals,
        Optional<String> blind,
        Optional<String> fault) {

    public FleetSnapshot {
        instances = List.copyOf(instances);
        gates = Map.copyOf(gates);
        refusals = Map.copyOf(refusals);
        if (blind.isPresent() && !instances.isEmpty()) {
            throw new IllegalArgumentException("instances must be empty in a blind snapshot, was " + instances.size());
        }
    }

    public static FleetSnapshot of(Instant now, Platform platform, List<Observed> instances) {
        return new FleetSnapshot(now, platform, instances, Map.of(), Map.of(), Optional.empty(), Optional.empty());
    }

    public static FleetSnapshot blind(Instant now, Platform platform, String why) {
        return new FleetSnapshot(now, platform, List.of(), Map.of(), Map.of(), Optional.of(why), Optional.empty());
    }

    public FleetSnapshot withFault(String fault) {
        return new FleetSnapshot(now, platform, instances, gates, refusals, blind, Optional.of(fault));
    }

    public FleetSnapshot withGates(Map<String, Verdict> gates) {
        return new FleetSnapshot(now, platform, instances, gates, refusals, blind, fault);
    }

    public FleetSnapshot withRefusals(Map<InstanceId, String> refusals) {
        return new FleetSnapshot(now, platform, instances, gates, refusals, blind, fault);
    }
}
