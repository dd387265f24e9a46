package io.github.rollstep.plan;

import static io.github.rollstep.Batches.doubling;
import static io.github.rollstep.Batches.fixed;
import static io.github.rollstep.Batches.ramp;
import static io.github.rollstep.Batches.sliding;
import static io.github.rollstep.FailurePolicy.ROLL_BACK;
import static io.github.rollstep.FailurePolicy.STOP;
import static io.github.rollstep.Quota.of;
import static io.github.rollstep.Quota.percent;
import static io.github.rollstep.ZoneOrder.ONE_AFTER_ANOTHER;
import static io.github.rollstep.ZoneOrder.SCATTERED;
import static io.github.rollstep.plan.Forecast.Release.HEALTHY;
import static io.github.rollstep.plan.Forecast.Release.NEVER_HEALTHY;
import static io.github.rollstep.plan.RolloutPhase.FAILED;
import static io.github.rollstep.plan.RolloutPhase.PAUSED;
import static io.github.rollstep.plan.RolloutPhase.ROLLED_BACK;
import static io.github.rollstep.plan.RolloutPhase.ROLLING;
import static io.github.rollstep.plan.RolloutPhase.ROLLING_BACK;
import static io.github.rollstep.plan.RolloutPhase.SUCCEEDED;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static java.util.Comparator.comparing;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.GuideLine;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The lines of docs/policies.md that are about policies: each is built and played. The fleet is a to j, the oldest first. */
class GuidePoliciesTest {

    private static final Timings TIMINGS =
            Timings.start(ofSeconds(30)).drain(ofSeconds(5)).stop(ofSeconds(10));
    private static final int MOST_STEPS = 20_000;

    private static RolloutPolicy.Builder policy() {
        return RolloutPolicy.builder();
    }

    private static Forecast good(RolloutPolicy.Builder policy) {
        return Forecast.of(policy, 10, TIMINGS, HEALTHY);
    }

    private static Forecast bad(RolloutPolicy.Builder policy) {
        return Forecast.of(policy, 10, TIMINGS, NEVER_HEALTHY);
    }

    private static Scene scene(RolloutPolicy.Builder policy) {
        return Scene.of(10, policy.build());
    }

    /** Plays on a platform that obeys at once, and puts each launch where it is asked to be; the actions one by one. */
    private static List<String> play(Scene scene, BooleanSupplier until, Consumer<List<String>> eachStep) {
        List<String> all = new ArrayList<>();
        for (int step = 0; step < MOST_STEPS && !scene.state.phase().isFinal(); step++) {
            List<String> actions = scene.plan();
            scene.obey();
            scene.plan.actions().forEach(action -> {
                if (action instanceof Action.Launch launch) {
                    put(scene, launch.token().value(), launch.place());
                }
            });
            all.addAll(actions);
            eachStep.accept(actions);
            if (until.getAsBoolean()) {
                return all;
            }
            scene.afterSeconds(1);
        }
        return all;
    }

    private static List<String> play(Scene scene) {
        return play(scene, () -> false, actions -> {});
    }

    private static List<String> playUntilUpdated(Scene scene, int count) {
        List<String> actions = play(scene, () -> scene.plan.counts().updated() == count, step -> {});
        assertThat(scene.plan.counts().updated()).isEqualTo(count);
        return actions;
    }

    /** How many of v2 there shall be by the end of each batch; each is whole before the next begins. */
    private static List<Integer> batches(RolloutPolicy.Builder policy) {
        Scene scene = scene(policy);
        List<Integer> goals = new ArrayList<>();
        play(scene, () -> false, actions -> {
            int goal = scene.state.batch().goal();
            if (!goals.isEmpty() && goals.get(goals.size() - 1) != goal) {
                assertThat(scene.plan.counts().updated()).isEqualTo(goals.get(goals.size() - 1));
                assertThat(scene.plan.counts().outdated()).isEqualTo(10 - goals.get(goals.size() - 1));
            }
            if (!goals.contains(goal)) {
                goals.add(goal);
            }
        });
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        return goals;
    }

    private static void put(Scene scene, String id, Place place) {
        change(scene, id, instance -> {
            Instance.Builder builder = instance.toBuilder().labels(place.labels());
            place.slot().ifPresent(builder::slot);
            place.zone().ifPresent(builder::zone);
            return builder.build();
        });
    }

    private static void change(Scene scene, String id, UnaryOperator<Instance> change) {
        scene.fleet.computeIfPresent(
                id, (key, seen) -> new Observed(change.apply(seen.instance()), seen.health(), seen.routing()));
    }

    /** a is db-0 in zone z1, b is db-1 in zone z2, c is db-2 in zone z1, and so on. */
    private static Scene placed(RolloutPolicy.Builder policy) {
        Scene scene = scene(policy);
        List<String> ids = List.copyOf(scene.fleet.keySet());
        for (int i = 0; i < ids.size(); i++) {
            int number = i;
            change(
                    scene,
                    ids.get(i),
                    instance -> instance.toBuilder()
                            .slot("db-" + number)
                            .zone(number % 2 == 0 ? "z1" : "z2")
                            .labels(Map.of("disk", "d" + number, "cost", Integer.toString(10 - number)))
                            .build());
        }
        return scene;
    }

    private static long serving(Scene scene, String zone) {
        return scene.fleet.values().stream()
                .filter(seen -> isIn(seen, zone)
                        && seen.health().isHealthy()
                        && seen.routing().state() == Routing.State.IN)
                .count();
    }

    private static long existing(Scene scene, String zone) {
        return scene.fleet.values().stream().filter(seen -> isIn(seen, zone)).count();
    }

    private static boolean isIn(Observed seen, String zone) {
        return seen.instance().zone().filter(zone::equals).isPresent();
    }

    private static List<String> only(String kind, List<String> actions) {
        return actions.stream().filter(action -> action.startsWith(kind)).toList();
    }

    /** v2 is launched, and exits at once. */
    private static List<String> playCrashing(Scene scene) {
        return play(
                scene,
                () -> scene.state.phase() != ROLLING,
                actions -> only("launch", actions).forEach(launch -> scene.exits(launch.split(" ")[1])));
    }

    @Test
    void theExampleIsTheDefaults() {
        RolloutPolicy defaults = RolloutPolicy.builder()
                .batches(ramp(of(1), percent(25)).thenSliding())
                .maxSurge(percent(25))
                .maxUnavailable(0)
                .minReady(ofSeconds(10))
                .startDeadline(ofMinutes(5))
                .maxFailedInstances(0)
                .onFailure(ROLL_BACK)
                .build();

        assertThat(defaults).hasToString(RolloutPolicy.defaults().toString());
    }

    // ---- pace

    @GuideLine("""
            | nothing special | `RolloutPolicy.defaults()`: 1 first; once it is healthy, 3 in flight.
            Always 10 serve, at most 13 exist; a release that never gets healthy costs 1 bad instance |""")
    void nothingSpecial() {
        RolloutPolicy policy = RolloutPolicy.defaults();
        Scene scene = Scene.of(10, policy);

        assertThat(scene.plan()).containsExactly("launch r1-1 v2");
        assertThat(scene.obey().plan()).containsExactly("admit r1-1", "launch r1-2 v2", "launch r1-3 v2");
        Forecast forecast = Forecast.of(policy, 10, TIMINGS);
        assertThat(forecast.succeeds()).isTrue();
        assertThat(forecast.fewestServing()).isEqualTo(10);
        assertThat(forecast.peak()).isEqualTo(13);
        assertThat(bad(policy.toBuilder()).bad()).isEqualTo(1);
        assertThat(bad(policy.toBuilder()).fewestServing()).isEqualTo(10);
    }

    @GuideLine("""
            | one at a time | `maxSurge(1)`: start, then stop; always 10 serve, at most 11 exist |""")
    void oneAtATime() {
        RolloutPolicy.Builder policy = policy().maxSurge(1);

        assertThat(play(scene(policy)))
                .startsWith("launch r1-1 v2", "admit r1-1", "drain a", "terminate a", "launch r1-2 v2")
                .hasSize(40);
        assertThat(good(policy).fewestServing()).isEqualTo(10);
        assertThat(good(policy).peak()).isEqualTo(11);
    }

    @GuideLine("""
            | the full pace from the first on | `batches(sliding(percent(25)))`: 3 in flight, refilled at once; a bad
            release costs 3 |""")
    void theFullPace() {
        RolloutPolicy.Builder policy = policy().batches(sliding(percent(25)));
        Scene scene = scene(policy.minReady(ZERO));

        assertThat(scene.plan()).containsExactly("launch r1-1 v2", "launch r1-2 v2", "launch r1-3 v2");
        scene.comesUp("r1-1").starts("r1-2").starts("r1-3").plan();
        assertThat(scene.isIn("r1-1").plan()).containsExactly("drain a");
        scene.isOut("a").plan();
        assertThat(scene.gone("a").plan()).containsExactly("launch r1-4 v2");
        assertThat(bad(policy).bad()).isEqualTo(3);
    }

    @GuideLine("""
            | larger and larger steps | `batches(ramp(of(1), of(3), percent(50)))`: 1, 3, 5, 1.
            `batches(doubling(of(4)))`: 1, 2, 4, 3. Each batch is whole before the next begins |""")
    void largerAndLargerSteps() {
        assertThat(batches(policy().batches(ramp(of(1), of(3), percent(50))))).containsExactly(1, 4, 9, 10);
        assertThat(batches(policy().batches(doubling(of(4))))).containsExactly(1, 3, 7, 10);
    }

    @GuideLine("""
            | time to look between steps | `batches(fixed(of(3)).pause(ofMinutes(5)))`: 4 batches, 5 minutes between two
            of them |""")
    void timeBetweenSteps() {
        RolloutPolicy.Builder policy = policy().batches(fixed(of(3)).pause(ofMinutes(5)));
        RolloutPolicy.Builder without = policy().batches(fixed(of(3)));

        assertThat(batches(policy)).containsExactly(3, 6, 9, 10);
        assertThat(Forecast.of(policy, 10, Timings.start(ZERO), HEALTHY).duration())
                .isEqualTo(Forecast.of(without, 10, Timings.start(ZERO), HEALTHY)
                        .duration()
                        .plus(ofMinutes(3 * 5)));
    }

    @GuideLine("""
            | the whole fleet watched at the end | `bake(ofMinutes(10))`: SUCCEEDED 10 minutes after the last batch; a
            failure until then still rolls back |""")
    void theWholeFleetWatched() {
        RolloutPolicy.Builder policy = policy().bake(ofMinutes(10));
        Scene scene = scene(policy);
        playUntilUpdated(scene, 10);
        play(scene, () -> scene.fleet.size() == 10, step -> {});
        Instant whole = scene.afterSeconds(1).now;
        Scene late = scene(policy);
        playUntilUpdated(late, 10);
        play(late, () -> late.waitCodes().contains(Code.BAKE), step -> {});

        play(scene);
        late.after(ofMinutes(9)).exits("r1-1").plan();

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseSince()).isEqualTo(whole.plus(ofMinutes(10)));
        assertThat(late.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @GuideLine("""
            | to count only what stays healthy | `minReady(ofMinutes(1))`: healthy and in the router for a minute without
            a break before an old one goes |""")
    void onlyWhatStaysHealthy() {
        Scene scene = scene(policy().minReady(ofMinutes(1)));
        scene.plan();
        scene.obey().plan();
        scene.obey().plan();
        scene.afterSeconds(59).ill("r1-1").plan();
        scene.health(Health.healthy(), "r1-1").plan();

        assertThat(only("drain", scene.afterSeconds(59).plan())).isEmpty();
        assertThat(only("drain", scene.afterSeconds(1).plan())).containsExactly("drain a");
    }

    @GuideLine("""
            | patience with slow starts | `startDeadline(ofMinutes(15)).stallDeadline(ofMinutes(20))`: launch to serving,
            `minReady` included, may take 15 minutes |""")
    void slowStarts() {
        RolloutPolicy.Builder policy = policy().startDeadline(ofMinutes(15)).stallDeadline(ofMinutes(20));
        Timings slow = Timings.start(ofMinutes(15).minus(policy.build().minReady()));

        assertThat(Forecast.of(policy, 10, slow, HEALTHY).succeeds()).isTrue();
        assertThat(Forecast.of(policy, 10, Timings.start(ofMinutes(15)), HEALTHY)
                        .succeeds())
                .as("minReady is included")
                .isFalse();
        assertThat(Forecast.of(policy(), 10, slow, HEALTHY).succeeds()).isFalse();
    }

    @GuideLine("""
            | patience with open requests | `drainDeadline(ofMinutes(5))`: stopped once they are done, after 5 minutes
            whatever is open. `stopDeadline(ofMinutes(1))`: what takes longer to stop holds up no other, but still counts
            |""")
    void openRequests() {
        Scene scene = scene(policy().maxSurge(1).drainDeadline(ofMinutes(5)));
        play(scene, () -> scene.plan.counts().draining() == 1, step -> {});

        scene.afterSeconds(1).drains("a", 2).plan();
        assertThat(scene.after(ofMinutes(5)).afterSeconds(-1).plan()).isEmpty();
        assertThat(scene.drains("a", 0).plan()).containsExactly("terminate a");

        Scene busy = scene(policy().maxSurge(1).drainDeadline(ofMinutes(5)));
        play(busy, () -> busy.plan.counts().draining() == 1, step -> {});
        busy.afterSeconds(1).drains("a", 2).plan();
        assertThat(busy.after(ofMinutes(5)).plan()).containsExactly("terminate a");

        Scene stuck = scene(
                policy().batches(sliding(of(1))).maxSurge(2).minReady(ZERO).stopDeadline(ofMinutes(1)));
        stuck.plan();
        stuck.comesUp("r1-1").plan();
        stuck.isIn("r1-1").plan();
        stuck.isOut("a").plan();
        stuck.stops("a").comesUp("r1-2").plan();
        assertThat(only("drain", stuck.isIn("r1-2").plan())).isEmpty();
        assertThat(stuck.after(ofMinutes(1)).plan()).contains("drain b");
        assertThat(stuck.plan.counts().existing()).isEqualTo(12);
    }

    @GuideLine("""
            | an end in any case | `totalDeadline(ofHours(1))`: not done after an hour, it goes back, and has an hour for
            that |""")
    void anEndInAnyCase() {
        RolloutPolicy.Builder policy = policy().totalDeadline(ofHours(1));
        Timings slow = Timings.start(ofMinutes(4)).stop(ofMinutes(3));
        Forecast forecast = Forecast.of(policy.maxSurge(1), 10, slow, HEALTHY);

        assertThat(forecast.turnedAfter()).contains(ofHours(1));
        Scene hanging = scene(policy.stallDeadline(ofHours(3)));
        playUntilUpdated(hanging, 1);
        hanging.plan();
        hanging.now = Scene.START.plus(ofHours(1));
        hanging.plan();
        assertThat(hanging.state.phase()).isEqualTo(ROLLING_BACK);
        hanging.after(ofHours(1)).afterSeconds(-1).plan();
        assertThat(hanging.state.phase()).isEqualTo(ROLLING_BACK);
        hanging.afterSeconds(1).plan();
        assertThat(hanging.state.phase()).isEqualTo(FAILED);
    }

    @GuideLine("""
            | to know before | `Forecast.of(policy, 10, timings).table()`: duration, batches, peak, fewest serving, or why
            it can never finish; nothing is launched |""")
    void toKnowBefore() {
        RolloutPolicy policy = RolloutPolicy.defaults();
        Timings timings = TIMINGS;

        assertThat(Forecast.of(policy, 10, timings).table())
                .contains("SUCCEEDED after", "batches", "peak            13 instances", "fewest serving  10 of 10");
        assertThat(Forecast.of(policy().maxInstances(9), 10, timings, HEALTHY).table())
                .contains("rejected", "footprint must be >= desired (10), was 9: maxInstances 9");
    }

    @GuideLine("""
            | the fastest within limits | `PolicyAdvisor.builder(10,
            timings).minServing(10).maxInstances(12).maxFirstBatch(1).build().advise()`: a policy, its forecast, and what
            a bad release costs with it |""")
    void theFastestWithinLimits() {
        Timings timings = TIMINGS;

        PolicyAdvisor.Choice best = PolicyAdvisor.builder(10, timings)
                .minServing(10)
                .maxInstances(12)
                .maxFirstBatch(1)
                .build()
                .advise()
                .best()
                .orElseThrow();

        assertThat(best.forecast()).isEqualTo(Forecast.of(best.policy(), 10, timings));
        assertThat(best.forecast().fewestServing()).isEqualTo(10);
        assertThat(best.forecast().peak()).isEqualTo(12);
        assertThat(best.badRelease().bad()).isEqualTo(1);
    }

    // ---- room

    @GuideLine("""
            | a cap on what exists | `maxInstances(11)`: whatever the surge is; what starts, drains or stops counts |""")
    void aCapOnWhatExists() {
        RolloutPolicy.Builder policy = policy().maxInstances(11);

        assertThat(good(policy).peak()).isEqualTo(11);
        assertThat(good(policy.maxSurge(percent(100))).peak()).isEqualTo(11);
        Scene scene = scene(policy);
        play(scene, () -> scene.plan.counts().draining() == 1, step -> {});
        assertThat(only("launch", scene.drains("a", 1).afterSeconds(1).plan())).isEmpty();
        scene.isOut("a").plan();
        assertThat(only("launch", scene.stops("a").plan())).isEmpty();
        assertThat(only("launch", scene.gone("a").plan())).hasSize(1);
    }

    @GuideLine("""
            | speed for capacity | `maxUnavailable(percent(25))`: rounds down, 8 go on serving; surge rounds up, 13 at
            most |""")
    void speedForCapacity() {
        RolloutPolicy.Builder policy = policy().maxUnavailable(percent(25));

        Forecast forecast = good(policy);

        assertThat(forecast.fewestServing()).isEqualTo(8);
        assertThat(forecast.peak()).isLessThanOrEqualTo(13);
        assertThat(Limits.resolve(policy.build(), 10).footprint()).isEqualTo(13);
        assertThat(forecast.duration()).isLessThan(good(policy()).duration());
    }

    @GuideLine("""
            | nothing beside the fleet (in place) | `maxSurge(0).maxUnavailable(1)`: stop, then start; the successor takes
            over slot, zone and labels |""")
    void nothingBesideTheFleet() {
        RolloutPolicy.Builder policy = policy().maxSurge(0).maxUnavailable(1);
        Scene scene = placed(policy);

        assertThat(play(scene)).startsWith("drain a", "terminate a", "launch r1-1 v2", "admit r1-1", "drain b");

        assertThat(good(policy).peak()).isEqualTo(10);
        assertThat(good(policy).fewestServing()).isEqualTo(9);
        assertThat(scene.fleet.get("r1-1").instance())
                .extracting(Instance::slot, Instance::zone, Instance::labels)
                .containsExactly(Optional.of("db-0"), Optional.of("z1"), Map.of("disk", "d0", "cost", "10"));
        assertThat(scene.fleet.values().stream()
                        .map(seen -> seen.instance().slot().orElse(""))
                        .sorted())
                .containsExactly("db-0", "db-1", "db-2", "db-3", "db-4", "db-5", "db-6", "db-7", "db-8", "db-9");
    }

    @GuideLine("""
            | two fleets side by side (blue/green) |
            `batches(fixed(percent(100))).maxSurge(percent(100)).retainOld(ofMinutes(30))`: 10 beside 10; a roll-back in
            the next half hour launches nothing |""")
    void twoFleetsSideBySide() {
        RolloutPolicy.Builder policy =
                policy().batches(fixed(percent(100))).maxSurge(percent(100)).retainOld(ofMinutes(30));
        Scene scene = scene(policy);

        assertThat(good(policy).peak()).isEqualTo(20);
        assertThat(good(policy).duration()).isBetween(ofMinutes(30), ofMinutes(32));
        assertThat(scene.plan()).hasSize(10).allMatch(action -> action.startsWith("launch"));
        scene.obey();
        play(scene, () -> scene.plan.counts().kept() == 10, step -> {});
        assertThat(scene.plan.counts().existing()).isEqualTo(20);
        assertThat(scene.plan.counts().updated()).isEqualTo(10);
        scene.after(ofMinutes(29)).plan();
        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "bad"));

        assertThat(only("launch", play(scene))).isEmpty();
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.fleet.keySet()).containsExactly("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
        assertThat(scene.state.extremes().fewestServing()).hasValue(10);
    }

    @GuideLine("""
            | 100 connections, 8 each, 10 for others | `budget(ResourceBudget.of("db connections", 100, 8, 10))`: 11 exist
            at most. With 9 each no 11th fits: rejected, unless `maxUnavailable(1)` allows to stop first |""")
    void connections() {
        RolloutPolicy.Builder policy = policy().budget(ResourceBudget.of("db connections", 100, 8, 10));
        RolloutPolicy.Builder tight = policy().budget(ResourceBudget.of("db connections", 100, 9, 10));

        assertThat(good(policy).peak()).isEqualTo(11);
        assertThat(good(policy).usages()).containsExactly(new Forecast.Usage("db connections", 88, 100, 10));
        assertThat(good(tight).phase()).isEmpty();
        assertThat(good(tight).never().orElseThrow())
                .contains("db connections: (100 slots - 10 reserved) / 9 per instance = 10 instances");
        Forecast stopFirst = good(tight.maxUnavailable(1));
        assertThat(stopFirst.succeeds()).isTrue();
        assertThat(stopFirst.peak()).isEqualTo(10);
        assertThat(stopFirst.fewestServing()).isEqualTo(9);
    }

    // ---- gates and holds: see also GuideCommandsTest

    @GuideLine("""
            | a fix to get through a red alarm | nothing: a gate that failed before the rollout blocks nothing until it
            has passed. `heedGatesFailingBefore()` if it shall |""")
    void aFixThroughARedAlarm() {
        assertThat(playUnder(Verdict.fail("red"), policy()).state.phase()).isEqualTo(SUCCEEDED);
        assertThat(playUnder(Verdict.fail("red"), policy().heedGatesFailingBefore())
                        .state
                        .phase())
                .isEqualTo(ROLLED_BACK);

        Scene turnsRed = scene(policy());
        turnsRed.plan(turnsRed.snapshot().withGates(Map.of("alarm", Verdict.fail("red"))));
        turnsRed.obey().plan(turnsRed.snapshot().withGates(Map.of("alarm", Verdict.pass())));
        turnsRed.plan(turnsRed.snapshot().withGates(Map.of("alarm", Verdict.fail("red again"))));
        assertThat(turnsRed.state.phase()).isEqualTo(ROLLING_BACK);
    }

    private static Scene playUnder(Verdict alarm, RolloutPolicy.Builder policy) {
        Scene scene = scene(policy);
        for (int i = 0; i < 1000 && !scene.state.phase().isFinal(); i++) {
            scene.plan(scene.snapshot().withGates(Map.of("alarm", alarm)));
            scene.obey().afterSeconds(1);
        }
        return scene;
    }

    // ---- who goes next

    @GuideLine("""
            | a part of the fleet only | `partition(7)`: 3 of v2, 7 stay on v1; SUCCEEDED, and says that it is partial |""")
    void aPartOfTheFleet() {
        Scene scene = scene(policy().partition(7));

        play(scene);

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text())
                .isEqualTo("3 of 10 serve v2, a partial rollout: 7 stay as they were, on purpose");
        assertThat(scene.fleet.keySet()).containsExactly("d", "e", "f", "g", "h", "i", "j", "r1-1", "r1-2", "r1-3");
    }

    @GuideLine("""
            | numbered instances in order | `ordered().maxSurge(0).maxUnavailable(1)`: db-9 first, db-0 last; while one
            may not go, none does |""")
    void numberedInstances() {
        RolloutPolicy.Builder policy = policy().ordered().maxSurge(0).maxUnavailable(1);
        Scene held = placed(policy);

        assertThat(only("drain", play(placed(policy))))
                .containsExactly(
                        "drain j", "drain i", "drain h", "drain g", "drain f", "drain e", "drain d", "drain c",
                        "drain b", "drain a");
        assertThat(held.plan(held.snapshot().withRefusals(Map.of(InstanceId.of("j"), "a backup runs"))))
                .isEmpty();
        assertThat(held.waits()).contains("j may not stop now: a backup runs");
    }

    @GuideLine("""
            | zones emptied evenly | `zoneOrder(SCATTERED).maxUnavailablePerZone(of(1)).maxSurgePerZone(of(1))`: in turns;
            no zone is ever 2 short or 2 over |""")
    void zonesEvenly() {
        Scene scene = placed(policy().maxUnavailable(2)
                .zoneOrder(SCATTERED)
                .maxUnavailablePerZone(of(1))
                .maxSurgePerZone(of(1)));

        List.of("a", "b", "c", "d", "e")
                .forEach(id -> change(
                        scene, id, instance -> instance.toBuilder().zone("z1").build()));
        List.of("f", "g", "h", "i", "j")
                .forEach(id -> change(
                        scene, id, instance -> instance.toBuilder().zone("z2").build()));

        List<String> actions = play(scene, () -> false, step -> {
            assertThat(serving(scene, "z1")).isGreaterThanOrEqualTo(4);
            assertThat(serving(scene, "z2")).isGreaterThanOrEqualTo(4);
            assertThat(existing(scene, "z1")).isLessThanOrEqualTo(6);
            assertThat(existing(scene, "z2")).isLessThanOrEqualTo(6);
        });

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(only("drain", actions))
                .containsExactly(
                        "drain a", "drain f", "drain b", "drain g", "drain c", "drain h", "drain d", "drain i",
                        "drain e", "drain j");
        assertThat(existing(scene, "z1")).isEqualTo(5);
    }

    @GuideLine("""
            | zone after zone | `zoneOrder(ONE_AFTER_ANOTHER)`: one to its end, then the next by name; one that is down
            holds up none, and others get its successors |""")
    void zoneAfterZone() {
        RolloutPolicy.Builder policy = policy().zoneOrder(ONE_AFTER_ANOTHER);
        Scene down = placed(policy);
        down.ill("a", "c", "e", "g", "i");

        assertThat(only("drain", play(placed(policy))))
                .containsExactly(
                        "drain a", "drain c", "drain e", "drain g", "drain i", "drain b", "drain d", "drain f",
                        "drain h", "drain j");
        List<String> actions = play(down, () -> false, step -> {
            if (down.fleet.containsKey("i")) {
                assertThat(down.fleet.values().stream()
                                .filter(seen -> seen.instance().token().isPresent()))
                        .allMatch(seen -> isIn(seen, "z2"));
            }
        });
        assertThat(down.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(only("drain", actions)).startsWith("drain a").contains("drain b", "drain j");
    }

    @GuideLine("""
            | the cheap ones first | `deletionCostLabel("cost")`: the smaller number first. Or by your own:
            `order(comparing(Instance::id))` |""")
    void theCheapOnesFirst() {
        List<String> newestFirst = List.of(
                "drain j", "drain i", "drain h", "drain g", "drain f", "drain e", "drain d", "drain c", "drain b",
                "drain a");
        Scene turned = scene(policy().maxSurge(1).order(comparing(Instance::id)));
        turned.fleet.clear();
        for (int i = 0; i < 10; i++) {
            turned.serving(Character.toString('a' + i), "v1", 10 - i);
        }

        assertThat(only("drain", play(placed(policy().maxSurge(1).deletionCostLabel("cost")))))
                .containsExactlyElementsOf(newestFirst);
        assertThat(only("drain", play(turned)))
                .as("a is the newest, and goes first nevertheless")
                .startsWith("drain a", "drain b", "drain c")
                .hasSize(10);
    }

    // ---- when it fails

    @GuideLine("""
            | a gentle way back | `rollbackBatches(sliding(of(1)))`: one at a time |""")
    void aGentleWayBack() {
        assertThat(mostLaunchedAtOnceBack(policy().rollbackBatches(sliding(of(1)))))
                .isEqualTo(1);
        assertThat(mostLaunchedAtOnceBack(policy())).isEqualTo(3);
    }

    private static long mostLaunchedAtOnceBack(RolloutPolicy.Builder policy) {
        Scene scene = scene(policy);
        playUntilUpdated(scene, 7);
        scene.state = scene.state.rollBack(scene.now, Reason.of(Code.BY_HAND, "bad"));
        List<Long> launched = new ArrayList<>();
        play(
                scene,
                () -> false,
                step -> launched.add(scene.state.instances().stream()
                        .filter(record -> record.token().isPresent() && !record.served())
                        .filter(record -> record.revision().equals(scene.state.goal()))
                        .count()));
        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        return launched.stream().mapToLong(Long::longValue).max().orElseThrow();
    }

    @GuideLine("""
            | some to fail | `maxFailedInstances(percent(25))`: rounds down; 2 are replaced, the third rolls back |""")
    void someToFail() {
        RolloutPolicy.Builder policy = policy().maxFailedInstances(percent(25));
        Scene scene = scene(policy);
        Scene hopeless = scene(policy);

        play(
                scene,
                () -> false,
                actions -> only("launch", actions).stream()
                        .filter(launch -> launch.matches("launch r1-[12] v2"))
                        .forEach(launch -> scene.exits(launch.split(" ")[1])));

        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.failures().count()).isEqualTo(2);
        assertThat(only("launch", playCrashing(hopeless))).hasSize(3);
        assertThat(hopeless.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @GuideLine("""
            | another try | `retries(2)`: 3 attempts with growing delays, before an instance counts as failed |""")
    void anotherTry() {
        Scene scene = scene(policy().retries(2));
        List<Duration> at = new ArrayList<>();

        play(
                scene,
                () -> scene.state.phase() != ROLLING,
                actions -> only("launch", actions).forEach(launch -> {
                    at.add(Duration.between(Scene.START, scene.now));
                    scene.exits(launch.split(" ")[1]);
                }));

        assertThat(at).hasSize(3);
        assertThat(at.get(2).minus(at.get(1))).isGreaterThan(at.get(1));
        assertThat(scene.state.phaseReason().text()).startsWith("1 failed, at most 0 may: r1-3 exited: no detail");
    }

    @GuideLine("""
            | crash loops found early | `maxRestarts(0)`: the first restart by the platform counts, by default the third;
            after it has served always the first |""")
    void crashLoops() {
        assertThat(fails(policy().maxRestarts(0), 1)).isTrue();
        assertThat(fails(policy(), 2)).isFalse();
        assertThat(fails(policy(), 3)).isTrue();

        Scene scene = scene(policy());
        playUntilUpdated(scene, 1);
        change(scene, "r1-1", instance -> instance.toBuilder().restarts(1).build());
        scene.plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    private static boolean fails(RolloutPolicy.Builder policy, int restarts) {
        Scene scene = scene(policy);
        scene.plan();
        scene.starts("r1-1").plan();
        change(
                scene,
                "r1-1",
                instance -> instance.toBuilder().restarts(restarts).build());
        scene.plan();
        return scene.state.phase() == ROLLING_BACK;
    }

    @GuideLine("""
            | hiccups forgiven | `unhealthyGrace(ofMinutes(2))`: what has served may be ill for 2 minutes |""")
    void hiccupsForgiven() {
        Scene scene = scene(policy().maxSurge(1).unhealthyGrace(ofMinutes(2)));
        playUntilUpdated(scene, 1);
        scene.ill("r1-1").plan();

        scene.afterSeconds(119).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING);
        scene.afterSeconds(1).plan();
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @GuideLine("""
            | a body for the post-mortem | `keepFailed(1)`: stays, out of traffic, also after the end; goes when its room
            is needed, or with the next rollout |""")
    void aBodyForThePostMortem() {
        Scene scene = scene(policy().keepFailed(1));
        playCrashing(scene);
        play(scene);

        assertThat(scene.state.phase()).isEqualTo(ROLLED_BACK);
        assertThat(scene.fleet).containsKey("r1-1").hasSize(11);
        assertThat(scene.fleet.get("r1-1").routing()).isEqualTo(Routing.out());
        scene.rollTo("v3", 10);
        assertThat(scene.plan()).contains("terminate r1-1");

        Scene narrow = scene(policy().maxSurge(1).retries(1).keepFailed(1));
        List<String> actions = play(
                narrow,
                () -> false,
                step -> only("launch", step).stream()
                        .filter(launch -> launch.contains("r1-1 "))
                        .forEach(launch -> narrow.exits("r1-1")));
        assertThat(actions).containsSubsequence("launch r1-1 v2", "terminate r1-1", "launch r1-2 v2");
        assertThat(narrow.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(narrow.state.extremes().peak()).isEqualTo(11);
    }

    @GuideLine("""
            | a warm way back | `retainOld(ofMinutes(15))`: drained, still running, the 3 that there is room for; back at
            once on a roll-back; SUCCEEDED when they are gone |""")
    void aWarmWayBack() {
        RolloutPolicy.Builder policy = policy().retainOld(ofMinutes(15));
        Scene scene = scene(policy);
        Scene back = scene(policy);

        playUntilUpdated(scene, 10);
        play(scene, () -> scene.plan.counts().kept() == 3, step -> {});
        Instant kept = scene.now;
        assertThat(scene.plan.counts()).isEqualTo(new FleetCounts(13, 10, 10, 0, 0, 0, 0, 3, 0));
        play(scene);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(Duration.between(kept, scene.state.phaseSince()))
                .isBetween(ofMinutes(15), ofMinutes(15).plusSeconds(5));

        playUntilUpdated(back, 10);
        play(back, () -> back.plan.counts().kept() == 3, step -> {});
        back.state = back.state.rollBack(back.now, Reason.of(Code.BY_HAND, "bad"));
        assertThat(back.plan()).containsExactly("admit h", "admit i", "admit j");
    }

    @GuideLine("""
            | no way back at all | `forwardOnly()`, or after 2 batches `forwardOnlyAfter(2)`: a failure pauses |""")
    void noWayBack() {
        Scene never = scene(policy().forwardOnly());
        playCrashing(never);
        assertThat(never.state.phase()).isEqualTo(PAUSED);
        assertThat(never.state.phaseReason().text()).endsWith("there is no way back (forwardOnly)");

        RolloutPolicy.Builder policy = policy().batches(fixed(of(3))).forwardOnlyAfter(2);
        Scene early = scene(policy);
        playUntilUpdated(early, 3);
        early.exits("r1-1").plan();
        assertThat(early.state.phase()).isEqualTo(ROLLING_BACK);
        Scene late = scene(policy);
        playUntilUpdated(late, 6);
        play(late, () -> late.state.batchesDone() == 2, step -> {});
        late.exits("r1-1").plan();
        assertThat(late.state.phase()).isEqualTo(PAUSED);
    }

    // ---- coming from

    @GuideLine("""
            | Kubernetes Deployment |
            `batches(sliding(percent(100))).maxSurge(percent(25)).maxUnavailable(percent(25)).minReady(ZERO)`: 13 at most,
            8 at least; surge rounds up, unavailable down, both 0 after rounding is unavailable 1. Here what stops counts
            in the surge, too |""")
    void deployment() {
        RolloutPolicy.Builder policy = policy().batches(sliding(percent(100)))
                .maxSurge(percent(25))
                .maxUnavailable(percent(25))
                .minReady(ZERO);

        Forecast forecast = good(policy);
        assertThat(forecast.peak()).isEqualTo(13);
        assertThat(forecast.fewestServing()).isEqualTo(8);
        assertThat(Limits.resolve(
                                policy().maxSurge(0).maxUnavailable(percent(5)).build(), 10)
                        .floor())
                .isEqualTo(9);
    }

    @GuideLine("""
            | Kubernetes StatefulSet | `ordered().maxSurge(0).maxUnavailable(1).partition(3)`: db-9 to db-3, db-2 to db-0
            stay |""")
    void statefulSet() {
        Scene scene = placed(policy().ordered().maxSurge(0).maxUnavailable(1).partition(3));

        assertThat(only("drain", play(scene)))
                .containsExactly("drain j", "drain i", "drain h", "drain g", "drain f", "drain e", "drain d");
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.fleet.keySet()).contains("a", "b", "c").hasSize(10);
    }

    @GuideLine("""
            | ECS, 75 % to 125 % | minimum rounds up, maximum down: `maxUnavailable(percent(25)).maxSurge(2)`: 8 to 12.
            Breaker at half (3 to 200): `maxFailedInstances(4)`, the fifth rolls back |""")
    void ecs() {
        RolloutPolicy.Builder policy = policy().maxUnavailable(percent(25)).maxSurge(2);
        Limits limits = Limits.resolve(policy.build(), 10);

        assertThat(limits.floor()).isEqualTo((int) Math.ceil(0.75 * 10));
        assertThat(limits.footprint()).isEqualTo((int) Math.floor(1.25 * 10));
        Scene scene = scene(policy.maxFailedInstances(4));
        assertThat(only("launch", playCrashing(scene))).hasSize(5);
        assertThat(scene.state.phaseReason().text()).startsWith("5 failed, at most 4 may");
        assertThat(scene.state.phase()).isEqualTo(ROLLING_BACK);
    }

    @GuideLine("""
            | Nomad, max_parallel 2 | `batches(sliding(of(2))).maxSurge(0).maxUnavailable(2).onFailure(STOP)`;
            auto_revert: `onFailure(ROLL_BACK)`. Healthy for 10 s and within 5 min is the default here, too |""")
    void nomad() {
        RolloutPolicy.Builder policy =
                policy().batches(sliding(of(2))).maxSurge(0).maxUnavailable(2).onFailure(STOP);
        Scene scene = scene(policy);

        assertThat(scene.plan()).containsExactly("drain a", "drain b");
        assertThat(good(policy).fewestServing()).isEqualTo(8);
        assertThat(bad(policy).phase()).contains(FAILED);
        assertThat(bad(policy.onFailure(ROLL_BACK)).phase()).contains(ROLLED_BACK);
        assertThat(policy.build().minReady()).isEqualTo(ofSeconds(10));
        assertThat(policy.build().startDeadline()).isEqualTo(ofMinutes(5));
    }

    @GuideLine("""
            | EC2 instance refresh, 90 % to 100 %, checkpoints at 20 % and 50 % | `batches(ramp(percent(20),
            percent(30)).pause(ofHours(1))).maxSurge(0).maxUnavailable(percent(10)).partition(percent(50))`: 2, an hour,
            3, then SUCCEEDED with 5 on v1. Surge is its maximum - 100 |""")
    void instanceRefresh() {
        RolloutPolicy.Builder policy = policy().batches(
                        ramp(percent(20), percent(30)).pause(ofHours(1)))
                .maxSurge(0)
                .maxUnavailable(percent(10))
                .partition(percent(50));
        Scene scene = scene(policy);
        Set<Integer> goals = new LinkedHashSet<>();

        play(scene, () -> false, step -> goals.add(scene.state.batch().goal()));

        assertThat(goals).containsExactly(2, 5);
        assertThat(scene.state.phase()).isEqualTo(SUCCEEDED);
        assertThat(scene.state.phaseReason().text()).startsWith("5 of 10 serve v2, a partial rollout");
        assertThat(good(policy).duration()).isBetween(ofHours(1), ofHours(1).plusMinutes(10));
        assertThat(good(policy).fewestServing()).isEqualTo(9);
        assertThat(good(policy).peak()).isEqualTo(10);
    }
}
