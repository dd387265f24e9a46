package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a policy asks for beyond the limits, said once more and in another way than the planner says it: each plan is held against it.
 *
 * @param tokens whether it is known which launch an instance comes from, and so in which zone one that is not seen will be
 * @param broken told which promise is broken, and how
 */
record PolicyRules(RolloutPolicy policy, boolean tokens, BiConsumer<Promise, String> broken) {

    void check(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        RolloutState after = plan.next();
        if (after.batch().released() && !before.batch().released()) {
            fail("nobody has said that batch %s may go on", after.batch());
        }
        if (before.phase() == RolloutPhase.ROLLING && after.phase() == RolloutPhase.ROLLING) {
            checkBatchesDone(snapshot, before, after);
        }
        if (after.phase() == RolloutPhase.SUCCEEDED && before.phase() == RolloutPhase.ROLLING) {
            checkLast(snapshot, before, after);
        }
        if (!before.back() && after.back() && policy.isForwardOnly(before.batchesDone())) {
            fail("turns back after %d batches", before.batchesDone());
        }
        checkBudgets(before, plan);
        if (!after.back()) {
            checkInFlight(before, plan);
            checkPartition(snapshot, before, plan);
        }
        checkZones(snapshot, before, plan);
        checkVeto(snapshot, before, plan);
        checkKept(after);
    }

    private void fail(String text, Object... values) {
        broken.accept(Promise.POLICY, text.formatted(values));
    }

    private void checkBatchesDone(FleetSnapshot snapshot, RolloutState before, RolloutState after) {
        for (int index = before.batch().index(); index < after.batch().index(); index++) {
            checkReleased(before, after, index);
            checkGates(snapshot, after, "goes on to batch %d".formatted(index + 2));
        }
    }

    private void checkReleased(RolloutState before, RolloutState after, int index) {
        boolean released = before.batch().released() && before.batch().index() == index;
        if ((policy.approvesAfter(index + 1) || policy.pausesAfter(index + 1)) && !released) {
            fail("batch %d is done and nobody has said that it may go on to %s", index + 1, after.batch());
        }
    }

    private void checkGates(FleetSnapshot snapshot, RolloutState after, String what) {
        snapshot.gates().forEach((name, verdict) -> {
            boolean heeded = !after.failingBefore().contains(name);
            if (heeded && verdict.outcome() != Verdict.Outcome.PASS) {
                fail("%s though gate %s says %s", what, name, verdict);
            }
        });
    }

    private void checkLast(FleetSnapshot snapshot, RolloutState before, RolloutState after) {
        checkGates(snapshot, after, "succeeds");
        checkReleased(before, after, after.batch().index());
        Optional<Boolean> baked =
                after.batch().wholeSince().map(since -> !snapshot.now().isBefore(since.plus(policy.bake())));
        if (!baked.orElse(false)) {
            fail(
                    "succeeds at %s, whole since %s, bake %s",
                    snapshot.now(), after.batch().wholeSince(), policy.bake());
        }
    }

    /** What exists, and what is about to, takes no more of any resource than there is. */
    private void checkBudgets(RolloutState before, Plan plan) {
        if (plan.next().launches() > before.launches()) {
            policy.budgets().stream()
                    .filter(budget -> plan.counts().existing() > budget.instances())
                    .forEach(budget ->
                            fail("%d exist of at most %s", plan.counts().existing(), budget));
        }
    }

    /** Never more on their way than the batch is large, and no more than one batch of a revision that has not served. */
    private void checkInFlight(RolloutState before, Plan plan) {
        boolean launches = plan.actions().stream().anyMatch(Action.Launch.class::isInstance)
                && plan.next().launches() > before.launches();
        RolloutState after = plan.next();
        int size = policy.batches().size(after.batch().index(), after.limits().desired());
        long inFlight = after.instances().stream()
                .filter(record -> record.revision().equals(after.target())
                        && !record.early()
                        && !record.served()
                        && !record.failed()
                        && record.token().filter(after.rollout()::owns).isPresent()
                        && (record.intent() == InstanceRecord.Intent.NONE
                                || record.intent() == InstanceRecord.Intent.LAUNCH))
                .count();
        if (launches && inFlight > size) {
            fail("%d of a batch of %d are on their way", inFlight, size);
        }
    }

    /**
     * What serves and is outdated is taken down to the partition and no further. Of an ordered fleet this can be said only while none
     * of it is ill or missing: such a one keeps its place for a while.
     */
    private void checkPartition(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        int kept = before.limits().kept();
        if (kept == 0
                || before.restart()
                || plan.next().phase() != RolloutPhase.ROLLING
                || (policy.ordered() && !isAllWell(snapshot, before))) {
            return;
        }
        Set<InstanceId> leaving = told(before);
        plan.actions().forEach(action -> target(action).ifPresent(leaving::add));
        Map<InstanceId, Observed> old = snapshot.instances().stream()
                .filter(seen -> !seen.instance().revision().equals(before.target()))
                .filter(seen -> !seen.health().isUnhealthy() && seen.instance().state() == Instance.State.RUNNING)
                .collect(Collectors.toMap(seen -> seen.instance().id(), seen -> seen));
        boolean takes = plan.actions().stream()
                .flatMap(action -> target(action).stream())
                .anyMatch(id -> old.containsKey(id)
                        && old.get(id).health().isHealthy()
                        && !told(before).contains(id));
        long left = old.keySet().stream().filter(id -> !leaving.contains(id)).count();
        if (takes && left < kept) {
            fail("%d are left of what it ran before, the partition is %d", left, kept);
        }
    }

    private static boolean isAllWell(FleetSnapshot snapshot, RolloutState before) {
        Set<InstanceId> listed =
                snapshot.instances().stream().map(seen -> seen.instance().id()).collect(Collectors.toSet());
        return before.instances().stream()
                        .allMatch(record -> record.id().stream().allMatch(listed::contains))
                && snapshot.instances().stream()
                        .allMatch(seen -> seen.health().isHealthy()
                                || seen.instance().revision().equals(before.target()));
    }

    /**
     * Of a share, rounded down for the floor and up for the room. The floor binds until the whole desired count serves the goal.
     */
    private void checkZones(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        RolloutState after = plan.next();
        int total = before.zones().values().stream().mapToInt(Integer::intValue).sum();
        boolean done = plan.counts().updated()
                >= after.limits().desired() - after.limits().kept();
        boolean inPlace = after.limits().footprint() == after.limits().desired();
        before.zones().forEach((zone, count) -> {
            int least = after.limits().desired() * count / total;
            int most = (after.limits().desired() * count + total - 1) / total;
            policy.maxUnavailablePerZone().ifPresent(quota -> {
                int floor = least - Math.max(inPlace ? 1 : 0, quota.roundDown(most));
                if (!done && takes(snapshot, before, plan, zone) && left(snapshot, plan, zone) < floor) {
                    fail("%d are left in %s, at least %d must serve", left(snapshot, plan, zone), zone, floor);
                }
            });
            policy.maxSurgePerZone().ifPresent(quota -> {
                long launched = launches(before, plan, zone);
                long there = Stream.concat(
                                snapshot.instances().stream()
                                        .map(seen -> seen.instance())
                                        .filter(one -> isIn(one, zone)),
                                after.instances().stream().filter(one -> isOpenIn(one, zone)))
                        .count();
                if (launched > 0 && tokens && !inPlace && there > most + quota.roundUp(most)) {
                    fail("%d are in %s, at most %d + %s may", there, zone, most, quota);
                }
            });
        });
    }

    private static boolean isIn(Instance instance, String zone) {
        return instance.zone().filter(zone::equals).isPresent();
    }

    private static boolean isOpenIn(InstanceRecord record, String zone) {
        return record.id().isEmpty()
                && record.place().zone().filter(zone::equals).isPresent();
    }

    /** How many that were not asked for before. */
    private static long launches(RolloutState before, Plan plan, String zone) {
        Set<LaunchToken> open = before.instances().stream()
                .flatMap(record -> record.token().stream())
                .collect(Collectors.toSet());
        return plan.actions().stream()
                .filter(action -> action instanceof Action.Launch launch
                        && !open.contains(launch.token())
                        && launch.place().zone().filter(zone::equals).isPresent())
                .count();
    }

    private static boolean answers(Observed seen) {
        return seen.instance().state() == Instance.State.RUNNING
                && seen.health().isHealthy()
                && seen.routing().takesRequests();
    }

    /** Whether it takes one out of this zone that answers. */
    private static boolean takes(FleetSnapshot snapshot, RolloutState before, Plan plan, String zone) {
        Set<InstanceId> taken = plan.actions().stream()
                .flatMap(action -> target(action).stream())
                .filter(id -> !told(before).contains(id))
                .collect(Collectors.toSet());
        return snapshot.instances().stream()
                .anyMatch(seen -> taken.contains(seen.instance().id()) && isIn(seen.instance(), zone) && answers(seen));
    }

    /** How many answer there and are not told to leave. */
    private static long left(FleetSnapshot snapshot, Plan plan, String zone) {
        Set<InstanceId> told = told(plan.next());
        return snapshot.instances().stream()
                .filter(seen -> isIn(seen.instance(), zone) && answers(seen))
                .filter(seen -> !told.contains(seen.instance().id()))
                .count();
    }

    private void checkVeto(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        plan.actions().stream()
                .flatMap(action -> target(action).stream())
                .filter(id ->
                        snapshot.refusals().containsKey(id) && !told(before).contains(id))
                .forEach(id -> fail(
                        "takes %s, which may not stop: %s",
                        id, snapshot.refusals().get(id)));
    }

    private void checkKept(RolloutState after) {
        List<InstanceRecord> kept = after.instances().stream()
                .filter(record -> record.intent() == InstanceRecord.Intent.KEEP)
                .toList();
        long failed = kept.stream().filter(InstanceRecord::failed).count();
        if (failed > policy.keepFailed()) {
            fail("%d failed ones are kept, at most %d may", failed, policy.keepFailed());
        }
        if (kept.size() > failed && policy.retainOld().isZero()) {
            fail("%d replaced ones are kept", kept.size() - failed);
        }
    }

    /** Those that were told to leave before. */
    private static Set<InstanceId> told(RolloutState before) {
        return before.instances().stream()
                .filter(record -> record.intent() != InstanceRecord.Intent.NONE)
                .flatMap(record -> record.id().stream())
                .collect(Collectors.toSet());
    }

    /** Whom an action takes out. */
    private static Optional<InstanceId> target(Action action) {
        if (action instanceof Action.Drain drain) {
            return Optional.of(drain.id());
        }
        return action instanceof Action.Terminate terminate ? Optional.of(terminate.id()) : Optional.empty();
    }

    /** How many of this revision exist. */
    static long count(List<Observed> fleet, Revision revision) {
        return fleet.stream()
                .filter(seen -> seen.instance().revision().equals(revision))
                .count();
    }
}
