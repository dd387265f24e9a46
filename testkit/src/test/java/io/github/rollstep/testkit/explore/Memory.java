package io.github.rollstep.testkit.explore;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Platform;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.testkit.explore.Cell.Origin;
import io.github.rollstep.testkit.explore.Cell.Phase;
import io.github.rollstep.testkit.explore.Cell.Route;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Between cells and what the planner knows: names are given by position, times by age. What makes no difference to the planner is not
 * kept: how long things took, peaks, the clock of a stall deadline that is never reached.
 */
final class Memory {

    private static final Instant NOW = Instant.parse("2026-11-25T00:00:00Z");
    private static final FleetId FLEET = FleetId.of("shop");
    private static final RolloutId EARLIER = RolloutId.of("r0");
    private static final RolloutId CURRENT = RolloutId.of("r1");
    static final RolloutId LATER = RolloutId.of("r2");
    private static final Reason BY_HAND = Reason.of(Reason.Code.BY_HAND, "by hand");
    private static final Reason BY_POLICY = Reason.of(Reason.Code.FAILURE_BUDGET, "by the policy");
    private static final List<Revision> REVISIONS = List.of(Revision.of("v1"), Revision.of("v2"), Revision.of("v3"));
    private static final int MOST_CELLS = 40;
    private static final InstanceId[] IDS = new InstanceId[MOST_CELLS];
    private static final LaunchToken[][] TOKENS = new LaunchToken[2][MOST_CELLS];
    private static final Place[] VACATED = new Place[MOST_CELLS];

    static {
        for (int i = 0; i < MOST_CELLS; i++) {
            IDS[i] = InstanceId.of("i-" + (char) ('a' + i / 26) + (char) ('a' + i % 26));
            TOKENS[0][i] = CURRENT.token(i + 1);
            TOKENS[1][i] = EARLIER.token(i + 1);
            VACATED[i] =
                    new Place(Optional.of(InstanceId.of("gone-" + i)), Optional.empty(), Optional.empty(), Map.of());
        }
    }

    private final Setting setting;
    private final RolloutPolicy policy;
    private final Platform platform;
    private final Map<Integer, Limits> limits = new HashMap<>();

    Memory(Setting setting) {
        this.setting = setting;
        policy = setting.policy();
        platform = setting.platform();
    }

    RolloutPolicy policy() {
        return policy;
    }

    Limits limits(int desired) {
        return limits.computeIfAbsent(desired, count -> Limits.resolve(policy, count));
    }

    static Instant now() {
        return NOW;
    }

    static Revision revision(int number) {
        return REVISIONS.get(number);
    }

    static InstanceId id(int cell) {
        return IDS[cell];
    }

    /** A rollout that begins now. */
    RolloutState begin() {
        return RolloutState.begin(
                FLEET, CURRENT, REVISIONS.get(State.TARGET), limits(setting.desired()), NOW, Optional.empty());
    }

    // ---- from cells

    RolloutState state(State state) {
        List<InstanceRecord> records = new ArrayList<>();
        for (int i = 0; i < state.cells.size(); i++) {
            Cell cell = state.cells.get(i);
            if (cell.known) {
                records.add(record(cell, i));
            }
        }
        List<Place> vacated = new ArrayList<>();
        for (int i = 0; i < state.vacated; i++) {
            vacated.add(VACATED[MOST_CELLS - 1 - i]);
        }
        Set<String> failed = new HashSet<>();
        for (int i = 0; i < REVISIONS.size(); i++) {
            if ((state.failedRevisions & 1 << i) != 0) {
                failed.add(REVISIONS.get(i).id());
            }
        }
        return new RolloutState(
                FLEET,
                CURRENT,
                REVISIONS.get(state.target),
                "",
                false,
                optional(state.baseline),
                limits(state.desired),
                state.plannedDesired,
                state.surveyed,
                state.back,
                state.phase,
                NOW,
                state.byHand ? BY_HAND : BY_POLICY,
                new RolloutState.Clocks(NOW, NOW, NOW, OptionalInt.empty()),
                new RolloutState.BatchPosition(
                        state.batch,
                        state.batchGoal,
                        state.whole ? Optional.of(NOW) : Optional.empty(),
                        state.released),
                new RolloutState.FailureLedger(
                        state.failures,
                        state.forgiven,
                        0,
                        List.of(),
                        state.failures == 0 ? Optional.empty() : Optional.of(before(state.failedAgo))),
                new RolloutState.Extremes(0, OptionalInt.empty()),
                state.cells.size(),
                records,
                vacated,
                Map.of(),
                Set.of(),
                Optional.empty(),
                Optional.empty(),
                RolloutState.Answers.NONE,
                new RolloutState.History(optional(state.verified), failed, Optional.empty(), List.of()));
    }

    private static Optional<Revision> optional(int revision) {
        return revision == State.NO_REVISION ? Optional.empty() : Optional.of(REVISIONS.get(revision));
    }

    private static InstanceRecord record(Cell cell, int i) {
        Place place = !cell.successor ? Place.anywhere() : cell.seen ? placeOf(IDS[i]) : VACATED[i];
        return new InstanceRecord(
                token(cell, i),
                cell.seen ? Optional.of(IDS[i]) : Optional.empty(),
                REVISIONS.get(cell.revision),
                place,
                1,
                cell.early,
                before(cell.since),
                cell.intent,
                before(cell.intentSince),
                since(cell.sent),
                since(cell.ready),
                since(cell.sick),
                cell.served,
                0,
                cell.failed,
                since(cell.admitSent),
                cell.admits,
                since(cell.drainSent),
                cell.drains,
                since(cell.absentSince),
                since(cell.absentAt));
    }

    private static Place placeOf(InstanceId id) {
        return new Place(Optional.of(id), Optional.empty(), Optional.empty(), Map.of());
    }

    private static Optional<LaunchToken> token(Cell cell, int i) {
        return switch (cell.origin) {
            case NOBODY -> Optional.empty();
            case THIS_ROLLOUT -> Optional.of(TOKENS[0][i]);
            case EARLIER_ROLLOUT -> Optional.of(TOKENS[1][i]);
        };
    }

    private static Instant before(int age) {
        return NOW.minus(Setting.ticks(age));
    }

    private static Optional<Instant> since(int age) {
        return age == Cell.NONE ? Optional.empty() : Optional.of(before(age));
    }

    // ---- what is seen

    /** @param stale which cells the list shows as they were a tick ago */
    FleetSnapshot snapshot(State state, IntPredicate stale) {
        List<Observed> seen = new ArrayList<>();
        for (int i = 0; i < state.cells.size(); i++) {
            Cell cell = state.cells.get(i);
            Phase phase = stale.test(i) ? cell.listed : cell.phase;
            if (phase != Phase.ABSENT) {
                seen.add(new Observed(instance(cell, i, phase), health(cell, phase), routing(cell)));
            }
        }
        return FleetSnapshot.of(NOW, platform, seen);
    }

    private static Instance instance(Cell cell, int i, Phase phase) {
        Instance.Builder instance = Instance.builder(IDS[i], REVISIONS.get(cell.revision), state(phase));
        token(cell, i).ifPresent(instance::token);
        return instance.build();
    }

    private static Instance.State state(Phase phase) {
        return switch (phase) {
            case STARTING -> Instance.State.STARTING;
            case RUNNING -> Instance.State.RUNNING;
            case STOPPING -> Instance.State.STOPPING;
            case FAILED, ABSENT -> Instance.State.FAILED;
        };
    }

    private static final Health NOT_CHECKED = Health.unknown("not checked");
    private static final Health ILL = Health.unhealthy("ill");

    private static Health health(Cell cell, Phase listed) {
        if (listed != Phase.RUNNING) {
            return NOT_CHECKED;
        }
        return cell.phase == Phase.RUNNING && !cell.ill ? Health.healthy() : ILL;
    }

    private Routing routing(Cell cell) {
        if (!platform.routed() || cell.route == Route.OUT) {
            return Routing.out();
        }
        return cell.route == Route.IN ? Routing.in() : Routing.draining(cell.open ? 1 : 0);
    }

    // ---- back to cells

    /**
     * Takes over what is to be remembered; cells that are new get a place at the end.
     *
     * @return the cell of each record
     */
    int[] remember(State state, RolloutState next) {
        state.target = REVISIONS.indexOf(next.target());
        state.baseline = next.baseline().map(REVISIONS::indexOf).orElse(State.NO_REVISION);
        state.desired = next.limits().desired();
        state.plannedDesired = next.plannedDesired();
        state.surveyed = next.surveyed();
        state.back = next.back();
        state.phase = next.phase();
        state.byHand = next.phase().isHeld() && next.phaseReason().code() == Reason.Code.BY_HAND;
        state.batch = Math.min(7, next.batch().index());
        state.batchGoal = next.batch().goal();
        state.whole = next.batch().wholeSince().isPresent();
        state.released = next.batch().released();
        state.failures = next.failures().count();
        state.forgiven = next.failures().forgiven();
        int backoff = state.failures == 0 ? 0 : 1 << Math.min(4, state.failures - 1);
        state.failedAgo =
                Math.min(backoff, next.failures().lastAt().map(Memory::age).orElse(0));
        state.verified = next.history().verified().map(REVISIONS::indexOf).orElse(State.NO_REVISION);
        state.failedRevisions = 0;
        for (int i = 0; i < REVISIONS.size(); i++) {
            if (next.history().failed().contains(REVISIONS.get(i).id())) {
                state.failedRevisions |= 1 << i;
            }
        }
        state.vacated = next.vacated().size();

        int cells = state.cells.size();
        boolean[] kept = new boolean[cells];
        int[] places = new int[next.instances().size()];
        for (int i = 0; i < places.length; i++) {
            InstanceRecord record = next.instances().get(i);
            int index = index(record, cells);
            if (index < 0) {
                index = state.cells.size();
                state.cells.add(new Cell());
            } else {
                kept[index] = true;
            }
            places[i] = index;
            remember(state.cells.get(index), record, next.rollout());
        }
        for (int i = 0; i < cells; i++) {
            Cell cell = state.cells.get(i);
            if (!kept[i]) {
                cell.forget();
            }
            if (!cell.known
                    && cell.origin == Origin.THIS_ROLLOUT
                    && !next.rollout().equals(CURRENT)) {
                cell.origin = Origin.EARLIER_ROLLOUT;
            }
        }
        return places;
    }

    private static int index(InstanceRecord record, int cells) {
        for (int i = 0; i < cells; i++) {
            if (record.id().isPresent() ? record.id().get().equals(IDS[i]) : isToken(record, i)) {
                return i;
            }
        }
        return -1;
    }

    private static boolean isToken(InstanceRecord record, int i) {
        return record.token()
                .filter(token -> token.equals(TOKENS[0][i]) || token.equals(TOKENS[1][i]))
                .isPresent();
    }

    private void remember(Cell cell, InstanceRecord record, RolloutId rollout) {
        cell.known = true;
        cell.seen = record.id().isPresent();
        cell.successor = record.place().predecessor().isPresent();
        cell.early = record.early();
        cell.since = age(record.since());
        cell.intent = record.intent();
        cell.intentSince = record.intent() == Intent.NONE ? 0 : age(record.intentSince());
        cell.sent = record.sentAt().map(Memory::age).orElse(Cell.NONE);
        cell.ready = record.readySince().map(Memory::age).orElse(Cell.NONE);
        cell.sick = record.sickSince().map(Memory::age).orElse(Cell.NONE);
        cell.served = record.served();
        cell.failed = record.failed();
        cell.admitSent = record.admitSentAt().map(Memory::age).orElse(Cell.NONE);
        cell.admits = record.admits();
        cell.drainSent = record.drainSentAt().map(Memory::age).orElse(Cell.NONE);
        cell.drains = record.drains();
        cell.absentSince = record.absentSince().map(Memory::age).orElse(Cell.NONE);
        cell.absentAt = record.absentAt().map(Memory::age).orElse(Cell.NONE);
        cell.revision = REVISIONS.indexOf(record.revision());
        cell.origin = record.token()
                .map(token -> rollout.owns(token) ? Origin.THIS_ROLLOUT : Origin.EARLIER_ROLLOUT)
                .orElse(Origin.NOBODY);
        PlatformTurn.clip(cell, setting);
    }

    private static int age(Instant time) {
        return (int) (NOW.getEpochSecond() - time.getEpochSecond());
    }
}
