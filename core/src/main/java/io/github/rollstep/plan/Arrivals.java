package io.github.rollstep.plan;

import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;

/** Launches what is missing, and lets into traffic what is healthy. */
final class Arrivals {

    private static final Duration LEAST_BACKOFF = Duration.ofSeconds(1);
    private static final int MOST_DOUBLINGS = 5;

    private final Pass pass;

    Arrivals(Pass pass) {
        this.pass = pass;
    }

    /** Takes back the drain of instances that are wanted again: cheaper, faster and surer than a launch. */
    void keepDraining() {
        int missing = pass.limits.desired() - staying();
        pass.seen()
                .filter(member -> pass.isOfGoal(member) && member.intent == Intent.DRAIN && member.isHealthy())
                .sorted(Comparator.comparing(Member::age).thenComparing(Member.ORDER))
                .limit(Math.max(0, missing))
                .forEach(member -> member.intend(Intent.NONE, pass.now));
    }

    /**
     * Admits what is healthy and wanted; of the baseline also what is not wanted any more while too few are serving.
     *
     * <p>Also while the rollout is held: it adds capacity and begins nothing.
     */
    void admit() {
        if (!pass.platform.routed()) {
            return;
        }
        boolean scarce = pass.serving() < pass.limits.floor();
        pass.seen()
                .filter(member -> member.isHealthy() && member.intent == Intent.NONE)
                .filter(member -> pass.isWanted(member)
                        || (scarce
                                && pass.state
                                        .baseline()
                                        .filter(member.revision::equals)
                                        .isPresent()))
                .filter(member -> !member.routing().takesRequests())
                .sorted(Member.ORDER)
                .filter(pass::maySend)
                .forEach(this::admit);
    }

    private void admit(Member member) {
        Reason reason = member.sentAt.isPresent()
                ? Reason.of(Code.NO_EFFECT, member.name() + " is healthy and still not in the router")
                : member.routing().state() == Routing.State.DRAINING
                        ? Reason.of(Code.WANTED_AGAIN, member.name() + " is wanted again")
                        : Reason.of(Code.HEALTHY, member.name() + " is healthy");
        member.sentAt = Optional.of(pass.now);
        member.admitSentAt = Optional.of(pass.now);
        member.admits++;
        pass.actions.add(new Action.Admit(member.id.orElseThrow(), reason));
    }

    /** Asks again for open launches, and opens as many as every limit allows. */
    void launch(boolean batchIsOpen) {
        pass.members.stream()
                .filter(member -> member.isOpenLaunch() && pass.isWanted(member))
                .sorted(Member.ORDER)
                .filter(pass::maySend)
                .forEach(member ->
                        send(member, Reason.of(Code.NO_EFFECT, member.name() + " was launched and is still not seen")));
        int missing = Math.min(pass.limits.desired(), pass.state.batch().goal()) - staying();
        if (!batchIsOpen || missing <= 0) {
            return;
        }
        int inFlight = pass.count(member -> pass.isOfGoal(member) && !member.served && !member.isLeaving());
        int slots = pass.batchSize() - inFlight;
        int room = pass.limits.footprint() - pass.members.size();
        if (isBackingOff()) {
            return;
        }
        if (room < Math.min(missing, slots)) {
            pass.wait(
                    Code.FOOTPRINT,
                    "surge cap %d of %d (%s)%s"
                            .formatted(
                                    pass.members.size(),
                                    pass.limits.footprint(),
                                    pass.limits.footprintRule(),
                                    whoTakesRoom()));
        } else if (slots < missing) {
            pass.wait(
                    Code.BATCH,
                    "%d more to launch, %d in flight of a batch of %d".formatted(missing, inFlight, pass.batchSize()));
        }
        for (int i = Math.min(missing, Math.min(slots, room)); i > 0; i--) {
            Member launch = Member.launch(pass.state.nextToken(), pass.goal(), pass.now);
            pass.edit(draft -> draft.launches++);
            pass.members.add(launch);
            send(
                    launch,
                    Reason.of(
                            Code.MISSING,
                            "%d of %d of %s exist".formatted(staying() - 1, pass.limits.desired(), pass.goal())));
        }
    }

    private void send(Member launch, Reason reason) {
        launch.sentAt = Optional.of(pass.now);
        pass.actions.add(new Action.Launch(launch.token.orElseThrow(), launch.revision, reason));
    }

    private boolean isBackingOff() {
        int failures = pass.state.failures().count();
        if (failures == 0) {
            return false;
        }
        Duration backoff = LEAST_BACKOFF.multipliedBy(1L << Math.min(failures - 1, MOST_DOUBLINGS));
        Instant until = pass.state.failures().lastAt().orElse(pass.now).plus(backoff);
        if (pass.due(until)) {
            return false;
        }
        pass.wait(Code.BACKOFF, "%s after failure %d".formatted(Waits.text(backoff), failures));
        return true;
    }

    private String whoTakesRoom() {
        return pass.members.stream()
                .filter(Member::isLeaving)
                .sorted(Member.ORDER)
                .findFirst()
                .map(member -> ": " + member.name() + " " + Waits.why(pass, member))
                .orElse("");
    }

    /** Of the goal revision, there or on their way, and not leaving. */
    private int staying() {
        return pass.count(member -> pass.isOfGoal(member) && !member.isLeaving());
    }
}
