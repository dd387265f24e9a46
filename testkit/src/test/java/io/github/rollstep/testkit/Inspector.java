package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.testkit.SimulatedController.Decision;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Holds what controllers do against the promises: each effect against the true fleet, each plan against what was seen. */
final class Inspector {

    record Violation(Promise promise, String text) {}

    private final World world;
    private final Scenario scenario;
    private final PolicyRules rules;
    private final List<Violation> violations = new ArrayList<>();
    private final Map<InstanceId, Instant> drainedAt = new HashMap<>();
    private final Set<InstanceId> takenByUs = new HashSet<>();
    private final Set<LaunchToken> intended = new HashSet<>();
    private final Set<InstanceId> told = new HashSet<>();

    /** Since when each is in traffic, as far as it was recorded; and as a plan would have it that is not recorded yet. */
    private Map<InstanceId, Instant> inSince = new HashMap<>();

    private Map<InstanceId, Instant> inSincePlanned = new HashMap<>();
    private @Nullable RolloutState planned;

    /** How many instances had failed when it stopped to roll forward. */
    private int cost;

    Inspector(World world) {
        this.world = world;
        scenario = world.scenario;
        rules = new PolicyRules(scenario.policy(), scenario.tokens(), this::broken);
    }

    List<Violation> violations() {
        return violations;
    }

    int cost() {
        return cost;
    }

    void broken(Promise promise, String text) {
        violations.add(new Violation(promise, text));
    }

    private void broken(Promise promise, String text, Object... values) {
        broken(promise, text.formatted(values));
    }

    // What takes effect

    void launch(Decision decided, LaunchRequest request) {
        if (!intended.contains(request.token())) {
            broken(Promise.REPEATABLE, "%s is launched, and was never recorded", request.token());
        }
        int before = world.fleet.size();
        world.fleet.provider().launch(List.of(request));
        int existing = world.fleet.size();
        if (existing > before) {
            Instant seen = decided.at().minus(scenario.staleness());
            int unseen = (int)
                    world.appeared.stream().filter(at -> !at.isBefore(seen)).count();
            int most = Math.max(decided.footprint(), footprint());
            if (existing - unseen > most) {
                broken(
                        Promise.FOOTPRINT,
                        "%s makes %d of at most %d, %d of them somebody else has just started",
                        request.token(),
                        existing,
                        most,
                        unseen);
            }
        }
    }

    private int footprint() {
        return state().map(state -> state.limits().footprint()).orElse(0);
    }

    private Optional<RolloutState> state() {
        return world.store.load(world.fleet.id()).map(stored -> stored.state());
    }

    void admit(Instance instance, boolean seenHealthy) {
        if (!seenHealthy) {
            broken(Promise.HEALTHY_FIRST, "admits %s, which was not healthy when it was checked", instance.id());
        }
        drainedAt.remove(instance.id());
        takenByUs.remove(instance.id());
        world.fleet.router().admit(instance);
    }

    void drain(Decision decided, Instance instance) {
        drainedAt.putIfAbsent(instance.id(), world.now());
        takes(decided, instance.id(), "drain", () -> world.fleet.router().drain(instance));
    }

    void terminate(Decision decided, InstanceId id) {
        world.fleet.member(id).ifPresent(this::checkDrained);
        takes(decided, id, "terminate", () -> world.fleet.provider().terminate(id));
    }

    private void checkDrained(SimulatedInstance member) {
        if (scenario.router() != Scenario.Router.DRAINS_FIRST
                || member.state == Instance.State.FAILED
                || member.routing().isQuiet()) {
            return;
        }
        Instant since = drainedAt.get(member.id);
        Duration deadline = scenario.policy().drainDeadline().minus(longestLook());
        if (since == null || world.now().isBefore(since.plus(deadline))) {
            broken(Promise.DRAINED_FIRST, "terminates %s, which is %s", member.id, member.routing());
        }
    }

    /** A deadline is counted from the beginning of a look, which may take as long as a call may. */
    private Duration longestLook() {
        boolean quick = !scenario.troubles().containsKey(Scenario.Trouble.TIMES_OUT)
                && !scenario.incidents().containsValue(Scenario.Incident.STALL);
        return quick ? World.CLOCKS_APART : SimulatedController.REQUEST_LIFE;
    }

    /** What was lost since the decision, and not by us, nobody could know of; nor that one is well again that was ill then. */
    private void takes(Decision decided, InstanceId id, String action, Runnable effect) {
        if (!told.contains(id)) {
            broken(Promise.REPEATABLE, "%s of %s was never recorded", action, id);
        }
        Optional<SimulatedInstance> member = world.fleet.member(id);
        boolean served = member.filter(SimulatedInstance::serving).isPresent();
        effect.run();
        if (!served || member.orElseThrow().serving()) {
            return;
        }
        takenByUs.add(id);
        int serving = world.fleet.serving().size();
        int floor = Math.min(
                decided.floor(), state().map(state -> state.limits().floor()).orElse(0));
        boolean counted = decided.serving().contains(member.orElseThrow());
        if (serving < floor && counted && !isUnknown(decided, id)) {
            long lost = decided.serving().stream()
                    .filter(one -> !one.serving() && !takenByUs.contains(one.id))
                    .count();
            if (serving + lost < floor) {
                broken(
                        Promise.AVAILABILITY,
                        "%s of %s leaves %d serving of at least %d, %d lost since",
                        action,
                        id,
                        serving,
                        floor,
                        lost);
            }
        }
    }

    /** By a stale list it only starts: without a router nothing can tell that it answers already. */
    private boolean isUnknown(Decision decided, InstanceId id) {
        return !world.isRouted()
                && decided.snapshot() != null
                && decided.snapshot().instances().stream()
                        .anyMatch(seen -> seen.instance().id().equals(id)
                                && seen.instance().state() == Instance.State.STARTING);
    }

    // What is decided

    /** @param present whether the fleet is still as it was observed */
    void planned(FleetSnapshot snapshot, RolloutState before, Plan plan, boolean present) {
        checkHeld(before, plan);
        if (state().filter(before::equals).isEmpty()) {
            return; // Another controller has taken over: this plan will not be recorded.
        }
        if (snapshot.blind().isEmpty()) {
            rules.check(snapshot, before, plan);
            checkSoaked(snapshot, before, plan);
        }
        RolloutState after = plan.next();
        if (before.phase() == RolloutPhase.ROLLING) {
            cost = after.failures().count();
        }
        boolean ends = !before.phase().isFinal() && after.phase().isFinal();
        if (ends && present && (after.phase() == RolloutPhase.SUCCEEDED || after.phase() == RolloutPhase.ROLLED_BACK)) {
            checkGoal(after);
        }
        if (plan.actions().isEmpty() && plan.waits().isEmpty() && !after.phase().isFinal()) {
            broken(Promise.ENDS, "neither action nor wait");
        }
    }

    private void checkHeld(RolloutState before, Plan plan) {
        if (before.phase().isHeld()) {
            plan.actions().stream()
                    .filter(action -> !(action instanceof Action.Admit))
                    .findFirst()
                    .ifPresent(action -> broken(Promise.NO_WORK_WHILE_HELD, "while held: " + action));
        }
    }

    /** Those that leave are not needed: enough others have been seen in traffic for long enough, and were not told to leave. */
    private void checkSoaked(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        Set<InstanceId> leaving = new HashSet<>();
        for (InstanceRecord record : plan.next().instances()) {
            if (record.intent() != InstanceRecord.Intent.NONE) {
                record.id().ifPresent(leaving::add);
            }
        }
        Map<InstanceId, Instant> present = new HashMap<>();
        Instant soaked = snapshot.now().minus(scenario.policy().minReady());
        int left = 0;
        boolean takes = false;
        for (Observed seen : snapshot.instances()) {
            InstanceId id = seen.instance().id();
            if (!isIn(seen)) {
                continue;
            }
            Instant since = inSince.getOrDefault(id, before.surveyed() ? snapshot.now() : soaked);
            present.put(id, since);
            if (!since.isAfter(soaked)) {
                left += leaving.contains(id) ? 0 : 1;
                takes |= leaving.contains(id) && !told.contains(id);
            }
        }
        inSincePlanned = present;
        planned = plan.next();
        if (planned.equals(before)) {
            inSince = present;
        }
        if (takes && left < before.limits().floor()) {
            broken(
                    Promise.AVAILABILITY,
                    "%s leave %d that have been in traffic for %s, of at least %d",
                    plan.actions(),
                    left,
                    scenario.policy().minReady(),
                    before.limits().floor());
        }
    }

    private boolean isIn(Observed seen) {
        return seen.instance().state() == Instance.State.RUNNING
                && seen.health().isHealthy()
                && (!world.isRouted() || seen.routing().state() == Routing.State.IN);
    }

    void saved(Optional<RolloutState> before, RolloutState next) {
        if (next == planned) {
            inSince = inSincePlanned;
        }
        for (InstanceRecord record : next.instances()) {
            if (record.intent() == InstanceRecord.Intent.LAUNCH) {
                record.token().ifPresent(intended::add);
            } else if (record.intent() != InstanceRecord.Intent.NONE) {
                record.id().ifPresent(told::add);
            }
        }
        before.filter(state -> state.rollout().equals(next.rollout()))
                .filter(state -> state.failures().count() > next.failures().count())
                .ifPresent(state -> broken(
                        Promise.ENDS,
                        "%d had failed, now %d",
                        state.failures().count(),
                        next.failures().count()));
    }

    // The end

    /** Kept ones aside, all there is serves; so many as desired, and no more but for what somebody else started. */
    private void checkGoal(RolloutState state) {
        Set<InstanceId> kept = new HashSet<>();
        state.instances().stream()
                .filter(record -> record.intent() == InstanceRecord.Intent.KEEP)
                .forEach(record -> record.id().ifPresent(kept::add));
        List<Observed> all = world.fleet.observe().stream()
                .filter(seen -> !kept.contains(seen.instance().id()))
                .toList();
        int desired = state.limits().desired();
        int partition = state.back() ? 0 : state.limits().kept();
        int more = world.appeared.size();
        long updated = PolicyRules.count(all, state.goal());
        boolean good = all.size() >= desired
                && all.size() <= desired + more
                && updated >= desired - partition
                && all.size() - updated <= partition + more
                && world.fleet.serving().size() == all.size();
        if (!good) {
            broken(Promise.ENDS, "ended, and the fleet is " + all);
        }
    }

    void checkEnd(RolloutState state) {
        RolloutPhase phase = state.phase();
        if (!phase.isFinal() && !phase.isHeld()) {
            broken(Promise.ENDS, "not ended: %s", state.phaseReason());
            return;
        }
        if (!scenario.isCalm()) {
            return;
        }
        if (scenario.target() == Scenario.Target.GOOD && scenario.canSucceed() && phase != RolloutPhase.SUCCEEDED) {
            broken(Promise.ENDS, "a good revision ends %s: %s", phase, state.phaseReason());
        }
        boolean bad = scenario.target() == Scenario.Target.NEVER_HEALTHY
                || scenario.target() == Scenario.Target.EXITS_AT_START;
        boolean allThere = scenario.old().stream()
                        .filter(old -> old == Scenario.Old.ON_TARGET)
                        .count()
                >= scenario.desired() - state.limits().kept();
        if (bad && !allThere) {
            checkCost(state);
        }
    }

    private void checkCost(RolloutState state) {
        RolloutPhase phase = state.phase();
        if (phase == RolloutPhase.SUCCEEDED || phase == RolloutPhase.ABORTED) {
            broken(Promise.ENDS, "a bad revision ends " + phase);
        }
        int most = state.limits().maxFailedInstances()
                + scenario.policy().batches().size(0, scenario.desired());
        if (cost > most) {
            broken(Promise.ENDS, "cost %d instances of at most %d", cost, most);
        }
    }
}
