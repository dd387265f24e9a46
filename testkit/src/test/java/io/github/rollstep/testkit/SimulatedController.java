package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.SimulatedEngine;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.StopVeto;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.Scenario.Trouble;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A controller of a trial: the real engine, and between it and the world calls that go wrong. It may die or stand still at any of
 * them.
 */
final class SimulatedController {

    static final Duration CALL_TIMEOUT = Duration.ofSeconds(30);
    static final Duration REQUEST_LIFE = CALL_TIMEOUT.multipliedBy(2);
    private static final int NEVER = -1;

    private final Trial trial;
    private final World world;
    private final Inspector inspector;
    private final RollingUpdate update;
    private final Set<InstanceId> healthy = new HashSet<>();
    private @Nullable Rollout rollout;
    private Duration offset = Duration.ZERO;
    private Instant stepStart;
    private int callsToDeath = NEVER;
    private int callsToStall = NEVER;
    private boolean dead;
    private boolean saved;

    /** What it decided last. */
    private Decision decision;

    /**
     * What was decided, and what was true when it was.
     *
     * @param at when it was observed
     * @param serving who served then
     */
    record Decision(
            Instant at,
            List<SimulatedInstance> serving,
            @Nullable FleetSnapshot snapshot,
            int footprint,
            int floor) {}

    SimulatedController(Trial trial, World world, Inspector inspector, int desired) {
        this.trial = trial;
        this.world = world;
        this.inspector = inspector;
        stepStart = world.now();
        decision = new Decision(stepStart, List.of(), null, 0, 0);
        Scenario scenario = world.scenario;
        RollingUpdate.Builder builder = RollingUpdate.builder()
                .fleet(world.fleet.id())
                .desired(desired)
                .clock(() -> world.now().plus(offset))
                .callTimeout(CALL_TIMEOUT)
                .policy(scenario.policy())
                .provider(new Provider())
                .health(new Checker())
                .store(new Store());
        if (world.isRouted()) {
            builder.router(new Router());
        }
        world.monitor.map(InvariantMonitor::controller).ifPresent(watched -> {
            builder.provider(watched.provider(new Provider()))
                    .health(watched.health(new Checker()))
                    .store(watched.store(new Store()));
            if (world.isRouted()) {
                builder.router(watched.router(new Router()));
            }
        });
        scenario.gates().forEach((name, kind) -> builder.gate(new SimulatedGate(name, kind)));
        if (scenario.refusals() > 0) {
            builder.stopVeto(new Veto());
        }
        update = SimulatedEngine.build(builder, this::plan, trial::name);
    }

    private Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy) {
        Plan plan = trial.plan(snapshot, state);
        decision = new Decision(
                decision.at,
                decision.serving,
                snapshot,
                state.limits().footprint(),
                state.limits().floor());
        inspector.planned(snapshot, state, plan, decision.at.equals(world.now()));
        return plan;
    }

    // What happens to it

    void diesAfter(int calls) {
        callsToDeath = calls;
    }

    void stallsAfter(int calls) {
        callsToStall = calls;
    }

    void setClock(Duration offset) {
        this.offset = offset;
    }

    boolean isDead() {
        return dead;
    }

    void kill() {
        dead = true;
    }

    /** Whether something was recorded in the last step. */
    boolean hasSaved() {
        return saved;
    }

    // What it does

    /** The plan of one step; empty if it has no rollout yet. */
    Optional<Plan> step(Revision wanted, boolean restart) {
        saved = false;
        stepStart = world.now();
        try {
            if (rollout == null) {
                rollout = update.resume().orElse(null);
                if (trial.isToBegin()) {
                    rollout = null;
                    rollout = SimulatedEngine.start(update, wanted, restart);
                }
                return Optional.empty();
            }
            return Optional.of(rollout.step());
        } catch (ProviderException e) {
            return Optional.empty();
        } catch (IllegalStateException e) {
            // Another one has the lease: one that had it goes, one that never had it tries again.
            dead |= rollout != null;
            return Optional.empty();
        }
    }

    /** What somebody does by hand, if it may be done now. */
    interface Command {
        void on(RollingUpdate update, Rollout rollout);
    }

    void command(Command command) {
        stepStart = world.now();
        Rollout present = rollout;
        if (present == null) {
            return;
        }
        try {
            command.on(update, present);
        } catch (ProviderException | IllegalStateException | IllegalArgumentException e) {
            // Not in this phase, not with this policy, or not to be known.
        }
    }

    /** Has it begin another rollout; it tries until it can. */
    void supersede(Revision wanted) {
        command((update, present) -> {
            rollout = null;
            rollout = SimulatedEngine.start(update, wanted, false);
        });
    }

    // Its calls

    /** Not a real time-out, nor a real stack. */
    private static final class Simulated extends ProviderException {
        private static final long serialVersionUID = 1;

        Simulated(String message) {
            super(message, true);
        }

        @Override
        public synchronized Throwable fillInStackTrace() {
            return this;
        }
    }

    private void enter() {
        if (callsToStall >= 0 && callsToStall-- == 0) {
            trial.stall(this, stepStart.plus(REQUEST_LIFE));
        }
        if (callsToDeath >= 0 && callsToDeath-- == 0) {
            dead = true;
        }
        if (dead) {
            throw new Simulated("the controller is dead");
        }
    }

    /** Waits for the time-out, or as long as the request may live. */
    private void timeOut() {
        Instant end = stepStart.plus(REQUEST_LIFE);
        Instant timeout = world.now().plus(CALL_TIMEOUT);
        Instant until = timeout.isBefore(end) ? timeout : end;
        if (until.isAfter(world.now())) {
            world.advanceTo(until);
        }
        throw new Simulated("no answer in time");
    }

    private <T> T ask(Supplier<T> call) {
        enter();
        if (world.isThrottled()) {
            throw new Simulated("throttled");
        }
        if (world.happens(Trouble.FAILS)) {
            throw new Simulated("not reachable");
        }
        T answer = call.get();
        if (world.happens(Trouble.TIMES_OUT)) {
            timeOut();
        }
        return answer;
    }

    private void tell(Runnable effect) {
        enter();
        if (world.isThrottled()) {
            throw new Simulated("throttled");
        }
        if (world.happens(Trouble.FAILS)) {
            throw new Simulated("did not arrive");
        }
        if (world.happens(Trouble.LATE)) {
            world.later(stepStart.plus(REQUEST_LIFE), effect);
            throw new Simulated("given up");
        }
        effect.run();
        if (world.happens(Trouble.TIMES_OUT)) {
            timeOut();
        }
        if (world.happens(Trouble.LOSES)) {
            throw new Simulated("the answer was lost");
        }
    }

    private final class Provider implements InstanceProvider {
        @Override
        public List<Instance> list() {
            return ask(() -> {
                decision = new Decision(world.now(), world.fleet.serving(), null, decision.footprint, decision.floor);
                return world.list();
            });
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            Decision decided = decision;
            @Nullable ProviderException failure = null;
            for (LaunchRequest request : open) {
                try {
                    tell(() -> inspector.launch(decided, request));
                } catch (ProviderException e) {
                    failure = e;
                }
            }
            if (failure != null) {
                throw failure;
            }
        }

        @Override
        public void terminate(InstanceId id) {
            Decision decided = decision;
            tell(() -> inspector.terminate(decided, id));
        }

        @Override
        public Duration staleness() {
            return world.scenario.staleness();
        }
    }

    private final class Checker implements HealthChecker {
        @Override
        public Health check(Instance instance) {
            throw new UnsupportedOperationException("the engine checks all at once");
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            healthy.clear();
            return ask(() -> {
                Map<InstanceId, Health> verdicts = world.fleet.healthChecker().checkAll(instances);
                verdicts.replaceAll(
                        (id, health) -> world.happens(Trouble.BLURS) ? Health.unknown("cannot tell") : health);
                verdicts.forEach((id, health) -> {
                    if (health.isHealthy()) {
                        healthy.add(id);
                    }
                });
                return verdicts;
            });
        }
    }

    private final class Router implements TrafficRouter {
        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            return ask(() -> world.fleet.router().routes(instances));
        }

        @Override
        public void admit(Instance instance) {
            boolean seenHealthy = healthy.contains(instance.id());
            tell(() -> inspector.admit(instance, seenHealthy));
        }

        @Override
        public void drain(Instance instance) {
            Decision decided = decision;
            tell(() -> inspector.drain(decided, instance));
        }

        @Override
        public boolean drainsOnTerminate() {
            return world.scenario.router() == Scenario.Router.PLATFORM_DRAINS;
        }
    }

    private final class Veto implements StopVeto {
        @Override
        public Refusals mayStop(List<Instance> candidates, List<Instance> presumedStopped) {
            return ask(() -> {
                Map<InstanceId, String> reasons = new HashMap<>();
                for (Instance candidate : candidates) {
                    if (world.random.nextDouble() < world.scenario.refusals()) {
                        reasons.put(candidate.id(), "the owner says no");
                    }
                }
                return new Refusals(reasons);
            });
        }
    }

    private final class SimulatedGate implements Gate {

        private final String name;
        private final Scenario.GateKind kind;

        SimulatedGate(String name, Scenario.GateKind kind) {
            this.name = name;
            this.kind = kind;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Verdict judge(Context context) {
            return ask(() -> switch (kind) {
                case PASSES -> Verdict.pass();
                case HESITATES -> world.random.nextBoolean() ? Verdict.pass() : Verdict.waits("cannot tell");
                case FAILS_ALWAYS -> Verdict.fail("red");
                case FAILS_LATER -> context.counts().updated() > 0 ? Verdict.fail("red") : Verdict.pass();
            });
        }
    }

    private final class Store implements RolloutStore {
        @Override
        public Optional<Stored> load(FleetId fleet) {
            return ask(() -> world.store.load(fleet));
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            enter();
            if (world.happens(Trouble.UNSAVED)) {
                throw new Simulated("the store is down");
            }
            Optional<Stored> before = world.store.load(lease.fleet());
            boolean done = world.store.save(lease, expectedVersion, next);
            if (done) {
                saved = true;
                inspector.saved(before.map(Stored::state), next);
            }
            if (world.happens(Trouble.IN_DOUBT)) {
                throw new Simulated("saved or not");
            }
            return done;
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            enter();
            if (world.happens(Trouble.UNSAVED)) {
                throw new Simulated("the store is down");
            }
            return world.store.acquire(fleet, owner, duration);
        }

        @Override
        public void release(Lease lease) {
            enter();
            if (world.happens(Trouble.UNSAVED)) {
                throw new Simulated("the store is down");
            }
            world.store.release(lease);
        }
    }
}
