package io.github.rollstep.run;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.RolloutState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a controller found when it began: see {@link RollingUpdate#recover}.
 *
 * @param rollout that goes on; empty if none was unfinished
 * @param leftovers of an earlier controller
 */
public record Recovery(Optional<Rollout> rollout, List<Leftover> leftovers) {

    public Recovery {
        leftovers = List.copyOf(leftovers);
    }

    /** What becomes of it is decided by the rollout in progress, or else by the next one. */
    public enum Kind {
        /** A launch that was intended; whether anything came of it is not known yet. */
        UNSEEN_LAUNCH,
        /** Was taken out of traffic or told to stop, and is still there. */
        LEAVING,
        /** Carries the token of a launch that is in no record. */
        UNRECORDED,
        /** Settings of the platform that were changed for the time of a rollout, and are not put back yet. */
        SETTINGS
    }

    /**
     * @param instance empty for a launch that nobody has seen, and for settings
     * @param token empty for what was not launched by Rollstep
     */
    public record Leftover(Kind kind, Optional<InstanceId> instance, Optional<LaunchToken> token, String text) {

        @Override
        public String toString() {
            return text;
        }
    }

    static List<Leftover> leftovers(Optional<RolloutState> record, List<Instance> listed) {
        List<InstanceRecord> known = record.map(RolloutState::instances).orElse(List.of());
        Set<LaunchToken> seen =
                listed.stream().flatMap(instance -> instance.token().stream()).collect(Collectors.toSet());
        Set<InstanceId> there = listed.stream().map(Instance::id).collect(Collectors.toSet());
        List<Leftover> leftovers = new ArrayList<>();
        for (InstanceRecord one : known) {
            if (one.id().isEmpty() && one.token().filter(seen::contains).isEmpty()) {
                leftovers.add(new Leftover(
                        Kind.UNSEEN_LAUNCH,
                        one.id(),
                        one.token(),
                        "launch %s of %s, intended at %s, is not seen yet"
                                .formatted(
                                        one.token().map(LaunchToken::toString).orElse(""),
                                        one.revision(),
                                        one.intentSince())));
            } else if ((one.intent() == Intent.DRAIN || one.intent() == Intent.TERMINATE)
                    && one.id().filter(there::contains).isPresent()) {
                leftovers.add(new Leftover(
                        Kind.LEAVING,
                        one.id(),
                        one.token(),
                        "%s of %s is leaving since %s".formatted(one.id().get(), one.revision(), one.intentSince())));
            }
        }
        record.filter(state -> state.held().isPresent())
                .ifPresent(state -> leftovers.add(new Leftover(
                        Kind.SETTINGS,
                        Optional.empty(),
                        Optional.empty(),
                        "settings of the platform are held for rollout %s since %s"
                                .formatted(state.rollout(), state.clocks().startedAt()))));
        Set<LaunchToken> tokens =
                known.stream().flatMap(one -> one.token().stream()).collect(Collectors.toSet());
        Set<InstanceId> ids = known.stream().flatMap(one -> one.id().stream()).collect(Collectors.toSet());
        listed.stream()
                .filter(instance -> instance.token()
                        .filter(token -> !tokens.contains(token))
                        .isPresent())
                .filter(instance -> !ids.contains(instance.id()))
                .forEach(instance -> leftovers.add(new Leftover(
                        Kind.UNRECORDED,
                        Optional.of(instance.id()),
                        instance.token(),
                        "%s of %s was launched as %s, which is in no record"
                                .formatted(
                                        instance.id(),
                                        instance.revision(),
                                        instance.token().get()))));
        return leftovers;
    }
}
