package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** What is known of one fleet from all its controllers. Guarded by itself. */
final class CaseFile {

    private static final int MOST = 100;

    final FleetId fleet;
    final RolloutPolicy policy;
    private final InstantSource clock;
    private final Optional<Supplier<? extends Collection<Observed>>> truth;
    private final Tape tape;
    private final List<BrokenPromise> broken = new ArrayList<>();
    private int controllers;

    /** Every instance that a list has shown. */
    final Set<InstanceId> listed = new HashSet<>();

    /** Whom we asked to leave, and did not take back in; the first time. */
    final Map<InstanceId, Instant> leaving = new HashMap<>();

    /** Those of {@link #leaving} that were told to stop. */
    final Set<InstanceId> stopping = new HashSet<>();

    /** Since when an instance is drained by the record; the deadline counts anew while it is fed. */
    final Map<InstanceId, Instant> drainedSince = new HashMap<>();

    /** When the request was decided that was sent last. */
    private final Map<Witness.Request, Map<InstanceId, Instant>> decisions = new EnumMap<>(Witness.Request.class);

    /** Tokens of launches that were intended in a state that was, or may have been, persisted. */
    final Set<LaunchToken> intended = new HashSet<>();

    /** What was launched, by token. */
    final Map<LaunchToken, Launched> launched = new HashMap<>();

    /** Those of {@link #launched} that no list has shown since. */
    final Set<LaunchToken> unseen = new HashSet<>();

    /** Tokens that were seen to have two instances. */
    final Set<LaunchToken> doubled = new HashSet<>();

    int launchCalls;

    /** Instances that came to be by a launch of ours, where the truth is known. */
    final Set<InstanceId> born = new HashSet<>();

    private final Map<RolloutStore, StoreLog> stores = new IdentityHashMap<>();
    private final Map<InstanceId, Instant> firstThere = new HashMap<>();
    private boolean looked;

    /**
     * @param footprint that was in force
     * @param known the instances that whoever launched it knew of
     */
    record Launched(int footprint, Set<InstanceId> known) {}

    /** What was done to one store, by whichever controllers. */
    static final class StoreLog {
        final Set<Long> versions = new HashSet<>();
        long latestVersion;
        Optional<RolloutState> latest = Optional.empty();
        long fence;
        String owner = "";
        long takeovers;
    }

    CaseFile(InvariantMonitor.Builder builder) {
        fleet = builder.fleet;
        policy = builder.policy;
        clock = builder.clock;
        truth = builder.truth;
        tape = new Tape(builder.history);
    }

    Instant now() {
        return clock.instant();
    }

    synchronized int nextController() {
        return ++controllers;
    }

    synchronized StoreLog log(RolloutStore store) {
        return stores.computeIfAbsent(store, key -> new StoreLog());
    }

    /** What the fleet really is; empty if nobody can say. To be asked without a lock, since the fleet may call back. */
    Optional<Map<InstanceId, Observed>> truth() {
        return truth.map(source -> {
            Map<InstanceId, Observed> real = new LinkedHashMap<>();
            source.get().forEach(seen -> real.put(seen.instance().id(), seen));
            synchronized (this) {
                Instant since = looked ? now() : Instant.MIN;
                looked = true;
                real.keySet().forEach(id -> firstThere.putIfAbsent(id, since));
            }
            return real;
        });
    }

    /** Whether it was there before that time. */
    synchronized boolean wasThere(InstanceId id, Instant time) {
        return firstThere.getOrDefault(id, Instant.MAX).isBefore(time);
    }

    /** Whether it ever was one of the fleet, as far as is known. */
    synchronized boolean wasEverThere(InstanceId id) {
        return truth.isPresent() ? firstThere.containsKey(id) : listed.contains(id);
    }

    synchronized void note(String who, String text) {
        tape.add(now(), who, text);
    }

    /** @param basis what the one who broke it went by */
    synchronized void report(Promise promise, String who, String text, List<String> basis) {
        String line = who + ": " + text;
        tape.add(now(), who, "BREAKS " + promise + ": " + text);
        if (broken.size() < MOST) {
            List<String> history = new ArrayList<>(tape.lines());
            history.addAll(basis);
            broken.add(new BrokenPromise(promise, now(), line, history));
        }
    }

    synchronized List<BrokenPromise> broken() {
        return List.copyOf(broken);
    }

    /** Someone persisted it, or may have, or read it. */
    synchronized void learn(RolloutState state) {
        for (InstanceRecord record : state.instances()) {
            if (record.intent() == InstanceRecord.Intent.LAUNCH) {
                record.token().ifPresent(intended::add);
            }
            record.id().ifPresent(id -> {
                if (record.intent() == InstanceRecord.Intent.DRAIN) {
                    drainedSince.put(id, record.intentSince());
                } else if (record.intent() == InstanceRecord.Intent.NONE) {
                    stays(id);
                }
            });
        }
    }

    /** It is wanted again. */
    synchronized void stays(InstanceId id) {
        leaving.remove(id);
        stopping.remove(id);
        drainedSince.remove(id);
        forget(Witness.Request.DRAIN, id);
        forget(Witness.Request.TERMINATE, id);
    }

    synchronized void forget(Witness.Request request, InstanceId id) {
        decisions.computeIfAbsent(request, key -> new HashMap<>()).remove(id);
    }

    /** Whether this decision is another than the one that was acted on last. */
    synchronized boolean isNew(Witness.Request request, InstanceId id, Instant decided) {
        return !decided.equals(
                decisions.computeIfAbsent(request, key -> new HashMap<>()).put(id, decided));
    }

    synchronized boolean isOverdue(InstanceId id) {
        Instant since = drainedSince.get(id);
        return since != null && !now().isBefore(since.plus(policy.drainDeadline()));
    }

    /** How many instances of this list came from launches of ours, or were known when this one was made. */
    synchronized long accountedFor(Collection<Instance> list, Launched launch) {
        return list.stream()
                .filter(instance -> launch.known().contains(instance.id())
                        || instance.token().filter(launched::containsKey).isPresent())
                .count();
    }
}
