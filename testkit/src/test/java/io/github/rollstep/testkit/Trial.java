package io.github.rollstep.testkit;

import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Stored;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.Inspector.Violation;
import io.github.rollstep.testkit.Scenario.Incident;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One scenario played to its end by the real engine: its controllers observe, plan, record and act on one thread, the clock is moved
 * by hand, and a planner may be a broken one. Each effect is measured against what the fleet really is, not against what the planner
 * knows of it.
 */
final class Trial {

    private static final int MOST_STEPS = 20_000;
    private static final int TOLD = 60;
    private static final Duration LONGEST_SLEEP = Duration.ofMinutes(30);

    /** A planner, good or broken on purpose. */
    interface Planner {
        Plan plan(FleetSnapshot snapshot, RolloutState state, Scenario scenario);
    }

    /**
     * What came of it.
     *
     * @param violations empty if every promise was kept
     * @param story the last steps, if they were asked for
     */
    record Result(List<Violation> violations, int steps, List<String> story) {}

    private final Scenario scenario;
    private final Planner planner;
    private final boolean tells;
    private final SplittableRandom random;
    private final World world;
    private final Inspector inspector;
    private final List<SimulatedController> controllers = new ArrayList<>();
    private final List<String> story = new ArrayList<>();
    private Revision wanted = World.TARGET;
    private int desired;
    private int names;
    private int steps;
    private boolean stalled;

    private Trial(Scenario scenario, Planner planner, Function<InstantSource, RolloutStore> store, boolean tells) {
        this.scenario = scenario;
        this.planner = planner;
        this.tells = tells;
        random = new SplittableRandom(~scenario.seed());
        world = new World(scenario, store);
        inspector = new Inspector(world);
        desired = scenario.desired();
    }

    /** Plays it. */
    static Result play(Scenario scenario, Planner planner) {
        Result result = new Trial(scenario, planner, InMemoryRolloutStore::new, false).play();
        return result.violations.isEmpty()
                ? result
                : new Trial(scenario, planner, InMemoryRolloutStore::new, true).play();
    }

    /**
     * Plays it under a monitor.
     *
     * @param exactly whether the monitor is told what the fleet really is
     * @return what that reports
     */
    static List<BrokenPromise> watched(Scenario scenario, Planner planner, boolean exactly) {
        Trial trial = new Trial(scenario, planner, InMemoryRolloutStore::new, false);
        World world = trial.world;
        InvariantMonitor.Builder builder =
                InvariantMonitor.builder(world.fleet.id(), scenario.policy()).clock(world.clock);
        InvariantMonitor monitor = (exactly ? builder.truth(world.fleet::observe) : builder).build();
        world.monitor = Optional.of(monitor);
        trial.play();
        return monitor.violations();
    }

    /** Plays it with another store; empty if every promise was kept. */
    static List<Violation> violations(Scenario scenario, Planner planner, Function<InstantSource, RolloutStore> store) {
        return new Trial(scenario, planner, store, false).play().violations;
    }

    /** Plays it; empty if every promise was kept. */
    static List<Violation> violations(Scenario scenario, Planner planner) {
        return play(scenario, planner).violations;
    }

    private Result play() {
        world.advance(scenario.policy().minReady());
        while (steps < MOST_STEPS && inspector.violations().isEmpty() && !hasEnded()) {
            round(Instant.MAX);
        }
        if (inspector.violations().isEmpty()) {
            inspector.checkEnd(state().orElseThrow());
            checkDone();
        }
        world.fleet.violations().forEach(text -> inspector.broken(Promise.OWN_FLEET_ONLY, text));
        return new Result(inspector.violations(), steps, List.copyOf(story));
    }

    private Optional<RolloutState> state() {
        return world.store.load(world.fleet.id()).map(Stored::state);
    }

    private boolean is(RolloutPhase phase) {
        return state().filter(state -> state.phase() == phase).isPresent();
    }

    private boolean hasEnded() {
        boolean more = scenario.incidents().ceilingKey(steps) != null;
        return !isToBegin()
                && (state().orElseThrow().phase().isFinal() || (is(RolloutPhase.PAUSED) && !asksSomebody() && !more));
    }

    /** Whether nothing is recorded yet of the rollout that is wanted. */
    boolean isToBegin() {
        return state().filter(state -> state.target().equals(wanted)).isEmpty();
    }

    /** A unique part of a name. */
    String name() {
        names++;
        return "n" + names;
    }

    // One round

    /** Each controller makes a step; then time passes, until this time at most. */
    private void round(Instant end) {
        if (steps >= scenario.calmAfter()) {
            world.calmDown();
        }
        happens();
        answer();
        if (controllers.isEmpty()) {
            controllers.add(new SimulatedController(this, world, inspector, desired));
        }
        List<Instant> due = new ArrayList<>();
        boolean quiet = true;
        for (SimulatedController controller : List.copyOf(controllers)) {
            Optional<Plan> plan = controller.step(wanted, scenario.restart() && wanted.equals(World.TARGET));
            quiet &= plan.filter(made -> made.actions().isEmpty()).isPresent() && !controller.hasSaved();
            plan.flatMap(Plan::wakeAt).ifPresent(due::add);
        }
        controllers.removeIf(SimulatedController::isDead);
        steps++;
        sleep(due, quiet && !isUnsteady(), end);
    }

    /** Whether something can change that neither the fleet nor the plan tells of. */
    private boolean isUnsteady() {
        return !scenario.staleness().isZero()
                || !scenario.gates().isEmpty()
                || scenario.refusals() > 0
                || (!scenario.troubles().isEmpty() && steps < scenario.calmAfter())
                || asksSomebody();
    }

    /** Until something is due or changes; an engine that is not told of changes polls. */
    private void sleep(List<Instant> due, boolean quiet, Instant end) {
        Instant now = world.now();
        if (!now.isBefore(end)) {
            return;
        }
        Instant latest = now.plus(quiet ? LONGEST_SLEEP : scenario.poll());
        Stream<Instant> changes = quiet || scenario.hints() ? world.fleet.nextChangeAt().stream() : Stream.empty();
        Instant next = Stream.of(due.stream(), changes, world.nextLate().stream(), Stream.of(latest, end))
                .flatMap(times -> times)
                .filter(now::isBefore)
                .min(Comparator.naturalOrder())
                .orElse(latest);
        world.advanceTo(next);
    }

    private boolean asksSomebody() {
        return state().filter(state -> state.phase() == RolloutPhase.AWAITING_APPROVAL
                        || (state.phase() == RolloutPhase.PAUSED
                                && state.phaseReason().code() == Reason.Code.CHECKPOINT))
                .isPresent();
    }

    /** Somebody says, sooner or later, that it may go on. */
    private void answer() {
        if (asksSomebody() && random.nextInt(3) == 0) {
            boolean paused = is(RolloutPhase.PAUSED);
            command((update, rollout) -> {
                if (paused) {
                    rollout.resume();
                } else {
                    rollout.approve("somebody");
                }
            });
        }
    }

    private void command(SimulatedController.Command command) {
        controllers.stream().findFirst().ifPresent(controller -> controller.command(command));
    }

    /** Another controller takes over while this one stands still in a call, whose effect comes before its life is over. */
    void stall(SimulatedController controller, Instant endOfLife) {
        Instant end = endOfLife.minus(World.CLOCKS_APART);
        if (stalled || !world.now().isBefore(end)) {
            return;
        }
        stalled = true;
        tell("another controller stands still until %s".formatted(end));
        List<SimulatedController> before = List.copyOf(controllers);
        controllers.clear();
        while (world.now().isBefore(end) && inspector.violations().isEmpty() && !hasEnded() && steps < MOST_STEPS) {
            round(end);
        }
        if (world.now().isBefore(end)) {
            world.advanceTo(end);
        }
        controllers.addAll(before);
        tell("it goes on");
        stalled = false;
    }

    // What happens in the middle

    private void happens() {
        Incident incident = scenario.incidents().get(steps);
        if (incident == null) {
            return;
        }
        tell(incident.toString());
        SplittableRandom chance = new SplittableRandom(scenario.seed() + steps);
        List<InstanceId> ids = world.fleet.observe().stream()
                .map(observed -> observed.instance().id())
                .toList();
        Optional<InstanceId> one = ids.isEmpty() ? Optional.empty() : Optional.of(ids.get(chance.nextInt(ids.size())));
        int calls = chance.nextInt(8);
        switch (incident) {
            case KILL -> one.ifPresent(world.fleet::kill);
            case ILLNESS -> one.ifPresent(world.fleet::makeUnhealthy);
            case FLAP ->
                one.ifPresent(id -> {
                    world.fleet.makeUnhealthy(id);
                    world.happens(world.now().plusMillis(chance.nextInt(30_000)), () -> recover(id));
                });
            case RECOVERY -> ids.forEach(world.fleet::makeHealthy);
            case VANISH -> one.ifPresent(world.fleet::vanish);
            case PAUSE -> command((update, rollout) -> rollout.pause());
            case RESUME -> command((update, rollout) -> rollout.resume());
            case ROLL_BACK -> command((update, rollout) -> rollout.rollBack("by hand"));
            case ABORT -> command((update, rollout) -> rollout.abort());
            case SUPERSEDE -> {
                wanted = World.NEXT;
                controllers.stream().findFirst().ifPresent(controller -> controller.supersede(wanted));
            }
            case RESIZE -> {
                int resized = 1 + chance.nextInt(Math.max(8, scenario.desired() + scenario.desired() / 4));
                command((update, rollout) -> {
                    update.resize(resized);
                    desired = resized;
                });
            }
            case APPEARS -> {
                world.fleet.start(chance.nextBoolean() ? World.OLD : World.TARGET, world.placeOf(chance.nextInt(8)));
                world.appeared.add(world.now());
            }
            case ZONE_DOWN -> {
                Optional<String> zone = one.flatMap(this::zoneOf);
                ids.stream()
                        .filter(id -> zone.isPresent() && zoneOf(id).equals(zone))
                        .forEach(world.fleet::makeUnhealthy);
            }
            case CRASH -> controllers.forEach(controller -> controller.diesAfter(calls));
            case STALL -> controllers.forEach(controller -> controller.stallsAfter(calls));
            case GAP -> world.advance(Duration.ofSeconds(10 + chance.nextInt(3600)));
            case CLOCK ->
                controllers.forEach(controller -> controller.setClock(Duration.ofSeconds(chance.nextInt(3) - 1)));
        }
    }

    private void recover(InstanceId id) {
        if (world.fleet.member(id).isPresent()) {
            world.fleet.makeHealthy(id);
        }
    }

    private Optional<String> zoneOf(InstanceId id) {
        return world.fleet.member(id).flatMap(member -> member.instance().zone());
    }

    // What is decided

    /** What the planner says, which is to be the same whenever it is asked. */
    Plan plan(FleetSnapshot snapshot, RolloutState state) {
        Plan plan = planner.plan(snapshot, state, scenario);
        if (tells) {
            tell("sees %s".formatted(snapshot.blind().orElseGet(() -> seen(snapshot))));
            tell("%s %s, waits %s".formatted(plan.next().phase(), plan.actions(), plan.waits()));
        }
        if (random.nextInt(16) == 0) {
            checkRepeatable(snapshot, state, plan);
        }
        return plan;
    }

    private static String seen(FleetSnapshot snapshot) {
        return snapshot.instances().stream()
                .sorted(Comparator.comparing(seen -> seen.instance().id()))
                .map(seen -> "%s %s %s %s %s/%d"
                        .formatted(
                                seen.instance().id(),
                                seen.instance().revision(),
                                seen.instance().state(),
                                seen.health().status(),
                                seen.routing().state(),
                                seen.routing().openRequests()))
                .collect(Collectors.joining(", "));
    }

    private void checkRepeatable(FleetSnapshot snapshot, RolloutState before, Plan plan) {
        if (snapshot.blind().isPresent()) {
            return;
        }
        List<Observed> reversed = new ArrayList<>(snapshot.instances());
        Collections.reverse(reversed);
        Plan other = planner.plan(
                FleetSnapshot.of(snapshot.now(), snapshot.platform(), reversed)
                        .withGates(snapshot.gates())
                        .withRefusals(snapshot.refusals()),
                before,
                scenario);
        if (!other.equals(plan) && snapshot.fault().isEmpty()) {
            inspector.broken(Promise.REPEATABLE, "another plan for the same fleet in another order");
        }
        Plan again = planner.plan(snapshot, plan.next(), scenario);
        again.actions().stream()
                .filter(action -> plan.actions().contains(action))
                .findFirst()
                .ifPresent(action -> inspector.broken(Promise.REPEATABLE, "the same again: " + action));
    }

    /** All is done: there is nothing to do, and what is still on its way breaks nothing. */
    private void checkDone() {
        RolloutState end = state().orElseThrow();
        if (end.phase().isFinal()) {
            Plan plan = planner.plan(world.fleet.snapshot(), end, scenario);
            if (!plan.actions().isEmpty()) {
                inspector.broken(Promise.REPEATABLE, "done, and yet " + plan.actions());
            }
        }
        for (Optional<Instant> late = world.nextLate(); late.isPresent(); late = world.nextLate()) {
            world.advanceTo(late.get());
        }
    }

    /** The steps, for whoever has to find out why. */
    private void tell(String event) {
        if (tells) {
            story.add("%4d %s %s".formatted(steps, world.now().toString().substring(11), event));
            if (story.size() > TOLD) {
                story.remove(0);
            }
        }
    }
}
