package io.github.rollstep.testkit;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.Watchable;
import java.util.Collection;
import java.util.Map;

/** A health checker with a witness. */
class WatchedHealth implements HealthChecker {

    private final HealthChecker checker;
    private final Witness witness;

    private WatchedHealth(HealthChecker checker, Witness witness) {
        this.checker = checker;
        this.witness = witness;
    }

    static HealthChecker of(HealthChecker checker, Witness witness) {
        return checker instanceof Watchable watchable
                ? new Telling(checker, watchable, witness)
                : new WatchedHealth(checker, witness);
    }

    @Override
    public Health check(Instance instance) {
        Health verdict = witness.ask("check", () -> checker.check(instance));
        witness.checked(Map.of(instance.id(), verdict));
        return verdict;
    }

    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> verdicts = witness.ask("check", () -> checker.checkAll(instances));
        witness.checked(verdicts);
        return verdicts;
    }

    @Override
    public String toString() {
        return checker.toString();
    }

    /** One that can tell of changes. */
    private static final class Telling extends WatchedHealth implements Watchable {

        private final Watchable watchable;

        Telling(HealthChecker checker, Watchable watchable, Witness witness) {
            super(checker, witness);
            this.watchable = watchable;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return watchable.watch(changed);
        }
    }
}
