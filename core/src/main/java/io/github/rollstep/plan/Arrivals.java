package io.github.rollstep.plan;

import io.github.rollstep.Place;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutState.FailureLedger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Launches what is missing, and lets into traffic what is healthy. */
final class Arrivals {

    private static final Duration LEAST_BACKOFF = Duration.ofSeconds(1);
    private static final int MOST_DOUBLINGS = 5;

    private final Pass pass;

    Arrivals(Pass pass) {
        this.pass = pass;
    }

    /**
     * Admits what is healthy and shall stay; and while too few are serving, also what is outdated, unless its revision has failed: a
     * router that has lost its servers gets them back before they are replaced.
     *
     * <p>Also while the rollout is held: it adds capacity and begins nothing.
     */
    void admit() {
        if (!pass.platform.routed()) {
            return;
        }
        boolean scarce = pass.serving() < pass.limits.floor();
        List<Member> out = pass.those(
                member -> member.isHealthy()
                        && member.intent == Intent.NONE
                        && (pass.stays(member) || (scarce && pass.isGood(member)))
                        && !member.routing().takesRequests(),
                Member.ORDER);
        for (Member member : out) {
            if (pass.maySend(member)) {
                admit(member);
            }
        }
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

    /**
     * Asks again for open launches, and opens as many as every limit allows.
     *
     * @return for how many more there would be no room
     */
    int launch(Zones zones) {
        if (pass.members.size() <= pass.limits.footprint()) {
            sendAgain();
        }
        if (pass.earned() < pass.limits.desired()) {
            pass.wait(
                    Code.UNPROVEN,
                    "grows from %d to %d once %s has proved itself"
                            .formatted(pass.earned(), pass.limits.desired(), pass.goal()));
        }
        int missing = pass.batchGoal() - staying();
        if (missing <= 0 || isBackingOff()) {
            return 0;
        }
        int inFlight = pass.count(member -> pass.isOfGoal(member) && !member.served && !member.isLeaving());
        int due = Math.min(missing, pass.batchSize() - inFlight);
        int room = pass.limits.footprint() - pass.members.size();
        if (room < due) {
            pass.wait(
                    Code.FOOTPRINT,
                    "surge cap " + pass.members.size() + " of " + pass.limits.footprint() + " ("
                            + pass.limits.footprintRule() + ")" + whoTakesRoom());
        } else if (due < missing) {
            pass.wait(
                    Code.BATCH,
                    missing + " more to launch, " + inFlight + " in flight of a batch of " + pass.batchSize());
        }
        for (int i = Math.min(due, room); i > 0; i--) {
            Optional<Place> place = place(zones);
            if (place.isEmpty()) {
                return 0;
            }
            zones.joins(launch(place.get()));
        }
        return Math.max(0, due - Math.max(0, room));
    }

    private void sendAgain() {
        for (Member member : pass.those(open -> open.isOpenLaunch() && pass.isWanted(open), Member.ORDER)) {
            if (pass.maySend(member)) {
                send(member, Reason.of(Code.NO_EFFECT, member.name() + " was launched and is still not seen"));
            }
        }
    }

    private Member launch(Place place) {
        int before = staying();
        Member launch = Member.launch(pass.state.nextToken(), pass.goal(), place, attempt(), pass.now);
        pass.edit(draft -> draft.launches++);
        pass.members.add(launch);
        send(
                launch,
                Reason.of(Code.MISSING, before + " of " + pass.limits.desired() + " of " + pass.goal() + " exist"));
        return launch;
    }

    /** Where the next launch goes: where one has gone, else where the zones want it; empty if it has to wait. */
    private Optional<Place> place(Zones zones) {
        List<Place> vacated = new ArrayList<>(pass.state.vacated());
        giveUpPlaces(vacated);
        if (pass.isInPlace() && !vacated.isEmpty()) {
            Place left = vacated.remove(0);
            Optional<Place> place = zones.isGivenUp(left) ? zones.next().map(left::in) : Optional.of(left);
            place.ifPresent(found -> pass.edit(draft -> draft.vacated = vacated));
            return place;
        }
        return zones.matter() ? zones.next().map(Place::inZone) : Optional.of(Place.anywhere());
    }

    /** A fleet that shrinks has fewer places: those that were left first are given up, and of these first what has no name. */
    private void giveUpPlaces(List<Place> vacated) {
        int open = Math.max(0, pass.limits.desired() - pass.members.size());
        while (vacated.size() > open) {
            Optional<Place> unnamed =
                    vacated.stream().filter(place -> place.slot().isEmpty()).findFirst();
            vacated.remove(unnamed.orElseGet(() -> vacated.get(0)));
        }
    }

    /** The number of the attempt that the next launch is: of those that are to be made, the last. */
    private int attempt() {
        FailureLedger ledger = pass.state.failures();
        if (ledger.retries().isEmpty()) {
            return 1;
        }
        List<Integer> retries = new ArrayList<>(ledger.retries());
        Integer attempt = Collections.max(retries);
        retries.remove(attempt);
        pass.edit(draft -> draft.failures =
                new FailureLedger(ledger.count(), ledger.forgiven(), ledger.retried(), retries, ledger.lastAt()));
        return attempt;
    }

    private void send(Member launch, Reason reason) {
        launch.sentAt = Optional.of(pass.now);
        pass.actions.add(new Action.Launch(launch.token.orElseThrow(), launch.revision, launch.place, reason));
    }

    private boolean isBackingOff() {
        int failures = pass.state.failures().count() + pass.state.failures().retried();
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
        return pass.those(Member::isLeaving).stream()
                .min(Member.ORDER)
                .map(member -> ": " + member.name() + " " + Waits.why(pass, member))
                .orElse("");
    }

    /** Of the goal revision, there or on their way, and not leaving. */
    private int staying() {
        return pass.count(member -> pass.isOfGoal(member) && !member.isLeaving());
    }
}
