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

    /**
     * Goes on with what is leaving: from drained to terminated, and once more what had no effect. What was asked to leave and
     * answers requests nevertheless is not asked again while it is needed; it stays once nothing that was sent can take effect.
     */
    void goOn() {
        int floor = pass.limits.floor();
        for (Member member : pass.those(one -> one.seen != null && one.isLeaving(), Member.ORDER)) {
            if (member.mayAnswer(pass.platform.routed()) && pass.serving() < floor) {
                if (member.isHealthy() && pass.isSettled(member)) {
                    member.intend(Intent.NONE, pass.now);
                    continue;
                }
                pass.wait(
                        Code.AVAILABILITY,
                        pass.serving() + " serving, " + floor + " must: " + member.name() + " is not asked again");
            } else if (member.intent == Intent.DRAIN) {
                goOnDraining(member);
            } else if (member.isKept()) {
                goOnKeeping(member);
            } else if (member.intent == Intent.TERMINATE && isUnheard(member)) {
                terminate(member, Reason.of(Code.NO_EFFECT, member.name() + " was terminated and is still there"));
            }
        }
    }

    /** A platform that shows no sign of stopping it is asked again soon; one that takes too long, after each stop deadline. */
    private boolean isUnheard(Member member) {
        return member.isRunning() || member.isDead()
                ? pass.maySend(member)
                : pass.due(member.sentAt.orElse(member.intentSince).plus(pass.policy.stopDeadline()));
    }

    /**
     * The deadline is for open requests: it is counted from when the router is seen to send no new ones to what lives, as a drain may
     * take effect long after it was asked for; and it ends no wait for an admit that may yet send new ones.
     */
    private void goOnDraining(Member member) {
        boolean fed = member.routing().takesRequests() && !member.isDead();
        if (!fed && !member.routing().isQuiet() && member.sentAt.isPresent()) {
            member.intend(Intent.DRAIN, pass.now);
        }
        boolean inDoubt = pass.isAdmitInDoubt(member);
        if (member.routing().isQuiet() && !inDoubt) {
            finish(member, Reason.of(Code.DRAINED, member.name() + " has no open request"));
        } else if (!fed && !inDoubt && pass.due(member.intentSince.plus(pass.policy.drainDeadline()))) {
            finish(
                    member,
                    Reason.of(
                            Code.DRAIN_DEADLINE,
                            "%s still has %d open requests after %s"
                                    .formatted(
                                            member.name(),
                                            member.routing().openRequests(),
                                            Waits.text(pass.policy.drainDeadline()))));
        } else if ((member.routing().takesRequests() || inDoubt) && pass.maySend(member)) {
            drain(member, Reason.of(Code.NO_EFFECT, member.name() + " was drained and still takes requests"));
        }
    }

    /** What is kept stays out of traffic; a replaced one goes when its time is over, or a roll-back has no use for it. */
    private void goOnKeeping(Member member) {
        if (member.routing().takesRequests() && !member.isDead()) {
            member.intend(Intent.DRAIN, pass.now);
            drain(member, Reason.of(Code.NO_EFFECT, member.name() + " was drained and takes requests again"));
        } else if (!member.failed && (member.isDead() || member.health().isUnhealthy())) {
            release(member, Reason.of(Code.NOT_SERVING, member.name() + " was kept and " + Waits.ails(pass, member)));
        } else if (!member.failed
                && (pass.state.back() || pass.due(member.intentSince.plus(pass.policy.retainOld())))) {
            release(member, Reason.of(Code.RETENTION_OVER, member.name() + " was kept long enough"));
        }
    }

    /** While it was kept nothing else may have come closer: from now on that it is gone is waited for. */
    private void release(Member member, Reason reason) {
        stop(member, reason);
        pass.noteProgress(pass.state.clocks().progress());
    }

    /** Has kept ones go whose room is needed: the failed first, then those that were kept longest. */
    void makeRoom(int needed) {
        if (needed <= 0) {
            return;
        }
        pass.seen()
                .filter(Member::isKept)
                .sorted(Comparator.comparing((Member member) -> !member.failed)
                        .thenComparing(member -> member.intentSince)
                        .thenComparing(Member.ORDER))
                .limit(Math.max(0, needed - pass.count(Member::isStopping)))
                .forEach(member ->
                        stop(member, Reason.of(Code.ROOM_NEEDED, "the room of %s is needed".formatted(member.name()))));
    }

    /** Chooses who leaves now, within every limit. */
    void choose(Zones zones) {
        List<Member> candidates = Order.sorted(
                pass, pass.those(member -> member.seen != null && !pass.stays(member) && !member.isLeaving()));
        for (Member member : candidates) {
            if (!member.isDead()) {
                pass.departing.add(member.id.orElseThrow());
            }
        }
        int slots = pass.batchSize()
                - pass.count(member -> member.isLeaving() && !member.isKept() && !pass.isStuck(member));
        int floor = pass.limits.floor();
        int available = pass.serving();
        int staying = pass.count(member -> !member.isLeaving() && !member.isDead());
        int outdated = pass.count(member -> isToGo(member) && !member.isLeaving());
        int left = pass.goalCount() - pass.batchGoal();
        for (Member member : candidates) {
            boolean useless = member.isUseless(pass.platform.routed()) || isShutOut(member);
            int availableAfter = available - (member.isServing() ? 1 : 0);
            boolean free = member.isDead() || (useless && staying - 1 >= floor);
            if (!free && availableAfter < floor) {
                pass.wait(Code.AVAILABILITY, available + " serving, " + floor + " must: " + member.name() + " stays");
                return;
            }
            if (slots <= 0 && !member.isDead()) {
                pass.wait(Code.BATCH, "batch of " + pass.batchSize() + " is leaving: " + member.name() + " stays");
                return;
            }
            boolean nextBatch = !useless && isToGo(member) && outdated - 1 < left;
            Optional<Reason> obstacle = refusal(member).or(() -> useless ? Optional.empty() : zones.forbids(member));
            if (nextBatch) {
                waitForNextBatch(member);
            } else {
                obstacle.ifPresent(this::waitOnce);
            }
            if (nextBatch || obstacle.isPresent()) {
                if (pass.policy.ordered() && obstacle.isPresent()) {
                    return;
                }
                continue;
            }
            staying -= member.isDead() ? 0 : 1;
            outdated -= isToGo(member) ? 1 : 0;
            available = availableAfter;
            slots--;
            leave(member, why(member, useless));
            zones.changed();
        }
    }

    /** Healthy, out of the router, and not to be let in again. */
    private boolean isShutOut(Member member) {
        return pass.platform.routed() && !member.routing().takesRequests() && !pass.isGood(member);
    }

    private boolean isToGo(Member member) {
        return pass.isOutdated(member) && !pass.partition.contains(member);
    }

    private Optional<Reason> refusal(Member member) {
        return member.isDead()
                ? Optional.empty()
                : member.id
                        .map(pass.snapshot.refusals()::get)
                        .map(text -> Reason.of(Code.VETO, "%s may not stop now: %s".formatted(member.name(), text)));
    }

    /** A thousand may be held up by the same. */
    private void waitOnce(Reason reason) {
        if (pass.waits.stream().noneMatch(wait -> wait.code() == reason.code())) {
            pass.waits.add(reason);
        }
    }

    private void waitForNextBatch(Member member) {
        int batch = pass.state.batch().index() + 1;
        int goal = pass.state.batch().goal();
        if (pass.waits.stream().noneMatch(wait -> wait.code() == Code.BATCH)) {
            pass.wait(
                    Code.BATCH,
                    "batch " + batch + " ends with " + goal + " of " + pass.goal() + ": " + member.name() + " stays");
        }
    }

    private Reason why(Member member, boolean useless) {
        if (member.failed && !member.early) {
            return Reason.of(Code.INSTANCE_FAILED, member.name() + " has failed");
        }
        if (useless || member.failed) {
            return Reason.of(
                    Code.NOT_SERVING, member.name() + " runs " + member.revision + " and " + Waits.why(pass, member));
        }
        return pass.isOutdated(member)
                ? Reason.of(Code.OUTDATED, member.name() + " runs " + member.revision + ", the goal is " + pass.goal())
                : Reason.of(
                        Code.SURPLUS, "%s is more than the desired %d".formatted(member.name(), pass.limits.desired()));
    }

    private void leave(Member member, Reason reason) {
        boolean quiet = member.routing().isQuiet() && !pass.isAdmitInDoubt(member);
        if (pass.drainsFirst() && !quiet) {
            member.intend(Intent.DRAIN, pass.now);
            drain(member, reason);
        } else {
            finish(member, reason);
        }
    }

    /** It is out of traffic: it stops, unless it is to be kept. */
    private void finish(Member member, Reason reason) {
        if (member.intent == Intent.DRAIN) {
            pass.took(member.intentSince, (seen, time) -> seen.drain(Pass.longer(seen.drain(), time)));
        }
        if (isToBeKept(member)) {
            member.intend(Intent.KEEP, pass.now);
            pass.lookAgain();
        } else {
            stop(member, reason);
        }
    }

    /** What failed in an earlier rollout has been kept long enough. */
    private boolean isToBeKept(Member member) {
        if (member.failed) {
            return !member.early
                    && (member.isDead() || pass.drainsFirst())
                    && pass.count(other -> other.failed && other.isKept()) < pass.policy.keepFailed();
        }
        return !pass.state.back()
                && pass.drainsFirst()
                && !pass.policy.retainOld().isZero()
                && member.isHealthy()
                && pass.state.baseline().filter(member.revision::equals).isPresent();
    }

    private void drain(Member member, Reason reason) {
        member.sentAt = Optional.of(pass.now);
        member.drainSentAt = Optional.of(pass.now);
        member.drains++;
        pass.lookAgain();
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
