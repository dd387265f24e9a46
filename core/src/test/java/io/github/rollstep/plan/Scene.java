package io.github.rollstep.plan;

import static io.github.rollstep.Instance.State.FAILED;
import static io.github.rollstep.Instance.State.RUNNING;
import static io.github.rollstep.Instance.State.STARTING;
import static io.github.rollstep.Instance.State.STOPPING;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.Verdict;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A fleet drawn by hand, one line for each thing that happens to it, and the plan that the planner makes of it. The
 * instance of launch {@code r1-1} is named {@code r1-1}. {@link #obey} is a platform that does at once what it is asked.
 */
final class Scene {

    static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

    Instant now = START;
    RolloutPolicy policy;
    Platform platform = new Platform(true, false, Duration.ZERO, Duration.ofMinutes(1));
    RolloutState state;
    Plan plan;
    final Map<String, Observed> fleet = new TreeMap<>();
    final Map<String, Verdict> gates = new TreeMap<>();
    private int rollouts;
    private boolean tellsPlaces;

    private Scene(RolloutPolicy policy) {
        this.policy = policy;
    }

    /** A fleet a, b, c, ... of v1, created one second after the other, serving; and a rollout to v2, r1. */
    static Scene of(int instances, RolloutPolicy policy) {
        Scene scene = new Scene(policy);
        for (int i = 0; i < instances; i++) {
            scene.serving(Character.toString('a' + i), "v1", i);
        }
        return scene.rollTo("v2", instances);
    }

    /** The defaults without the soak, one at a time, start first. */
    static RolloutPolicy.Builder oneByOne() {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(1)))
                .maxSurge(1)
                .minReady(Duration.ZERO);
    }

    Scene rollTo(String revision, int desired) {
        state = RolloutState.begin(
                FleetId.of("shop"),
                RolloutId.of("r" + ++rollouts),
                Revision.of(revision),
                Limits.resolve(policy, desired),
                now,
                Optional.ofNullable(state));
        return this;
    }

    Scene serving(String id, String revision, int age) {
        Instance instance = Instance.builder(InstanceId.of(id), Revision.of(revision), RUNNING)
                .createdAt(START.minusSeconds(1000 - age))
                .build();
        fleet.put(id, new Observed(instance, Health.healthy(), Routing.in()));
        return this;
    }

    /** The launch with this token shows up. */
    Scene starts(String token) {
        return put(token, STARTING, Health.unknown("starting"), Routing.out());
    }

    Scene comesUp(String token) {
        return put(token, RUNNING, Health.healthy(), Routing.out());
    }

    private Scene put(String token, Instance.State as, Health health, Routing routing) {
        Instance.Builder instance = Instance.builder(InstanceId.of(token), launched(token), as)
                .token(LaunchToken.of(token))
                .createdAt(now);
        Place place = place(token);
        place.slot().ifPresent(instance::slot);
        place.zone().ifPresent(instance::zone);
        fleet.put(token, new Observed(instance.labels(place.labels()).build(), health, routing));
        return this;
    }

    private Revision launched(String token) {
        return launch(token).map(InstanceRecord::revision).orElse(state.target());
    }

    private Place place(String token) {
        return launch(token).map(InstanceRecord::place).orElse(Place.anywhere());
    }

    private Optional<InstanceRecord> launch(String token) {
        return state.instances().stream()
                .filter(record ->
                        record.token().filter(LaunchToken.of(token)::equals).isPresent())
                .findFirst();
    }

    Scene isIn(String... ids) {
        return route(Routing.in(), ids);
    }

    Scene isOut(String... ids) {
        return route(Routing.out(), ids);
    }

    Scene drains(String id, int openRequests) {
        return route(Routing.draining(openRequests), id);
    }

    private Scene route(Routing routing, String... ids) {
        return change(observed -> new Observed(observed.instance(), observed.health(), routing), ids);
    }

    Scene health(Health health, String... ids) {
        return change(observed -> new Observed(observed.instance(), health, observed.routing()), ids);
    }

    Scene ill(String... ids) {
        return health(Health.unhealthy("HTTP 503"), ids);
    }

    Scene exits(String... ids) {
        return as(FAILED, ids).isOut(ids);
    }

    Scene ends(String... ids) {
        return as(Instance.State.GONE, ids);
    }

    Scene stops(String... ids) {
        return as(STOPPING, ids);
    }

    private Scene as(Instance.State as, String... ids) {
        return change(
                observed -> new Observed(
                        observed.instance().toBuilder().state(as).build(),
                        Health.unknown("not running"),
                        observed.routing()),
                ids);
    }

    private Scene change(UnaryOperator<Observed> change, String... ids) {
        for (String id : ids) {
            fleet.computeIfPresent(id, (key, observed) -> change.apply(observed));
        }
        return this;
    }

    Scene gone(String... ids) {
        for (String id : ids) {
            fleet.remove(id);
        }
        return this;
    }

    // ---- places, zones and gates

    Scene inZone(String zone, String... ids) {
        return make(instance -> instance.zone(zone), ids);
    }

    /** Names the places of these: {@code db-0}, {@code db-1}, ... */
    Scene inSlots(String name, String... ids) {
        for (int i = 0; i < ids.length; i++) {
            String slot = name + "-" + i;
            make(instance -> instance.slot(slot), ids[i]);
        }
        return this;
    }

    Scene make(UnaryOperator<Instance.Builder> change, String... ids) {
        return change(
                observed -> new Observed(
                        change.apply(observed.instance().toBuilder()).build(), observed.health(), observed.routing()),
                ids);
    }

    /** From now on each launch says where it goes. */
    Scene tellsPlaces() {
        tellsPlaces = true;
        return this;
    }

    /** From now on this gate says so. */
    Scene gate(String name, Verdict says) {
        gates.put(name, says);
        return this;
    }

    Scene after(Duration time) {
        now = now.plus(time);
        return this;
    }

    Scene afterSeconds(int seconds) {
        return after(Duration.ofSeconds(seconds));
    }

    FleetSnapshot snapshot() {
        return FleetSnapshot.of(now, platform, List.copyOf(fleet.values()))
                .withGates(gates)
                .withRefusals(refusals);
    }

    FleetSnapshot shuffled() {
        List<Observed> instances = new ArrayList<>(fleet.values());
        Collections.reverse(instances);
        return FleetSnapshot.of(now, platform, instances);
    }

    /** The actions of the plan for what is there now; its state is kept. */
    List<String> plan() {
        return plan(snapshot());
    }

    List<String> plan(FleetSnapshot snapshot) {
        plan = RollingPlanner.plan(snapshot, state, policy);
        state = plan.next();
        return plan.actions().stream()
                .map(action -> action.accept(TEXT) + where(action))
                .toList();
    }

    List<String> reasons() {
        return plan.actions().stream().map(action -> action.reason().text()).toList();
    }

    List<String> waits() {
        return plan.waits().stream().map(Reason::text).toList();
    }

    List<Reason.Code> waitCodes() {
        return plan.waits().stream().map(Reason::code).toList();
    }

    /** Does at once what the last plan asks: what is launched is healthy, what is drained quiet, what is terminated gone. */
    Scene obey() {
        plan.actions()
                .forEach(action -> action.accept(new Action.Cases<Scene>() {
                    @Override
                    public Scene launch(Action.Launch launch) {
                        return comesUp(launch.token().value());
                    }

                    @Override
                    public Scene admit(Action.Admit admit) {
                        return isIn(admit.id().value());
                    }

                    @Override
                    public Scene drain(Action.Drain drain) {
                        return isOut(drain.id().value());
                    }

                    @Override
                    public Scene terminate(Action.Terminate terminate) {
                        return gone(terminate.id().value());
                    }
                }));
        return this;
    }

    private String where(Action action) {
        return tellsPlaces
                        && action instanceof Action.Launch launch
                        && !launch.place().toString().isEmpty()
                ? " in " + launch.place()
                : "";
    }

    /** As {@link #run}, for this long. */
    List<String> runFor(int seconds) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; !state.phase().isFinal() && i < seconds; i++, afterSeconds(1)) {
            List<String> actions = plan();
            obey();
            if (!actions.isEmpty()) {
                lines.add(String.join(", ", actions));
            }
        }
        return lines;
    }

    /** Plans and obeys until the end, or until nothing is done for an hour; the actions of each step as one line. */
    List<String> run() {
        List<String> lines = new ArrayList<>();
        for (int idle = 0; !state.phase().isFinal() && idle < 3600; afterSeconds(1)) {
            List<String> actions = plan();
            obey();
            idle = actions.isEmpty() ? idle + 1 : 0;
            if (!actions.isEmpty()) {
                lines.add(String.join(", ", actions));
            }
        }
        return lines;
    }

    // ---- restarts, resizes, vetoes, and what the platform says

    private final Map<InstanceId, String> refusals = new TreeMap<>();

    /** A rollout that replaces also what runs the revision already. */
    Scene restartTo(String revision, int desired) {
        state = RolloutState.begin(
                FleetId.of("shop"),
                RolloutId.of("r" + ++rollouts),
                Revision.of(revision),
                true,
                Limits.resolve(policy, desired),
                now,
                Optional.of(state));
        return this;
    }

    Scene resizeTo(int desired) {
        state = state.resize(Limits.resolve(policy, desired));
        return this;
    }

    Scene rollBackByHand() {
        state = state.rollBack(now, Reason.of(Reason.Code.BY_HAND, "by hand"));
        return this;
    }

    /** So many times: plans, obeys, a second passes; the actions of each step that has some as one line. */
    List<String> steps(int count) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++, afterSeconds(1)) {
            List<String> actions = plan();
            obey();
            if (!actions.isEmpty()) {
                lines.add(String.join(", ", actions));
            }
        }
        return lines;
    }

    /** The platform tells something else of these instances. */
    Scene told(Consumer<Instance.Builder> facts, String... ids) {
        return change(
                observed -> {
                    Instance.Builder builder = observed.instance().toBuilder();
                    facts.accept(builder);
                    return new Observed(builder.build(), observed.health(), observed.routing());
                },
                ids);
    }

    /** The owner of the fleet does not let it stop. */
    Scene refuses(String id, String why) {
        refusals.put(InstanceId.of(id), why);
        return this;
    }

    Scene refusesNobody() {
        refusals.clear();
        return this;
    }

    private static final Action.Cases<String> TEXT = new Action.Cases<>() {
        @Override
        public String launch(Action.Launch action) {
            return "launch %s %s".formatted(action.token(), action.revision());
        }

        @Override
        public String admit(Action.Admit action) {
            return "admit " + action.id();
        }

        @Override
        public String drain(Action.Drain action) {
            return "drain " + action.id();
        }

        @Override
        public String terminate(Action.Terminate action) {
            return "terminate " + action.id();
        }
    };
}
