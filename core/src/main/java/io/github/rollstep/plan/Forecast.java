package io.github.rollstep.plan;

import io.github.rollstep.RolloutPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a rollout will come to under a policy, found by running {@link RollingPlanner} on a virtual clock against a virtual
 * platform that takes the given {@link Timings}. Nothing is launched, asked or stored. The same input gives the same forecast.
 *
 * <pre>{@code
 * Timings timings = Timings.start(ofSeconds(25), ofSeconds(35)).stop(ofSeconds(30));
 * System.out.println(Forecast.of(policy, 1000, timings).table());
 * }</pre>
 *
 * <p>A policy under which a rollout can never finish is not an exception here but a forecast whose {@link #never} says why.
 * Approvals are assumed to be given at once.
 *
 * @param desired how many shall serve
 * @param limits the limits as whole numbers; empty if the policy was rejected, and then every number is 0
 * @param phase how it ends: a final phase, or PAUSED if the failure policy holds it; empty if the policy was rejected. ROLLING
 *     or ROLLING_BACK if nothing can change any more before an end is reached
 * @param duration until then
 * @param turnedAfter when it was found to fail: the beginning of a roll-back, of a pause, or the end as FAILED
 * @param batches how many batches were begun; sliding batches are one
 * @param holds how often it was held and went on at once, as for an approval
 * @param peak the most instances that exist at once, those that start, drain and stop included
 * @param usages the most that is taken of each declared budget, in the order of the policy
 * @param servingBefore how many serve at the beginning
 * @param fewestServing the fewest that serve at once: healthy and in the router for {@code minReady}, and not about to leave
 * @param launched how many instances are launched, those of a roll-back included
 * @param bad how many of these never get healthy
 * @param never why the new revision never serves everywhere; empty if it does
 */
public record Forecast(
        int desired,
        Optional<Limits> limits,
        Optional<RolloutPhase> phase,
        Duration duration,
        Optional<Duration> turnedAfter,
        int batches,
        int holds,
        int peak,
        List<Usage> usages,
        int servingBefore,
        int fewestServing,
        int launched,
        int bad,
        Optional<String> never) {

    /** How the new revision turns out. */
    public enum Release {
        /** Each instance is healthy after its start. */
        HEALTHY,
        /** No instance is ever healthy: what does a bad release cost? */
        NEVER_HEALTHY
    }

    /**
     * The most that is taken of one budget.
     *
     * @param name of the budget
     * @param peak units, not instances
     * @param reserved of the slots, for others
     */
    public record Usage(String name, long peak, int slots, int reserved) {
        @Override
        public String toString() {
            return "%d of %d".formatted(peak, slots - reserved);
        }
    }

    public Forecast {
        usages = List.copyOf(usages);
    }

    /** A good release over {@code desired} instances that all serve the revision before, behind a router that confirms. */
    public static Forecast of(RolloutPolicy policy, int desired, Timings timings) {
        return of(policy, desired, timings, Release.HEALTHY);
    }

    public static Forecast of(RolloutPolicy policy, int desired, Timings timings, Release release) {
        try {
            return DryRun.of(policy, desired, timings, release).run();
        } catch (IllegalArgumentException rejected) {
            return rejected(desired, rejected.getMessage());
        }
    }

    /** The same for a policy that may be rejected when it is built. */
    public static Forecast of(RolloutPolicy.Builder policy, int desired, Timings timings, Release release) {
        try {
            return of(policy.build(), desired, timings, release);
        } catch (IllegalArgumentException rejected) {
            return rejected(desired, rejected.getMessage());
        }
    }

    /** A good release from a fleet as observed, and from where a rollout stands. */
    public static Forecast from(FleetSnapshot fleet, RolloutState state, RolloutPolicy policy, Timings timings) {
        return from(fleet, state, policy, timings, Release.HEALTHY);
    }

    /**
     * From a fleet as observed, and from where a rollout stands. What runs keeps the health it has, but for instances that are
     * still within the time of a start; what is starting, draining or stopping arrives. A rollout that is held goes on.
     *
     * @param release how instances of the target turn out that are not healthy yet
     */
    public static Forecast from(
            FleetSnapshot fleet, RolloutState state, RolloutPolicy policy, Timings timings, Release release) {
        return new DryRun(fleet, state, policy, timings, release).run();
    }

    /** The forecast of a rollout that is rejected before its first action. */
    public static Forecast rejected(int desired, String why) {
        return new Forecast(
                desired,
                Optional.empty(),
                Optional.empty(),
                Duration.ZERO,
                Optional.empty(),
                0,
                0,
                0,
                List.of(),
                0,
                0,
                0,
                0,
                Optional.of(why));
    }

    /** The new revision serves everywhere in the end, and nothing else is left. */
    public boolean succeeds() {
        return never.isEmpty();
    }

    /** How far serving sinks below what it was, or below the desired count if more were serving. */
    public int capacityTaken() {
        return Math.max(0, Math.min(desired, servingBefore) - fewestServing);
    }

    /** For people: one line for each fact. */
    public String table() {
        TextTable table = new TextTable();
        limits.ifPresent(l -> table.row(
                "limits",
                "desired %d, at most %d exist (%s), at least %d serve"
                        .formatted(l.desired(), l.footprint(), l.footprintRule(), l.floor())));
        table.row("ends", outcome() + limits.map(l -> " after " + after()).orElse(""));
        if (limits.isPresent()) {
            turnedAfter.ifPresent(after -> table.row("fails", "after " + Waits.text(after)));
            table.row("batches", batches + (holds == 0 ? "" : ", held %d times".formatted(holds)));
            table.row("peak", peak + " instances");
            usages.forEach(usage -> table.row(usage.name(), usage.toString()));
            table.row("fewest serving", "%d of %d".formatted(fewestServing, servingBefore));
            table.row("launched", launched + (bad == 0 ? "" : ", of them bad " + bad));
        }
        never.ifPresent(why -> table.row("why", why));
        return table.toString();
    }

    /**
     * Several forecasts side by side, one line each, in the order of the map; under them why some never succeed.
     *
     * @param forecasts by a name for people
     */
    public static String compare(Map<String, Forecast> forecasts) {
        Set<String> budgets = new LinkedHashSet<>();
        forecasts.values().forEach(forecast -> forecast.usages.forEach(usage -> budgets.add(usage.name())));
        TextTable table = new TextTable();
        List<String> heading =
                new ArrayList<>(List.of("", "ends", "after", "batches", "peak", "fewest serving", "launched", "bad"));
        heading.addAll(budgets);
        table.row(heading);
        forecasts.forEach((name, forecast) -> table.row(forecast.cells(name, budgets)));
        Map<String, List<String>> reasons = new LinkedHashMap<>();
        forecasts.forEach((name, forecast) -> forecast.never.ifPresent(
                why -> reasons.computeIfAbsent(why, key -> new ArrayList<>()).add(name.strip())));
        StringBuilder text = new StringBuilder(table.toString());
        reasons.forEach((why, names) -> text.append(String.join("; ", names))
                .append(":\n  ")
                .append(why)
                .append('\n'));
        return text.toString();
    }

    private List<String> cells(String name, Set<String> budgets) {
        List<String> cells = new ArrayList<>(List.of(name, outcome()));
        if (limits.isEmpty()) {
            cells.addAll(List.of("-", "-", "-", "-", "-", "-"));
        } else {
            cells.addAll(List.of(
                    after(),
                    Integer.toString(batches),
                    Integer.toString(peak),
                    Integer.toString(fewestServing),
                    Integer.toString(launched),
                    Integer.toString(bad)));
        }
        budgets.forEach(budget -> cells.add(usages.stream()
                .filter(usage -> usage.name().equals(budget))
                .map(Usage::toString)
                .findFirst()
                .orElse("-")));
        return cells;
    }

    private String outcome() {
        return phase.map(RolloutPhase::name).orElse("rejected");
    }

    private String after() {
        return Waits.text(duration);
    }

    /** In one line. */
    @Override
    public String toString() {
        if (limits.isEmpty()) {
            return "rejected: " + never.orElse("");
        }
        return "%s after %s, batches %d, peak %d, fewest serving %d of %d, launched %d, bad %d%s"
                .formatted(
                        outcome(),
                        after(),
                        batches,
                        peak,
                        fewestServing,
                        servingBefore,
                        launched,
                        bad,
                        never.map(why -> ": " + why).orElse(""));
    }
}
