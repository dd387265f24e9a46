package io.github.rollstep.metrics;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * Meters of the rollouts of any number of fleets. Hand it to {@code RollingUpdate.Builder.listener}. Safe for use by several
 * threads.
 *
 * <table>
 * <caption>The meters; each has the tag {@code fleet}</caption>
 * <tr><th>name</th><th>further tags</th><th>what</th></tr>
 * <tr><td>{@code rollstep.actions}</td><td>{@code action}, {@code reason}</td><td>actions that the platform accepted</td></tr>
 * <tr><td>{@code rollstep.calls.failed}</td><td>{@code outcome} (retryable, permanent)</td><td>calls that failed</td></tr>
 * <tr><td>{@code rollstep.instances.failed}</td><td></td><td>instances counted as failed</td></tr>
 * <tr><td>{@code rollstep.rollouts}</td><td>{@code outcome} (a final phase)</td><td>rollouts that ended</td></tr>
 * <tr><td>{@code rollstep.instances}</td><td>{@code state} (existing, serving, updated, starting, outdated, draining,
 *     stopping, kept)</td><td>gauge, as of the last step</td></tr>
 * <tr><td>{@code rollstep.rollout.elapsed}</td><td></td><td>gauge, since the rollout began</td></tr>
 * </table>
 *
 * <p>They are registered when a fleet's rollout begins. The gauges are removed when it ends, or goes on in another controller; the counters stay, or what was
 * counted last would never be collected, and are removed by {@link #close}.
 */
public final class RolloutMetrics implements RolloutListener, AutoCloseable {

    private static final Map<String, ToDoubleFunction<FleetCounts>> STATES = Map.of(
            "existing", FleetCounts::existing,
            "serving", FleetCounts::serving,
            "updated", FleetCounts::updated,
            "starting", FleetCounts::starting,
            "outdated", FleetCounts::outdated,
            "draining", FleetCounts::draining,
            "stopping", FleetCounts::stopping,
            "kept", FleetCounts::kept);

    private final MeterRegistry registry;
    private final Map<FleetId, Progress> last = new ConcurrentHashMap<>();
    private final Map<FleetId, List<Meter>> gauges = new ConcurrentHashMap<>();
    private final Map<Meter.Id, Counter> counters = new ConcurrentHashMap<>();

    public RolloutMetrics(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public void phaseChanged(RolloutEvent.PhaseChanged event) {
        FleetId fleet = event.fleet();
        if (event.from().isEmpty()) {
            gauges.computeIfAbsent(fleet, this::register);
        }
        if (event.to().isFinal()) {
            rollouts(fleet, event.to()).increment();
        }
    }

    @Override
    public void progressed(Progress progress) {
        last.put(progress.fleet(), progress);
        if (progress.phase().isFinal()) {
            forget(progress.fleet());
        }
    }

    @Override
    public void left(RolloutEvent.Left event) {
        forget(event.fleet());
    }

    private void forget(FleetId fleet) {
        last.remove(fleet);
        Optional.ofNullable(gauges.remove(fleet)).ifPresent(meters -> meters.forEach(registry::remove));
    }

    @Override
    public void actionTaken(RolloutEvent.ActionTaken event) {
        actions(event.fleet(), event.action().kind(), event.action().reason().code())
                .increment();
    }

    @Override
    public void callFailed(RolloutEvent.CallFailed event) {
        calls(event.fleet(), event.error().isRetryable()).increment();
    }

    @Override
    public void instanceFailed(RolloutEvent.InstanceFailed event) {
        failures(event.fleet()).increment();
    }

    /** Removes all meters. What happens afterwards registers them anew. */
    @Override
    public void close() {
        Set.copyOf(gauges.keySet()).forEach(this::forget);
        counters.values().forEach(registry::remove);
        counters.clear();
    }

    private List<Meter> register(FleetId fleet) {
        List<Meter> meters = new ArrayList<>();
        STATES.forEach((state, count) -> meters.add(Gauge.builder(
                        "rollstep.instances", () -> now(fleet, progress -> count.applyAsDouble(progress.counts())))
                .tags("fleet", fleet.value(), "state", state)
                .description("Instances of the fleet as of the last step")
                .register(registry)));
        meters.add(TimeGauge.builder(
                        "rollstep.rollout.elapsed",
                        () -> now(fleet, progress -> seconds(progress.elapsed())),
                        TimeUnit.SECONDS)
                .tags("fleet", fleet.value())
                .description("Time since the rollout began")
                .register(registry));
        for (RolloutPhase phase : RolloutPhase.values()) {
            if (phase.isFinal()) {
                rollouts(fleet, phase);
            }
        }
        calls(fleet, true);
        calls(fleet, false);
        failures(fleet);
        return meters;
    }

    private double now(FleetId fleet, ToDoubleFunction<Progress> value) {
        Progress progress = last.get(fleet);
        return progress == null ? Double.NaN : value.applyAsDouble(progress);
    }

    private static double seconds(Duration duration) {
        return duration.toMillis() / 1000.0;
    }

    private Counter actions(FleetId fleet, String action, Reason.Code reason) {
        return counter(
                "rollstep.actions",
                "Actions that the platform accepted",
                Tags.of("fleet", fleet.value(), "action", action, "reason", lower(reason)));
    }

    private Counter calls(FleetId fleet, boolean retryable) {
        return counter(
                "rollstep.calls.failed",
                "Calls of adapters that failed",
                Tags.of("fleet", fleet.value(), "outcome", retryable ? "retryable" : "permanent"));
    }

    private Counter failures(FleetId fleet) {
        return counter("rollstep.instances.failed", "Instances counted as failed", Tags.of("fleet", fleet.value()));
    }

    private Counter rollouts(FleetId fleet, RolloutPhase outcome) {
        return counter(
                "rollstep.rollouts", "Rollouts that ended", Tags.of("fleet", fleet.value(), "outcome", lower(outcome)));
    }

    private Counter counter(String name, String description, Tags tags) {
        Counter counter =
                Counter.builder(name).description(description).tags(tags).register(registry);
        counters.put(counter.getId(), counter);
        return counter;
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
