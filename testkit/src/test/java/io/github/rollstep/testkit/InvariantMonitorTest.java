package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RollingPlanner;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each promise is broken by an adapter that lies, or by a controller with a fault, and the monitor reports that one and no other. */
class InvariantMonitorTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V1 = Revision.of("v1");
    private static final Revision V2 = Revision.of("v2");
    private static final int MOST_STEPS = 300;
    private static final int AGAIN = 1000;
    private static final Reason REASON = Reason.of(Reason.Code.BY_HAND, "broken on purpose");

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ofSeconds(5))
            .drainDeadline(Duration.ofSeconds(20))
            .build();

    private static final RolloutPolicy NO_FLOOR = POLICY.toBuilder()
            .batches(Batches.sliding(Quota.of(3)))
            .maxUnavailable(3)
            .build();

    private final ManualClock clock = new ManualClock(Instant.parse("2026-11-24T00:00:00Z"));
    private final InMemoryRolloutStore store = new InMemoryRolloutStore(clock);
    private final SimulatedFleet fleet = fleet();

    private SimulatedFleet fleet() {
        SimulatedFleet fleet = SimulatedFleet.builder(SHOP, clock)
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofSeconds(2))
                        .healthyAfter(Duration.ofSeconds(3))
                        .admissionDelay(Duration.ofSeconds(2))
                        .openRequests(2, Duration.ofSeconds(8))
                        .stopTime(Duration.ofSeconds(4))
                        .build())
                .build();
        fleet.start(3, V1);
        clock.advance(Duration.ofMinutes(1));
        return fleet;
    }

    private InvariantMonitor monitor(RolloutPolicy policy) {
        return InvariantMonitor.builder(SHOP, policy).clock(clock).build();
    }

    /** It knows what the fleet really is. */
    private InvariantMonitor exactMonitor(RolloutPolicy policy) {
        return InvariantMonitor.builder(SHOP, policy)
                .clock(clock)
                .truth(fleet::observe)
                .build();
    }

    private static void reportsOnly(InvariantMonitor monitor, Promise promise) {
        assertThat(monitor.violations())
                .isNotEmpty()
                .allSatisfy(
                        broken -> assertThat(broken.promise()).as("%s", broken).isEqualTo(promise));
        assertThatThrownBy(monitor::assertKept)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(promise.name());
    }

    // ---- the real engine, and adapters that lie

    private RolloutPhase roll(RollingUpdate.Builder builder, InvariantMonitor monitor) {
        try (RollingUpdate update = builder.desired(3).hostDriven().build()) {
            return run(update.start(V2), monitor);
        }
    }

    private RolloutPhase run(Rollout rollout, InvariantMonitor monitor) {
        for (int i = 0; i < MOST_STEPS && goesOn(rollout, monitor); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        return rollout.phase();
    }

    private static boolean goesOn(Rollout rollout, InvariantMonitor monitor) {
        return !rollout.phase().isFinal() && monitor.violations().isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aGoodRolloutIsNotReported(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(POLICY) : monitor(POLICY);

        assertThat(roll(monitor.around(fleet.provider(), fleet.healthChecker(), fleet.router(), store), monitor))
                .isEqualTo(RolloutPhase.SUCCEEDED);
        monitor.assertKept();
    }

    /** Calls fail, each controller dies after a few steps; and once it is resized, once superseded, once a second one tries too. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void controllersThatDieAndFollowEachOtherAreNotReported(boolean exactly) {
        // So short-lived controllers may need long to see an instance serve.
        RolloutPolicy patient = POLICY.toBuilder()
                .startDeadline(Duration.ofHours(1))
                .stallDeadline(Duration.ofHours(2))
                .build();
        for (int seed = 0; seed < 20; seed++) {
            InvariantMonitor monitor = exactly ? exactMonitor(patient) : monitor(patient);
            Random random = new Random(seed);
            fleet.failRate(0.05, 0.05);
            Revision target = Revision.of("seed-" + seed);
            RolloutPhase phase = RolloutPhase.ROLLING;
            for (int life = 0; life < MOST_STEPS && !phase.isFinal(); life++) {
                clock.advance(Duration.ofSeconds(31));
                try (RollingUpdate update = engine(monitor)) {
                    phase = live(update, target, life, random);
                } catch (ProviderException e) {
                    // The store or an adapter could not be asked: the next one tries.
                }
            }
            fleet.failRate(0, 0);
            assertThat(phase).isEqualTo(RolloutPhase.SUCCEEDED);
            monitor.assertKept();
        }
    }

    private RollingUpdate engine(InvariantMonitor monitor) {
        return monitor.around(fleet.provider(), fleet.healthChecker(), fleet.router(), store)
                .desired(3)
                .hostDriven()
                .build();
    }

    private RolloutPhase live(RollingUpdate update, Revision target, int life, Random random) {
        Rollout rollout = update.resume().orElseGet(() -> update.start(target));
        if (life == 2) {
            update.resize(4);
        } else if (life == 3) {
            update.resize(3);
        } else if (life == 4) {
            rollout = update.retry(Revision.of(target + "-fixed"));
        }
        for (int i = random.nextInt(12); i > 0 && !rollout.phase().isFinal(); i--) {
            rollout.step();
            clock.advance(Duration.ofMillis(random.nextInt(2_000)));
        }
        return rollout.phase();
    }

    @Test
    void aListThatHidesWhatIsStopping() {
        InvariantMonitor monitor = exactMonitor(POLICY);
        InstanceProvider hiding = new Provider(fleet.provider()) {
            @Override
            public List<Instance> list() {
                return super.list().stream()
                        .filter(instance -> instance.state() != Instance.State.STOPPING)
                        .toList();
            }
        };
        roll(monitor.around(hiding, fleet.healthChecker(), fleet.router(), store), monitor);

        reportsOnly(monitor, Promise.FOOTPRINT);
    }

    @Test
    void aPlatformThatStartsOneMoreThanItWasAskedFor() {
        InvariantMonitor monitor = monitor(POLICY);
        InstanceProvider generous = new Provider(fleet.provider()) {
            @Override
            public void launch(List<LaunchRequest> open) {
                List<LaunchRequest> more = new ArrayList<>(open);
                open.forEach(one -> more.add(new LaunchRequest(
                        one.fleet(),
                        one.rollout(),
                        one.rollout().token(AGAIN + one.token().ordinal()),
                        one.revision(),
                        one.place(),
                        one.intendedAt())));
                super.launch(more);
            }

            @Override
            public List<Instance> list() {
                return super.list().stream().map(this::withItsToken).toList();
            }

            private Instance withItsToken(Instance instance) {
                return instance.token()
                        .filter(token -> token.ordinal() > AGAIN)
                        .map(token -> instance.toBuilder()
                                .token(token.rollout().token(token.ordinal() - AGAIN))
                                .build())
                        .orElse(instance);
            }
        };
        roll(monitor.around(generous, fleet.healthChecker(), fleet.router(), store), monitor);

        assertThat(monitor.violations())
                .extracting(BrokenPromise::promise)
                .containsExactly(Promise.REPEATABLE, Promise.FOOTPRINT);
    }

    @Test
    void aRouterThatSaysInBeforeItIs() {
        InvariantMonitor monitor =
                exactMonitor(POLICY.toBuilder().minReady(Duration.ZERO).build());
        TrafficRouter hasty = new Router(fleet.router()) {
            @Override
            public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
                Map<InstanceId, Routing> routes = new HashMap<>(super.routes(instances));
                routes.replaceAll((id, routing) -> routing.state() == Routing.State.ADMITTING ? Routing.in() : routing);
                return routes;
            }
        };
        roll(monitor.around(fleet.provider(), fleet.healthChecker(), hasty, store), monitor);

        reportsOnly(monitor, Promise.AVAILABILITY);
    }

    @Test
    void aRouterThatDoesNotCountOpenRequests() {
        InvariantMonitor monitor = exactMonitor(POLICY);
        TrafficRouter blind = new Router(fleet.router()) {
            @Override
            public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
                Map<InstanceId, Routing> routes = new HashMap<>(super.routes(instances));
                routes.replaceAll((id, routing) -> new Routing(routing.state(), 0));
                return routes;
            }
        };
        roll(monitor.around(fleet.provider(), fleet.healthChecker(), blind, store), monitor);

        reportsOnly(monitor, Promise.DRAINED_FIRST);
    }

    @Test
    void aCheckerThatTakesAllThatRunsForHealthy() {
        InvariantMonitor monitor = exactMonitor(POLICY);
        roll(monitor.around(fleet.provider(), instance -> Health.healthy(), fleet.router(), store), monitor);

        reportsOnly(monitor, Promise.HEALTHY_FIRST);
    }

    @Test
    void aListThatShowsAnotherFleet() {
        Instance foreign = fleet.startForeign(1, V1).get(0).toBuilder()
                .state(Instance.State.RUNNING)
                .build();
        InvariantMonitor monitor = exactMonitor(POLICY);
        InstanceProvider careless = new Provider(fleet.provider()) {
            @Override
            public List<Instance> list() {
                List<Instance> all = new ArrayList<>(super.list());
                all.add(foreign);
                return all;
            }
        };
        roll(monitor.around(careless, fleet.healthChecker(), fleet.router(), store), monitor);

        reportsOnly(monitor, Promise.OWN_FLEET_ONLY);
        assertThat(fleet.violations()).as("and the fleet says so too").isNotEmpty();
    }

    @Test
    void aStoreThatSaysSavedAndHasNotSaved() {
        InvariantMonitor monitor = monitor(POLICY);
        InvariantMonitor.Controller controller = monitor.controller();
        RollingUpdate.Builder builder = monitor.around(fleet.provider(), fleet.healthChecker(), fleet.router(), store)
                .provider(controller.provider(fleet.provider()))
                .health(controller.health(fleet.healthChecker()))
                .router(controller.router(fleet.router()))
                .store(new Store(controller.store(store)) {
                    @Override
                    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
                        return expectedVersion > 0 || super.save(lease, expectedVersion, next);
                    }
                });
        roll(builder, monitor);

        reportsOnly(monitor, Promise.SURVIVES_CRASHES);
    }

    @Test
    void aControllerThatDoesNotHearThatItsLeaseWasTakenOver() {
        InvariantMonitor monitor = monitor(POLICY);
        InvariantMonitor.Controller deaf = monitor.controller();
        RollingUpdate.Builder builder = monitor.around(fleet.provider(), fleet.healthChecker(), fleet.router(), store)
                .desired(3)
                .hostDriven()
                .provider(deaf.provider(fleet.provider()))
                .health(deaf.health(fleet.healthChecker()))
                .router(deaf.router(fleet.router()))
                .store(new Store(deaf.store(store)) {
                    @Override
                    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
                        super.save(lease, expectedVersion, next);
                        return true;
                    }

                    @Override
                    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
                        Optional<Lease> lease = super.acquire(fleet, owner, duration);
                        return lease.isPresent() ? lease : Optional.of(new Lease(fleet, owner, 1));
                    }
                });
        try (RollingUpdate first = builder.build();
                RollingUpdate second = monitor.around(fleet.provider(), fleet.healthChecker(), fleet.router(), store)
                        .desired(3)
                        .hostDriven()
                        .build()) {
            Rollout before = first.start(V2);
            before.step();
            clock.advance(Duration.ofMinutes(1));
            Rollout after = second.resume().orElseThrow();
            after.step();
            run(before, monitor);
        }
        reportsOnly(monitor, Promise.ONE_CONTROLLER_ACTS);
    }

    @Test
    void aStoreThatLetsBothSave() {
        InvariantMonitor monitor = monitor(POLICY);
        RolloutState state = RolloutState.begin(
                SHOP, RolloutId.of("r1"), V2, Limits.resolve(POLICY, 3), clock.instant(), Optional.empty());
        RolloutStore careless = new Store(store) {
            @Override
            public boolean save(Lease lease, long expectedVersion, RolloutState next) {
                return true;
            }
        };
        for (String owner : List.of("a", "b")) {
            RolloutStore watched = monitor.controller().store(careless);
            watched.save(new RolloutStore.Lease(SHOP, owner, 1), 0, state);
        }
        reportsOnly(monitor, Promise.ONE_CONTROLLER_ACTS);
    }

    // ---- controllers with a fault

    private HandController takeOver(InvariantMonitor monitor, String owner) {
        InvariantMonitor.Controller watched = monitor.controller();
        return takeOver(watched, owner, watched.store(store));
    }

    private HandController takeOver(InvariantMonitor.Controller watched, String owner, RolloutStore record) {
        HandController controller = new HandController(
                SHOP,
                owner,
                clock,
                watched.provider(fleet.provider()),
                watched.health(fleet.healthChecker()),
                Optional.of(watched.router(fleet.router())),
                record);
        controller.takeOver();
        return controller;
    }

    private HandController begin(InvariantMonitor monitor, RolloutPolicy policy) {
        HandController controller = takeOver(monitor, "first");
        controller.persist(begun(policy));
        return controller;
    }

    private RolloutState begun(RolloutPolicy policy) {
        return RolloutState.begin(
                SHOP, RolloutId.of("r1"), V2, Limits.resolve(policy, 3), clock.instant(), Optional.empty());
    }

    private void play(
            HandController controller,
            InvariantMonitor monitor,
            BiFunction<FleetSnapshot, RolloutState, Plan> planner) {
        for (int i = 0; i < MOST_STEPS && monitor.violations().isEmpty(); i++) {
            Plan plan = controller.look(planner, UnaryOperator.identity());
            controller.persist(plan.next());
            controller.act(plan);
            clock.advance(Duration.ofSeconds(1));
        }
    }

    private static FleetSnapshot map(FleetSnapshot snapshot, UnaryOperator<Observed> seen) {
        return FleetSnapshot.of(
                snapshot.now(),
                snapshot.platform(),
                snapshot.instances().stream().map(seen).toList());
    }

    /** Plans by other limits than those that it persists. */
    private static Plan planWith(Limits limits, FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        if (state.phase().isFinal()) {
            return RollingPlanner.plan(snapshot, state, policy);
        }
        Plan plan = RollingPlanner.plan(snapshot, state.resize(limits), policy);
        return plan.next().phase().isFinal()
                ? plan
                : Forgery.withNext(plan, plan.next().resize(state.limits()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatLaunchesOneTooMany(boolean exactly) {
        RolloutPolicy policy =
                POLICY.toBuilder().batches(Batches.sliding(Quota.of(3))).build();
        InvariantMonitor monitor = exactly ? exactMonitor(policy) : monitor(policy);
        Limits more = Limits.resolve(policy.toBuilder().maxSurge(2).build(), 3);
        play(begin(monitor, policy), monitor, (snapshot, state) -> planWith(more, snapshot, state, policy));

        reportsOnly(monitor, Promise.FOOTPRINT);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatTakesOneTooManyOut(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(POLICY) : monitor(POLICY);
        Limits less = Limits.resolve(POLICY.toBuilder().maxUnavailable(1).build(), 3);
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> planWith(less, snapshot, state, POLICY));

        reportsOnly(monitor, Promise.AVAILABILITY);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatDoesNotLetNewOnesSoak(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(POLICY) : monitor(POLICY);
        RolloutPolicy hasty = POLICY.toBuilder().minReady(Duration.ZERO).build();
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> RollingPlanner.plan(snapshot, state, hasty));

        reportsOnly(monitor, Promise.AVAILABILITY);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatDoesNotWaitForOpenRequests(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(POLICY) : monitor(POLICY);
        RolloutPolicy impatient =
                POLICY.toBuilder().drainDeadline(Duration.ofSeconds(2)).build();
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> RollingPlanner.plan(snapshot, state, impatient));

        reportsOnly(monitor, Promise.DRAINED_FIRST);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatStopsWhatTheRouterStillFeeds(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(NO_FLOOR) : monitor(NO_FLOOR);
        play(
                begin(monitor, NO_FLOOR),
                monitor,
                (snapshot, state) -> RollingPlanner.plan(
                        map(
                                snapshot,
                                seen -> seen.instance().revision().equals(V1)
                                        ? new Observed(seen.instance(), seen.health(), Routing.out())
                                        : seen),
                        state,
                        NO_FLOOR));

        reportsOnly(monitor, Promise.DRAINED_FIRST);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneThatAdmitsWhatRuns(boolean exactly) {
        InvariantMonitor monitor = exactly ? exactMonitor(POLICY) : monitor(POLICY);
        play(
                begin(monitor, POLICY),
                monitor,
                (snapshot, state) -> RollingPlanner.plan(
                        map(snapshot, seen -> new Observed(seen.instance(), Health.healthy(), seen.routing())),
                        state,
                        POLICY));

        reportsOnly(monitor, Promise.HEALTHY_FIRST);
    }

    @Test
    void oneThatGoesOnWhilePaused() {
        InvariantMonitor monitor = monitor(POLICY);
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> {
            RolloutState active = state.phase() == RolloutPhase.PAUSED ? state.resume(snapshot.now()) : state;
            Plan plan = RollingPlanner.plan(snapshot, active, POLICY);
            return plan.next().phase() == RolloutPhase.ROLLING
                    ? Forgery.withNext(plan, plan.next().pause(snapshot.now(), REASON))
                    : plan;
        });

        reportsOnly(monitor, Promise.NO_WORK_WHILE_HELD);
    }

    @Test
    void oneThatGoesOnAfterItWasAborted() {
        InvariantMonitor monitor = monitor(POLICY);
        HandController controller = begin(monitor, POLICY);
        play(controller, monitor, (snapshot, state) -> {
            Plan plan = RollingPlanner.plan(snapshot, state, POLICY);
            return Forgery.withNext(plan, plan.next().abort(snapshot.now(), REASON));
        });

        reportsOnly(monitor, Promise.NO_WORK_WHILE_HELD);
    }

    @Test
    void oneThatActsWhenAllIsDone() {
        InvariantMonitor monitor = monitor(POLICY);
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> {
            Plan plan = RollingPlanner.plan(snapshot, state, POLICY);
            InstanceId one = snapshot.instances().get(0).instance().id();
            return state.phase() == RolloutPhase.SUCCEEDED
                    ? Forgery.withActions(plan, List.of(new Action.Drain(one, REASON)))
                    : plan;
        });

        reportsOnly(monitor, Promise.REPEATABLE);
    }

    @Test
    void oneThatActsTwiceOnOneDecision() {
        InvariantMonitor monitor = monitor(POLICY);
        HandController controller = begin(monitor, POLICY);
        for (int i = 0; i < MOST_STEPS && monitor.violations().isEmpty(); i++) {
            Plan plan = controller.look(
                    (snapshot, state) -> RollingPlanner.plan(snapshot, state, POLICY), UnaryOperator.identity());
            controller.persist(plan.next());
            controller.act(plan);
            controller.act(plan);
            clock.advance(Duration.ofSeconds(1));
        }

        reportsOnly(monitor, Promise.REPEATABLE);
    }

    @Test
    void oneThatEndsBeforeAllIsInPlace() {
        InvariantMonitor monitor = monitor(NO_FLOOR);
        play(
                begin(monitor, NO_FLOOR),
                monitor,
                (snapshot, state) -> RollingPlanner.plan(
                        map(
                                snapshot,
                                seen -> seen.instance().revision().equals(V2)
                                                && seen.instance().state() == Instance.State.RUNNING
                                        ? new Observed(seen.instance(), Health.healthy(), Routing.in())
                                        : seen),
                        state,
                        NO_FLOOR));

        reportsOnly(monitor, Promise.ENDS);
    }

    @Test
    void oneThatGoesOnWithWhatHadEnded() {
        InvariantMonitor monitor = monitor(POLICY);
        HandController controller = begin(monitor, POLICY);
        RolloutState rolling = controller.state();
        controller.persist(rolling.abort(clock.instant(), REASON));
        controller.persist(rolling);

        reportsOnly(monitor, Promise.ENDS);
    }

    @Test
    void oneThatActsBeforeItPersists() {
        InvariantMonitor monitor = monitor(POLICY);
        HandController controller = begin(monitor, POLICY);
        for (int i = 0; i < MOST_STEPS && monitor.violations().isEmpty(); i++) {
            Plan plan = controller.look(
                    (snapshot, state) -> RollingPlanner.plan(snapshot, state, POLICY), UnaryOperator.identity());
            controller.act(plan);
            controller.persist(plan.next());
            clock.advance(Duration.ofSeconds(1));
        }

        reportsOnly(monitor, Promise.SURVIVES_CRASHES);
    }

    @Test
    void oneThatForgetsFailuresWhenItIsRestarted() {
        fleet.behaviour(V2, Behaviour.builder().exitsAtStart().build());
        RolloutPolicy policy = POLICY.toBuilder()
                .maxFailedInstances(5)
                .onFailure(FailurePolicy.STOP)
                .build();
        InvariantMonitor monitor = monitor(policy);
        HandController before = begin(monitor, policy);
        for (int i = 0; i < 20; i++) {
            Plan plan = before.look(
                    (snapshot, state) -> RollingPlanner.plan(snapshot, state, policy), UnaryOperator.identity());
            before.persist(plan.next());
            before.act(plan);
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(before.state().failures().count()).isPositive();
        clock.advance(Duration.ofMinutes(1));
        takeOver(monitor, "second")
                .persist(Forgery.of(before.state()).withoutFailures().state());

        reportsOnly(monitor, Promise.FAILURES_REMEMBERED);
    }

    @Test
    void oneThatTouchesAnotherFleet() {
        InvariantMonitor monitor = monitor(POLICY);
        InstanceId foreign = fleet.startForeign(1, V1).get(0).id();
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> {
            Plan plan = RollingPlanner.plan(snapshot, state, POLICY);
            List<Action> actions = new ArrayList<>(plan.actions());
            actions.add(new Action.Terminate(foreign, REASON));
            return Forgery.withActions(plan, actions);
        });

        reportsOnly(monitor, Promise.OWN_FLEET_ONLY);
    }

    @Test
    void oneThatLaunchesForAnotherFleet() {
        InvariantMonitor monitor = monitor(POLICY);
        InstanceProvider provider = monitor.controller().provider(fleet.provider());
        RolloutId rollout = RolloutId.of("r1");
        LaunchRequest request = new LaunchRequest(FleetId.of("other"), rollout, rollout.token(1), V2);

        assertThatThrownBy(() -> provider.launch(List.of(request))).isInstanceOf(ProviderException.class);
        reportsOnly(monitor, Promise.OWN_FLEET_ONLY);
    }

    /** Another thread of the controller asked before the save, and is answered after it. */
    @Test
    void aLoadThatIsAnsweredLateIsNotTakenForTheRecord() {
        InvariantMonitor monitor = monitor(POLICY);
        InvariantMonitor.Controller watched = monitor.controller();
        AtomicReference<Optional<RolloutStore.Stored>> late = new AtomicReference<>(Optional.empty());
        RolloutStore record = watched.store(new Store(store) {
            @Override
            public Optional<Stored> load(FleetId fleet) {
                return late.get().isPresent() ? late.get() : super.load(fleet);
            }
        });
        HandController controller = takeOver(watched, "first", record);
        controller.persist(begun(POLICY));
        for (int i = 0; i < MOST_STEPS && monitor.violations().isEmpty(); i++) {
            Plan plan = controller.look(
                    (snapshot, state) -> RollingPlanner.plan(snapshot, state, POLICY), UnaryOperator.identity());
            late.set(store.load(SHOP));
            controller.persist(plan.next());
            record.load(SHOP);
            controller.act(plan);
            clock.advance(Duration.ofSeconds(1));
        }

        monitor.assertKept();
        assertThat(controller.state().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
    }

    // ---- what is decorated

    @Nested
    class Decorated {

        private final InvariantMonitor.Controller controller = monitor(POLICY).controller();

        @Test
        void oneCallStaysOneCall() {
            fleet.provider().list();
            List<Instance> all = controller.provider(fleet.provider()).list();
            List<String> calls = new ArrayList<>();
            TrafficRouter router = controller.router(new Router(fleet.router()) {
                @Override
                public void admitAll(Collection<Instance> instances) {
                    calls.add("admit " + instances.size());
                }

                @Override
                public void drainAll(Collection<Instance> instances) {
                    calls.add("drain " + instances.size());
                }
            });
            InstanceProvider provider = controller.provider(new Provider(fleet.provider()) {
                @Override
                public void terminateAll(Collection<InstanceId> ids) {
                    calls.add("terminate " + ids.size());
                }
            });
            HealthChecker health = controller.health(new HealthChecker() {
                @Override
                public Health check(Instance instance) {
                    throw new AssertionError("one by one");
                }

                @Override
                public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
                    calls.add("check " + instances.size());
                    return Map.of();
                }
            });
            health.checkAll(all);
            router.admitAll(all);
            router.drainAll(all);
            provider.terminateAll(all.stream().map(Instance::id).toList());

            assertThat(calls).containsExactly("check 3", "admit 3", "drain 3", "terminate 3");
        }

        @Test
        void whatAnAdapterCanDoBesidesItStillCan() {
            assertThat(controller.provider(fleet.provider())).isInstanceOf(Watchable.class);
            assertThat(controller.health(fleet.healthChecker())).isInstanceOf(Watchable.class);
            assertThat(controller.router(fleet.router()))
                    .isInstanceOf(Watchable.class)
                    .isNotInstanceOf(RevisionAffinity.class);
            assertThat(controller.router(new AffineRouter(fleet.router())))
                    .isInstanceOf(RevisionAffinity.class)
                    .isInstanceOf(Watchable.class);
        }

        @Test
        void whatAnAdapterCannotDoItCannot() {
            assertThat(controller.provider(new Provider(fleet.provider()))).isNotInstanceOf(Watchable.class);
            assertThat(controller.health(instance -> Health.healthy())).isNotInstanceOf(Watchable.class);
            assertThat(controller.router(new Router(fleet.router())))
                    .isNotInstanceOfAny(Watchable.class, RevisionAffinity.class);
        }

        @Test
        void saysOfThePlatformWhatTheAdapterSays() {
            InstanceProvider stale = new StaleProvider(fleet.provider(), Duration.ofSeconds(7), clock, 1);
            TrafficRouter draining = new Router(fleet.router()) {
                @Override
                public boolean drainsOnTerminate() {
                    return true;
                }
            };

            assertThat(controller.provider(stale).staleness()).hasSeconds(7);
            assertThat(controller.router(draining).drainsOnTerminate()).isTrue();
        }
    }

    // ---- what a report reads like

    private static final String REPORT = """
            DRAINED_FIRST broken at 2026-11-24T00:01:15Z: #1: terminates shop-1 while requests are open
                ... 10 lines before
                2026-11-24T00:01:06Z #1 sees 4: shop-4 v2 RUNNING, HEALTHY, ADMITTING
                2026-11-24T00:01:07Z #1 sees 4: shop-4 v2 RUNNING, HEALTHY, IN
                2026-11-24T00:01:12Z #1 persists r1 to v2 ROLLING, 0 failed, at most 4 exist, at least 3 serve; means to DRAIN shop-1
                2026-11-24T00:01:12Z #1 drain shop-1
                2026-11-24T00:01:13Z #1 sees 4: shop-1 v1 RUNNING, HEALTHY, DRAINING with 2 requests
                2026-11-24T00:01:15Z #1 persists r1 to v2 ROLLING, 0 failed, at most 4 exist, at least 3 serve; means to TERMINATE shop-1
                2026-11-24T00:01:15Z #1 terminate shop-1
                2026-11-24T00:01:15Z #1 BREAKS DRAINED_FIRST: terminates shop-1 while requests are open
                it went by what it saw at 2026-11-24T00:01:15Z:
                  shop-1 v1 RUNNING, HEALTHY, DRAINING with 2 requests
                  shop-2 v1 RUNNING, HEALTHY, IN
                  shop-3 v1 RUNNING, HEALTHY, IN
                  shop-4 v2 RUNNING, HEALTHY, IN""";

    @Test
    void aReportTellsWhatLedToIt() {
        InvariantMonitor monitor =
                InvariantMonitor.builder(SHOP, POLICY).clock(clock).history(8).build();
        RolloutPolicy impatient =
                POLICY.toBuilder().drainDeadline(Duration.ofSeconds(2)).build();
        play(begin(monitor, POLICY), monitor, (snapshot, state) -> RollingPlanner.plan(snapshot, state, impatient));

        assertThat(monitor.violations()).hasSize(1);
        assertThat(monitor.violations().get(0)).hasToString(REPORT);
    }

    // ---- adapters to be lied with

    private static class Provider implements InstanceProvider {
        private final InstanceProvider provider;

        Provider(InstanceProvider provider) {
            this.provider = provider;
        }

        @Override
        public List<Instance> list() {
            return provider.list();
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            provider.launch(open);
        }

        @Override
        public void terminate(InstanceId id) {
            provider.terminate(id);
        }
    }

    private static class Router implements TrafficRouter {
        private final TrafficRouter router;

        Router(TrafficRouter router) {
            this.router = router;
        }

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            return router.routes(instances);
        }

        @Override
        public void admit(Instance instance) {
            router.admit(instance);
        }

        @Override
        public void drain(Instance instance) {
            router.drain(instance);
        }
    }

    private static final class AffineRouter extends Router implements RevisionAffinity, Watchable {

        AffineRouter(TrafficRouter router) {
            super(router);
        }

        @Override
        public Optional<RevisionKey> revisionKey() {
            return Optional.of(RevisionKey.header("x-revision"));
        }

        @Override
        public Subscription watch(Runnable changed) {
            return () -> {};
        }
    }

    private static class Store implements RolloutStore {
        private final RolloutStore store;

        Store(RolloutStore store) {
            this.store = store;
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            return store.load(fleet);
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            return store.save(lease, expectedVersion, next);
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            return store.acquire(fleet, owner, duration);
        }

        @Override
        public void release(Lease lease) {
            store.release(lease);
        }
    }
}
