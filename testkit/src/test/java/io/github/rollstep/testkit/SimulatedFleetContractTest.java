package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.TrafficRouter;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Nested;

/** The simulated fleet keeps the contracts that it is to stand in for. */
class SimulatedFleetContractTest {

    @Nested
    class AsProvider extends InstanceProviderContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            return platform.fleet(fleet).provider();
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(SimulatedPlatform.EXITING);
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(SimulatedPlatform.IMPOSSIBLE);
        }

        @Override
        protected Optional<InstanceId> startByHand(FleetId fleet) {
            return platform.startByHand(fleet);
        }

        @Override
        protected Optional<Runnable> outage() {
            return platform.outage();
        }

        @Override
        protected boolean failNextTerminate() {
            return platform.failNextTerminate();
        }
    }

    /** A platform that takes a number: nothing is listed with the token of its launch. */
    @Nested
    class AsProviderWithoutTokens extends InstanceProviderContract {

        private final Map<FleetId, SimulatedFleet> fleets = new HashMap<>();

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            return fleets.computeIfAbsent(
                            fleet,
                            id -> SimulatedFleet.builder(id, InstantSource.system())
                                    .tokens(false)
                                    .behaviour(
                                            SimulatedPlatform.EXITING,
                                            Behaviour.builder().exitsAtStart().build())
                                    .behaviour(
                                            SimulatedPlatform.IMPOSSIBLE,
                                            Behaviour.builder().impossible().build())
                                    .build())
                    .provider();
        }

        @Override
        protected boolean keepsTokens() {
            return false;
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(SimulatedPlatform.EXITING);
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(SimulatedPlatform.IMPOSSIBLE);
        }
    }

    @Nested
    class AsHealthChecker extends HealthCheckerContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();

        @Override
        protected HealthChecker checker() {
            return platform.fleet().healthChecker();
        }

        @Override
        protected Instance healthy(String name) {
            return platform.instance(name);
        }

        @Override
        protected Optional<Runnable> outage() {
            return platform.outage();
        }

        @Override
        protected Optional<Instance> silent() {
            Instance silent = platform.instance("silent");
            platform.fleet().makeUnhealthy(silent.id());
            return Optional.of(silent);
        }

        @Override
        protected void turn(Instance instance, boolean healthy) {
            if (healthy) {
                platform.fleet().makeHealthy(instance.id());
            } else {
                platform.fleet().makeUnhealthy(instance.id());
            }
        }
    }

    @Nested
    class AsRouter extends TrafficRouterContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();

        @Override
        protected TrafficRouter router() {
            return platform.fleet().router();
        }

        @Override
        protected Instance instance(String name) {
            return platform.instance(name);
        }

        @Override
        protected String request() {
            return platform.request();
        }

        @Override
        protected OpenRequest open() {
            return platform.open();
        }

        @Override
        protected void kill(Instance instance) {
            platform.fleet().kill(instance.id());
        }

        @Override
        protected Optional<Runnable> outage() {
            return platform.outage();
        }
    }
}
