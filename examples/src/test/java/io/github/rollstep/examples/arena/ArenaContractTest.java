package io.github.rollstep.examples.arena;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.InstanceProviderContract;
import io.github.rollstep.testkit.OpenRequest;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Nested;

/** The adapters of the arena keep the contracts. */
class ArenaContractTest {

    @Nested
    class Provider extends InstanceProviderContract {

        private final Arena arena = new Arena(10, Duration.ofMillis(20));

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            return new ArenaProvider(arena, fleet);
        }

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(3);
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(Revision.of("crash-world"));
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(Revision.of("no-such-map"));
        }

        @Override
        protected Optional<InstanceId> startByHand(FleetId fleet) {
            InstanceId id = InstanceId.of(fleet + ".by-hand");
            arena.open(id.value(), Map.of("fleet", fleet.value()), "v1");
            return Optional.of(id);
        }

        @Override
        protected Optional<Runnable> outage() {
            arena.away(true);
            return Optional.of(() -> arena.away(false));
        }

        @Override
        protected boolean failNextTerminate() {
            arena.busy();
            return true;
        }
    }

    @Nested
    class Router extends TrafficRouterContract {

        private final FleetId fleet = FleetId.of("lobby");
        private final Arena arena = new Arena(10, Duration.ZERO);
        private final InstanceProvider provider = new ArenaProvider(arena, fleet);

        @Override
        protected TrafficRouter router() {
            return new ArenaRouter(arena);
        }

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(3);
        }

        @Override
        protected TrafficRouter reopened(TrafficRouter died) {
            return router();
        }

        @Override
        protected Instance instance(String name) {
            RolloutId rollout = RolloutId.of("r-" + name);
            provider.launch(List.of(new LaunchRequest(fleet, rollout, rollout.token(1), Revision.of("v1"))));
            return provider.list().stream()
                    .filter(instance -> instance.token().equals(Optional.of(rollout.token(1))))
                    .findFirst()
                    .orElseThrow();
        }

        @Override
        protected String request() {
            Optional<String> match = arena.join();
            match.ifPresent(arena::leave);
            return match.orElse("");
        }

        @Override
        protected OpenRequest open() {
            String match = arena.join().orElseThrow();
            return () -> arena.leave(match);
        }

        @Override
        protected void kill(Instance instance) {
            arena.crash(instance.id().value());
        }

        @Override
        protected Optional<Runnable> outage() {
            arena.away(true);
            return Optional.of(() -> arena.away(false));
        }
    }
}
