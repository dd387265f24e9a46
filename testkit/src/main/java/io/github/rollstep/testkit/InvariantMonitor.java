package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import java.time.InstantSource;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Watches rollouts of one fleet, real or simulated, and says which {@link Promise} was broken, by what, and what led to it.
 *
 * <pre>{@code
 * InvariantMonitor monitor = InvariantMonitor.of(fleet, policy);
 * try (RollingUpdate update = monitor.around(provider, health, router, store).desired(3).build()) {
 *     update.start(Revision.of("v2")).await(Duration.ofMinutes(5));
 * }
 * monitor.assertKept();
 * }</pre>
 *
 * <p>It decorates the adapters and the store, and is a listener. It changes no call, keeps one call one call, and keeps what the
 * adapters can do besides. Rollouts may follow each other, supersede each other and be resized; controllers may be killed and others
 * go on, or act at the same time: each is decorated by itself, with {@link #around} or {@link #controller}.
 *
 * <p>It reports only what is certain. By itself it knows what the adapters answered, so that a list that is old, or what happened
 * between a look and a request, excuses a controller; with a source of the {@link Builder#truth truth} each action is measured
 * against what the fleet really is. Limits are those of the persisted state, deadlines those of the policy. What a policy asks for
 * beyond the limits ({@link Promise#POLICY}) it does not look at.
 *
 * <p>Safe for use by several threads.
 */
public final class InvariantMonitor implements RolloutListener {

    private final CaseFile file;
    private final InstantSource clock;

    private InvariantMonitor(Builder builder) {
        file = new CaseFile(builder);
        clock = builder.clock;
    }

    /** A monitor that knows what the adapters answer. */
    public static InvariantMonitor of(FleetId fleet, RolloutPolicy policy) {
        return builder(fleet, policy).build();
    }

    /** @param policy that the fleet is rolled by; whoever rolls by another watches it with another monitor */
    public static Builder builder(FleetId fleet, RolloutPolicy policy) {
        return new Builder(fleet, policy);
    }

    /** One more controller: all that it is built of, but the desired count. */
    public RollingUpdate.Builder around(
            InstanceProvider provider, HealthChecker health, TrafficRouter router, RolloutStore store) {
        Controller controller = controller();
        return begin(controller, provider, health, store).router(controller.router(router));
    }

    /** One more controller of a fleet that has no router. */
    public RollingUpdate.Builder around(InstanceProvider provider, HealthChecker health, RolloutStore store) {
        return begin(controller(), provider, health, store);
    }

    private RollingUpdate.Builder begin(
            Controller controller, InstanceProvider provider, HealthChecker health, RolloutStore store) {
        return RollingUpdate.builder()
                .fleet(file.fleet)
                .policy(file.policy)
                .clock(clock)
                .provider(controller.provider(provider))
                .health(controller.health(health))
                .store(controller.store(store))
                .listener(this);
    }

    /** One more controller, for whoever puts it together by hand. */
    public Controller controller() {
        return new Controller(new Witness(file));
    }

    /** Every promise that was seen broken, in the order of time; the first hundred. */
    public List<BrokenPromise> violations() {
        return file.broken();
    }

    /** @throws AssertionError if a promise was broken; its message is all of {@link #violations} */
    public void assertKept() {
        List<BrokenPromise> broken = violations();
        if (!broken.isEmpty()) {
            StringBuilder text = new StringBuilder("%d promises broken".formatted(broken.size()));
            broken.forEach(one -> text.append('\n').append(one));
            throw new AssertionError(text.toString());
        }
    }

    @Override
    public void phaseChanged(RolloutEvent.PhaseChanged event) {
        note(event, "is %s: %s".formatted(event.to(), event.reason().text()));
    }

    @Override
    public void actionTaken(RolloutEvent.ActionTaken event) {
        note(event, "has taken " + event.action());
    }

    @Override
    public void callFailed(RolloutEvent.CallFailed event) {
        note(event, "could not %s: %s".formatted(event.call(), event.error().getMessage()));
    }

    @Override
    public void instanceFailed(RolloutEvent.InstanceFailed event) {
        note(event, "counts as failed: " + event.reason().text());
    }

    @Override
    public void waiting(RolloutEvent.Waiting event) {
        note(
                event,
                "waits: " + Tape.some(event.reasons().stream().map(Reason::text).toList()));
    }

    private void note(RolloutEvent event, String text) {
        file.note(event.rollout().value(), text);
    }

    /** The adapters of one controller. What is decorated answers as the one behind it. */
    public static final class Controller {

        private final Witness witness;

        private Controller(Witness witness) {
            this.witness = witness;
        }

        public InstanceProvider provider(InstanceProvider provider) {
            return WatchedProvider.of(provider, witness);
        }

        public HealthChecker health(HealthChecker health) {
            return WatchedHealth.of(health, witness);
        }

        public TrafficRouter router(TrafficRouter router) {
            witness.routed();
            return WatchedRouter.of(router, witness);
        }

        public RolloutStore store(RolloutStore store) {
            return WatchedStore.of(store, witness);
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        final FleetId fleet;
        final RolloutPolicy policy;
        InstantSource clock = InstantSource.system();
        Optional<Supplier<? extends Collection<Observed>>> truth = Optional.empty();
        int history = 60;

        private Builder(FleetId fleet, RolloutPolicy policy) {
            this.fleet = fleet;
            this.policy = policy;
        }

        /** The one that the controllers go by; default: the system's. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        /** Who knows what the fleet really is, as {@link SimulatedFleet#observe} does; default: nobody. */
        public Builder truth(Supplier<? extends Collection<Observed>> truth) {
            this.truth = Optional.of(truth);
            return this;
        }

        /** How many lines of what was observed, asked and said a report holds; 1 to 10,000; default: 60. */
        public Builder history(int lines) {
            if (lines < 1 || lines > 10_000) {
                throw new IllegalArgumentException("history must be within 1 to 10,000, was %,d".formatted(lines));
            }
            history = lines;
            return this;
        }

        public InvariantMonitor build() {
            return new InvariantMonitor(this);
        }
    }
}
