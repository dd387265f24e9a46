package io.github.rollstep.examples;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.health.HealthCheckers;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * An adapter for a platform of your own, in one file: game servers in the bays of an invented arena. The host drives the
 * rollout by {@link Rollout#step} on its own scheduler; Rollstep makes no step by itself.
 */
public final class CustomAdapter {

    private CustomAdapter() {}

    public static void main(String[] args) throws Exception {
        Arena arena = new Arena(5);
        FleetId fleet = FleetId.of("arena");
        RolloutPolicy policy = RolloutPolicy.builder()
                .maxSurge(1)
                .maxInstances(5) // the arena has five bays
                .minReady(Duration.ofMillis(100))
                .build();
        ScheduledExecutorService host = Executors.newSingleThreadScheduledExecutor();
        try (RollingUpdate update = RollingUpdate.builder()
                .fleet(fleet)
                .desired(4)
                .provider(new ArenaProvider(arena))
                .health(HealthCheckers.running())
                .policy(policy)
                .listener(new Story())
                .hostDriven()
                .build()) {
            for (String map : List.of("ice-world", "lava-world")) {
                Rollout rollout = update.start(Revision.of(map));
                ScheduledFuture<?> steps = host.scheduleWithFixedDelay(rollout::step, 0, 50, TimeUnit.MILLISECONDS);
                rollout.await(Duration.ofSeconds(30)).orElseThrow();
                steps.cancel(false);
                System.out.println(arena);
            }
        } finally {
            host.shutdownNow();
        }
    }

    /** The adapter: three methods, each repeatable. */
    private record ArenaProvider(Arena arena) implements InstanceProvider {

        /** All of the fleet, also what starts and stops. */
        @Override
        public List<Instance> list() {
            List<Instance> instances = new ArrayList<>();
            arena.bays()
                    .forEach((match, bay) ->
                            instances.add(Instance.builder(InstanceId.of(match), Revision.of(bay.map()), state(bay))
                                    .token(LaunchToken.of(match))
                                    .build()));
            return instances;
        }

        private static Instance.State state(Arena.Bay bay) {
            return switch (bay.stage()) {
                case "loading" -> Instance.State.STARTING;
                case "playing" -> Instance.State.RUNNING;
                default -> Instance.State.STOPPING;
            };
        }

        /** The arena takes names: the launch token is the name, so that a repeat opens nothing twice. */
        @Override
        public void launch(List<LaunchRequest> open) {
            for (LaunchRequest request : open) {
                if (!arena.open(request.token().value(), request.revision().id())) {
                    throw ProviderException.retryable("the arena is full");
                }
            }
        }

        @Override
        public void terminate(InstanceId id) {
            arena.close(id.value());
        }
    }

    /** The platform: bays that take a moment to load a map and to close. */
    private static final class Arena {

        private static final long MOMENT = TimeUnit.MILLISECONDS.toNanos(150);

        private final int size;
        private final Map<String, Bay> bays = new TreeMap<>();

        record Bay(String map, String stage, long since) {
            Bay next(String stage) {
                return new Bay(map, stage, System.nanoTime());
            }

            boolean isOver() {
                return System.nanoTime() - since > MOMENT;
            }
        }

        Arena(int size) {
            this.size = size;
        }

        synchronized Map<String, Bay> bays() {
            bays.values().removeIf(bay -> bay.stage().equals("closing") && bay.isOver());
            bays.replaceAll((match, bay) -> bay.stage().equals("loading") && bay.isOver() ? bay.next("playing") : bay);
            return new TreeMap<>(bays);
        }

        synchronized boolean open(String match, String map) {
            if (!bays.containsKey(match) && bays.size() == size) {
                return false;
            }
            bays.putIfAbsent(match, new Bay(map, "loading", System.nanoTime()));
            return true;
        }

        synchronized void close(String match) {
            bays.computeIfPresent(match, (name, bay) -> bay.stage().equals("closing") ? bay : bay.next("closing"));
        }

        @Override
        public synchronized String toString() {
            return bays.values().stream().map(Bay::map).toList().toString();
        }
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
