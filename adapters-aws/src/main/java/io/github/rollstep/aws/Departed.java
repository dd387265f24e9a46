package io.github.rollstep.aws;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Who is gone for certain: those that were members when they were told to stop, or were listed as stopping, and are missing in a list that
 * is newer by more than any list is old. Nothing comes back into a group. For one thread at a time.
 */
final class Departed {

    /** How long it is told of what is gone. */
    static final Duration REMEMBERED = Duration.ofHours(1);

    private record Leaving(Instance member, Instant since) {}

    private final Duration staleness;
    private final Map<InstanceId, Leaving> leaving = new HashMap<>();

    Departed(Duration staleness) {
        this.staleness = staleness;
    }

    void leaves(Instance member, Instant now) {
        leaving.putIfAbsent(member.id(), new Leaving(member, now));
    }

    /** @param asked when the list was asked for */
    List<Instance> missing(List<Instance> listed, Instant asked) {
        Set<InstanceId> there = new HashSet<>();
        listed.forEach(member -> {
            there.add(member.id());
            if (member.state() == Instance.State.STOPPING) {
                leaves(member, asked);
            }
        });
        leaving.values().removeIf(one -> one.since.plus(REMEMBERED).isBefore(asked));
        return leaving.values().stream()
                .filter(one -> !there.contains(one.member.id()) && !asked.isBefore(one.since.plus(staleness)))
                .map(one -> one.member.toBuilder().state(Instance.State.GONE).build())
                .toList();
    }
}
