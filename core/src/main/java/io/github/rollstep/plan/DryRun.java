package io.github.rollstep.plan;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.Forecast.Release;
import io.github.rollstep.plan.Forecast.Usage;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One rollout by {@link RollingPlanner} on a virtual clock: observe, plan, act, jump to the next time at which anything is
 * due. It ends with the rollout, or when nothing can change any more.
 */
final class DryRun {

    private static final int MOST_STEPS = 200_000;
    private static final int NAMED = 4;
    private static final Duration FOREVER = Duration.ofDays(366);

    /** On a platform with stale lists the planner wants to see several of them; so often it is shown one. */
    private static final Duration POLL = Duration.ofSeconds(1);

    private static final Set<Code> FAILURES =
            Set.of(Code.FAILURE_BUDGET, Code.STALLED, Code.TOTAL_DEADLINE, Code.FAULT, Code.GATE);

    private final FleetSnapshot begin;
    private final RolloutState beginning;
    private final RolloutPolicy policy;
    private final Timings timings;
    private final Release release;

    private final VirtualPlatform platform;
    private final int servingBefore;
    private Instant now;
    private RolloutState state;
    private boolean hasActed;
    private int batches;
    private int holds;
    private int fewestServing = Integer.MAX_VALUE;
    private Optional<Duration> turnedAfter = Optional.empty();
    private Optional<String> never = Optional.empty();
    private List<Reason> waits = List.of();

    DryRun(FleetSnapshot begin, RolloutState beginning, RolloutPolicy policy, Timings timings, Release release) {
        this.begin = begin;
        this.beginning = beginning;
        this.policy = policy;
        this.timings = timings;
        this.release = release;
        platform = new VirtualPlatform(begin, beginning, timings, release);
        servingBefore = platform.answering();
        now = begin.now();
        state = beginning;
    }

    /** From a fleet of {@code desired} that serve the revision before. */
    static DryRun of(RolloutPolicy policy, int desired, Timings timings, Release release) {
        RolloutState state = RolloutState.begin(
                FleetId.of("forecast"),
                RolloutId.of("new"),
                Revision.of("new"),
                Limits.resolve(policy, desired),
                Instant.EPOCH,
                Optional.empty());
        List<Observed> fleet = new ArrayList<>(desired);
        for (int i = 1; i <= desired; i++) {
            Instance instance = Instance.builder(InstanceId.of("old-" + i), Revision.of("old"), Instance.State.RUNNING)
                    .build();
            fleet.add(new Observed(instance, Health.healthy(), Routing.in()));
        }
        Platform platform = new Platform(true, false, Duration.ZERO, Duration.ofSeconds(30));
        return new DryRun(FleetSnapshot.of(Instant.EPOCH, platform, fleet), state, policy, timings, release);
    }

    Forecast run() {
        return run(FOREVER.multipliedBy(10)).orElseThrow();
    }

    /** Empty if it takes longer than this. */
    Optional<Forecast> run(Duration atMost) {
        if (begin.blind().isPresent()) {
            return Optional.of(end("the fleet cannot be seen: " + begin.blind().get()));
        }
        Instant last = now.plus(atMost);
        if (state.phase().isHeld()) {
            resume();
        }
        for (int step = 0; step < MOST_STEPS; step++) {
            RolloutState before = state;
            Plan plan = RollingPlanner.plan(platform.snapshot(), state, policy);
            state = plan.next();
            note(before, plan);
            if (state.phase().isFinal()) {
                return Optional.of(end());
            }
            if (state.phase().isHeld()) {
                if (FAILURES.contains(state.phaseReason().code())) {
                    return Optional.of(end());
                }
                resume();
                continue;
            }
            plan.actions().forEach(platform::perform);
            if (!plan.actions().isEmpty()) {
                continue;
            }
            Optional<Instant> next = next(before, plan);
            if (next.isEmpty()) {
                return Optional.of(end("nothing can change any more: " + text(plan.waits())));
            }
            if (next.get().isAfter(last)) {
                return Optional.empty();
            }
            now = next.get();
            platform.settle(now);
        }
        return Optional.of(end("not finished after %,d steps: %s".formatted(MOST_STEPS, text(waits))));
    }

    /** Somebody approves, or lets it go on, at once. */
    private void resume() {
        state = state.phase() == RolloutPhase.AWAITING_APPROVAL
                ? state.approve(now, Reason.of(Code.BY_HAND, "approved"))
                : state.resume(now);
        holds++;
    }

    private void note(RolloutState before, Plan plan) {
        fewestServing = Math.min(fewestServing, plan.counts().serving());
        hasActed |= !plan.actions().isEmpty();
        if (!state.back() && (hasActed || state.launches() > 0)) {
            batches = Math.max(batches, state.batch().index() + 1);
        }
        boolean failed = FAILURES.contains(state.phaseReason().code());
        if (never.isEmpty() && failed && !before.phase().equals(state.phase())) {
            turnedAfter = Optional.of(Duration.between(begin.now(), now));
            never = Optional.of(whyNever());
        }
        waits = plan.waits();
    }

    private Optional<Instant> next(RolloutState before, Plan plan) {
        boolean changed = !state.equals(before);
        boolean missing =
                state.instances().stream().anyMatch(record -> record.absentAt().isPresent());
        Optional<Instant> poll = missing && changed ? Optional.of(now.plus(POLL)) : Optional.empty();
        return Stream.of(plan.wakeAt(), platform.nextChangeAt(), poll)
                .flatMap(Optional::stream)
                .filter(time -> time.isAfter(now) || changed)
                .min(Instant::compareTo);
    }

    // ---- why it never reaches its target

    private String whyNever() {
        Reason reason = state.phaseReason();
        // Who runs what, which follows in an end as FAILED, is of no use here.
        String text = reason.text().split("; ", 2)[0];
        return switch (reason.code()) {
            case FAILURE_BUDGET -> startRule().map(rule -> rule + ": " + text).orElse(text);
            case STALLED -> text + ": " + text(waits);
            case TOTAL_DEADLINE -> totalRule().map(rule -> rule + ": " + text).orElse(text + ": " + text(waits));
            default -> text;
        };
    }

    private Optional<String> startRule() {
        Duration soak = Pass.longer(policy.minReady(), begin.platform().staleness());
        Duration needed = timings.startAtMost().plus(timings.admit()).plus(soak);
        return release == Release.HEALTHY && needed.compareTo(policy.startDeadline()) > 0
                ? Optional.of("startDeadline must be >= start %s + admit %s + minReady %s = %s, was %s"
                        .formatted(
                                Waits.text(timings.startAtMost()),
                                Waits.text(timings.admit()),
                                Waits.text(soak),
                                Waits.text(needed),
                                Waits.text(policy.startDeadline())))
                : Optional.empty();
    }

    /** How long it would take without the deadline: forecast once more. */
    private Optional<String> totalRule() {
        RolloutPolicy patient = policy.toBuilder().totalDeadline(FOREVER).build();
        Forecast forecast = new DryRun(begin, beginning, patient, timings, release).run();
        return forecast.succeeds()
                ? Optional.of("totalDeadline must be >= %s, was %s"
                        .formatted(
                                Waits.text(forecast.duration()),
                                Waits.text(policy.totalDeadline().orElseThrow())))
                : Optional.empty();
    }

    private static String text(List<Reason> reasons) {
        return String.join("; ", reasons.stream().limit(NAMED).map(Reason::text).toList());
    }

    // ---- the end

    private Forecast end(String whyNever) {
        never = never.or(() -> Optional.of(whyNever));
        return end();
    }

    private Forecast end() {
        if (state.phase() != RolloutPhase.SUCCEEDED) {
            never = never.or(() -> Optional.of(state.phaseReason().text()));
        }
        List<Usage> usages = policy.budgets().stream()
                .map(budget -> new Usage(
                        budget.name(),
                        (long) platform.peak() * budget.perInstance(),
                        budget.slots(),
                        budget.reserved()))
                .toList();
        return new Forecast(
                state.limits().desired(),
                Optional.of(state.limits()),
                Optional.of(state.phase()),
                Duration.between(begin.now(), now),
                turnedAfter,
                batches,
                holds,
                platform.peak(),
                usages,
                servingBefore,
                fewestServing == Integer.MAX_VALUE ? servingBefore : fewestServing,
                platform.launched(),
                platform.bad(),
                never);
    }
}
