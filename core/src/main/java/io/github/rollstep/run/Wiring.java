package io.github.rollstep.run;

import io.github.rollstep.plan.RollingPlanner;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What no host exchanges, and a simulation does.
 *
 * @param calls who makes the calls to the adapters
 * @param names a part of each name that is to be unique: of controllers and of rollouts
 */
record Wiring(Planner planner, Function<RolloutEngine, Executor> calls, Supplier<String> names) {

    static final Wiring REAL = new Wiring(RollingPlanner::plan, engine -> engine.calls, Wiring::random);

    private static String random() {
        return Integer.toString(ThreadLocalRandom.current().nextInt(36 * 36 * 36 * 36, 36 * 36 * 36 * 36 * 36), 36);
    }
}
