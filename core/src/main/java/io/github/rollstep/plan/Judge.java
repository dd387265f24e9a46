package io.github.rollstep.plan;

import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.BatchPosition;
import io.github.rollstep.plan.RolloutState.FailureLedger;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Says whether instances have failed, whether the rollout has, and whether it has reached its goal. */
final class Judge {

    private static final int NAMED = 20;

    private final Pass pass;

    Judge(Pass pass) {
        this.pass = pass;
    }

    /** Says which instances have failed, and follows the failure policy if that or a gate makes the rollout fail. */
    void judge() {
        if (pass.state.phase().isActive()) {
            pass.members.forEach(this::judge);
            fault().or(this::gate).or(this::budget).ifPresent(this::fail);
        }
    }

    /** As far as can be said of a fleet that is not seen. */
    void judgeBlindly() {
        if (pass.state.phase().isActive()) {
            fault().or(this::stall).or(this::total).ifPresent(this::fail);
        }
    }

    /**
     * Ends the rollout if all is in place, and else looks whether it takes too long.
     *
     * @param turned is run if it has turned back for that
     */
    void finish(Runnable turned) {
        if (!pass.state.phase().isActive()) {
            return;
        }
        boolean lastBatchIsDone = Batching.advance(pass);
        if (!pass.state.phase().isActive()) {
            return;
        }
        if (lastBatchIsDone && isInPlace()) {
            complete();
            return;
        }
        noteProgress();
        Optional<Reason> gate =
                pass.waits.stream().filter(wait -> wait.code() == Code.GATE).findFirst();
        Optional<Reason> stall = stall();
        if (stall.isPresent() && gate.isPresent()) {
            // Not to be able to tell is no verdict: nothing is taken back for it.
            String text = stall.get().text() + ": " + gate.get().text();
            pass.state = pass.state.pause(pass.now, Reason.of(Code.STALLED, text));
            return;
        }
        stall.or(this::total).ifPresent(reason -> {
            fail(reason);
            turned.run();
        });
    }

    /** Says whether an instance of the goal revision has failed; once, and never taken back. */
    private void judge(Member member) {
        if (!pass.isOfGoal(member) || member.isLeaving()) {
            return;
        }
        int restarts = member.seen == null ? 0 : member.seen.instance().restarts();
        if (member.isDead()) {
            pass.countFailure(member, "%s exited: %s".formatted(member.name(), detail(member)));
        } else if (member.served && pass.isOurs(member) && restarts > member.restarts) {
            pass.countFailure(
                    member,
                    "%s was serving and has been started again by the platform: %s"
                            .formatted(member.name(), detail(member)));
        } else if (!member.served && pass.isOurs(member) && restarts > pass.policy.maxRestarts()) {
            pass.countFailure(
                    member,
                    "%s crashes in turns, started again %d times, at most %d may: %s"
                            .formatted(member.name(), restarts, pass.policy.maxRestarts(), detail(member)));
        } else if (!member.served && pass.due(member.since.plus(pass.policy.startDeadline()))) {
            pass.countFailure(
                    member,
                    "%s is not serving %s after its launch: %s"
                            .formatted(member.name(), text(pass.policy.startDeadline()), Waits.why(pass, member)));
        } else if (member.served && isIllForGood(pass, member)) {
            pass.countFailure(
                    member,
                    "%s was serving and is unhealthy for %s: %s"
                            .formatted(
                                    member.name(),
                                    text(pass.policy.unhealthyGrace()),
                                    member.health().detail()));
        }
    }

    /** Unhealthy without a break for longer than is forgiven. */
    static boolean isIllForGood(Pass pass, Member member) {
        return member.sickSince
                .filter(sick -> pass.due(sick.plus(pass.policy.unhealthyGrace())))
                .isPresent();
    }

    private static String detail(Member member) {
        return member.seen == null || member.seen.instance().detail().isEmpty()
                ? "no detail"
                : member.seen.instance().detail();
    }

    /** The wanted number serving, nothing else of the fleet existing, no intent open: not "nothing to do now". */
    private boolean isInPlace() {
        return pass.count(pass::stays) >= pass.limits.desired()
                && pass.members.stream()
                        .allMatch(member -> pass.stays(member) ? member.isServing() : isLeftOut(member));
    }

    /** Failed, kept, and out of traffic. */
    private static boolean isLeftOut(Member member) {
        return member.failed
                && member.isKept()
                && (member.isDead() || !member.routing().takesRequests());
    }

    private void complete() {
        int kept = pass.partition.size();
        int more = pass.count(pass::stays) - pass.limits.desired();
        int failed = pass.count(Member::isKept);
        String text = "%d of %d serve %s%s%s%s"
                .formatted(
                        pass.updated(),
                        pass.limits.desired(),
                        pass.goal(),
                        kept == 0 ? "" : ", a partial rollout: %d stay as they were, on purpose".formatted(kept),
                        more == 0 ? "" : ", %d of them started by somebody else and left alone".formatted(more),
                        failed == 0 ? "" : ", %d that failed kept".formatted(failed));
        end(pass.state.back() ? RolloutPhase.ROLLED_BACK : RolloutPhase.SUCCEEDED, Reason.of(Code.COMPLETE, text));
        if (!pass.state.back()) {
            pass.edit(draft -> draft.history = draft.history.afterSuccess(pass.state.target(), kept == 0));
        }
    }

    /** Each instance of the goal that serves and each other one that is gone is a step: closer than ever is progress. */
    private void noteProgress() {
        int progress = pass.updated() - pass.count(member -> !pass.isOfGoal(member));
        OptionalInt best = pass.state.clocks().progress();
        if (best.isEmpty() || progress > best.getAsInt()) {
            pass.noteProgress(OptionalInt.of(progress));
        }
    }

    private Optional<Reason> fault() {
        return pass.snapshot.fault().map(text -> Reason.of(Code.FAULT, "the platform refuses: " + text));
    }

    private Optional<Reason> gate() {
        return pass.state.back() || pass.snapshot.gates().isEmpty()
                ? Optional.empty()
                : new TreeMap<>(pass.snapshot.gates())
                        .entrySet().stream()
                                .filter(gate -> gate.getValue().fails()
                                        && !pass.state.failingBefore().contains(gate.getKey()))
                                .findFirst()
                                .map(gate -> Reason.of(
                                        Code.GATE,
                                        "gate %s failed: %s"
                                                .formatted(
                                                        gate.getKey(),
                                                        gate.getValue().reason())));
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

    /** What is retained for a roll-back is waited for on purpose, once all is replaced. */
    private Optional<Reason> stall() {
        Duration deadline = pass.policy.stallDeadline();
        BatchPosition batch = pass.state.batch();
        boolean replaced = batch.wholeSince().isPresent() && batch.goal() >= pass.limits.desired() - pass.limits.kept();
        Instant progress = pass.state.clocks().progressAt();
        for (Member member : replaced ? pass.those(kept -> kept.isKept() && !kept.failed) : List.<Member>of()) {
            Instant over = member.intentSince.plus(pass.policy.retainOld());
            progress = over.isAfter(progress) ? over : progress;
        }
        return pass.due(progress.plus(deadline))
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
            pass.edit(draft -> draft.history = draft.history.afterFailure(pass.state.target()));
        }
        boolean onlyLeftovers = pass.updated() >= pass.goalCount()
                && (reason.code() == Code.STALLED || reason.code() == Code.TOTAL_DEADLINE);
        if (pass.state.back() || onlyLeftovers) {
            end(RolloutPhase.FAILED, reason);
            return;
        }
        switch (pass.policy.onFailure()) {
            case PAUSE -> pass.state = pass.state.pause(pass.now, reason);
            case STOP -> end(RolloutPhase.FAILED, reason);
            case ROLL_BACK -> {
                if (pass.policy.isForwardOnly(pass.state.batchesDone())) {
                    pass.state = pass.state.pause(
                            pass.now, Reason.of(reason.code(), reason.text() + "; there is no way back (forwardOnly)"));
                } else if (pass.state.canGoBack()) {
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
