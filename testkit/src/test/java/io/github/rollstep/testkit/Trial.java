package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.Routing;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One scenario played to its end with a planner, without an engine: observe, plan, act, move the clock. Each action is
 * measured against what the fleet really is, not against what the planner knows of it.
 */
final class Trial {

    private static final int MOST_STEPS = 20_000;
    private static final int TOLD_STEPS = 12;
    static final Instant START = Instant.parse("2026-11-24T00:00:00Z");
    static final Revision OLDER = Revision.of("v0");
    static final Revision OLD = Revision.of("v1");
    static final Revision TARGET = Revision.of("v2");
    static final Revision NEXT = Revision.of("v3");

    /** A planner, good or broken on purpose. */
    interface Planner {
        Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario);
    }

    record Violation(Promise promise, String text) {}

    private final Scenario scenario;
    private final Planner planner;
    private final Random random;
    private final ManualClock clock = new ManualClock(START);
    private final SimulatedFleet fleet;
    private final PolicyRules rules;
    private final InstanceId foreign;
    private final List<Violation> violations = new ArrayList<>();
    private final Map<InstanceId, Instant> drainedAt = new HashMap<>();
    private final Deque<List<Instance>> lists = new ArrayDeque<>();
    private final Deque<Instant> listTimes = new ArrayDeque<>();
    private final List<Instant> appeared = new ArrayList<>();
    private RolloutState state;
    private final Deque<String> story = new ArrayDeque<>();
    private int steps;

    /** How many instances had failed when it stopped to roll forward. */
    private int cost;

    private Trial(Scenario scenario, Planner planner) {
        this.scenario = scenario;
        this.planner = planner;
        random = new Random(scenario.seed());
        fleet = fleet(scenario, clock);
        foreign = fleet.startForeign(2, OLD).get(0).id();
        for (int i = 0; i < scenario.old().size(); i++) {
            place(fleet, clock, scenario.old().get(i), placeOf(scenario, i));
        }
        fleet.failRate(scenario.faults() / 2, scenario.faults() / 2);
        rules = new PolicyRules(scenario.policy(), scenario.tokens(), this::broken);
        state = RolloutState.begin(
                fleet.id(),
                RolloutId.of("r1"),
                TARGET,
                scenario.restart(),
                Limits.resolve(scenario.policy(), scenario.desired()),
                clock.instant(),
                Optional.empty());
    }

    /** The platform, with nothing on it yet. */
    static SimulatedFleet fleet(Scenario scenario, ManualClock clock) {
        SimulatedFleet.Builder builder = SimulatedFleet.builder(FleetId.of("shop"), clock)
                .seed(scenario.seed())
                .tokens(scenario.tokens())
                .drainsOnTerminate(scenario.router() == Scenario.Router.PLATFORM_DRAINS)
                .behaviour(scenario.behaviour().toBuilder().build())
                .behaviour(TARGET, scenario.behaviour());
        for (Revision good : List.of(OLDER, OLD, NEXT)) {
            builder.behaviour(good, good(scenario.behaviour()));
        }
        if (scenario.router() == Scenario.Router.NONE) {
            builder.withoutRouter();
        }
        return builder.build();
    }

    /** As if nothing had failed. */
    static RolloutState withoutFailures(RolloutState state) {
        return new RolloutState(
                state.fleet(),
                state.rollout(),
                state.target(),
                state.restart(),
                state.baseline(),
                state.limits(),
                state.plannedDesired(),
                state.surveyed(),
                state.back(),
                state.phase(),
                state.phaseSince(),
                state.phaseReason(),
                state.clocks(),
                state.batch(),
                new RolloutState.FailureLedger(0, 0, 0, List.of(), Optional.empty()),
                state.extremes(),
                state.launches(),
                state.instances(),
                state.vacated(),
                state.zones(),
                state.failingBefore(),
                state.observed(),
                state.tombstones(),
                state.history());
    }

    static Place placeOf(Scenario scenario, int index) {
        return new Place(
                Optional.empty(),
                scenario.policy().ordered() ? Optional.of("shop-" + index) : Optional.empty(),
                scenario.zones() > 0 ? Optional.of("zone" + index % scenario.zones()) : Optional.empty(),
                Map.of());
    }

    private static Behaviour good(Behaviour behaviour) {
        return Behaviour.builder()
                .startDelay(Duration.ZERO, Duration.ofSeconds(5))
                .stopTime(behaviour.stopTime)
                .openRequests(behaviour.openRequests, behaviour.requestTime)
                .build();
    }

    static void place(SimulatedFleet fleet, ManualClock clock, Scenario.Old old, Place place) {
        Revision revision = old == Scenario.Old.OLDER ? OLDER : old == Scenario.Old.ON_TARGET ? TARGET : OLD;
        InstanceId id = fleet.start(revision, place).id();
        if (old == Scenario.Old.ILL) {
            fleet.makeUnhealthy(id);
        } else if (old == Scenario.Old.DEAD) {
            fleet.kill(id);
        }
        clock.advance(Duration.ofSeconds(1));
    }

    /** Plays it; empty if every promise was kept. */
    static List<Violation> violations(Scenario scenario, Planner planner) {
        Trial trial = new Trial(scenario, planner);
        trial.play();
        return trial.violations;
    }

    private void play() {
        clock.advance(scenario.policy().minReady());
        while (steps < MOST_STEPS && violations.isEmpty() && !hasEnded()) {
            answer();
            boolean crashes = happens();
            step(crashes);
            steps++;
        }
        if (violations.isEmpty()) {
            checkEnd();
            for (int i = 0; i < 3; i++) {
                step(false);
            }
        }
        fleet.violations().forEach(text -> broken(Promise.OWN_FLEET_ONLY, text));
    }

    private boolean hasEnded() {
        boolean more = scenario.incidents().ceilingKey(steps) != null;
        return state.phase().isFinal() || (state.phase() == RolloutPhase.PAUSED && !asksSomebody() && !more);
    }

    private void broken(Promise promise, String text) {
        violations.add(new Violation(
                promise,
                "%s at step %d, %s, %s; before:%n  %s"
                        .formatted(text, steps, state.phase(), clock.instant(), String.join("\n  ", story))));
    }

    /** The last steps, for whoever has to find out why. */
    private void tell(String step) {
        story.addLast(step);
        if (story.size() > TOLD_STEPS) {
            story.removeFirst();
        }
    }

    private boolean asksSomebody() {
        return state.phase() == RolloutPhase.AWAITING_APPROVAL
                || (state.phase() == RolloutPhase.PAUSED && state.phaseReason().code() == Reason.Code.CHECKPOINT);
    }

    /** Somebody says, sooner or later, that it may go on. */
    private void answer() {
        if (asksSomebody() && random.nextInt(3) == 0) {
            Instant now = clock.instant();
            state = state.phase() == RolloutPhase.PAUSED
                    ? state.resume(now)
                    : state.approve(now, Reason.of(Reason.Code.BY_HAND, "approved"));
        }
    }

    // ---- what happens in the middle

    /** Whether the controller dies in this step. */
    private boolean happens() {
        Scenario.Incident incident = scenario.incidents().get(steps);
        if (incident == null) {
            return false;
        }
        List<InstanceId> ids = fleet.observe().stream()
                .map(observed -> observed.instance().id())
                .toList();
        Optional<InstanceId> one = ids.isEmpty() ? Optional.empty() : Optional.of(ids.get(random.nextInt(ids.size())));
        Instant now = clock.instant();
        Reason reason = Reason.of(Reason.Code.BY_HAND, "by hand");
        switch (incident) {
            case KILL -> one.ifPresent(fleet::kill);
            case ILLNESS -> one.ifPresent(fleet::makeUnhealthy);
            case RECOVERY -> ids.forEach(fleet::makeHealthy);
            case VANISH -> one.ifPresent(fleet::vanish);
            case PAUSE -> command(() -> state.pause(now, reason));
            case RESUME -> command(() -> state.resume(now));
            case ROLL_BACK -> command(() -> state.rollBack(now, reason));
            case SUPERSEDE ->
                state = RolloutState.begin(
                        fleet.id(), RolloutId.of("s" + steps), NEXT, state.limits(), now, Optional.of(state));
            case RESIZE -> command(() -> state.resize(Limits.resolve(scenario.policy(), 1 + random.nextInt(8))));
            case APPEARS -> {
                fleet.start(random.nextBoolean() ? OLD : TARGET, placeOf(scenario, random.nextInt(8)));
                appeared.add(now);
            }
            case ZONE_DOWN -> {
                Optional<String> zone = one.flatMap(this::zoneOf);
                ids.stream()
                        .filter(id -> zone.isPresent() && zoneOf(id).equals(zone))
                        .forEach(fleet::makeUnhealthy);
            }
            case CRASH -> {
                return true;
            }
        }
        return false;
    }

    private void command(Supplier<RolloutState> command) {
        try {
            state = command.get();
        } catch (IllegalStateException | IllegalArgumentException e) {
            // Not in this phase, or not with this policy.
        }
    }

    // ---- one step

    private void step(boolean crashes) {
        RolloutState before = state;
        FleetSnapshot unvetoed = snapshot().withGates(gates());
        Plan first = planner.plan(unvetoed, before, scenario);
        FleetSnapshot snapshot = unvetoed.withRefusals(refusals(first));
        Plan plan = snapshot.refusals().isEmpty() ? first : planner.plan(snapshot, before, scenario);
        tell("%s %s %s %s, waits %s%s"
                .formatted(
                        clock.instant(),
                        plan.next().phase(),
                        plan.counts(),
                        plan.actions(),
                        plan.waits(),
                        crashes ? ", and dies" : ""));
        checkRepeatable(snapshot, before, plan);
        checkHeld(before, plan);
        rules.check(snapshot, before, plan);
        if (plan.next().failures().count() < before.failures().count()) {
            broken(
                    Promise.FAILURES_REMEMBERED,
                    "%d have failed, and %d are remembered"
                            .formatted(
                                    before.failures().count(),
                                    plan.next().failures().count()));
        }
        state = plan.next();
        if (before.phase() == RolloutPhase.ROLLING) {
            cost = state.failures().count();
        }
        boolean ends = !before.phase().isFinal() && state.phase().isFinal();
        if (ends && (state.phase() == RolloutPhase.SUCCEEDED || state.phase() == RolloutPhase.ROLLED_BACK)) {
            checkGoal();
        }
        if (!crashes) {
            perform(plan, snapshot);
        }
        if (plan.actions().isEmpty() && plan.waits().isEmpty() && !state.phase().isFinal()) {
            broken(Promise.ENDS, "neither action nor wait");
        }
        boolean quiet = plan.actions().isEmpty()
                && plan.next().equals(before)
                && scenario.staleness().isZero()
                && scenario.gates().isEmpty()
                && scenario.refusals() == 0
                && !asksSomebody();
        sleep(plan, quiet);
    }

    /** Until something is due or changes; like an engine that polls, for a second at most unless all is quiet. */
    private void sleep(Plan plan, boolean quiet) {
        Instant now = clock.instant();
        Instant poll = now.plusSeconds(1);
        Instant due = Stream.of(plan.wakeAt(), fleet.nextChangeAt())
                .flatMap(Optional::stream)
                .filter(now::isBefore)
                .min(Comparator.naturalOrder())
                .orElse(poll);
        clock.advanceTo(quiet || due.isBefore(poll) ? due : poll);
    }

    private Optional<String> zoneOf(InstanceId id) {
        return real(id).flatMap(observed -> observed.instance().zone());
    }

    /** What each gate says, as the engine would have it: asked before the rollout, and of whole batches. */
    private Map<String, Verdict> gates() {
        Map<String, Verdict> verdicts = new HashMap<>();
        boolean asked = !state.surveyed() || state.batch().wholeSince().isPresent();
        boolean serves = fleet.observe().stream()
                .anyMatch(seen -> seen.instance().revision().equals(TARGET)
                        && seen.health().isHealthy());
        scenario.gates().forEach((name, kind) -> {
            Verdict verdict = switch (kind) {
                case PASSES -> Verdict.pass();
                case HESITATES -> random.nextBoolean() ? Verdict.pass() : Verdict.waits("cannot tell");
                case FAILS_ALWAYS -> Verdict.fail("red");
                case FAILS_LATER -> serves && state.surveyed() ? Verdict.fail("red") : Verdict.pass();
            };
            verdicts.put(name, asked ? verdict : Verdict.waits("not asked"));
        });
        return verdicts;
    }

    private Map<InstanceId, String> refusals(Plan plan) {
        Map<InstanceId, String> refusals = new HashMap<>();
        plan.departing().stream()
                .filter(id -> random.nextDouble() < scenario.refusals())
                .forEach(id -> refusals.put(id, "the owner says no"));
        return refusals;
    }

    private Platform platform() {
        return new Platform(
                scenario.router() != Scenario.Router.NONE,
                scenario.router() == Scenario.Router.PLATFORM_DRAINS,
                scenario.staleness(),
                Duration.ofSeconds(30));
    }

    /** Health and routes as they are, on a list that may be older, but never older than the one before. */
    private FleetSnapshot snapshot() {
        List<Observed> truth = fleet.observe();
        Instant now = clock.instant();
        lists.addLast(truth.stream().map(Observed::instance).toList());
        listTimes.addLast(now);
        while (listTimes.size() > 1
                && (listTimes.getFirst().isBefore(now.minus(scenario.staleness())) || random.nextInt(3) > 0)) {
            lists.removeFirst();
            listTimes.removeFirst();
        }
        Map<InstanceId, Observed> known = new HashMap<>();
        truth.forEach(observed -> known.put(observed.instance().id(), observed));
        List<Observed> seen = new ArrayList<>();
        for (Instance instance : lists.getFirst()) {
            Observed real =
                    known.getOrDefault(instance.id(), new Observed(instance, Health.unhealthy("gone"), Routing.out()));
            seen.add(new Observed(instance, real.health(), real.routing()));
        }
        return FleetSnapshot.of(now, platform(), seen);
    }

    private void checkRepeatable(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        List<Observed> reversed = new ArrayList<>(snapshot.instances());
        Collections.reverse(reversed);
        Plan other = planner.plan(
                FleetSnapshot.of(snapshot.now(), snapshot.platform(), reversed)
                        .withGates(snapshot.gates())
                        .withRefusals(snapshot.refusals()),
                before,
                scenario);
        if (!other.equals(plan)) {
            broken(Promise.REPEATABLE, "another plan for the same fleet in another order");
        }
        Plan again = planner.plan(snapshot, plan.next(), scenario);
        again.actions().stream()
                .filter(action -> plan.actions().contains(action))
                .findFirst()
                .ifPresent(action -> broken(Promise.REPEATABLE, "the same again: " + action));
        if (before.phase().isFinal() && !plan.actions().isEmpty()) {
            broken(Promise.REPEATABLE, "done, and yet " + plan.actions());
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

    private void perform(Plan plan, FleetSnapshot snapshot) {
        Map<InstanceId, Instance> listed = new HashMap<>();
        snapshot.instances().forEach(observed -> listed.put(observed.instance().id(), observed.instance()));
        boolean launched = false;
        for (Action action : plan.actions()) {
            if (action instanceof Action.Launch) {
                launched = true;
            } else if (action instanceof Action.Admit admit) {
                admit(listed.get(admit.id()));
            } else if (action instanceof Action.Drain drain) {
                drain(listed.get(drain.id()));
            } else if (action instanceof Action.Terminate terminate) {
                terminate(listed.getOrDefault(terminate.id(), stranger(terminate.id())));
            }
        }
        if (launched) {
            launch();
        }
    }

    private void launch() {
        int before = fleet.observe().size();
        List<LaunchRequest> open = state.instances().stream()
                .filter(record -> record.intent() == InstanceRecord.Intent.LAUNCH
                        && !record.failed()
                        && record.revision().equals(state.goal()))
                .map(record -> new LaunchRequest(
                        fleet.id(), state.rollout(), record.token().orElseThrow(), state.goal(), record.place()))
                .toList();
        ask(() -> fleet.provider().launch(open));
        int existing = fleet.observe().size();
        Instant stale = clock.instant().minus(scenario.staleness());
        int unseen = (int) appeared.stream().filter(at -> !at.isBefore(stale)).count();
        if (existing > before && existing - unseen > state.limits().footprint()) {
            broken(
                    Promise.FOOTPRINT,
                    "%d exist of at most %d, %d of them somebody else has just started"
                            .formatted(existing, state.limits().footprint(), unseen));
        }
    }

    private void admit(Instance instance) {
        Optional<Observed> real = real(instance.id());
        if (real.isPresent() && !real.get().health().isHealthy()) {
            broken(
                    Promise.HEALTHY_FIRST,
                    "admits %s, which is %s".formatted(instance.id(), real.get().health()));
        }
        drainedAt.remove(instance.id());
        ask(() -> fleet.router().admit(instance));
    }

    private void drain(Instance instance) {
        int before = serving();
        drainedAt.putIfAbsent(instance.id(), clock.instant());
        ask(() -> fleet.router().drain(instance));
        checkFloor(before, "drain of " + instance.id());
    }

    private static Instance stranger(InstanceId id) {
        return Instance.builder(id, OLD, Instance.State.RUNNING).build();
    }

    private void terminate(Instance instance) {
        InstanceId id = instance.id();
        Optional<Observed> real = real(id);
        if (real.isPresent() && scenario.router() == Scenario.Router.DRAINS_FIRST) {
            checkDrained(real.get());
        }
        int before = serving();
        ask(() -> fleet.provider().terminate(id));
        // By a stale list it only starts: without a router nothing can tell that it answers already.
        boolean unknown = scenario.router() == Scenario.Router.NONE && instance.state() == Instance.State.STARTING;
        if (!unknown) {
            checkFloor(before, "terminate of " + id);
        }
    }

    private void checkDrained(Observed real) {
        InstanceId id = real.instance().id();
        boolean overdue = Optional.ofNullable(drainedAt.get(id))
                .map(since ->
                        !clock.instant().isBefore(since.plus(scenario.policy().drainDeadline())))
                .orElse(false);
        boolean dead = real.instance().state() == Instance.State.FAILED;
        if (!real.routing().isQuiet() && !overdue && !dead) {
            broken(Promise.DRAINED_FIRST, "terminates %s, which is %s".formatted(id, real.routing()));
        }
    }

    private void checkFloor(int before, String action) {
        int serving = serving();
        if (serving < before && serving < state.limits().floor()) {
            broken(
                    Promise.AVAILABILITY,
                    "%s leaves %d serving of at least %d"
                            .formatted(action, serving, state.limits().floor()));
        }
    }

    private int serving() {
        return (int) fleet.observe().stream()
                .filter(observed -> observed.instance().state() == Instance.State.RUNNING
                        && observed.health().isHealthy()
                        && (scenario.router() == Scenario.Router.NONE
                                || observed.routing().state() == Routing.State.IN))
                .count();
    }

    private Optional<Observed> real(InstanceId id) {
        if (id.equals(foreign)) {
            return Optional.empty();
        }
        return fleet.observe().stream()
                .filter(observed -> observed.instance().id().equals(id))
                .findFirst();
    }

    private static void ask(Runnable call) {
        try {
            call.run();
        } catch (ProviderException e) {
            // As on a real platform: the next observation shows what came of it.
        }
    }

    // ---- the end

    private void checkEnd() {
        RolloutPhase phase = state.phase();
        if (!phase.isFinal() && !phase.isHeld()) {
            broken(Promise.ENDS, "not ended");
            return;
        }
        if (!scenario.isCalm()) {
            return;
        }
        if (scenario.target() == Scenario.Target.GOOD && scenario.canSucceed() && phase != RolloutPhase.SUCCEEDED) {
            broken(Promise.ENDS, "a good revision ends " + phase + ": " + state.phaseReason());
        }
        boolean bad = scenario.target() == Scenario.Target.NEVER_HEALTHY
                || scenario.target() == Scenario.Target.EXITS_AT_START;
        boolean allThere = scenario.old().stream()
                        .filter(old -> old == Scenario.Old.ON_TARGET)
                        .count()
                >= scenario.desired() - state.limits().kept();
        if (bad && !allThere) {
            checkCost(phase);
        }
    }

    /** Kept ones aside, all there is serves; so many as desired, and no more but for what somebody else started. */
    private void checkGoal() {
        Set<InstanceId> kept = state.instances().stream()
                .filter(record -> record.intent() == InstanceRecord.Intent.KEEP)
                .flatMap(record -> record.id().stream())
                .collect(Collectors.toSet());
        List<Observed> all = fleet.observe().stream()
                .filter(seen -> !kept.contains(seen.instance().id()))
                .toList();
        int desired = state.limits().desired();
        int partition = state.back() ? 0 : state.limits().kept();
        int more = appeared.size();
        long updated = PolicyRules.count(all, state.goal());
        boolean good = all.size() >= desired
                && all.size() <= desired + more
                && updated >= desired - partition
                && all.size() - updated <= partition + more
                && serving() == all.size();
        if (!good) {
            broken(Promise.ENDS, "ended, and the fleet is " + all);
        }
    }

    private void checkCost(RolloutPhase phase) {
        if (phase == RolloutPhase.SUCCEEDED || phase == RolloutPhase.ABORTED) {
            broken(Promise.ENDS, "a bad revision ends " + phase);
        }
        int most = state.limits().maxFailedInstances()
                + scenario.policy().batches().size(0, scenario.desired());
        if (cost > most) {
            broken(Promise.ENDS, "cost %d instances of at most %d".formatted(cost, most));
        }
    }
}
