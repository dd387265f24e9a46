package io.github.rollstep.run;

import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import java.time.Duration;
import java.util.function.Supplier;

/** The engine as a simulation drives it: every call on the thread of the caller, with a planner and with names of its choice. */
public final class SimulatedEngine {

    private static final RolloutEngine ENGINE = RolloutEngine.create();

    private SimulatedEngine() {}

    /** The real planner, or one that is broken on purpose. */
    public interface Decider {
        Plan plan(FleetSnapshot snapshot, RolloutState state, RolloutPolicy policy);
    }

    public static RollingUpdate build(RollingUpdate.Builder builder, Decider decider, Supplier<String> names) {
        return builder.engine(ENGINE)
                .hostDriven()
                .wiring(new Wiring(decider::plan, engine -> Runnable::run, names))
                .build();
    }

    /** One that takes no call for slow, however busy the machine is. */
    public static RolloutEngine patient(int threads) {
        return RolloutEngine.create(threads, Duration.ofMinutes(10));
    }

    /** @param restart whether what runs the target already is replaced too */
    public static Rollout start(RollingUpdate update, Revision target, boolean restart) {
        return update.start(new Command.Start(target, restart, false));
    }
}
