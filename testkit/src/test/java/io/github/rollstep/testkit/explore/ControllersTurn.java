package io.github.rollstep.testkit.explore;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.InstanceRecord.Intent;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.testkit.Promise;
import io.github.rollstep.testkit.explore.Cell.Phase;
import io.github.rollstep.testkit.explore.Cell.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The controller makes a step, or what a fault leaves of it: it observes, plans, persists, and each of its requests takes effect
 * now, later, or never. Somebody may command something before. Each request is measured against what the fleet really is,
 * and against what is still on its way.
 *
 * <p>A controller that dies after it persisted is a step all of whose requests are lost, and one that dies before is none. Of two at
 * once, one that stands still after it persisted is a step all of whose requests are late, while the other goes on; one that stands
 * still before loses the compare-and-set, and does nothing.
 */
final class ControllersTurn {

    /** What becomes of the requests. */
    private enum Requests {
        LOST,
        LATE
    }

    private static final int ALL = -1;
    private static final IntPredicate FRESH = cell -> false;

    private final Setting setting;
    private final Planner planner;
    private final Memory memory;
    private final boolean routed;
    private final boolean drainsFirst;

    ControllersTurn(Setting setting, Planner planner) {
        this.setting = setting;
        this.planner = planner;
        memory = new Memory(setting);
        routed = setting.router() != Setting.Router.NONE;
        drainsFirst = setting.router() == Setting.Router.DRAINS_FIRST;
    }

    /** The fleet as it is when the rollout begins: all on the old revision, and serving. */
    long[] start() {
        State state = new State();
        memory.remember(state, memory.begin());
        state.faults = setting.faults();
        state.controllersTurn = true;
        for (int i = 0; i < setting.desired(); i++) {
            Cell cell = new Cell();
            cell.phase = Phase.RUNNING;
            cell.route = routed ? Route.IN : Route.OUT;
            cell.listed = setting.stale() ? Phase.RUNNING : Phase.ABSENT;
            state.cells.add(cell);
        }
        return state.pack();
    }

    void expand(long[] words, Successors successors) {
        State state = State.unpack(words);
        RolloutState before = memory.state(state);
        FleetSnapshot fresh = memory.snapshot(state, FRESH);
        new Step(state, before, fresh, 0, successors).take();
        if (state.byHand) {
            new Step(state, before.resume(Memory.now()), fresh, 0, successors).take();
        }
        if (state.faults == 0) {
            return;
        }
        State absent = new State(state);
        absent.controllersTurn = false;
        absent.faults--;
        successors.add(absent.pack(), 1);
        for (UnaryOperator<RolloutState> command : commands(state)) {
            command(before, command).ifPresent(commanded -> new Step(state, commanded, fresh, 1, successors).take());
        }
        if (setting.stale()) {
            new Step(state, before, memory.snapshot(state, cell -> true), 1, successors).take();
            for (int i = 0; i < state.cells.size(); i++) {
                int old = i;
                boolean twin = i > 0 && words[i] == words[i + 1];
                if (state.cells.get(i).listed != state.cells.get(i).phase && !twin) {
                    new Step(state, before, memory.snapshot(state, cell -> cell == old), 1, successors).take();
                }
            }
        }
    }

    /** What has ended stays as it is. */
    void rest(long[] words) {
        State state = State.unpack(words);
        Plan plan = planner.plan(memory.snapshot(state, FRESH), memory.state(state), memory.policy());
        if (!plan.actions().isEmpty() || plan.next().phase() != state.phase) {
            throw new Broken(Promise.REPEATABLE, "has ended, and yet " + plan.actions());
        }
    }

    private List<UnaryOperator<RolloutState>> commands(State state) {
        List<UnaryOperator<RolloutState>> commands = new ArrayList<>();
        Reason reason = Reason.of(Reason.Code.BY_HAND, "by hand");
        commands.add(now -> now.pause(Memory.now(), reason));
        commands.add(now -> now.rollBack(Memory.now(), reason));
        commands.add(now -> now.resize(memory.limits(state.desired + 1)));
        if (state.desired > 1) {
            commands.add(now -> now.resize(memory.limits(state.desired - 1)));
        }
        if (state.target == State.TARGET) {
            commands.add(now -> RolloutState.begin(
                    now.fleet(),
                    Memory.LATER,
                    Memory.revision(State.NEXT),
                    now.limits(),
                    Memory.now(),
                    Optional.of(now)));
        }
        return commands;
    }

    private static Optional<RolloutState> command(RolloutState before, UnaryOperator<RolloutState> command) {
        try {
            return Optional.of(command.apply(before));
        } catch (IllegalStateException e) {
            return Optional.empty(); // Not in this phase.
        }
    }

    /** One step of the controller, with what the platform makes of it. */
    private final class Step {

        private final State seen;
        private final RolloutState before;
        private final FleetSnapshot snapshot;
        private final int spent;
        private final Successors successors;
        private final Plan plan;
        private int[] places = {};

        Step(State seen, RolloutState before, FleetSnapshot snapshot, int spent, Successors successors) {
            this.seen = seen;
            this.before = before;
            this.snapshot = snapshot;
            this.spent = spent;
            this.successors = successors;
            plan = planner.plan(snapshot, before, memory.policy());
        }

        void take() {
            check();
            State next = new State(seen);
            next.controllersTurn = false;
            next.faults -= spent;
            places = memory.remember(next, plan.next());
            happen(next, null, ALL, spent);
            if (plan.actions().isEmpty() || next.faults == 0 || spent > 0) {
                return;
            }
            for (Requests fault : Requests.values()) {
                happen(faulty(next), fault, ALL, spent + 1);
                for (int i = 0; i < plan.actions().size() && plan.actions().size() > 1; i++) {
                    happen(faulty(next), fault, i, spent + 1);
                }
            }
        }

        private static State faulty(State next) {
            State state = new State(next);
            state.faults--;
            return state;
        }

        private void happen(State next, @Nullable Requests fault, int which, int cost) {
            State acted = new State(next);
            act(acted, fault, which);
            for (Cell cell : acted.cells) {
                PlatformTurn.clip(cell, setting);
            }
            end(acted);
            long[] packed = acted.pack();
            successors.add(packed, cost);
            if (setting.stale() && cost == 0 && acted.faults > 0 && !acted.phase.isFinal()) {
                lookAgain(State.unpack(packed));
            }
        }

        /** At once, on a list that is older than the one before. */
        private void lookAgain(State state) {
            FleetSnapshot old = memory.snapshot(state, cell -> true);
            new Step(state, memory.state(state), old, 1, successors).take();
        }

        private void act(State state, @Nullable Requests fault, int which) {
            List<Action> actions = plan.actions();
            boolean launches = false;
            List<LaunchToken> faulty = new ArrayList<>();
            for (int i = 0; i < actions.size(); i++) {
                @Nullable Requests mine = which == ALL || which == i ? fault : null;
                if (actions.get(i) instanceof Action.Launch launch) {
                    launches = true;
                    if (mine != null) {
                        faulty.add(launch.token());
                    }
                }
            }
            // As the engine does: one call with every launch that is open.
            if (launches && !(fault == Requests.LOST && which == ALL)) {
                launch(state, fault, which == ALL, faulty);
            }
            for (int i = 0; i < actions.size(); i++) {
                @Nullable Requests mine = which == ALL || which == i ? fault : null;
                Action action = actions.get(i);
                if (action instanceof Action.Admit admit) {
                    admit(cell(state, admit.id()), mine);
                } else if (action instanceof Action.Drain drain) {
                    drain(state, cell(state, drain.id()), mine);
                } else if (action instanceof Action.Terminate terminate) {
                    terminate(state, terminate.id(), mine);
                }
            }
        }

        private void launch(State state, @Nullable Requests fault, boolean all, List<LaunchToken> faulty) {
            int launched = 0;
            for (int i = 0; i < places.length; i++) {
                InstanceRecord record = plan.next().instances().get(i);
                boolean open = record.intent() == Intent.LAUNCH
                        && !record.failed()
                        && record.revision().equals(plan.next().goal());
                Cell cell = state.cells.get(places[i]);
                if (!open || cell.exists()) {
                    continue;
                }
                @Nullable Requests mine = all || faulty.contains(record.token().orElseThrow()) ? fault : null;
                if (mine == Requests.LATE) {
                    cell.lateLaunch = 0;
                } else if (mine == null) {
                    cell.launch();
                }
                launched += mine == Requests.LOST ? 0 : 1;
            }
            int existing = 0;
            for (Cell cell : state.cells) {
                existing += cell.exists() || cell.lateLaunch >= 0 ? 1 : 0;
            }
            int footprint = plan.next().limits().footprint();
            if (launched > 0 && existing > footprint) {
                throw new Broken(
                        Promise.FOOTPRINT, "%d exist or are about to, of at most %d".formatted(existing, footprint));
            }
        }

        private void admit(Cell cell, @Nullable Requests fault) {
            if (cell.exists() && (cell.phase != Phase.RUNNING || cell.ill)) {
                throw new Broken(Promise.HEALTHY_FIRST, "admits " + cell);
            }
            if (fault == Requests.LATE) {
                cell.lateAdmit = cell.exists() ? 0 : Cell.NONE;
            } else if (fault == null) {
                cell.admit();
            }
        }

        private void drain(State state, Cell cell, @Nullable Requests fault) {
            checkFloor(state, cell, "drains");
            if (fault == Requests.LATE) {
                cell.lateDrain = cell.exists() ? 0 : Cell.NONE;
            } else if (fault == null) {
                cell.drain();
            }
        }

        private void terminate(State state, InstanceId id, @Nullable Requests fault) {
            Cell cell = cell(state, id);
            Cell before = cell(seen, id);
            boolean overdue = before.intent == Intent.TERMINATE
                    || (before.intent == Intent.DRAIN && before.intentSince >= Setting.DRAIN_DEADLINE);
            boolean living = cell.phase == Phase.RUNNING || cell.phase == Phase.STARTING;
            boolean fed = cell.route == Route.IN || cell.lateAdmit >= 0;
            if (drainsFirst && living && (fed || (cell.open && !overdue))) {
                throw new Broken(Promise.DRAINED_FIRST, "terminates " + cell);
            }
            if (routed || !startsAsFarAsSeen(id)) {
                checkFloor(state, cell, "terminates");
            }
            if (fault == Requests.LATE) {
                cell.lateStop = cell.exists() ? 0 : Cell.NONE;
            } else if (fault == null) {
                cell.stop();
            }
        }

        /** Without a router nothing can tell of what is said to start that it answers already. */
        private boolean startsAsFarAsSeen(InstanceId id) {
            return snapshot.instances().stream()
                    .map(Observed::instance)
                    .anyMatch(one -> one.id().equals(id) && one.state() == Instance.State.STARTING);
        }

        /** What is on its way counts as done. */
        private void checkFloor(State state, Cell cell, String what) {
            if (!cell.serves(routed) || cell.lateDrain >= 0 || cell.lateStop >= 0) {
                return;
            }
            int others = -1;
            for (Cell other : state.cells) {
                others += other.serves(routed) && other.lateDrain < 0 && other.lateStop < 0 ? 1 : 0;
            }
            int floor = plan.next().limits().floor();
            if (others < floor) {
                throw new Broken(
                        Promise.AVAILABILITY, "%s %s: leaves %d of at least %d".formatted(what, cell, others, floor));
            }
        }

        private Cell cell(State state, InstanceId id) {
            for (int i = 0; i < state.cells.size(); i++) {
                if (Memory.id(i).equals(id)) {
                    return state.cells.get(i);
                }
            }
            throw new Broken(Promise.OWN_FLEET_ONLY, "touches " + id);
        }

        private void check() {
            List<Action> actions = plan.actions();
            boolean works = !actions.stream().allMatch(Action.Admit.class::isInstance);
            if (before.phase().isHeld() && (works || !plan.next().phase().isHeld())) {
                throw new Broken(
                        Promise.NO_WORK_WHILE_HELD,
                        "while held: %s, then %s".formatted(actions, plan.next().phase()));
            }
            if (plan.next().failures().count() < before.failures().count()) {
                throw new Broken(
                        Promise.FAILURES_REMEMBERED, "remembers " + plan.next().failures());
            }
            if (before.back() && !plan.next().back()) {
                throw new Broken(Promise.ENDS, "a roll-back is rolled back");
            }
            if (actions.isEmpty()) {
                if (plan.waits().isEmpty() && !plan.next().phase().isFinal()) {
                    throw new Broken(Promise.ENDS, "neither action nor wait");
                }
                return;
            }
            if (plan.next().phase().isFinal()) {
                throw new Broken(Promise.REPEATABLE, "ended, and yet " + actions);
            }
            Plan again = planner.plan(snapshot, plan.next(), memory.policy());
            if (again.actions().stream().anyMatch(actions::contains)) {
                throw new Broken(Promise.REPEATABLE, "the same again: " + again.actions());
            }
        }

        /** Ended well means: all as it shall be, and nothing on its way that would change it. */
        private void end(State state) {
            boolean well = state.phase == RolloutPhase.SUCCEEDED || state.phase == RolloutPhase.ROLLED_BACK;
            if (!well) {
                if (state.phase.isFinal() && setting.faults() == 0) {
                    throw new Broken(Promise.ENDS, "ends " + plan.next().phaseReason());
                }
                return;
            }
            RolloutPhase expected = switch (setting.target()) {
                case GOOD -> RolloutPhase.SUCCEEDED;
                case BAD, EXITS -> RolloutPhase.ROLLED_BACK;
                case SLOW -> state.phase;
            };
            if (setting.faults() == 0 && state.phase != expected) {
                throw new Broken(Promise.ENDS, "ends " + plan.next().phaseReason());
            }
            if (spent > 0) {
                return; // What it saw may have been old.
            }
            int serving = 0;
            for (Cell cell : state.cells) {
                boolean right =
                        cell.revision == state.goal() && cell.serves(routed) && cell.lateDrain < 0 && cell.lateStop < 0;
                serving += right ? 1 : 0;
                if ((cell.exists() || cell.lateLaunch >= 0) && !right) {
                    throw new Broken(Promise.ENDS, "ended, and there is " + cell);
                }
            }
            if (serving != state.desired) {
                throw new Broken(Promise.ENDS, "ended, and %d of %d serve".formatted(serving, state.desired));
            }
        }
    }

    /** What the planner says here, for people. */
    String tell(long[] words) {
        State state = State.unpack(words);
        Plan plan = planner.plan(memory.snapshot(state, FRESH), memory.state(state), memory.policy());
        return "%s; waits %s".formatted(plan.actions(), plan.waits());
    }
}
