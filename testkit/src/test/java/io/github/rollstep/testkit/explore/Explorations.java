package io.github.rollstep.testkit.explore;

import io.github.rollstep.testkit.explore.Setting.Router;
import io.github.rollstep.testkit.explore.Setting.Target;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Sets of settings, explored side by side. */
public final class Explorations {

    private static final int WIDEST = 2;

    private final List<Setting> settings = new ArrayList<>();

    private final int widest;

    private Explorations(int widest) {
        this.widest = widest;
    }

    /** What each build explores. */
    public static Explorations ofEachBuild() {
        return new Explorations(WIDEST)
                .add(8, 0, Router.DRAINS_FIRST, false)
                .add(4, 1, Router.DRAINS_FIRST, false)
                .add(2, 2, Router.DRAINS_FIRST, false)
                .add(2, 1, Router.DRAINS_FIRST, true)
                .add(2, 1, Router.PLATFORM_DRAINS, true)
                .add(2, 1, Router.NONE, true)
                .add(1, 2, Router.DRAINS_FIRST, true)
                .add(1, 2, Router.PLATFORM_DRAINS, true)
                .add(1, 2, Router.NONE, true);
    }

    /** What is explored on demand: larger fleets. */
    public static Explorations onDemand() {
        return new Explorations(WIDEST)
                .add(6, 1, Router.DRAINS_FIRST, false)
                .add(3, 2, Router.DRAINS_FIRST, false)
                .add(2, 2, Router.DRAINS_FIRST, true)
                .add(3, 2, Router.PLATFORM_DRAINS, true)
                .add(3, 2, Router.NONE, true);
    }

    /** Small ones of every kind, the smallest first: what has a fault shows it soon. */
    public static List<Setting> small() {
        Explorations small = new Explorations(1);
        for (int faults = 0; faults <= 2; faults++) {
            for (Router router : Router.values()) {
                small.add(2, faults, router, false).add(faults > 0 ? 2 : 0, faults, router, true);
            }
        }
        return List.copyOf(small.settings);
    }

    /** All mixes of surge and unavailable, all targets, all desired counts up to this one. */
    private Explorations add(int mostDesired, int faults, Router router, boolean stale) {
        for (int desired = 1; desired <= mostDesired; desired++) {
            for (Target target : Target.values()) {
                for (int surge = 0; surge <= widest; surge++) {
                    for (int unavailable = surge == 0 ? 1 : 0; unavailable <= widest; unavailable++) {
                        settings.add(new Setting(desired, surge, unavailable, faults, target, router, stale));
                    }
                }
            }
        }
        return this;
    }

    /**
     * Explores them all, the largest first.
     *
     * @param threads how many side by side
     * @param each gets each result when it is there
     */
    public List<Exploration.Result> run(Planner planner, int threads, Consumer<Exploration.Result> each)
            throws InterruptedException {
        List<Setting> largestFirst = new ArrayList<>(settings);
        Collections.reverse(largestFirst);
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Exploration.Result>> pending = new ArrayList<>();
            for (Setting setting : largestFirst) {
                pending.add(workers.submit(() -> Exploration.run(setting, planner, Integer.MAX_VALUE)));
            }
            List<Exploration.Result> results = new ArrayList<>();
            for (Future<Exploration.Result> result : pending) {
                results.add(result.get());
                each.accept(result.get());
            }
            return results;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            workers.shutdownNow();
        }
    }

    /** The sum of all results, in a line. */
    public static String sum(List<Exploration.Result> results) {
        return "%d settings: %,d states, %,d transitions, depth up to %d, %d with a promise broken"
                .formatted(
                        results.size(),
                        results.stream().mapToLong(Exploration.Result::states).sum(),
                        results.stream()
                                .mapToLong(Exploration.Result::transitions)
                                .sum(),
                        results.stream()
                                .mapToInt(Exploration.Result::depth)
                                .max()
                                .orElse(0),
                        results.stream()
                                .filter(result -> result.violation().isPresent())
                                .count());
    }
}
