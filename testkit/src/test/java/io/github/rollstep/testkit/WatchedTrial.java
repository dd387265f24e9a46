package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;

/**
 * A scenario played through the SPIs, by controllers that look, plan, persist and act, and die now and then, under an {@link
 * InvariantMonitor}.
 */
final class WatchedTrial {

    private static final int MOST_STEPS = 4_000;

    /** Longer than a lease lasts. */
    private static final Duration TAKEOVER = Duration.ofSeconds(31);

    private final Scenario scenario;
    private final Trial.Planner planner;
    private final Random random;
    private final ManualClock clock = new ManualClock(Trial.START);
    private final SimulatedFleet fleet;
    private final InMemoryRolloutStore store = new InMemoryRolloutStore(clock);
    private final InvariantMonitor monitor;
    private HandController controller;
    private int controllers;
    private int steps;

    private WatchedTrial(Scenario scenario, Trial.Planner planner, boolean exactly) {
        this.scenario = scenario;
        this.planner = planner;
        random = new Random(scenario.seed());
        fleet = Trial.fleet(scenario, clock);
        for (int i = 0; i < scenario.old().size(); i++) {
            Trial.place(fleet, clock, scenario.old().get(i), Trial.placeOf(scenario, i));
        }
        fleet.failRate(scenario.faults() / 2, scenario.faults() / 2);
        InvariantMonitor.Builder builder =
                InvariantMonitor.builder(fleet.id(), scenario.policy()).clock(clock);
        monitor = (exactly ? builder.truth(fleet::observe) : builder).build();
        controller = controller();
        controller.takeOver();
        controller.persist(RolloutState.begin(
                fleet.id(),
                RolloutId.of("r1"),
                Trial.TARGET,
                scenario.restart(),
                Limits.resolve(scenario.policy(), scenario.desired()),
                clock.instant(),
                Optional.empty()));
    }

    private HandController controller() {
        InvariantMonitor.Controller watched = monitor.controller();
        StaleProvider provider =
                new StaleProvider(fleet.provider(), scenario.staleness(), clock, scenario.seed() + controllers);
        return new HandController(
                fleet.id(),
                "controller-" + controllers++,
                clock,
                watched.provider(provider),
                watched.health(fleet.healthChecker()),
                scenario.router() == Scenario.Router.NONE
                        ? Optional.empty()
                        : Optional.of(watched.router(fleet.router())),
                watched.store(store));
    }

    /**
     * Plays it to its end, or to the first report.
     *
     * @param exactly whether the monitor is told what the fleet really is
     */
    static List<BrokenPromise> violations(Scenario scenario, Trial.Planner planner, boolean exactly) {
        WatchedTrial trial = new WatchedTrial(scenario, planner, exactly);
        trial.play();
        return trial.monitor.violations();
    }

    private void play() {
        clock.advance(scenario.policy().minReady());
        while (steps < MOST_STEPS && monitor.violations().isEmpty() && !hasEnded()) {
            answer();
            step(happens());
            steps++;
        }
        if (monitor.violations().isEmpty()) {
            for (int i = 0; i < 3; i++) {
                step(false);
            }
        }
    }

    private boolean hasEnded() {
        RolloutPhase phase = controller.state().phase();
        boolean more = scenario.incidents().ceilingKey(steps) != null;
        return phase.isFinal() || (phase == RolloutPhase.PAUSED && !asksSomebody() && !more);
    }

    private boolean asksSomebody() {
        RolloutState state = controller.state();
        return state.phase() == RolloutPhase.AWAITING_APPROVAL
                || (state.phase() == RolloutPhase.PAUSED && state.phaseReason().code() == Reason.Code.CHECKPOINT);
    }

    private void answer() {
        if (asksSomebody() && random.nextInt(3) == 0) {
            Instant now = clock.instant();
            controller.command(state -> state.phase() == RolloutPhase.PAUSED
                    ? state.resume(now)
                    : state.approve(now, Reason.of(Reason.Code.BY_HAND, "approved")));
        }
    }

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
            case PAUSE -> controller.command(state -> state.pause(now, reason));
            case RESUME -> controller.command(state -> state.resume(now));
            case ROLL_BACK -> controller.command(state -> state.rollBack(now, reason));
            case SUPERSEDE ->
                controller.command(state -> RolloutState.begin(
                        fleet.id(), RolloutId.of("s" + steps), Trial.NEXT, state.limits(), now, Optional.of(state)));
            case RESIZE ->
                controller.command(state -> state.resize(Limits.resolve(scenario.policy(), 1 + random.nextInt(8))));
            case APPEARS ->
                fleet.start(
                        random.nextBoolean() ? Trial.OLD : Trial.TARGET, Trial.placeOf(scenario, random.nextInt(8)));
            case ZONE_DOWN -> ids.forEach(fleet::makeUnhealthy);
            case CRASH -> {
                return true;
            }
        }
        return false;
    }

    private void step(boolean dies) {
        Plan plan = controller.look((snapshot, state) -> planner.plan(snapshot, state, scenario), this::withGates);
        controller.persist(plan.next());
        if (dies) {
            takeOver(plan);
        } else {
            controller.act(plan);
        }
        sleep(plan);
    }

    /** Another one goes on; the one before comes to itself too late. */
    private void takeOver(Plan late) {
        HandController before = controller;
        clock.advance(TAKEOVER);
        controller = controller();
        controller.takeOver();
        controller.command(state -> state.pause(clock.instant(), Reason.of(Reason.Code.BY_HAND, "taken over")));
        controller.command(state -> state.resume(clock.instant()));
        try {
            before.persist(late.next().abort(clock.instant(), Reason.of(Reason.Code.BY_HAND, "too late")));
        } catch (IllegalStateException e) {
            // Either it has ended, or somebody else has saved: then it does not act.
        }
    }

    private FleetSnapshot withGates(FleetSnapshot snapshot) {
        Map<String, Verdict> verdicts = new HashMap<>();
        scenario.gates()
                .forEach((name, kind) -> verdicts.put(
                        name,
                        switch (kind) {
                            case PASSES, FAILS_LATER -> Verdict.pass();
                            case HESITATES -> random.nextBoolean() ? Verdict.pass() : Verdict.waits("cannot tell");
                            case FAILS_ALWAYS -> Verdict.fail("red");
                        }));
        Map<InstanceId, String> refusals = new HashMap<>();
        snapshot.instances().stream()
                .filter(seen -> seen.instance().state() != Instance.State.FAILED)
                .filter(seen -> random.nextDouble() < scenario.refusals())
                .forEach(seen -> refusals.put(seen.instance().id(), "the owner says no"));
        return snapshot.withGates(verdicts).withRefusals(refusals);
    }

    /** Until something is due or changes, for a second at most. */
    private void sleep(Plan plan) {
        Instant now = clock.instant();
        Instant poll = now.plusSeconds(1);
        clock.advanceTo(Stream.of(plan.wakeAt(), fleet.nextChangeAt())
                .flatMap(Optional::stream)
                .filter(due -> now.isBefore(due) && due.isBefore(poll))
                .min(Instant::compareTo)
                .orElse(poll));
    }
}
