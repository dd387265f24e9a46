package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A router with a witness. */
class WatchedRouter implements TrafficRouter {

    private final TrafficRouter router;
    private final Witness witness;

    private WatchedRouter(TrafficRouter router, Witness witness) {
        this.router = router;
        this.witness = witness;
    }

    static TrafficRouter of(TrafficRouter router, Witness witness) {
        if (router instanceof RevisionAffinity affinity) {
            return router instanceof Watchable watchable
                    ? new TellingAffine(router, affinity, watchable, witness)
                    : new Affine(router, affinity, witness);
        }
        return router instanceof Watchable watchable
                ? new Telling(router, watchable, witness)
                : new WatchedRouter(router, witness);
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Map<InstanceId, Routing> routes = witness.ask("routes", () -> router.routes(instances));
        witness.routes(routes);
        return routes;
    }

    @Override
    public void admit(Instance instance) {
        witness.requests(Witness.Request.ADMIT, List.of(instance.id()));
        witness.tell("admit", () -> router.admit(instance));
    }

    @Override
    public void drain(Instance instance) {
        witness.requests(Witness.Request.DRAIN, List.of(instance.id()));
        witness.tell("drain", () -> router.drain(instance));
    }

    @Override
    public void admitAll(Collection<Instance> instances) {
        witness.requests(Witness.Request.ADMIT, ids(instances));
        witness.tell("admit", () -> router.admitAll(instances));
    }

    @Override
    public void drainAll(Collection<Instance> instances) {
        witness.requests(Witness.Request.DRAIN, ids(instances));
        witness.tell("drain", () -> router.drainAll(instances));
    }

    private static List<InstanceId> ids(Collection<Instance> instances) {
        return instances.stream().map(Instance::id).toList();
    }

    @Override
    public Duration longestDrain() {
        return router.longestDrain();
    }

    @Override
    public boolean drainsOnTerminate() {
        return witness.drainsOnTerminate(router.drainsOnTerminate());
    }

    @Override
    public String toString() {
        return router.toString();
    }

    /** One that can tell of changes. */
    private static final class Telling extends WatchedRouter implements Watchable {

        private final Watchable watchable;

        Telling(TrafficRouter router, Watchable watchable, Witness witness) {
            super(router, witness);
            this.watchable = watchable;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return watchable.watch(changed);
        }
    }

    /** One that keeps clients at their revision. */
    private static class Affine extends WatchedRouter implements RevisionAffinity {

        private final RevisionAffinity affinity;

        Affine(TrafficRouter router, RevisionAffinity affinity, Witness witness) {
            super(router, witness);
            this.affinity = affinity;
        }

        @Override
        public Optional<RevisionKey> revisionKey() {
            return affinity.revisionKey();
        }
    }

    /** One that does both. */
    private static final class TellingAffine extends Affine implements Watchable {

        private final Watchable watchable;

        TellingAffine(TrafficRouter router, RevisionAffinity affinity, Watchable watchable, Witness witness) {
            super(router, affinity, witness);
            this.watchable = watchable;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return watchable.watch(changed);
        }
    }
}
