package io.github.rollstep.plan;

import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.Clocks;
import io.github.rollstep.plan.RolloutState.FailureLedger;
import io.github.rollstep.plan.RolloutState.History;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Says whether instances have failed, whether the rollout has, and whether it has reached its goal. */
final class Judge {

    private static final int NAMED = 20;

    private final Pass pass;

    private Judge(Pass pass) {
        this.pass = pass;
    }

    static void judge(Pass pass) {
        if (pass.state.phase().isActive()) {
            new Judge(pass).judge();
        }
    }

    private void judge() {
        if (pass.snapshot.blind().isEmpty()) {
            pass.members.forEach(this::judge);
            if (isComplete()) {
                complete();
                return;
            }
            noteProgress();
        }
        failureOfRollout().ifPresent(this::fail);
    }

    /** Counts an instance of the goal revision that has failed; once, and never taken back. */
    private void judge(Member member) {
        if (!pass.isOfGoal(member) || member.isLeaving()) {
            return;
        }
        if (member.isDead()) {
            pass.countFailure(member, "%s exited: %s".formatted(member.name(), detail(member)));
        } else if (!member.served && pass.due(member.since.plus(pass.policy.startDeadline()))) {
            pass.countFailure(
                    member,
                    "%s is not serving %s after its launch: %s"
                            .formatted(member.name(), text(pass.policy.startDeadline()), Waits.why(pass, member)));
        } else if (member.served
                && member.sickSince
                        .filter(sick -> pass.due(sick.plus(pass.policy.unhealthyGrace())))
                        .isPresent()) {
            pass.countFailure(
                    member,
                    "%s was serving and is unhealthy for %s: %s"
                            .formatted(
                                    member.name(),
                                    text(pass.policy.unhealthyGrace()),
                                    member.health().detail()));
        }
    }

    private static String detail(Member member) {
        return member.seen == null || member.seen.instance().detail().isEmpty()
                ? "no detail"
                : member.seen.instance().detail();
    }

    /** The wanted number serving, nothing else of the fleet existing, no intent open: not "nothing to do now". */
    private boolean isComplete() {
        return pass.members.size() == pass.limits.desired()
                && pass.members.stream().allMatch(member -> pass.isOfGoal(member) && member.isServing());
    }

    private void complete() {
        String text = "%d of %d serve %s".formatted(pass.updated(), pass.limits.desired(), pass.goal());
        end(pass.state.back() ? RolloutPhase.ROLLED_BACK : RolloutPhase.SUCCEEDED, Reason.of(Code.COMPLETE, text));
        if (!pass.state.back()) {
            Set<String> failed = new TreeSet<>(pass.state.history().failed());
            failed.remove(pass.state.target().id());
            pass.edit(draft -> draft.history = new History(Optional.of(draft.from.target()), failed));
        }
    }

    /** Each instance of the goal that serves and each other one that is gone is a step: closer than ever is progress. */
    private void noteProgress() {
        int progress = pass.updated() - pass.count(member -> !pass.isOfGoal(member));
        OptionalInt best = pass.state.clocks().progress();
        if (best.isEmpty() || progress > best.getAsInt()) {
            Clocks clocks = pass.state.clocks();
            Instant at = pass.now.isAfter(clocks.progressAt()) ? pass.now : clocks.progressAt();
            pass.edit(draft -> draft.clocks =
                    new Clocks(clocks.startedAt(), clocks.directionSince(), at, OptionalInt.of(progress)));
        }
    }

    private Optional<Reason> failureOfRollout() {
        Optional<Reason> fault =
                pass.snapshot.fault().map(text -> Reason.of(Code.FAULT, "the platform refuses: " + text));
        return fault.or(this::budget).or(this::stall).or(this::total);
    }

    private Optional<Reason> budget() {
        FailureLedger ledger = pass.state.failures();
        int counted = ledger.count() - ledger.forgiven();
        if (pass.state.back() || counted <= pass.limits.maxFailedInstances()) {
            return Optional.empty();
        }
        String last = pass.failures.isEmpty()
                ? ""
                : ": " + pass.failures.get(pass.failures.size() - 1).reason().text();
        return Optional.of(Reason.of(
                Code.FAILURE_BUDGET,
                "%d failed, at most %d may%s".formatted(counted, pass.limits.maxFailedInstances(), last)));
    }

    private Optional<Reason> stall() {
        Duration deadline = pass.policy.stallDeadline();
        return pass.due(pass.state.clocks().progressAt().plus(deadline))
                ? Optional.of(Reason.of(Code.STALLED, "no progress for " + text(deadline)))
                : Optional.empty();
    }

    private Optional<Reason> total() {
        return pass.policy
                .totalDeadline()
                .filter(deadline ->
                        pass.due(pass.state.clocks().directionSince().plus(deadline)))
                .map(deadline -> Reason.of(Code.TOTAL_DEADLINE, "not finished after " + text(deadline)));
    }

    /**
     * Follows the failure policy. A roll-back is never rolled back; and where the goal is reached but for leftovers that do
     * not stop, going back would replace what serves well.
     */
    private void fail(Reason reason) {
        if (!pass.state.back()) {
            String target = pass.state.target().id();
            Set<String> failed = new TreeSet<>(pass.state.history().failed());
            failed.add(target);
            pass.edit(draft -> draft.history = new History(draft.history.verified(), failed));
        }
        boolean onlyLeftovers = pass.updated() >= pass.limits.desired()
                && (reason.code() == Code.STALLED || reason.code() == Code.TOTAL_DEADLINE);
        if (pass.state.back() || onlyLeftovers) {
            end(RolloutPhase.FAILED, reason);
            return;
        }
        switch (pass.policy.onFailure()) {
            case PAUSE -> pass.state = pass.state.pause(pass.now, reason);
            case STOP -> end(RolloutPhase.FAILED, reason);
            case ROLL_BACK -> {
                if (pass.state.canGoBack()) {
                    pass.state = pass.state.rollBack(pass.now, reason);
                } else {
                    end(
                            RolloutPhase.FAILED,
                            Reason.of(reason.code(), reason.text() + "; there is no revision to go back to"));
                }
            }
        }
    }

    private void end(RolloutPhase phase, Reason reason) {
        String text = phase == RolloutPhase.FAILED ? reason.text() + "; " + whoRunsWhat() : reason.text();
        pass.state = pass.state.become(phase, pass.now, Reason.of(reason.code(), text));
    }

    private String whoRunsWhat() {
        if (pass.snapshot.blind().isPresent()) {
            return "the fleet cannot be seen: " + pass.snapshot.blind().get();
        }
        String named = pass.members.stream()
                .sorted(Member.ORDER)
                .limit(NAMED)
                .map(member -> "%s runs %s (%s)".formatted(member.name(), member.revision, Waits.why(pass, member)))
                .collect(Collectors.joining(", "));
        int more = pass.members.size() - NAMED;
        return named.isEmpty() ? "no instance exists" : more > 0 ? named + " and %d more".formatted(more) : named;
    }

    private static String text(Duration duration) {
        return Waits.text(duration);
    }
}
