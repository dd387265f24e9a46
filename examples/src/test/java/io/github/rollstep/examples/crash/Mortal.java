package io.github.rollstep.examples.crash;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Adapters and a store whose every call passes a {@link Fuse}. */
final class Mortal {

    private Mortal() {}

    /** One that controllers share stays one. */
    static RolloutStore store(RolloutStore store, Fuse fuse) {
        Store mortal = new Store(store, fuse);
        return store instanceof Exchange exchange ? new SharedStore(mortal, exchange, fuse) : mortal;
    }

    record Provider(InstanceProvider provider, Fuse fuse) implements InstanceProvider {

        @Override
        public List<Instance> list() {
            return fuse.call("list", provider::list);
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            fuse.run("launch", () -> provider.launch(open));
        }

        @Override
        public void terminate(InstanceId id) {
            fuse.run("terminate", () -> provider.terminate(id));
        }
    }

    record Checker(HealthChecker health, Fuse fuse) implements HealthChecker {

        @Override
        public Health check(Instance instance) {
            return health.check(instance);
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            return fuse.call("checkAll", () -> health.checkAll(instances));
        }
    }

    record Router(TrafficRouter router, Fuse fuse) implements TrafficRouter {

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            return fuse.call("routes", () -> router.routes(instances));
        }

        @Override
        public void admit(Instance instance) {
            fuse.run("admit", () -> router.admit(instance));
        }

        @Override
        public void drain(Instance instance) {
            fuse.run("drain", () -> router.drain(instance));
        }
    }

    record Store(RolloutStore store, Fuse fuse) implements RolloutStore {

        @Override
        public Optional<Stored> load(FleetId fleet) {
            return fuse.call("load", () -> store.load(fleet));
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            return fuse.call("save", () -> store.save(lease, expectedVersion, next));
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            return fuse.call("acquire", () -> store.acquire(fleet, owner, duration));
        }

        @Override
        public void release(Lease lease) {
            fuse.run("release", () -> store.release(lease));
        }
    }

    /**
     * Of what controllers tell each other, requests and answers are counted. The looks that the clock makes are not: they change nothing
     * of the fleet, and would number the other calls anew each time.
     */
    record SharedStore(Store store, Exchange exchange, Fuse fuse) implements RolloutStore, Exchange {

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

        @Override
        public long ask(FleetId fleet, Command command, String by) {
            return fuse.call("ask", () -> exchange.ask(fleet, command, by));
        }

        @Override
        public List<Request> requests() {
            return exchange.requests();
        }

        @Override
        public void forget(FleetId fleet, long upTo) {
            fuse.run("forget", () -> exchange.forget(fleet, upTo));
        }

        @Override
        public RollCall rollCall(String controller, Duration alive) {
            return exchange.rollCall(controller, alive);
        }
    }
}
