package io.github.rollstep.run;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;

/** Several engines on one store, each as it would be in a process of its own. */
abstract class SharedFleets {

    static final Duration PATIENCE = Duration.ofSeconds(60);
    static final Revision V2 = Revision.of("v2");

    /** So long that a busy machine takes it from nobody; a test in which it is to end makes it short. */
    Duration lease = Duration.ofSeconds(10);

    /** By how much the store's clock is ahead. */
    final AtomicReference<Duration> ahead = new AtomicReference<>(Duration.ZERO);

    final InMemoryRolloutStore store =
            new InMemoryRolloutStore(() -> Instant.now().plus(ahead.get()));
    final Map<String, FakePlatform> platforms = new HashMap<>();
    final List<Controller> controllers = new ArrayList<>();

    /** A process: an engine, and a RollingUpdate for each fleet. */
    final class Controller implements AutoCloseable {

        final RolloutEngine engine = RolloutEngine.create();
        final Map<String, RollingUpdate> updates = new HashMap<>();

        Controller(String operator, String... fleets) {
            controllers.add(this);
            for (String fleet : fleets) {
                FakePlatform platform = platforms.computeIfAbsent(fleet, name -> FakePlatform.of("v1", 3));
                updates.put(
                        fleet,
                        builder(fleet, platform)
                                .operator(operator)
                                .engine(engine)
                                .build());
            }
        }

        RollingUpdate update() {
            return updates.values().iterator().next();
        }

        /** As if its machine lost its power. */
        void kill() {
            engine.close();
        }

        /** How many of its fleets it drives. */
        long driven() {
            return updates.values().stream()
                    .filter(update -> update.driver().local().isPresent())
                    .count();
        }

        @Override
        public void close() {
            updates.values().forEach(RollingUpdate::close);
            engine.close();
        }
    }

    RollingUpdate.Builder builder(String fleet, FakePlatform platform) {
        return platform.update(FleetId.of(fleet))
                .store(store)
                .policy(RolloutPolicy.builder()
                        .batches(Batches.fixed(Quota.of(1)))
                        .approveAfter(1)
                        .minReady(Duration.ZERO)
                        .build())
                .pollInterval(Duration.ofMillis(50))
                .lease(lease)
                .shared();
    }

    RolloutState state(String fleet) {
        return store.load(FleetId.of(fleet)).orElseThrow().state();
    }

    @AfterEach
    void close() {
        controllers.forEach(Controller::close);
    }

    Rollout awaitingApproval(Controller controller) throws Exception {
        Rollout rollout = controller.update().start(V2);
        Await.until("the first batch", () -> rollout.phase() == RolloutPhase.AWAITING_APPROVAL);
        return rollout;
    }
}
