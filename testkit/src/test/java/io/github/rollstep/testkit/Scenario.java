package io.github.rollstep.testkit;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.ZoneOrder;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A fleet, a policy, how the target behaves, what the platform is like, and what happens in the middle.
 *
 * @param restart whether what runs the target already is replaced too
 * @param old what is there at the beginning
 * @param zones over how many zones it is spread; 0 if the platform has none
 * @param gates how the gates answer, by name
 * @param refusals the share of candidates that their owner does not let go, drawn anew each time
 * @param staleness how old a list may be
 * @param poll how long the engine waits at most while something is going on
 * @param hints whether the engine is told of changes
 * @param troubles what goes wrong with calls, and how often: the share of the calls
 * @param incidents by the number of the step before which they happen
 * @param calmAfter the number of the step from which on no call goes wrong
 */
record Scenario(
        long seed,
        int desired,
        boolean restart,
        List<Old> old,
        int zones,
        TreeMap<String, GateKind> gates,
        double refusals,
        RolloutPolicy policy,
        Target target,
        Behaviour behaviour,
        Router router,
        boolean tokens,
        Duration staleness,
        Duration poll,
        boolean hints,
        TreeMap<Trouble, Double> troubles,
        TreeMap<Integer, Incident> incidents,
        int calmAfter) {

    private static final double HARDLY_EVER = 1e-9;

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
        FALLS_ILL,
        CRASHES_IN_TURNS
    }

    enum GateKind {
        PASSES,
        /** Cannot tell every other time. */
        HESITATES,
        /** Failed before the rollout began, and goes on to. */
        FAILS_ALWAYS,
        /** Fails once something of the target serves. */
        FAILS_LATER
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
        RESIZE,
        /** Somebody else starts an instance of what was there before, or of the target. */
        APPEARS,
        /** Everything in a zone falls ill. */
        ZONE_DOWN,
        /** One falls ill for a moment. */
        FLAP,
        ABORT,
        /** The controller dies at one of its next calls. */
        CRASH,
        /** The controller stands still at one of its next calls, and another one takes over. */
        STALL,
        /** Nobody looks for a long time. */
        GAP,
        /** The clocks of the controllers are set on or back by a second. */
        CLOCK
    }

    /** What goes wrong with a single call. */
    enum Trouble {
        /** It does not arrive. */
        FAILS(0.2),
        /** It takes effect, and its answer is lost. */
        LOSES(0.2),
        /** It takes effect, and is waited for until the time-out. */
        TIMES_OUT(0.03),
        /** It is given up, and takes effect later. */
        LATE(0.15),
        /** From now on all fail for a while. */
        THROTTLED(0.02),
        /** An instance is missing in a list. */
        OMITS(0.2),
        /** Of an instance the health is not known. */
        BLURS(0.1),
        /** It is not saved. */
        UNSAVED(0.1),
        /** It is saved, and not known to be. */
        IN_DOUBT(0.1);

        private final double most;

        Trouble(double most) {
            this.most = most;
        }
    }

    /** Nothing happens that the platform or the target are not to blame for. */
    boolean isCalm() {
        return troubles.isEmpty()
                && incidents.isEmpty()
                && gates.values().stream().noneMatch(this::turnsBack);
    }

    private boolean turnsBack(GateKind kind) {
        return kind == GateKind.FAILS_LATER || (kind == GateKind.FAILS_ALWAYS && policy.heedsGatesFailingBefore());
    }

    /** Neither its owner nor the floors of zones, which may hold up each other (seeds 4527 and 46442), keep a good revision out. */
    boolean canSucceed() {
        long looks = policy.stallDeadline().dividedBy(poll);
        return Math.pow(refusals, looks) < HARDLY_EVER
                && policy.maxUnavailablePerZone().isEmpty();
    }

    static Scenario random(Random random) {
        return of(random.nextLong(), 1 + random.nextInt(8));
    }

    /** The scenario of this seed, with a fleet of this size. */
    static Scenario of(long seed, int desired) {
        // One source for each part: with another size the rest stays as alike as can be.
        Random source = new Random(seed);
        Random fleet = new Random(source.nextLong());
        Random policy = new Random(source.nextLong());
        Random weather = new Random(source.nextLong());
        Target target = source.nextBoolean() ? Target.GOOD : any(source, Target.values());
        Router router = source.nextInt(3) > 0 ? Router.DRAINS_FIRST : any(source, Router.values());
        int zones = source.nextInt(3) == 0 ? 2 + source.nextInt(2) : 0;
        boolean calm = weather.nextInt(3) == 0;
        int calmAfter = 10 + weather.nextInt(100) + desired;
        Duration staleness = source.nextInt(3) > 0 ? Duration.ZERO : Duration.ofSeconds(5);
        return new Scenario(
                seed,
                desired,
                source.nextInt(10) == 0,
                IntStream.range(0, fleet.nextInt(desired + 3))
                        .mapToObj(i -> fleet.nextInt(3) > 0 ? Old.GOOD : any(fleet, Old.values()))
                        .toList(),
                zones,
                gates(source),
                source.nextInt(5) == 0 ? source.nextDouble() : 0,
                policy(policy, desired, zones, router),
                target,
                behaviour(source, target),
                router,
                source.nextInt(4) > 0,
                staleness,
                Duration.ofSeconds(1 + source.nextInt(staleness.isZero() ? 5 : 20)),
                source.nextInt(3) > 0,
                calm || weather.nextInt(3) == 0 ? new TreeMap<>() : troubles(weather, staleness),
                incidents(weather, calm ? 0 : weather.nextInt(8), calmAfter),
                calmAfter);
    }

    private static TreeMap<String, GateKind> gates(Random random) {
        TreeMap<String, GateKind> gates = new TreeMap<>();
        for (int i = random.nextInt(4) == 0 ? 1 + random.nextInt(2) : 0; i > 0; i--) {
            gates.put("gate" + i, any(random, GateKind.values()));
        }
        return gates;
    }

    private static TreeMap<Trouble, Double> troubles(Random random, Duration staleness) {
        TreeMap<Trouble, Double> troubles = new TreeMap<>();
        for (Trouble trouble : Trouble.values()) {
            double rate = trouble.most * random.nextDouble();
            if (random.nextInt(3) == 0 && !(trouble == Trouble.OMITS && staleness.isZero())) {
                troubles.put(trouble, rate);
            }
        }
        return troubles;
    }

    private static TreeMap<Integer, Incident> incidents(Random random, int count, int within) {
        TreeMap<Integer, Incident> incidents = new TreeMap<>();
        for (int i = count; i > 0; i--) {
            incidents.put(random.nextInt(within), any(random, Incident.values()));
        }
        return incidents;
    }

    Scenario with(TreeMap<Trouble, Double> troubles, TreeMap<Integer, Incident> incidents, int calmAfter) {
        return new Scenario(
                seed, desired, restart, old, zones, gates, refusals, policy, target, behaviour, router, tokens,
                staleness, poll, hints, troubles, incidents, calmAfter);
    }

    private static RolloutPolicy policy(Random random, int desired, int zones, Router router) {
        int surge = random.nextInt(Math.max(4, desired / 4));
        int unavailable = surge == 0 ? 1 + random.nextInt(Math.max(3, desired / 4)) : random.nextInt(3);
        RolloutPolicy.Builder policy = RolloutPolicy.builder()
                .batches(batches(random, desired))
                .maxSurge(surge)
                .maxUnavailable(unavailable)
                .maxFailedInstances(random.nextInt(3))
                .onFailure(any(random, FailurePolicy.values()))
                .minReady(seconds(random, 20))
                .unhealthyGrace(seconds(random, 30))
                .startDeadline(Duration.ofMinutes(3))
                .drainDeadline(Duration.ofSeconds(20))
                .stopDeadline(Duration.ofSeconds(60))
                .retries(seldom(random, 2))
                .keepFailed(seldom(random, 2));
        if (random.nextInt(4) == 0 && surge > 0) {
            policy.maxInstances(desired + 1);
        }
        if (random.nextInt(4) == 0 && surge > 0) {
            int reserved = random.nextInt(5);
            int slots = (desired + 1) * 15 + reserved + random.nextInt(40);
            policy.budget(ResourceBudget.of("db connections", slots, 15, reserved))
                    .budget(ResourceBudget.of("licences", 2 * desired + random.nextInt(5), 1));
        }
        if (random.nextInt(4) == 0) {
            policy.heedGatesFailingBefore();
        }
        if (random.nextInt(5) == 0) {
            policy.bake(seconds(random, 60));
        }
        if (random.nextInt(8) == 0) {
            policy.canary(1 + random.nextInt(3));
        }
        if (random.nextInt(6) == 0) {
            policy.approveAfter(1 + random.nextInt(3)).pauseAfter(1 + random.nextInt(3));
        }
        if (random.nextInt(5) == 0 && desired > 1) {
            policy.partition(random.nextInt(desired));
        }
        if (random.nextInt(8) == 0) {
            policy.forwardOnlyAfter(1 + random.nextInt(2));
        }
        if (random.nextInt(5) == 0 && router == Router.DRAINS_FIRST) {
            policy.retainOld(seconds(random, 120));
        }
        if (random.nextInt(8) == 0) {
            policy.order(
                    Comparator.comparing((Instance instance) -> instance.id().value())
                            .reversed());
        } else if (zones > 0) {
            zones(random, policy, surge);
        } else if (random.nextInt(5) == 0) {
            policy.ordered();
        }
        return policy.build();
    }

    private static Batches batches(Random random, int desired) {
        return switch (random.nextInt(6)) {
            case 0, 1 -> Batches.sliding(quota(random, desired));
            case 2 -> Batches.fixed(quota(random, desired)).pause(seconds(random, 30));
            case 3 ->
                Batches.ramp(Quota.of(1), quota(random, desired), quota(random, desired))
                        .pause(seconds(random, 30));
            case 4 -> Batches.doubling(quota(random, desired));
            default -> Batches.ramp(Quota.of(1), quota(random, desired)).thenSliding();
        };
    }

    private static Quota quota(Random random, int desired) {
        return random.nextBoolean()
                ? Quota.of(1 + random.nextInt(Math.max(5, desired / 3)))
                : Quota.percent(1 + random.nextInt(100));
    }

    private static void zones(Random random, RolloutPolicy.Builder policy, int surge) {
        policy.zoneOrder(any(random, ZoneOrder.values()));
        if (random.nextBoolean()) {
            policy.maxUnavailablePerZone(Quota.of(surge == 0 ? 1 : random.nextInt(2)));
        }
        if (random.nextInt(3) == 0) {
            policy.maxSurgePerZone(Quota.of(1 + random.nextInt(2)));
        }
    }

    private static int seldom(Random random, int most) {
        return random.nextInt(4) == 0 ? random.nextInt(most + 1) : 0;
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
            case CRASHES_IN_TURNS -> behaviour.crashesEvery(Duration.ofSeconds(1 + random.nextInt(60)));
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
