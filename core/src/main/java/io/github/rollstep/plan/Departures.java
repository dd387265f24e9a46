package io.github.rollstep.plan;

import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Takes out of traffic and stops what is not wanted.
 *
 * <p>What is serving leaves only while enough others serve. What is not serving costs nothing, whatever the budget, so that
 * a fix gets through: the dead at once; the ill one for one as successors are launched, because an illness that befalls all
 * (a database is down) may pass, and then they serve again.
 */
final class Departures {

    private final Pass pass;

    Departures(Pass pass) {
        this.pass = pass;
    }

    /** Marks what exceeds the desired count of the goal revision: what does not serve first, then the newest. */
    void findSurplus() {
        List<Member> staying = pass.members.stream()
                .filter(member -> pass.isOfGoal(member) && !member.isLeaving())
                .toList();
        staying.stream()
                .filter(member -> member.seen != null)
                .sorted(Comparator.comparing(Member::isServing)
                        .thenComparing(Member::age, Comparator.reverseOrder())
                        .thenComparing(Member.ORDER))
                .limit(Math.max(0, staying.size() - pass.limits.desired()))
                .forEach(pass.surplus::add);
    }

    /**
     * Goes on with what is leaving: from drained to terminated, and once more what had no effect. What was asked to leave and
     * answers requests nevertheless is not asked again while it is needed.
     */
    void goOn() {
        int floor = pass.limits.floor();
        pass.seen().filter(Member::isLeaving).sorted(Member.ORDER).forEach(member -> {
            if (member.answers(pass.platform.routed()) && pass.serving() < floor) {
                pass.wait(
                        Code.AVAILABILITY,
                        "%d serving, %d must: %s is not asked again".formatted(pass.serving(), floor, member.name()));
            } else if (member.intent == Intent.DRAIN) {
                goOnDraining(member);
            } else if (member.intent == Intent.TERMINATE && isUnheard(member)) {
                terminate(member, Reason.of(Code.NO_EFFECT, member.name() + " was terminated and is still there"));
            }
        });
    }

    /** A platform that shows no sign of stopping it is asked again soon; one that takes too long, after each stop deadline. */
    private boolean isUnheard(Member member) {
        return member.isRunning() || member.isDead()
                ? pass.maySend(member)
                : pass.due(member.sentAt.orElse(member.intentSince).plus(pass.policy.stopDeadline()));
    }

    /** The deadline is for open requests: it is counted anew while the router sends new ones to what lives. */
    private void goOnDraining(Member member) {
        boolean fed = member.routing().takesRequests() && !member.isDead();
        boolean inDoubt = pass.isAdmitInDoubt(member);
        if (member.routing().isQuiet() && !inDoubt) {
            stop(member, Reason.of(Code.DRAINED, member.name() + " has no open request"));
        } else if (!fed && pass.due(member.intentSince.plus(pass.policy.drainDeadline()))) {
            stop(
                    member,
                    Reason.of(
                            Code.DRAIN_DEADLINE,
                            "%s still has %d open requests after %s"
                                    .formatted(
                                            member.name(),
                                            member.routing().openRequests(),
                                            Waits.text(pass.policy.drainDeadline()))));
        } else if ((member.routing().takesRequests() || inDoubt) && pass.maySend(member)) {
            member.intentSince = fed ? pass.now : member.intentSince;
            drain(member, Reason.of(Code.NO_EFFECT, member.name() + " was drained and still takes requests"));
        }
    }

    /** Chooses who leaves now, within every limit. */
    void choose() {
        List<Member> candidates = pass.seen()
                .filter(member -> !pass.isWanted(member) && !member.isLeaving())
                .sorted(order())
                .toList();
        int slots = pass.batchSize() - pass.count(member -> member.isLeaving() && !pass.isStuck(member));
        int floor = pass.limits.floor();
        int available = pass.serving();
        int staying = pass.count(member -> !member.isLeaving() && !member.isDead());
        int outdated = pass.count(member -> pass.isOutdated(member) && !member.isLeaving());
        int kept = pass.limits.desired() - pass.state.batch().goal();
        for (Member member : candidates) {
            boolean useless = member.isUseless(pass.platform.routed());
            int availableAfter = available - (member.isServing() ? 1 : 0);
            boolean free = member.isDead() || (useless && staying - 1 >= floor);
            if (!free && availableAfter < floor) {
                pass.wait(
                        Code.AVAILABILITY, "%d serving, %d must: %s stays".formatted(available, floor, member.name()));
                return;
            }
            if (slots <= 0 && !member.isDead()) {
                pass.wait(Code.BATCH, "batch of %d is leaving: %s stays".formatted(pass.batchSize(), member.name()));
                return;
            }
            if (!useless && pass.isOutdated(member) && outdated - 1 < kept) {
                waitForNextBatch(member);
                continue;
            }
            staying -= member.isDead() ? 0 : 1;
            outdated -= pass.isOutdated(member) ? 1 : 0;
            available = availableAfter;
            slots--;
            leave(member, why(member, useless));
        }
    }

    private void waitForNextBatch(Member member) {
        int batch = pass.state.batch().index() + 1;
        int goal = pass.state.batch().goal();
        if (pass.waits.stream().noneMatch(wait -> wait.code() == Code.BATCH)) {
            pass.wait(
                    Code.BATCH,
                    "batch %d ends with %d of %s: %s stays".formatted(batch, goal, pass.goal(), member.name()));
        }
    }

    private Reason why(Member member, boolean useless) {
        if (member.failed) {
            return Reason.of(Code.INSTANCE_FAILED, member.name() + " has failed");
        }
        if (useless) {
            return Reason.of(
                    Code.NOT_SERVING,
                    "%s runs %s and %s".formatted(member.name(), member.revision, Waits.why(pass, member)));
        }
        return pass.isOutdated(member)
                ? Reason.of(
                        Code.OUTDATED,
                        "%s runs %s, the goal is %s".formatted(member.name(), member.revision, pass.goal()))
                : Reason.of(
                        Code.SURPLUS, "%s is more than the desired %d".formatted(member.name(), pass.limits.desired()));
    }

    /**
     * What costs nothing first. Then, forward, what an earlier rollout left half-rolled before what is known to be good, and
     * the oldest first; back, the newest first. Nothing depends on the order of the list.
     */
    private Comparator<Member> order() {
        Comparator<Member> age = Comparator.comparing(Member::age);
        return Comparator.comparing((Member member) -> !member.isDead())
                .thenComparing(member -> !member.isUseless(pass.platform.routed()))
                .thenComparing(Member::isServing)
                .thenComparing(member ->
                        pass.state.baseline().filter(member.revision::equals).isPresent())
                .thenComparing(pass.state.back() ? age.reversed() : age)
                .thenComparing(Member.ORDER);
    }

    private void leave(Member member, Reason reason) {
        boolean quiet = member.routing().isQuiet() && !pass.isAdmitInDoubt(member);
        if (pass.drainsFirst() && !quiet) {
            member.intend(Intent.DRAIN, pass.now);
            drain(member, reason);
        } else {
            stop(member, reason);
        }
    }

    private void drain(Member member, Reason reason) {
        member.sentAt = Optional.of(pass.now);
        pass.actions.add(new Action.Drain(member.id.orElseThrow(), reason));
    }

    private void stop(Member member, Reason reason) {
        member.intend(Intent.TERMINATE, pass.now);
        terminate(member, reason);
    }

    private void terminate(Member member, Reason reason) {
        member.sentAt = Optional.of(pass.now);
        pass.actions.add(new Action.Terminate(member.id.orElseThrow(), reason));
    }
}
