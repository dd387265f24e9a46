package io.github.rollstep.testkit;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A fleet, a policy, how the target behaves, what the platform is like, and what happens in the middle.
 *
 * @param old what is there at the beginning
 * @param staleness how old a list may be
 * @param faults the share of calls that fail, half of them after they took effect
 * @param incidents by the number of the step before which they happen
 */
record Scenario(
        long seed,
        int desired,
        List<Old> old,
        RolloutPolicy policy,
        Target target,
        Behaviour behaviour,
        Router router,
        boolean tokens,
        Duration staleness,
        double faults,
        TreeMap<Integer, Incident> incidents) {

    /** What an instance is that was there before. */
    enum Old {
        GOOD,
        ILL,
        DEAD,
        OLDER,
        ON_TARGET
    }

    /** How the target revision turns out. */
    enum Target {
        GOOD,
        NEVER_HEALTHY,
        EXITS_AT_START,
        DIES_LATER,
        FALLS_ILL
    }

    enum Router {
        DRAINS_FIRST,
        PLATFORM_DRAINS,
        NONE
    }

    /** What happens to the fleet, what somebody commands, or what the controller suffers. */
    enum Incident {
        KILL,
        ILLNESS,
        RECOVERY,
        VANISH,
        PAUSE,
        RESUME,
        ROLL_BACK,
        SUPERSEDE,
        /** The controller dies after it persisted the state, before it acted. */
        CRASH
    }

    /** Nothing happens that the platform or the target are not to blame for. */
    boolean isCalm() {
        return faults == 0 && incidents.isEmpty();
    }

    static Scenario random(Random random) {
        boolean calm = random.nextInt(3) == 0;
        int desired = 1 + random.nextInt(8);
        TreeMap<Integer, Incident> incidents = new TreeMap<>();
        for (int i = calm ? 0 : random.nextInt(8); i > 0; i--) {
            incidents.put(random.nextInt(60), any(random, Incident.values()));
        }
        Target target = random.nextBoolean() ? Target.GOOD : any(random, Target.values());
        return new Scenario(
                random.nextLong(),
                desired,
                IntStream.range(0, random.nextInt(desired + 3))
                        .mapToObj(i -> random.nextInt(3) > 0 ? Old.GOOD : any(random, Old.values()))
                        .toList(),
                policy(random, desired),
                target,
                behaviour(random, target),
                random.nextInt(3) > 0 ? Router.DRAINS_FIRST : any(random, Router.values()),
                random.nextInt(4) > 0,
                random.nextInt(3) > 0 ? Duration.ZERO : Duration.ofSeconds(5),
                calm || random.nextBoolean() ? 0 : 0.2 * random.nextDouble(),
                incidents);
    }

    private static RolloutPolicy policy(Random random, int desired) {
        int surge = random.nextInt(4);
        int unavailable = surge == 0 ? 1 + random.nextInt(3) : random.nextInt(3);
        Quota size = random.nextBoolean() ? Quota.of(1 + random.nextInt(5)) : Quota.percent(1 + random.nextInt(100));
        RolloutPolicy.Builder policy = RolloutPolicy.builder()
                .batches(
                        random.nextInt(3) > 0
                                ? Batches.sliding(size)
                                : Batches.fixed(size).pause(seconds(random, 30)))
                .maxSurge(surge)
                .maxUnavailable(unavailable)
                .maxFailedInstances(random.nextInt(3))
                .onFailure(any(random, FailurePolicy.values()))
                .minReady(seconds(random, 20))
                .unhealthyGrace(seconds(random, 30))
                .startDeadline(Duration.ofMinutes(3))
                .drainDeadline(Duration.ofSeconds(20))
                .stopDeadline(Duration.ofSeconds(60));
        if (random.nextInt(4) == 0 && surge > 0) {
            policy.maxInstances(desired + 1);
        }
        return policy.build();
    }

    private static Behaviour behaviour(Random random, Target target) {
        Behaviour.Builder behaviour = Behaviour.builder()
                .startDelay(Duration.ZERO, seconds(random, 20))
                .healthyAfter(seconds(random, 20))
                .stopTime(seconds(random, 20))
                .admissionDelay(seconds(random, 5))
                .openRequests(random.nextInt(5), seconds(random, 40));
        switch (target) {
            case GOOD -> {}
            case NEVER_HEALTHY -> behaviour.neverHealthy();
            case EXITS_AT_START -> behaviour.exitsAtStart();
            case DIES_LATER -> behaviour.exitsAfter(Duration.ofSeconds(1 + random.nextInt(200)));
            case FALLS_ILL ->
                behaviour
                        .unhealthyAfter(Duration.ofSeconds(1 + random.nextInt(60)))
                        .recoversAfter(Duration.ofSeconds(1 + random.nextInt(60)));
        }
        return behaviour.build();
    }

    private static Duration seconds(Random random, int most) {
        return Duration.ofSeconds(random.nextBoolean() ? 0 : random.nextInt(most + 1));
    }

    private static <T> T any(Random random, T[] values) {
        return values[random.nextInt(values.length)];
    }
}
