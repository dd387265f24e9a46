package io.github.rollstep.testkit;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Lease;
import io.github.rollstep.spi.RolloutStore.Stored;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Sees all that one controller observes, persists and asks for, and holds it against the promises. What it reports is certain: where a
 * list may be old, or something may have happened between a look and a request, the controller has the benefit of the doubt.
 */
final class Witness {

    /** What is asked of a router or provider, and how the record says that it was intended. */
    enum Request {
        ADMIT("admit", Set.of(Intent.NONE)),
        DRAIN("drain", Set.of(Intent.DRAIN)),
        TERMINATE("terminate", Set.of(Intent.TERMINATE));

        private final String text;
        private final Set<Intent> intents;

        Request(String text, Set<Intent> intents) {
            this.text = text;
            this.intents = intents;
        }

        private boolean isIntended(InstanceRecord record) {
            return intents.contains(record.intent())
                    && (this != ADMIT || record.admitSentAt().isPresent());
        }
    }

    private final CaseFile file;
    private final String name;
    private boolean routed;
    private boolean drainsOnTerminate;
    private Duration staleness = Duration.ZERO;
    private Sighting current;
    private Optional<Sighting> planned = Optional.empty();
    private Optional<RolloutState> state = Optional.empty();
    private long adopted;
    private final Map<InstanceId, Instant> notServing = new HashMap<>();
    private boolean refused;
    private Map<String, String> told = Map.of();
    private String toldState = "";
    private Map<InstanceId, Observed> truthNow = Map.of();

    Witness(CaseFile file) {
        this.file = file;
        name = "#" + file.nextController();
        current = new Sighting(file.now(), 0);
    }

    // ---- what the adapters say of themselves

    void routed() {
        synchronized (file) {
            routed = true;
        }
    }

    boolean drainsOnTerminate(boolean answer) {
        synchronized (file) {
            drainsOnTerminate = answer;
        }
        return answer;
    }

    Duration staleness(Duration answer) {
        synchronized (file) {
            staleness = answer;
        }
        return answer;
    }

    /** Makes a call that changes nothing; its failure is part of the history. */
    <T> T ask(String what, Supplier<T> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            file.note(name, "%s fails: %s".formatted(what, e.getMessage()));
            throw e;
        }
    }

    /** Makes a call that changes something; so is its failure. */
    void tell(String what, Runnable call) {
        ask(what, () -> {
            call.run();
            return true;
        });
    }

    Optional<Map<InstanceId, Observed>> truth() {
        return file.truth();
    }

    // ---- observations

    Sighting look() {
        Optional<Map<InstanceId, Observed>> truth = file.truth();
        synchronized (file) {
            settle(current);
            current = new Sighting(file.now(), file.launchCalls);
            truth.ifPresent(current::add);
            return current;
        }
    }

    void listed(Sighting sighting, List<Instance> instances) {
        synchronized (file) {
            sighting.list(instances);
            instances.forEach(instance -> file.listed.add(instance.id()));
            checkList(sighting, instances);
        }
    }

    void checked(Map<InstanceId, Health> verdicts) {
        answered(sighting -> sighting.check(verdicts));
    }

    void routes(Map<InstanceId, Routing> routes) {
        answered(sighting -> sighting.route(routes));
    }

    private void answered(Consumer<Sighting> answer) {
        Optional<Map<InstanceId, Observed>> truth = file.truth();
        synchronized (file) {
            answer.accept(current);
            truth.ifPresent(current::add);
            if (current.isWhole(routed)) {
                note(current);
            }
        }
    }

    private void note(Sighting sighting) {
        Map<String, String> now = sighting.told();
        List<String> changes = Tape.changes(told, now);
        if (!changes.isEmpty()) {
            file.note(name, "sees %d: %s".formatted(now.size(), Tape.some(changes)));
        }
        told = now;
    }

    /** Who did not serve in it has to soak anew. */
    private void settle(Sighting sighting) {
        if (sighting.isWhole(routed)) {
            Evidence evidence = new Evidence(routed, List.of(sighting.seen()));
            sighting.listed().keySet().stream()
                    .filter(id -> !evidence.ever(id, evidence::serves))
                    .forEach(id -> notServing.put(id, sighting.at));
        }
    }

    /** What a list shows for certain: one instance too many for a token, or more than may exist with what we launched. */
    private void checkList(Sighting sighting, List<Instance> instances) {
        Map<LaunchToken, InstanceId> owners = new HashMap<>();
        for (Instance instance : instances) {
            Optional<LaunchToken> token = instance.token();
            InstanceId other =
                    token.map(one -> owners.putIfAbsent(one, instance.id())).orElse(instance.id());
            if (!other.equals(instance.id()) && file.doubled.add(token.orElseThrow())) {
                report(
                        Promise.REPEATABLE,
                        "launch %s has two instances, %s and %s".formatted(token.get(), other, instance.id()));
            }
        }
        boolean atOnce = staleness.isZero() && sighting.launchesBefore == file.launchCalls && !sighting.knowsTheTruth();
        owners.keySet().stream()
                .filter(token -> atOnce && file.unseen.contains(token))
                .map(file.launched::get)
                .filter(launch -> file.accountedFor(instances, launch) > launch.footprint())
                .findFirst()
                .ifPresent(launch -> report(
                        Promise.FOOTPRINT,
                        "%d exist of at most %d".formatted(file.accountedFor(instances, launch), launch.footprint())));
        file.unseen.removeAll(owners.keySet());
    }

    // ---- the record

    void loaded(RolloutStore store, Optional<Stored> stored) {
        synchronized (file) {
            CaseFile.StoreLog log = file.log(store);
            // Another thread of the controller may have asked before the last save, and be answered after it.
            stored.filter(one -> one.version() >= adopted).ifPresent(one -> {
                file.learn(one.state());
                adopt(one.state(), one.version(), false);
                if (one.version() > log.latestVersion) {
                    log.latestVersion = one.version();
                    log.latest = Optional.of(one.state());
                }
                note("finds", one.state());
            });
        }
    }

    /** It may have been saved; what it was made of may be forgotten. */
    void doubted(RolloutState next) {
        synchronized (file) {
            file.learn(next);
            current = new Sighting(file.now(), file.launchCalls);
        }
    }

    /** @param takeovers how many there had been when the save began */
    void saved(RolloutStore store, Lease lease, long version, RolloutState next, long takeovers) {
        synchronized (file) {
            CaseFile.StoreLog log = file.log(store);
            refused = false;
            planned = Optional.of(current).filter(sighting -> sighting.isSighted(routed));
            note("persists", next);
            if (!log.versions.add(version)) {
                report(Promise.ONE_CONTROLLER_ACTS, "version %d was saved before by another save".formatted(version));
            }
            if (lease.fence() < log.fence && takeovers == log.takeovers) {
                report(
                        Promise.ONE_CONTROLLER_ACTS,
                        "saves with fence %d, and %s has the lease with fence %d"
                                .formatted(lease.fence(), log.owner, log.fence));
            }
            if (version > log.latestVersion) {
                log.latest
                        .filter(before -> before.rollout().equals(next.rollout()))
                        .ifPresent(before -> checkSuccession(before, next));
                log.latestVersion = version;
                log.latest = Optional.of(next);
            }
            file.learn(next);
            adopt(next, version, true);
        }
    }

    void refused(String why) {
        synchronized (file) {
            refused = true;
            file.note(name, why);
        }
    }

    long takeovers(RolloutStore store) {
        synchronized (file) {
            return file.log(store).takeovers;
        }
    }

    void leased(RolloutStore store, Lease lease) {
        synchronized (file) {
            CaseFile.StoreLog log = file.log(store);
            if (lease.fence() > log.fence) {
                log.fence = lease.fence();
                log.owner = lease.owner();
                log.takeovers++;
                file.note(
                        name,
                        "has the lease of %s as %s, fence %d".formatted(lease.fleet(), lease.owner(), lease.fence()));
            }
        }
    }

    /** A rollout that begins takes at its word what is there, unless this controller has watched it until now. */
    private void adopt(RolloutState next, long version, boolean own) {
        boolean goesOn = state.filter(before -> before.rollout().equals(next.rollout())
                        || (own && !before.phase().isFinal()))
                .isPresent();
        if (!goesOn) {
            notServing.clear();
            current = new Sighting(file.now(), file.launchCalls);
        }
        state = Optional.of(next);
        adopted = version;
    }

    private void note(String verb, RolloutState next) {
        String text = "%s to %s %s, %d failed, at most %d exist, at least %d serve%s"
                .formatted(
                        next.rollout(),
                        next.goal(),
                        next.phase(),
                        next.failures().count(),
                        next.limits().footprint(),
                        next.limits().floor(),
                        intents(next));
        if (!text.equals(toldState)) {
            file.note(name, verb + " " + text);
        }
        toldState = text;
    }

    private static String intents(RolloutState next) {
        List<String> intents = next.instances().stream()
                .filter(record -> record.intent() != Intent.NONE)
                .map(record -> "%s %s"
                        .formatted(
                                record.intent(),
                                record.id()
                                        .map(InstanceId::value)
                                        .orElseGet(() -> record.token()
                                                .map(LaunchToken::value)
                                                .orElse("?"))))
                .toList();
        return intents.isEmpty() ? "" : "; means to " + Tape.some(intents);
    }

    private void checkSuccession(RolloutState before, RolloutState next) {
        if (next.failures().count() < before.failures().count()) {
            report(
                    Promise.FAILURES_REMEMBERED,
                    "%d have failed, and %d are remembered"
                            .formatted(
                                    before.failures().count(), next.failures().count()));
        }
        if (before.phase().isFinal() && before.phase() != next.phase()) {
            report(
                    Promise.ENDS,
                    "rollout %s had ended %s and is %s".formatted(next.rollout(), before.phase(), next.phase()));
        }
        boolean ends = !before.phase().isFinal()
                && (next.phase() == RolloutPhase.SUCCEEDED || next.phase() == RolloutPhase.ROLLED_BACK);
        if (ends && planned.isPresent()) {
            checkGoal(next, planned.get());
        }
    }

    /** But for what is kept out of traffic, all there is serves: as many as desired, and of the goal all but the partition. */
    private void checkGoal(RolloutState end, Sighting sighting) {
        Evidence evidence = new Evidence(routed, sighting.views());
        Set<InstanceId> kept = end.instances().stream()
                .filter(record -> record.intent() == Intent.KEEP)
                .flatMap(record -> record.id().stream())
                .collect(Collectors.toSet());
        List<Instance> all = sighting.listed().values().stream()
                .filter(instance -> !kept.contains(instance.id()))
                .toList();
        List<Instance> serving = all.stream()
                .filter(instance -> evidence.ever(instance.id(), evidence::serves))
                .toList();
        long updated = serving.stream()
                .filter(instance -> instance.revision().equals(end.goal()))
                .count();
        int desired = end.limits().desired();
        if (serving.size() < desired || updated < desired - end.limits().kept() || serving.size() < all.size()) {
            report(
                    Promise.ENDS,
                    "ends %s while %d of %d serve, %d of them %s; %d exist"
                            .formatted(end.phase(), serving.size(), desired, updated, end.goal(), all.size()));
        }
    }

    // ---- requests

    /** @param real what the fleet is before the call */
    void launches(List<LaunchRequest> open, Optional<Map<InstanceId, Observed>> real) {
        synchronized (file) {
            String what = "launch "
                    + Tape.some(open.stream()
                            .map(request -> "%s of %s".formatted(request.token(), request.revision()))
                            .toList());
            file.note(name, what);
            file.launchCalls++;
            real.ifPresent(truth -> truthNow = truth);
            open.stream()
                    .filter(request -> !request.fleet().equals(file.fleet))
                    .findFirst()
                    .ifPresent(request ->
                            report(Promise.OWN_FLEET_ONLY, "%s for fleet %s".formatted(what, request.fleet())));
            if (mayAct(what, false)) {
                boolean sound = state.isEmpty() || open.stream().allMatch(this::isPersisted);
                Set<LaunchToken> there = planned.map(Sighting::tokens).orElse(Set.of());
                open.stream()
                        .filter(request -> there.contains(request.token()))
                        .findFirst()
                        .ifPresent(request -> report(
                                Promise.REPEATABLE, "launches %s again, which is there".formatted(request.token())));
                if (sound && real.isEmpty()) {
                    checkRoom(open, there);
                }
            }
            int footprint = state.map(one -> one.limits().footprint()).orElse(Integer.MAX_VALUE);
            Set<InstanceId> known =
                    planned.map(sighting -> sighting.listed().keySet()).orElse(Set.of());
            open.forEach(request -> {
                file.launched.put(request.token(), new CaseFile.Launched(footprint, known));
                file.unseen.add(request.token());
            });
        }
    }

    private boolean isPersisted(LaunchRequest request) {
        boolean persisted = file.intended.contains(request.token());
        if (!persisted) {
            report(
                    Promise.SURVIVES_CRASHES,
                    "launches %s, and no state that was persisted intends it".formatted(request.token()));
        }
        return persisted;
    }

    private void checkRoom(List<LaunchRequest> open, Set<LaunchToken> there) {
        if (state.isEmpty() || planned.isEmpty()) {
            return;
        }
        int exist = planned.get().listed().size();
        long more = open.stream()
                .filter(request -> !there.contains(request.token()))
                .count();
        int most = state.get().limits().footprint();
        if (exist + more > most) {
            report(
                    Promise.FOOTPRINT,
                    "launches %d while %d exist, of at most %d (%s)"
                            .formatted(more, exist, most, state.get().limits().footprintRule()));
        }
    }

    /** Holds what a launch has come to against the footprint, where the truth is known. */
    void launched(Optional<Map<InstanceId, Observed>> before, Optional<Map<InstanceId, Observed>> after) {
        synchronized (file) {
            if (before.isEmpty() || after.isEmpty()) {
                return;
            }
            Set<InstanceId> born = new HashSet<>(after.get().keySet());
            born.removeAll(before.get().keySet());
            file.born.addAll(born);
            truthNow = after.get();
            Optional<Integer> most = state.map(one -> one.limits().footprint());
            long exist = after.get().keySet().stream()
                    .filter(id -> file.born.contains(id) || couldBeKnown(id))
                    .count();
            if (!born.isEmpty() && most.filter(limit -> exist > limit).isPresent()) {
                report(
                        Promise.FOOTPRINT,
                        "%d exist by this launch, of at most %d (%s)"
                                .formatted(
                                        exist, most.get(), state.get().limits().footprintRule()));
            }
        }
    }

    /** Not so new that a list need not have shown it. */
    private boolean couldBeKnown(InstanceId id) {
        return planned.map(sighting ->
                        sighting.listed().containsKey(id) || file.wasThere(id, sighting.at.minus(staleness)))
                .orElse(false);
    }

    void requests(Request request, Collection<InstanceId> ids) {
        Optional<Map<InstanceId, Observed>> real = file.truth();
        synchronized (file) {
            String what = "%s %s"
                    .formatted(
                            request.text,
                            Tape.some(ids.stream().map(InstanceId::value).toList()));
            file.note(name, what);
            real.ifPresent(truth -> truthNow = truth);
            if (mayAct(what, request == Request.ADMIT)) {
                List<InstanceId> sound =
                        ids.stream().filter(id -> isSound(request, id)).toList();
                planned.ifPresent(sighting -> {
                    List<Map<InstanceId, Observed>> views = new ArrayList<>(sighting.views());
                    real.ifPresent(views::add);
                    check(request, what, sound, sighting, new Evidence(routed, views));
                });
            }
            Instant now = file.now();
            ids.forEach(id -> asked(request, id, now));
        }
    }

    private void asked(Request request, InstanceId id, Instant now) {
        if (request == Request.ADMIT) {
            file.stays(id);
            return;
        }
        file.forget(Request.ADMIT, id);
        file.leaving.putIfAbsent(id, now);
        if (request == Request.TERMINATE) {
            file.stopping.add(id);
        }
        if (state.isEmpty()) {
            file.drainedSince.putIfAbsent(id, now);
        }
    }

    /** Whether it is this controller's turn, and a time to act. */
    private boolean mayAct(String what, boolean whileHeld) {
        if (refused) {
            report(Promise.ONE_CONTROLLER_ACTS, what + ", and has been refused by the store");
            return false;
        }
        RolloutPhase phase = state.map(RolloutState::phase).orElse(RolloutPhase.ROLLING);
        boolean complete = phase == RolloutPhase.SUCCEEDED || phase == RolloutPhase.ROLLED_BACK;
        if (complete || phase.isFinal() || (phase.isHeld() && !whileHeld)) {
            report(complete ? Promise.REPEATABLE : Promise.NO_WORK_WHILE_HELD, "%s while %s".formatted(what, phase));
            return false;
        }
        return true;
    }

    /** Whether it is one of ours, the request was persisted, and was not sent before. */
    private boolean isSound(Request request, InstanceId id) {
        if (!file.wasEverThere(id)) {
            report(Promise.OWN_FLEET_ONLY, "%s %s, which never was of this fleet".formatted(request.text, id));
            return false;
        }
        if (state.isEmpty()) {
            return true;
        }
        Optional<InstanceRecord> record = state.get().instances().stream()
                .filter(one -> one.id().filter(id::equals).isPresent())
                .findFirst();
        if (record.filter(request::isIntended).isEmpty()) {
            report(
                    Promise.SURVIVES_CRASHES,
                    "%s %s, and the state that was persisted does not intend it".formatted(request.text, id));
            return false;
        }
        Optional<Instant> old = record.get().sentAt().filter(decided -> !file.isNew(request, id, decided));
        old.ifPresent(decided ->
                report(Promise.REPEATABLE, "%s %s again by the decision of %s".formatted(request.text, id, decided)));
        return old.isEmpty();
    }

    private void check(Request request, String what, List<InstanceId> ids, Sighting sighting, Evidence evidence) {
        switch (request) {
            case ADMIT -> ids.forEach(id -> checkAdmit(id, sighting, evidence));
            case DRAIN -> {
                ids.forEach(id -> checkDrain(id, sighting));
                checkFloor(what, ids, sighting, evidence);
            }
            case TERMINATE -> {
                ids.forEach(id -> checkTerminate(id, sighting, evidence));
                checkFloor(what, ids, sighting, evidence);
            }
        }
    }

    private void checkAdmit(InstanceId id, Sighting sighting, Evidence evidence) {
        if (evidence.isKnown(id) && !evidence.ever(id, Evidence::isHealthy)) {
            report(Promise.HEALTHY_FIRST, "admits %s, which is not healthy".formatted(id));
        } else if (sighting.of(id)
                .filter(seen -> seen.routing().takesRequests())
                .isPresent()) {
            report(Promise.REPEATABLE, "admits %s, which is in".formatted(id));
        }
    }

    private void checkDrain(InstanceId id, Sighting sighting) {
        boolean fed =
                sighting.of(id).filter(seen -> seen.routing().takesRequests()).isPresent();
        boolean admitInDoubt = state.stream()
                .flatMap(one -> one.instances().stream())
                .anyMatch(record -> record.id().filter(id::equals).isPresent()
                        && record.admitSentAt().isPresent());
        if (file.leaving.containsKey(id) && !fed && !admitInDoubt) {
            report(Promise.REPEATABLE, "drains %s again, which is out".formatted(id));
        }
    }

    private void checkTerminate(InstanceId id, Sighting sighting, Evidence evidence) {
        if (sighting.of(id).isEmpty()) {
            report(Promise.REPEATABLE, "terminates %s, which is gone".formatted(id));
        } else if (routed && !drainsOnTerminate && !file.stopping.contains(id)) {
            if (evidence.always(id, Evidence::isFed)) {
                report(Promise.DRAINED_FIRST, "terminates %s while it is sent new requests".formatted(id));
            } else if (evidence.always(id, Evidence::isBusy) && !file.isOverdue(id)) {
                report(Promise.DRAINED_FIRST, "terminates %s while requests are open".formatted(id));
            }
        }
    }

    private void checkFloor(String what, List<InstanceId> ids, Sighting sighting, Evidence evidence) {
        boolean takes = ids.stream()
                .filter(id -> !file.leaving.containsKey(id))
                .anyMatch(id -> evidence.always(id, evidence::serves)
                        && isSoaked(id, sighting)
                        && !isThoughtToStart(id, sighting));
        int floor = state.map(one -> one.limits().floor()).orElse(0);
        long left = evidence.ids().stream()
                .filter(id -> !ids.contains(id) && !file.leaving.containsKey(id))
                .filter(id -> evidence.ever(id, evidence::serves) && isSoaked(id, sighting))
                .count();
        if (takes && left < floor) {
            report(Promise.AVAILABILITY, "%s leaves %d serving, of at least %d".formatted(what, left, floor));
        }
    }

    /** As far as this controller has seen it healthy and in without a break; before it looked it may have been. */
    private boolean isSoaked(InstanceId id, Sighting sighting) {
        Instant since = notServing.get(id);
        return since == null || !sighting.at.isBefore(since.plus(file.policy.minReady()));
    }

    /** By an old list it only starts: without a router nothing can tell that it answers already. */
    private boolean isThoughtToStart(InstanceId id, Sighting sighting) {
        return !routed
                && sighting.of(id)
                        .filter(seen -> seen.instance().state() == Instance.State.STARTING)
                        .isPresent();
    }

    private void report(Promise promise, String text) {
        List<String> basis = new ArrayList<>();
        planned.ifPresent(sighting -> {
            basis.add("it went by what it saw at %s:".formatted(sighting.at));
            basis.addAll(Tape.first(sighting.told()));
        });
        if (!truthNow.isEmpty()) {
            basis.add("the fleet really is:");
            basis.addAll(Tape.first(Sighting.told(truthNow)));
        }
        file.report(promise, name, text, basis);
    }
}
