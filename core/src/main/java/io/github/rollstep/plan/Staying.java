package io.github.rollstep.plan;

import io.github.rollstep.plan.InstanceRecord.Intent;
import java.util.Comparator;
import java.util.List;

/** Says which instances shall stay, and has those back that are wanted again. */
final class Staying {

    private final Pass pass;

    private Staying(Pass pass) {
        this.pass = pass;
    }

    /** Says it anew: which of the goal are more than there shall be, and which others are kept. */
    static void arrange(Pass pass) {
        Staying staying = new Staying(pass);
        pass.partition.clear();
        pass.surplus.clear();
        staying.findPartition();
        if (pass.state.phase().isActive()) {
            staying.takeBack();
        }
        staying.findSurplus();
    }

    /** Marks what is kept on what it runs, on purpose: those that would leave last. */
    private void findPartition() {
        int kept = pass.state.back() ? 0 : pass.limits.kept();
        if (kept > 0) {
            List<Member> candidates = pass.those(member -> pass.isOutdated(member)
                    && !member.isLeaving()
                    && !member.isOpenLaunch()
                    && !member.isDead()
                    && !Judge.isIllForGood(pass, member));
            List<Member> sorted = Order.sortedForPartition(pass, candidates);
            pass.partition.addAll(sorted.subList(Math.max(0, sorted.size() - kept), sorted.size()));
        }
    }

    /**
     * Marks what exceeds the desired count of the goal revision: what does not serve first, a launch that is still open among it, then
     * the newest. What somebody else started is left alone.
     */
    private void findSurplus() {
        List<Member> staying =
                pass.those(member -> pass.isOfGoal(member) && !member.isLeaving() && !isSomebodyElses(member));
        if (staying.size() <= pass.goalCount()) {
            return;
        }
        staying.stream()
                .sorted(Comparator.comparing(
                                (Member member) -> pass.wantsOriginals() && member.early && member.isHealthy())
                        .thenComparing(Member::isServing)
                        .thenComparing(Member::age, Comparator.reverseOrder())
                        .thenComparing(Member.ORDER))
                .limit(staying.size() - pass.goalCount())
                .forEach(pass.surplus::add);
    }

    /** Appeared after the rollout began, without a token, on a platform that does keep tokens. */
    private boolean isSomebodyElses(Member member) {
        return !member.early
                && member.token.isEmpty()
                && pass.seen()
                        .noneMatch(other -> pass.isOurs(other)
                                && other.seen != null
                                && other.seen.instance().token().isEmpty());
    }

    /**
     * Has instances back that are wanted again and still drain, or were kept: cheaper, faster and surer than a launch. A restart that is
     * rolled back has the originals back, although what replaced them runs the same revision.
     */
    private void takeBack() {
        boolean originals = pass.wantsOriginals();
        int missing = pass.goalCount()
                - pass.count(member -> pass.isOfGoal(member) && !member.isLeaving() && (!originals || member.early));
        if (missing <= 0) {
            return;
        }
        pass.seen()
                .filter(member -> pass.isOfGoal(member)
                        && (!originals || member.early)
                        && (member.intent == Intent.DRAIN || member.isKept())
                        && member.isHealthy())
                .sorted(Comparator.comparing(Member::age).thenComparing(Member.ORDER))
                .limit(missing)
                .forEach(member -> member.intend(Intent.NONE, pass.now));
    }
}
