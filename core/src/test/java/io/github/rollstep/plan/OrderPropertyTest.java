package io.github.rollstep.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.ZoneOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Whatever order the platform lists its instances in. */
class OrderPropertyTest {

    @Property(tries = 300)
    void neverDependsOnTheOrderOfTheList(@ForAll long seed) {
        Random random = new Random(seed);
        int desired = 2 + random.nextInt(7);
        Scene scene = Scene.of(desired, policy(random));
        scene.fleet.keySet().stream().toList().forEach(id -> befall(scene, id, random));

        for (int step = 0; step < 25 && !scene.state.phase().isFinal(); step++) {
            FleetSnapshot asListed = scene.snapshot();
            List<Observed> shuffled = new ArrayList<>(asListed.instances());
            Collections.shuffle(shuffled, random);
            Plan plan = RollingPlanner.plan(asListed, scene.state, scene.policy);

            assertThat(RollingPlanner.plan(
                            FleetSnapshot.of(scene.now, scene.platform, shuffled), scene.state, scene.policy))
                    .isEqualTo(plan);

            scene.plan();
            scene.obey().afterSeconds(1);
            List<String> ids = List.copyOf(scene.fleet.keySet());
            if (!ids.isEmpty() && random.nextInt(4) == 0) {
                befall(scene, ids.get(random.nextInt(ids.size())), random);
            }
        }
    }

    private static RolloutPolicy policy(Random random) {
        RolloutPolicy.Builder policy = RolloutPolicy.builder()
                .batches(
                        random.nextBoolean()
                                ? Batches.sliding(Quota.of(1 + random.nextInt(4)))
                                : Batches.fixed(Quota.of(1 + random.nextInt(4))))
                .maxSurge(1 + random.nextInt(3))
                .maxUnavailable(random.nextInt(3))
                .maxFailedInstances(2)
                .retries(random.nextInt(2))
                .keepFailed(random.nextInt(2))
                .retainOld(Duration.ofSeconds(random.nextInt(10)))
                .minReady(Duration.ZERO);
        return switch (random.nextInt(5)) {
            case 0 -> policy.ordered().build();
            case 1 -> policy.order(Comparator.comparing(Instance::restarts)).build();
            case 2 -> policy.zoneOrder(ZoneOrder.SCATTERED).build();
            case 3 -> policy.zoneOrder(ZoneOrder.ONE_AFTER_ANOTHER).build();
            default -> policy.build();
        };
    }

    /** Facts and misfortunes of few values, so that there are many ties. */
    private static void befall(Scene scene, String id, Random random) {
        scene.told(
                instance -> instance.zone("z" + random.nextInt(2))
                        .slot("db-" + random.nextInt(3))
                        .createdAt(Scene.START.minusSeconds(random.nextInt(3)))
                        .restarts(random.nextInt(2))
                        .labels(Map.of("rollstep.deletion-cost", Integer.toString(random.nextInt(2)))),
                id);
        switch (random.nextInt(8)) {
            case 0 -> scene.ill(id);
            case 1 -> scene.exits(id);
            case 2 -> scene.isOut(id);
            case 3 -> scene.stops(id);
            case 4 -> scene.drains(id, random.nextInt(2));
            case 5 -> scene.health(Health.unknown("no answer"), id);
            default -> scene.health(Health.healthy(), id);
        }
        if (random.nextInt(3) == 0) {
            scene.fleet.computeIfPresent(id, (key, seen) -> new Observed(seen.instance(), seen.health(), Routing.in()));
        }
    }
}
