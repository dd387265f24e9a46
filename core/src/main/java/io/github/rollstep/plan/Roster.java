package io.github.rollstep.plan;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.RolloutState.Extremes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Brings what is remembered and what is seen together.
 *
 * <p>Doubt counts against us: a launch that is not seen may still come, an instance that is missing may still be there. Of
 * a stale list one absence proves nothing: it takes three in a row, over the staleness, and a gap in our looking that is as
 * long starts anew. What a list older than all of them still shows is as good as new: it has to soak before it counts.
 */
final class Roster {

    private static final int PROOF = 3;

    private final Pass pass;
    private final boolean first;
    private final Set<Member> ended = new HashSet<>();
    private final List<Place> vacated;

    private Roster(Pass pass) {
        this.pass = pass;
        first = !pass.state.surveyed();
        vacated = new ArrayList<>(pass.state.vacated());
    }

    static void update(Pass pass) {
        new Roster(pass).update();
    }

    private void update() {
        Map<InstanceId, Member> known = new HashMap<>();
        List<Member> open = new ArrayList<>();
        for (Member member : pass.members) {
            member.id.ifPresentOrElse(id -> known.put(id, member), () -> open.add(member));
        }
        open.sort(Comparator.comparing((Member member) -> member.since).thenComparing(Member.ORDER));

        List<Observed> listed = new ArrayList<>(pass.snapshot.instances());
        listed.sort(Comparator.comparing(observed -> observed.instance().id()));
        for (Observed observed : listed) {
            Instance instance = observed.instance();
            if (!instance.exists()) {
                end(known, open, instance);
                continue;
            }
            Member member = known.get(instance.id());
            if (member == null) {
                member = claim(open, instance).orElseGet(() -> find(instance));
                member.id = Optional.of(instance.id());
            }
            see(member, observed);
        }
        List<Member> gone = pass.members.stream()
                .filter(member -> member.seen == null && isGone(member))
                .toList();
        pass.members.removeAll(gone);
        gone.stream()
                .filter(member -> member.intent == Intent.TERMINATE)
                .forEach(member ->
                        pass.took(member.intentSince, (seen, time) -> seen.stop(Pass.longer(seen.stop(), time))));
        if (pass.isInPlace()) {
            gone.stream()
                    .sorted(Member.ORDER)
                    .map(member -> member.place)
                    .filter(place -> place.predecessor().isPresent() && !vacated.contains(place))
                    .forEach(vacated::add);
        }
        remember();
    }

    /** It needs no proof by absence. A launch whose instance was never seen alive has ended with it. */
    private void end(Map<InstanceId, Member> known, List<Member> open, Instance instance) {
        Optional<Member> member = Optional.ofNullable(known.get(instance.id()))
                .or(() -> instance.token().flatMap(token -> claim(open, instance)));
        member.ifPresent(one -> {
            one.id = Optional.of(instance.id());
            if (one.isOpenLaunch()) {
                one.intend(Intent.NONE, pass.now);
            }
            ended.add(one);
        });
    }

    /** The open launch that this instance comes from: by its token; without one, the oldest of its revision. */
    private Optional<Member> claim(List<Member> open, Instance instance) {
        Optional<Member> match = open.stream()
                .filter(member -> instance.token().isPresent()
                        ? instance.token().equals(member.token)
                        : !first && member.revision.equals(instance.revision()))
                .findFirst();
        match.ifPresent(open::remove);
        return match;
    }

    private Member find(Instance instance) {
        Member found = Member.found(instance, first, pass.now);
        if (first) {
            found.readySince = Optional.of(createdAt(instance));
        }
        pass.members.add(found);
        return found;
    }

    private void see(Member member, Observed observed) {
        member.seen = observed;
        member.absentSince = Optional.empty();
        member.absentAt = Optional.empty();
        if (member.isOpenLaunch()) {
            member.intend(Intent.NONE, pass.now);
        }
        boolean healthy = member.isHealthy();
        if (healthy) {
            member.sickSince = Optional.empty();
        } else if (member.isDead() || member.health().isUnhealthy()) {
            member.sickSince = member.sickSince.or(() -> Optional.of(pass.now));
        }
        if (member.routing().takesRequests() && member.admits <= 1 || !pass.isAdmitInDoubt(member)) {
            member.admitSentAt = Optional.empty();
            member.admits = 0;
        }
        if (!member.routing().takesRequests() && member.drains <= 1 || !pass.isDrainInDoubt(member)) {
            member.drainSentAt = Optional.empty();
            member.drains = 0;
        }
        if (pass.isInPlace()) {
            member.place = held(member.place, observed.instance());
        }
        if (!member.served) {
            member.restarts = observed.instance().restarts();
        }
        member.readySince = pass.isIn(member) ? member.readySince.or(() -> Optional.of(pass.now)) : Optional.empty();
        // What is wanted again while a drain of it is on its way may be taken out yet.
        member.ready = member.readySince
                .filter(since -> member.drainSentAt.isEmpty() && pass.due(since.plus(soak())))
                .isPresent();
        if (member.ready && !member.served && pass.isOurs(member)) {
            Instant launched = pass.now.minus(Duration.between(member.since, member.readySince.orElse(pass.now)));
            pass.took(launched, Timings::seenStart);
        }
        member.served |= member.ready;
    }

    /** The place that its successor will take; a platform that knows of no places keeps the one it was launched to. */
    private static Place held(Place taken, Instance instance) {
        Place now = Place.of(instance);
        return new Place(
                now.predecessor(),
                now.slot().or(taken::slot),
                now.zone().or(taken::zone),
                now.labels().isEmpty() ? taken.labels() : now.labels());
    }

    private Duration soak() {
        return Pass.longer(pass.policy.minReady(), pass.platform.staleness());
    }

    /** What was there before us, and of which nothing is remembered, is taken at its word: it has been ready since it was created. */
    private Instant createdAt(Instance instance) {
        Instant created = instance.createdAt().orElse(pass.now.minus(soak()));
        return created.isBefore(pass.now) ? created : pass.now;
    }

    private boolean isGone(Member member) {
        Instant settled = member.isOpenLaunch()
                ? member.sentAt.orElse(member.intentSince).plus(pass.platform.requestLife())
                : pass.now;
        if (!pass.due(settled)) {
            member.absentSince = Optional.empty();
            member.absentAt = Optional.empty();
            return false;
        }
        member.ready = false;
        member.readySince = Optional.empty();
        Duration staleness = pass.platform.staleness();
        if (!staleness.isZero() && !ended.contains(member) && !isProven(member, staleness)) {
            return false;
        }
        if (member.isOpenLaunch()) {
            // Nothing that was sent can create it any more. It is needed no longer only if it is given up.
            return !pass.isWanted(member);
        }
        // One that served well was taken by another hand; one that did not has failed where the platform lists no dead
        // ones.
        boolean well = member.served && member.sickSince.isEmpty();
        if (!first && !well && pass.isWanted(member) && member.intent == Intent.NONE) {
            pass.countFailure(member, member.name() + " vanished without being terminated");
        }
        return true;
    }

    /** With looks that are less than the staleness apart, it takes three of them. */
    private boolean isProven(Member member, Duration staleness) {
        Instant since = member.absentAt
                .filter(last -> pass.now.isBefore(last.plus(staleness)))
                .flatMap(last -> member.absentSince)
                .orElse(pass.now);
        member.absentSince = Optional.of(since);
        member.absentAt = Optional.of(pass.now);
        pass.due(pass.now.plus(staleness.dividedBy(PROOF)));
        return pass.due(since.plus(staleness));
    }

    private void remember() {
        int serving = pass.serving();
        Map<String, Verdict> gates = pass.snapshot.gates();
        Set<String> failing = new TreeSet<>(first ? gates.keySet() : pass.state.failingBefore());
        failing.removeIf(gate -> first
                ? pass.policy.heedsGatesFailingBefore() || !gates.get(gate).fails()
                : gates.containsKey(gate) && gates.get(gate).passes());
        pass.edit(draft -> {
            draft.vacated = vacated;
            draft.failingBefore = failing;
            if (first) {
                draft.surveyed = true;
                draft.baseline = draft.baseline.or(this::servingNow);
                draft.zones = zones();
            }
            OptionalInt fewest = draft.extremes.fewestServing();
            draft.extremes =
                    new Extremes(draft.extremes.peak(), OptionalInt.of(Math.min(fewest.orElse(serving), serving)));
        });
    }

    private Map<String, Integer> zones() {
        Map<String, Integer> zones = new TreeMap<>();
        pass.seen()
                .filter(member -> !member.isLeaving())
                .forEach(member -> member.zone().ifPresent(zone -> zones.merge(zone, 1, Integer::sum)));
        return zones;
    }

    /** The revision to go back to: the last verified one if it is healthy, else what most instances serve. */
    private Optional<Revision> servingNow() {
        Map<Revision, Long> serving = pass.members.stream()
                .filter(member -> member.isServing() && pass.isOutdated(member))
                .collect(Collectors.groupingBy(this::revisionAsSeen, Collectors.counting()));
        Optional<Revision> verified = pass.state
                .history()
                .verified()
                .filter(revision -> pass.seen()
                        .anyMatch(member ->
                                pass.isOutdated(member) && member.isHealthy() && member.revision.equals(revision)));
        return verified.or(() -> serving.entrySet().stream()
                .max(Map.Entry.<Revision, Long>comparingByValue()
                        .thenComparing(entry -> entry.getKey().id(), Comparator.reverseOrder()))
                .map(Map.Entry::getKey));
    }

    private Revision revisionAsSeen(Member member) {
        return member.seen == null ? member.revision : member.seen.instance().revision();
    }
}
