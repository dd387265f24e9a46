package io.github.rollstep.plan;

import io.github.rollstep.Place;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.ZoneOrder;
import io.github.rollstep.plan.Reason.Code;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * The zones of a fleet: where a successor goes, and whether a zone may lose one that serves.
 *
 * <p>Each zone has a share of the desired count, in proportion to what it had at the first look. A zone is down when nothing of what
 * served there does any more: then successors go elsewhere as long as there is room, and it holds up no other zone; what is dead or ill
 * in it leaves like anywhere else. When all of it has left so, the zone is given up for this rollout.
 */
final class Zones {

    private final Pass pass;
    private final RolloutPolicy policy;
    private final Map<String, Integer> shares;
    private final Map<String, List<Member>> members = new HashMap<>();

    /** What was found for a zone since anything changed: for a thousand candidates the answer is the same. */
    private final Map<String, Optional<Reason>> obstacles = new HashMap<>();

    Zones(Pass pass) {
        this.pass = pass;
        policy = pass.policy;
        shares = policy.choosesZones() ? shares(pass.state.zones(), pass.limits.desired()) : Map.of();
        if (matter()) {
            pass.members.forEach(this::joins);
        }
    }

    /** One more is to be counted. */
    void joins(Member member) {
        member.zone()
                .ifPresent(zone ->
                        members.computeIfAbsent(zone, key -> new ArrayList<>()).add(member));
    }

    /** Somebody was told to leave. */
    void changed() {
        obstacles.clear();
    }

    /** Whole numbers in proportion to the counts, which add up to {@code desired}: the largest remainders round up. */
    static Map<String, Integer> shares(Map<String, Integer> counts, int desired) {
        long total = counts.values().stream().mapToInt(Integer::intValue).sum();
        Map<String, Integer> shares = new TreeMap<>();
        counts.forEach((zone, count) -> shares.put(zone, (int) (desired * (long) count / total)));
        int left =
                desired - shares.values().stream().mapToInt(Integer::intValue).sum();
        counts.keySet().stream()
                .sorted(Comparator.comparing((String zone) -> -(desired * (long) counts.getOrDefault(zone, 0) % total))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(left)
                .forEach(zone -> shares.merge(zone, 1, Integer::sum));
        return shares;
    }

    boolean matter() {
        return !shares.isEmpty();
    }

    /** Where the next launch goes; empty if it has to wait, and then that is said. */
    Optional<String> next() {
        List<String> roomy = shares.keySet().stream().filter(this::hasRoom).toList();
        List<String> up = roomy.stream().filter(zone -> !isDown(zone)).toList();
        boolean roomComes = shares.keySet().stream()
                .anyMatch(zone -> !isDown(zone) && count(zone, member -> member.isLeaving() && !member.isKept()) > 0);
        List<String> open = up.isEmpty() && !roomComes ? roomy : up;
        if (open.isEmpty()) {
            pass.wait(Code.ZONE, "no zone has room for one more");
            return Optional.empty();
        }
        if (pass.count(Zones::isThere) < pass.limits.desired()) {
            // Whose successor takes its place holds it until then.
            Predicate<Member> counts = member -> pass.isInPlace() || isThere(member);
            return open.stream()
                    .max(Comparator.comparing((String zone) -> shares.getOrDefault(zone, 0) - count(zone, counts))
                            .thenComparing(Comparator.reverseOrder()));
        }
        Optional<String> current = current();
        if (current.isPresent()) {
            if (missing(current.get()) > 0 && open.contains(current.get())) {
                return current;
            }
            if (isHeldUp(current.get())) {
                return furthestBehind(open);
            }
            pass.wait(
                    Code.ZONE,
                    missing(current.get()) <= 0
                            ? "zone %s is finished before the next one is begun".formatted(current.get())
                            : "zone %s has room for no more".formatted(current.get()));
            return Optional.empty();
        }
        return furthestBehind(open);
    }

    private static boolean isThere(Member member) {
        return !member.isLeaving();
    }

    /** No more may be launched there, and what is outdated there cannot leave before more serves elsewhere. */
    private boolean isHeldUp(String zone) {
        int outdated = count(zone, member -> !pass.stays(member) && !member.isLeaving());
        return (missing(zone) <= 0 || !hasRoom(zone))
                && count(zone, member -> pass.stays(member) && !member.isServing()) == 0
                && pass.serving() - (outdated > 0 ? 1 : 0) < pass.limits.floor();
    }

    private Optional<String> furthestBehind(List<String> zones) {
        return zones.stream().max(Comparator.comparing(this::missing).thenComparing(Comparator.reverseOrder()));
    }

    /** Why one that serves may not be taken out of the zone of this one now. */
    Optional<Reason> forbids(Member member) {
        return member.zone()
                .filter(shares::containsKey)
                .flatMap(zone -> obstacles.computeIfAbsent(zone, name -> obstacle(name, member)));
    }

    private Optional<Reason> obstacle(String name, Member member) {
        if (pass.updated() >= pass.goalCount()) {
            return Optional.empty();
        }
        Optional<String> current = current();
        if (current.isPresent() && !current.get().equals(name) && !isInTheWay(name)) {
            return Optional.of(Reason.of(Code.ZONE, "zone %s first: %s stays".formatted(current.get(), member.name())));
        }
        int share = shares.getOrDefault(name, 0);
        int least = pass.isInPlace() ? 1 : 0;
        Optional<Integer> floor =
                policy.maxUnavailablePerZone().map(quota -> share - Math.max(least, quota.roundDown(share)));
        int serving = count(name, Member::isServing);
        return floor.filter(must -> serving - 1 < must)
                .map(must -> Reason.of(
                        Code.ZONE,
                        "zone %s: %d serving, %d must: %s stays".formatted(name, serving, must, member.name())));
    }

    /** The zone that is in turn, if one is finished before the next is begun: the first that is neither down nor finished. */
    private Optional<String> current() {
        return policy.zoneOrder() == ZoneOrder.ONE_AFTER_ANOTHER
                ? shares.keySet().stream()
                        .filter(zone -> !isDown(zone) && !isFinished(zone))
                        .findFirst()
                : Optional.empty();
    }

    /** It has more than its share, and there is no room for what others lack. */
    private boolean isInTheWay(String zone) {
        return pass.members.size() >= pass.limits.footprint()
                && count(zone, Zones::isThere) > shares.getOrDefault(zone, 0);
    }

    /** What it lacks holds up the others only if it can be launched before one of them goes, now or once what is stopping is gone. */
    private boolean isFinished(String zone) {
        boolean noLaunch = pass.count(member -> !member.isStopping() || pass.isStuck(member)) >= pass.limits.footprint()
                || pass.count(member -> pass.isOfGoal(member) && isThere(member)) >= pass.batchGoal();
        return count(zone, member -> pass.stays(member) ? !member.isServing() : isInTraffic(member)) == 0
                && (noLaunch || missing(zone) <= 0);
    }

    private static boolean isInTraffic(Member member) {
        return !member.isStopping() && !member.isKept();
    }

    /** Those that are down now: what is chosen to leave them may be all that is left. */
    List<String> down() {
        return shares.keySet().stream().filter(this::isDown).toList();
    }

    /**
     * Gives up those of these zones that have nothing left any more: what they had is divided among the others, unless all are down. One
     * instance that died alone says nothing of its zone.
     */
    void giveUp(List<String> down) {
        if (down.size() == shares.size()) {
            return;
        }
        Map<String, Integer> counts = new TreeMap<>(pass.state.zones());
        down.stream()
                .filter(zone -> counts.getOrDefault(zone, 0) > 1)
                .filter(zone -> count(zone, member -> !member.isLeaving() || member.isHealthy()) == 0)
                .forEach(zone -> counts.put(zone, 0));
        pass.edit(draft -> draft.zones = counts);
    }

    /** Whether what takes this place has to go elsewhere. */
    boolean isGivenUp(Place place) {
        return matter()
                && place.zone()
                        .filter(zone -> pass.state.zones().getOrDefault(zone, 1) == 0)
                        .isPresent();
    }

    private boolean isDown(String zone) {
        if (pass.state.zones().getOrDefault(zone, 0) == 0) {
            return true;
        }
        Predicate<Member> hasServed = member -> (member.served || member.early) && !member.isLeaving();
        int known = count(zone, hasServed);
        return known > 0
                && known == count(zone, member -> hasServed.test(member) && member.isUseless(pass.platform.routed()));
    }

    private boolean hasRoom(String zone) {
        int share = shares.getOrDefault(zone, 0);
        return policy.maxSurgePerZone()
                .filter(quota -> count(zone, member -> true) >= share + quota.roundUp(share))
                .isEmpty();
    }

    /** How many a zone lacks of what shall stay there. */
    private int missing(String zone) {
        return shares.getOrDefault(zone, 0) - count(zone, member -> pass.stays(member) && !member.isLeaving());
    }

    private int count(String zone, Predicate<Member> condition) {
        return (int)
                members.getOrDefault(zone, List.of()).stream().filter(condition).count();
    }
}
