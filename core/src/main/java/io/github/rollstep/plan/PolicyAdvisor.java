package io.github.rollstep.plan;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Forecast.Release;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds the fastest policy under given limits, by forecasting those that come into question.
 *
 * <pre>{@code
 * PolicyAdvisor.Advice advice = PolicyAdvisor.builder(6, Timings.start(ofSeconds(30)).stop(ofSeconds(10)))
 *     .minServing(6)
 *     .budget(ResourceBudget.of("db connections", 100, 12))
 *     .maxFirstBatch(1)
 *     .build()
 *     .advise();
 * System.out.println(advice.table());
 * }</pre>
 *
 * <p>A search over a few surges, floors and batches, not over all: another policy may be faster by a little. Every one that it
 * advises keeps every limit. Immutable; the same settings give the same advice.
 */
public final class PolicyAdvisor {

    /** How much slower than the best so far one may be to be forecast to its end. */
    private static final int PATIENCE = 2;

    /** Up to this desired count every mix is tried. */
    private static final int SMALL = 5;

    /** How many of the first estimate are forecast with the whole spread of starts. */
    private static final int SHORT_LIST = 6;

    private static final int RUNNERS_UP = 3;
    private static final Duration FOREVER = Duration.ofDays(366);

    /**
     * A policy and what it comes to.
     *
     * @param forecast of a good release
     * @param badRelease of one that never gets healthy
     */
    public record Choice(RolloutPolicy policy, Forecast forecast, Forecast badRelease) {

        /** What was chosen, in short. */
        @Override
        public String toString() {
            return "%s, surge %s, unavailable %s"
                    .formatted(policy.batches(), policy.maxSurge(), policy.maxUnavailable());
        }
    }

    /**
     * What was found.
     *
     * @param best the fastest; of two equally fast ones that with the smaller peak, then the one that keeps more serving, then
     *     the simpler one. Empty if none is possible
     * @param runnersUp the next best
     * @param impossible why there is none, with the arithmetic; empty if there is one
     */
    public record Advice(Optional<Choice> best, List<Choice> runnersUp, Optional<String> impossible) {

        public Advice {
            runnersUp = List.copyOf(runnersUp);
        }

        /** For people: the best first, and under it what a bad release would cost with it. */
        public String table() {
            Map<String, Forecast> lines = new LinkedHashMap<>();
            best.ifPresent(choice -> {
                lines.put(choice.toString(), choice.forecast());
                lines.put("  and of a bad release", choice.badRelease());
            });
            runnersUp.forEach(choice -> lines.put(choice.toString(), choice.forecast()));
            return impossible.map(why -> "impossible: " + why + "\n").orElseGet(() -> Forecast.compare(lines));
        }
    }

    private final int desired;
    private final Timings timings;
    private final int minServing;
    private final OptionalInt maxInstances;
    private final int maxFirstBatch;
    private final RolloutPolicy base;

    private PolicyAdvisor(Builder builder) {
        desired = builder.desired;
        timings = builder.timings;
        minServing = builder.minServing;
        maxFirstBatch = Math.min(builder.maxFirstBatch, desired);
        RolloutPolicy.Builder policy = builder.base.toBuilder();
        builder.budgets.forEach(policy::budget);
        maxInstances = Stream.of(builder.maxInstances, builder.base.maxInstances())
                .flatMapToInt(OptionalInt::stream)
                .min();
        maxInstances.ifPresent(policy::maxInstances);
        base = policy.build();
    }

    /** For a fleet of {@code desired} whose instances take these times. */
    public static Builder builder(int desired, Timings timings) {
        return new Builder(desired, timings);
    }

    /**
     * Searches. Takes a second or two for a hundred instances and some seconds for a thousand; a minute if the limits allow only
     * one after the other of a thousand.
     */
    public Advice advise() {
        Room room = room();
        Optional<String> impossible = impossible(room);
        if (impossible.isPresent()) {
            return new Advice(Optional.empty(), List.of(), impossible);
        }
        List<Candidate> candidates = candidates(room.surge());
        List<Found> found = forecast(candidates, timings.withoutSpread());
        if (!timings.withoutSpread().equals(timings)) {
            List<Candidate> shortList =
                    found.stream().limit(SHORT_LIST).map(Found::candidate).toList();
            found = forecast(shortList.isEmpty() ? candidates : shortList, timings);
        }
        if (found.isEmpty()) {
            Forecast first = Forecast.of(policy(candidates.get(0)), desired, timings, Release.HEALTHY);
            return new Advice(
                    Optional.empty(), List.of(), Optional.of(first.never().orElse("no policy was found to finish")));
        }
        List<Choice> choices =
                found.stream().limit(1 + RUNNERS_UP).map(this::choice).toList();
        return new Advice(Optional.of(choices.get(0)), choices.subList(1, choices.size()), Optional.empty());
    }

    // ---- what the limits leave

    /**
     * How many may exist beyond the desired count.
     *
     * @param rule what this comes from
     */
    private record Room(int surge, String rule) {}

    private Room room() {
        long most = 2L * desired;
        String rule = "a surge of desired %d".formatted(desired);
        if (maxInstances.isPresent() && maxInstances.getAsInt() < most) {
            most = maxInstances.getAsInt();
            rule = "maxInstances %d".formatted(most);
        }
        for (ResourceBudget budget : base.budgets()) {
            if (budget.instances() < most) {
                most = budget.instances();
                rule = budget.toString();
            }
        }
        return new Room((int) most - desired, rule);
    }

    private Optional<String> impossible(Room room) {
        if (room.surge() < 0) {
            return Optional.of(
                    "desired must be <= %d (%s), was %d".formatted(desired + room.surge(), room.rule(), desired));
        }
        if (room.surge() == 0 && minServing == desired) {
            return Optional.of(
                    "%s - desired %d = 0 to launch first, desired %d - minServing %d = 0 to stop first: nothing could ever be replaced"
                            .formatted(room.rule(), desired, desired, minServing));
        }
        return Optional.empty();
    }

    // ---- what comes into question

    private record Candidate(int surge, int unavailable, Batches batches) {

        /** Whether it slides in the end. */
        private boolean slides(int desired) {
            return batches.slidesFrom(desired, desired);
        }

        /** Sliding before barriers, and small numbers before large ones. */
        private static Comparator<Candidate> bySimplicity(int desired) {
            return Comparator.comparing((Candidate candidate) -> !candidate.slides(desired))
                    .thenComparing(candidate -> candidate.surge + candidate.unavailable)
                    .thenComparing(candidate -> candidate.batches.size(0, desired))
                    .thenComparing(candidate -> candidate.batches.toString());
        }
    }

    /** The widest first: they are likely to be the fastest, and then the others need not be forecast to their end. */
    private List<Candidate> candidates(int mostSurge) {
        int mostUnavailable = desired - minServing;
        Set<Candidate> candidates = new LinkedHashSet<>();
        for (int unavailable : distinct(mostUnavailable, mostUnavailable, 0)) {
            for (int surge :
                    distinct(mostSurge, mostSurge, half(mostSurge), half(half(mostSurge)), 2 * maxFirstBatch, 1, 0)) {
                if (surge + unavailable == 0) {
                    continue;
                }
                int wide = surge + unavailable;
                int narrow = Math.max(surge, unavailable);
                for (int size : distinct(desired, desired, wide, narrow, half(narrow))) {
                    shapes(Math.max(1, size))
                            .forEach(batches -> candidates.add(new Candidate(surge, unavailable, batches)));
                }
            }
        }
        return List.copyOf(candidates);
    }

    /** Batches of this size; after a first one that is no larger than it may be, or of one instance, if they are larger. */
    private List<Batches> shapes(int size) {
        List<Batches> shapes = new ArrayList<>();
        if (base.batches().size(0, desired) <= maxFirstBatch) {
            shapes.add(base.batches());
        }
        Quota quota = Quota.of(size);
        for (int first : distinct(Math.min(size, maxFirstBatch), maxFirstBatch, 1)) {
            if (first == 0) {
                continue;
            }
            Batches whole = first == size ? Batches.fixed(quota) : Batches.ramp(Quota.of(first), quota);
            shapes.add(whole.thenSliding());
            shapes.add(whole);
        }
        return shapes;
    }

    /** These, none larger than that; and all others too where the fleet is so small that all can be tried. */
    private List<Integer> distinct(int most, int... values) {
        Set<Integer> distinct = new LinkedHashSet<>();
        for (int value : values) {
            distinct.add(Math.min(most, value));
        }
        for (int value = 0; value <= most && desired <= SMALL; value++) {
            distinct.add(value);
        }
        return List.copyOf(distinct);
    }

    private static int half(int value) {
        return (value + 1) / 2;
    }

    private RolloutPolicy policy(Candidate candidate) {
        return base.toBuilder()
                .batches(candidate.batches)
                .maxSurge(candidate.surge)
                .maxUnavailable(candidate.unavailable)
                .build();
    }

    // ---- what they come to

    private record Found(Candidate candidate, Forecast forecast) {}

    /** Those that succeed, the best first; those that are far slower than others are left out. */
    private List<Found> forecast(List<Candidate> candidates, Timings timings) {
        List<Found> found = new ArrayList<>();
        Duration horizon = FOREVER;
        for (Candidate candidate : candidates) {
            Optional<Forecast> forecast = DryRun.of(policy(candidate), desired, timings, Release.HEALTHY)
                    .run(horizon)
                    .filter(Forecast::succeeds);
            if (forecast.isPresent()) {
                found.add(new Found(candidate, forecast.get()));
                Duration patience = forecast.get().duration().multipliedBy(PATIENCE);
                horizon = patience.compareTo(horizon) < 0 ? patience : horizon;
            }
        }
        found.sort(Comparator.comparing((Found one) -> one.forecast.duration())
                .thenComparing(one -> one.forecast.peak())
                .thenComparing(one -> -one.forecast.fewestServing())
                .thenComparing(Found::candidate, Candidate.bySimplicity(desired)));
        return distinct(found);
    }

    /** Of those that come to the same, the simplest of each shape. */
    private List<Found> distinct(List<Found> found) {
        Map<List<Object>, Found> distinct = new LinkedHashMap<>();
        for (Found one : found) {
            Forecast f = one.forecast;
            distinct.putIfAbsent(
                    List.of(f.duration(), f.peak(), f.fewestServing(), one.candidate.slides(desired)), one);
        }
        return List.copyOf(distinct.values());
    }

    private Choice choice(Found found) {
        RolloutPolicy policy = policy(found.candidate);
        return new Choice(policy, found.forecast, Forecast.of(policy, desired, timings, Release.NEVER_HEALTHY));
    }

    /** Collects the limits; not safe for use by several threads. */
    public static final class Builder {
        private final int desired;
        private final Timings timings;
        private int minServing;
        private OptionalInt maxInstances = OptionalInt.empty();
        private final List<ResourceBudget> budgets = new ArrayList<>();
        private int maxFirstBatch = Integer.MAX_VALUE;
        private RolloutPolicy base = RolloutPolicy.defaults();

        private Builder(int desired, Timings timings) {
            this.desired = atLeast("desired", 1, desired);
            this.timings = timings;
            minServing = desired;
        }

        /** How many must go on serving; default: all that are desired. */
        public Builder minServing(int minServing) {
            if (minServing > desired) {
                throw new IllegalArgumentException(
                        "minServing must be <= desired (%d), was %d".formatted(desired, minServing));
            }
            this.minServing = atLeast("minServing", 0, minServing);
            return this;
        }

        /** How many may exist at once; default: twice as many as are desired, or as {@link #base} has it. */
        public Builder maxInstances(int maxInstances) {
            this.maxInstances = OptionalInt.of(atLeast("maxInstances", 1, maxInstances));
            return this;
        }

        /** Adds a resource that all existing instances share, to those of {@link #base}. */
        public Builder budget(ResourceBudget budget) {
            budgets.add(budget);
            return this;
        }

        /** How many instances of a revision that nobody has seen yet may be at risk at once; default: no such limit. */
        public Builder maxFirstBatch(int maxFirstBatch) {
            this.maxFirstBatch = atLeast("maxFirstBatch", 1, maxFirstBatch);
            return this;
        }

        /**
         * Everything that is not searched for: deadlines, soak, failure policy, pace of the roll-back. Its batches are one
         * candidate, its maxInstances and budgets are limits too, its surge and unavailable are not regarded. Default:
         * {@link RolloutPolicy#defaults()}.
         */
        public Builder base(RolloutPolicy base) {
            this.base = base;
            return this;
        }

        public PolicyAdvisor build() {
            return new PolicyAdvisor(this);
        }

        private static int atLeast(String name, int least, int value) {
            if (value < least) {
                throw new IllegalArgumentException("%s must be >= %d, was %d".formatted(name, least, value));
            }
            return value;
        }
    }
}
