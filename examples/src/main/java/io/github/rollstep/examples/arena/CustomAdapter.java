package io.github.rollstep.examples.arena;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.health.HealthCheckers;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Adapters for a platform of your own: the matches of an invented arena, and its lobby as the router ({@code docs/adapters.md}
 * writes both from an empty file). The host drives the rollout by {@link Rollout#step} on its own scheduler; Rollstep makes no step
 * by itself.
 */
public final class CustomAdapter {

    private CustomAdapter() {}

    public static void main(String[] args) throws Exception {
        Arena arena = new Arena(5, Duration.ofMillis(150));
        FleetId fleet = FleetId.of("arena");
        RolloutPolicy policy = RolloutPolicy.builder()
                .maxSurge(1)
                .maxInstances(5) // the arena has five bays
                .minReady(Duration.ofMillis(100))
                .build();
        ScheduledExecutorService host = Executors.newSingleThreadScheduledExecutor();
        host.scheduleWithFixedDelay(() -> play(arena, host), 0, 20, TimeUnit.MILLISECONDS);
        try (RollingUpdate update = RollingUpdate.builder()
                .fleet(fleet)
                .desired(4)
                .provider(new ArenaProvider(arena, fleet))
                .health(HealthCheckers.running())
                .router(new ArenaRouter(arena))
                .policy(policy)
                .listener(new Story())
                .hostDriven()
                .build()) {
            for (String map : List.of("ice-world", "lava-world")) {
                Rollout rollout = update.start(Revision.of(map));
                ScheduledFuture<?> steps = host.scheduleWithFixedDelay(rollout::step, 0, 50, TimeUnit.MILLISECONDS);
                rollout.await(Duration.ofSeconds(30)).orElseThrow();
                steps.cancel(false);
                System.out.println(arena + ", players thrown out: " + arena.thrownOut());
            }
        } finally {
            host.shutdownNow();
        }
    }

    /** A player comes, plays for a while, and leaves. */
    private static void play(Arena arena, ScheduledExecutorService host) {
        arena.join().ifPresent(match -> host.schedule(() -> arena.leave(match), 200, TimeUnit.MILLISECONDS));
    }

    /** Prints what is done, and why. */
    private static final class Story implements RolloutListener {

        @Override
        public void actionTaken(RolloutEvent.ActionTaken event) {
            System.out.printf(
                    "%-9s %s%n",
                    event.action().getClass().getSimpleName(), event.action().reason());
        }

        @Override
        public void phaseChanged(RolloutEvent.PhaseChanged event) {
            System.out.printf("%s: %s%n", event.to(), event.reason());
        }
    }
}
