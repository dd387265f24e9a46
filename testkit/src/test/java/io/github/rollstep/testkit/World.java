package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.testkit.Scenario.Trouble;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;

/** What a trial is about as it truly is: the time, the fleet, the record of the rollout, and the requests still on their way. */
final class World {

    static final Revision OLDER = Revision.of("v0");
    static final Revision OLD = Revision.of("v1");
    static final Revision TARGET = Revision.of("v2");
    static final Revision NEXT = Revision.of("v3");
    private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

    /** Clocks that are set, and what comes in the last moment, leave of a bound only so much less. */
    static final Duration CLOCKS_APART = Duration.ofMillis(2500);

    final Scenario scenario;
    final ManualClock clock = new ManualClock(START);
    final RolloutStore store;
    final SimulatedFleet fleet;
    final SplittableRandom random;

    /** Watches, if that is what the trial is for. */
    Optional<InvariantMonitor> monitor = Optional.empty();

    /** When somebody else started something. */
    final List<Instant> appeared = new ArrayList<>();

    private final PriorityQueue<Late> late = new PriorityQueue<>(Comparator.comparing(Late::at));
    private final Deque<Listed> lists = new ArrayDeque<>();
    private final Map<InstanceId, Instant> omittedSince = new HashMap<>();
    private Set<InstanceId> shown = new HashSet<>();
    private Instant throttledUntil = Instant.MIN;
    private boolean calm;

    private record Late(Instant at, Runnable effect) {}

    private record Listed(Instant at, List<Instance> instances) {}

    World(Scenario scenario, Function<InstantSource, RolloutStore> store) {
        this.scenario = scenario;
        this.store = store.apply(clock);
        random = new SplittableRandom(scenario.seed());
        SimulatedFleet.Builder builder = SimulatedFleet.builder(FleetId.of("shop"), clock)
                .seed(scenario.seed())
                .loggedCalls(0)
                .tokens(scenario.tokens())
                .drainsOnTerminate(scenario.router() == Scenario.Router.PLATFORM_DRAINS)
                .behaviour(scenario.behaviour())
                .behaviour(TARGET, scenario.behaviour());
        for (Revision good : List.of(OLDER, OLD, NEXT)) {
            builder.behaviour(good, good(scenario.behaviour()));
        }
        if (!isRouted()) {
            builder.withoutRouter();
        }
        fleet = builder.build();
        fleet.startForeign(2, OLD);
        IntStream.range(0, scenario.old().size())
                .forEach(i -> place(scenario.old().get(i), placeOf(i)));
    }

    private static Behaviour good(Behaviour behaviour) {
        return Behaviour.builder()
                .startDelay(Duration.ZERO, Duration.ofSeconds(5))
                .stopTime(behaviour.stopTime)
                .openRequests(behaviour.openRequests, behaviour.requestTime)
                .build();
    }

    private void place(Scenario.Old old, Place place) {
        Revision revision = old == Scenario.Old.OLDER ? OLDER : old == Scenario.Old.ON_TARGET ? TARGET : OLD;
        InstanceId id = fleet.start(revision, place).id();
        if (old == Scenario.Old.ILL) {
            fleet.makeUnhealthy(id);
        } else if (old == Scenario.Old.DEAD) {
            fleet.kill(id);
        }
        clock.advance(Duration.ofSeconds(1));
    }

    Place placeOf(int index) {
        return new Place(
                Optional.empty(),
                scenario.policy().ordered() ? Optional.of("shop-" + index) : Optional.empty(),
                scenario.zones() > 0 ? Optional.of("zone" + index % scenario.zones()) : Optional.empty(),
                Map.of());
    }

    boolean isRouted() {
        return scenario.router() != Scenario.Router.NONE;
    }

    Instant now() {
        return clock.instant();
    }

    /** Lets the time pass; what is on its way takes effect at its own time. */
    void advanceTo(Instant time) {
        for (Late next = late.peek(); next != null && !next.at.isAfter(time); next = late.peek()) {
            late.poll();
            clock.advanceTo(next.at);
            next.effect.run();
        }
        clock.advanceTo(time);
    }

    void advance(Duration by) {
        advanceTo(now().plus(by));
    }

    /** Has this take effect at some time before the request's life is over. */
    void later(Instant endOfLife, Runnable effect) {
        long most = Duration.between(now(), endOfLife.minus(CLOCKS_APART)).toMillis();
        if (most > 0) {
            late.add(new Late(now().plusMillis(random.nextLong(most) + 1), effect));
        }
    }

    /** Has this happen at that time. */
    void happens(Instant at, Runnable event) {
        late.add(new Late(at, event));
    }

    Optional<Instant> nextLate() {
        return Optional.ofNullable(late.peek()).map(Late::at);
    }

    /** From now on no call goes wrong. */
    void calmDown() {
        calm = true;
    }

    boolean happens(Trouble trouble) {
        if (calm || scenario.troubles().isEmpty()) {
            return false;
        }
        Double rate = scenario.troubles().get(trouble);
        return rate != null && random.nextDouble() < rate;
    }

    boolean isThrottled() {
        if (happens(Trouble.THROTTLED)) {
            throttledUntil = now().plusSeconds(1 + random.nextInt(60));
        }
        return !calm && now().isBefore(throttledUntil);
    }

    /** The fleet as a list that may be as old as stated, whatever the one before was, and may omit some for as long. */
    List<Instance> list() {
        List<Instance> truth = fleet.provider().list();
        if (scenario.staleness().isZero()) {
            return truth;
        }
        Instant now = now();
        Duration staleness = scenario.staleness().minus(CLOCKS_APART);
        lists.addLast(new Listed(now, truth));
        while (lists.getFirst().at.isBefore(now.minus(staleness))) {
            lists.removeFirst();
        }
        int back = random.nextInt(lists.size());
        List<Instance> chosen =
                lists.stream().skip(back).findFirst().orElseThrow().instances();
        if (!scenario.troubles().containsKey(Trouble.OMITS)) {
            return chosen;
        }
        List<Instance> listed = new ArrayList<>();
        Set<InstanceId> ids = new HashSet<>();
        for (Instance instance : chosen) {
            if (omits(instance, now, staleness)) {
                continue;
            }
            listed.add(instance);
            ids.add(instance.id());
        }
        shown = ids;
        return listed;
    }

    /** What was never seen nobody can miss. */
    private boolean isRecorded(InstanceId id) {
        return store.load(fleet.id()).stream()
                .flatMap(stored -> stored.state().instances().stream())
                .anyMatch(record -> record.id().filter(id::equals).isPresent());
    }

    /** For less than the staleness at a time, and not again for a while. */
    private boolean omits(Instance instance, Instant now, Duration staleness) {
        InstanceId id = instance.id();
        Duration visible = scenario.staleness().multipliedBy(2);
        Instant since = omittedSince.getOrDefault(id, Instant.EPOCH);
        if (now.isBefore(since.plus(staleness))) {
            return happens(Trouble.OMITS);
        }
        boolean mayBegin = !now.isBefore(since.plus(visible).plus(staleness))
                && shown.contains(id)
                && instance.createdAt()
                        .filter(created -> now.isAfter(created.plus(visible)))
                        .isPresent();
        if (!mayBegin || !happens(Trouble.OMITS) || !isRecorded(id)) {
            return false;
        }
        omittedSince.put(id, now);
        return true;
    }
}
