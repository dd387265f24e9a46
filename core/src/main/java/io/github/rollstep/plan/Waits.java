package io.github.rollstep.plan;

import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Says of each instance that is not where it shall be what it is waited for; many of a kind in one reason. */
final class Waits {

    private static final int NAMED = 3;

    private Waits() {}

    static void explain(Pass pass) {
        Map<Code, List<Member>> kinds = new EnumMap<>(Code.class);
        pass.those(
                        member -> member.isLeaving() || (pass.stays(member) && !member.isServing()) || !isSeen(member),
                        Member.ORDER)
                .forEach(member -> kinds.computeIfAbsent(code(pass, member), code -> new ArrayList<>())
                        .add(member));
        // What an instance does is the cause, a limit that is reached the consequence; a hold comes before both.
        int first = pass.state.phase().isHeld() ? pass.waits.size() : 0;
        List<Reason> causes = new ArrayList<>();
        kinds.forEach((code, members) -> causes.add(Reason.of(code, describe(pass, members))));
        pass.waits.addAll(first, causes);
    }

    private static String describe(Pass pass, List<Member> members) {
        Member one = members.get(0);
        if (members.size() == 1) {
            return one.name() + " " + why(pass, one);
        }
        String names = String.join(
                ", ", members.stream().limit(NAMED).map(Member::name).toList());
        String more = members.size() > NAMED ? ", ..." : "";
        return members.size() + " instances (" + names + more + "): " + one.name() + " " + why(pass, one);
    }

    private static boolean isSeen(Member member) {
        return member.seen != null;
    }

    private static Code code(Pass pass, Member member) {
        if (member.seen == null) {
            return member.isOpenLaunch() ? Code.STARTING : Code.ABSENT;
        }
        if (member.isStopping()) {
            return Code.STOPPING;
        }
        if (member.intent == Intent.DRAIN) {
            return Code.DRAINING;
        }
        return member.isKept() ? Code.KEPT : ailment(member);
    }

    /** What keeps it from serving, whatever we are about to do with it. */
    private static Code ailment(Member member) {
        if (member.isDead()) {
            return Code.INSTANCE_FAILED;
        }
        if (!member.isRunning()) {
            return Code.STARTING;
        }
        if (!member.isHealthy()) {
            return member.health().isUnhealthy() ? Code.UNHEALTHY : Code.HEALTH_UNKNOWN;
        }
        return member.readySince.isEmpty() ? Code.ADMITTING : Code.SOAKING;
    }

    /** What the instance does, as the end of a sentence that begins with its name. */
    static String why(Pass pass, Member member) {
        return text(pass, member, code(pass, member));
    }

    /** What keeps it from serving, as the end of such a sentence. */
    static String ails(Pass pass, Member member) {
        return text(pass, member, ailment(member));
    }

    private static String text(Pass pass, Member member, Code code) {
        return switch (code) {
            case STARTING ->
                member.isOpenLaunch() ? "is launched and not yet seen" : "is starting" + in(detail(member));
            case ABSENT -> "is missing from the list and not yet believed gone";
            case STOPPING -> "is still stopping";
            case DRAINING -> "is draining, open requests: " + member.routing().openRequests();
            case KEPT -> member.failed ? "has failed and is kept" : "is kept for a roll-back";
            case INSTANCE_FAILED -> "has exited" + in(detail(member));
            case UNHEALTHY -> "is unhealthy" + in(member.health().detail());
            case HEALTH_UNKNOWN -> "is of unknown health" + in(member.health().detail());
            case ADMITTING -> "is healthy and not yet in the router";
            default ->
                member.ready
                        ? "is serving"
                        : member.drainSentAt.isPresent()
                                ? "is wanted again, and a drain of it may still take effect"
                                : "is healthy, not yet for minReady " + text(pass.policy.minReady());
        };
    }

    private static String detail(Member member) {
        return member.seen == null ? "" : member.seen.instance().detail();
    }

    private static String in(String detail) {
        return detail.isEmpty() ? "" : " (" + detail + ")";
    }

    /** A duration as people write it: 30s, 1h5m. */
    static String text(Duration duration) {
        return duration.toString().substring(2).toLowerCase(Locale.ROOT);
    }
}
