package io.github.rollstep.testkit.explore;

import io.github.rollstep.testkit.explore.Cell.Phase;
import io.github.rollstep.testkit.explore.Cell.Route;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A tick passes, and the platform chooses what happens to each instance: within the bounds of a fair one for nothing, beyond them
 * for a fault. Of instances that are alike it only counts how many go which way.
 */
final class PlatformTurn {

    /** What may become of a cell. */
    private record Fate(long cell, int faults) {}

    private static final int NOTHING = 0;

    private final Setting setting;

    PlatformTurn(Setting setting) {
        this.setting = setting;
    }

    /** @param successors gets each possible next state, and how many faults it took */
    void expand(long[] words, Successors successors) {
        State state = State.unpack(words);
        state.controllersTurn = true;
        int faults = state.faults;
        boolean held = state.phase.isHeld();
        state.failedAgo = Math.min(31, state.failedAgo + 1);
        List<List<Fate>> fates = new ArrayList<>();
        for (Cell cell : state.cells) {
            fates.add(fates(cell, faults, held));
        }
        choose(state, words, fates, 0, 0, new long[state.cells.size()], faults, successors);
    }

    private void choose(
            State state,
            long[] words,
            List<List<Fate>> fates,
            int index,
            int from,
            long[] chosen,
            int faultsLeft,
            Successors successors) {
        if (index == chosen.length) {
            int spent = state.faults - faultsLeft;
            int all = state.faults;
            state.faults = faultsLeft;
            successors.add(
                    state.pack(Arrays.stream(chosen)
                            .filter(cell -> cell != NOTHING)
                            .toArray()),
                    spent);
            state.faults = all;
            return;
        }
        List<Fate> options = fates.get(index);
        for (int i = from; i < options.size(); i++) {
            Fate fate = options.get(i);
            if (fate.faults() <= faultsLeft) {
                chosen[index] = fate.cell();
                boolean twin = index + 1 < chosen.length && words[index + 1] == words[index + 2];
                choose(state, words, fates, index + 1, twin ? i : 0, chosen, faultsLeft - fate.faults(), successors);
            }
        }
    }

    private List<Fate> fates(Cell before, int faults, boolean held) {
        List<Fate> fates = new ArrayList<>();
        Cell aged = new Cell(before);
        age(aged, held);
        for (Cell arrived : arrivals(aged)) {
            happen(arrived, faults, fates);
        }
        return fates;
    }

    private void age(Cell cell, boolean held) {
        cell.listed = setting.stale() ? cell.phase : Phase.ABSENT;
        cell.age = Math.min(7, cell.age + 1);
        if (!cell.known) {
            return;
        }
        if (!held) {
            cell.since++;
            cell.sick = older(cell.sick);
        }
        cell.intentSince++;
        cell.sent = older(cell.sent);
        cell.ready = older(cell.ready);
        cell.admitSent = older(cell.admitSent);
        cell.drainSent = older(cell.drainSent);
        cell.absentSince = older(cell.absentSince);
        cell.absentAt = older(cell.absentAt);
        clip(cell, setting);
    }

    private static int older(int age) {
        return age == Cell.NONE ? age : age + 1;
    }

    /** Ages beyond all that is measured against them are the same. */
    static void clip(Cell cell, Setting setting) {
        int settled = Setting.REQUEST_LIFE + setting.staleness();
        cell.since = cell.served ? Setting.START_DEADLINE : Math.min(cell.since, Setting.START_DEADLINE);
        int intent = switch (cell.intent) {
            case NONE -> 0;
            case LAUNCH -> settled;
            case KEEP -> 0;
            case DRAIN -> Math.max(settled, Setting.DRAIN_DEADLINE);
            case TERMINATE -> Math.max(settled, Setting.STOP_DEADLINE);
        };
        cell.intentSince = Math.min(cell.intentSince, intent);
        cell.sent = Math.min(cell.sent, Math.max(Math.max(1, setting.staleness()), intent));
        cell.ready = Math.min(cell.ready, Math.max(Setting.MIN_READY, setting.staleness()));
        cell.sick = Math.min(cell.sick, Setting.GRACE);
        cell.admitSent = Math.min(cell.admitSent, settled);
        cell.admits = Math.min(cell.admits, 2);
        cell.drainSent = Math.min(cell.drainSent, settled);
        cell.drains = Math.min(cell.drains, 2);
        cell.absentSince = Math.min(cell.absentSince, setting.staleness());
        cell.absentAt = Math.min(cell.absentAt, setting.staleness());
    }

    /** What requests that are on their way do: they take effect now or later, but within their life. */
    private static List<Cell> arrivals(Cell cell) {
        List<Cell> cells = List.of(cell);
        if (cell.lateLaunch >= 0) {
            cells = arrive(cells, c -> c.lateLaunch, (c, late) -> c.lateLaunch = late, Cell::launch);
        }
        if (cell.lateAdmit >= 0) {
            cells = arrive(cells, c -> c.lateAdmit, (c, late) -> c.lateAdmit = late, Cell::admit);
        }
        if (cell.lateDrain >= 0) {
            cells = arrive(cells, c -> c.lateDrain, (c, late) -> c.lateDrain = late, Cell::drain);
        }
        if (cell.lateStop >= 0) {
            cells = arrive(cells, c -> c.lateStop, (c, late) -> c.lateStop = late, Cell::stop);
        }
        return cells;
    }

    private interface Late {
        int of(Cell cell);
    }

    private interface SetLate {
        void to(Cell cell, int late);
    }

    private static List<Cell> arrive(
            List<Cell> cells, Late late, SetLate set, java.util.function.Consumer<Cell> effect) {
        List<Cell> all = new ArrayList<>();
        for (Cell cell : cells) {
            int age = late.of(cell) + 1;
            Cell now = new Cell(cell);
            set.to(now, Cell.NONE);
            effect.accept(now);
            all.add(now);
            if (age < Setting.REQUEST_LIFE) {
                Cell later = new Cell(cell);
                set.to(later, age);
                all.add(later);
            }
        }
        return all;
    }

    private void happen(Cell cell, int faults, List<Fate> fates) {
        switch (cell.phase) {
            case ABSENT, FAILED -> add(fates, cell, 0);
            case STARTING -> start(cell, faults, fates);
            case RUNNING -> run(cell, faults, fates);
            case STOPPING -> stop(cell, faults, fates);
        }
    }

    private void start(Cell cell, int faults, List<Fate> fates) {
        boolean ours = cell.revision == State.TARGET;
        int bound = ours ? setting.target().startBound : 1;
        if (ours && setting.target() == Setting.Target.EXITS) {
            add(fates, cell, 0, Cell::die);
        } else {
            add(fates, cell, 0, c -> {
                c.phase = Phase.RUNNING;
                c.ill = ours && setting.target() == Setting.Target.BAD;
                c.slow = false;
                c.age = 0;
            });
        }
        if (cell.age < bound || cell.slow) {
            add(fates, cell, 0);
        } else if (faults > 0) {
            add(fates, cell, 1, c -> c.slow = true);
        }
        if (faults > 0) {
            add(fates, cell, 1, Cell::die);
            add(fates, cell, 1, Cell::vanish);
        }
    }

    private void run(Cell cell, int faults, List<Fate> fates) {
        boolean everIll = cell.revision == State.TARGET && setting.target() == Setting.Target.BAD;
        if (cell.route == Route.DRAINING && cell.open) {
            add(fates, cell, 0, c -> {
                c.open = false;
                c.slow = false;
                c.age = 0;
            });
            if (cell.age < Setting.LEAVE_BOUND || cell.slow) {
                add(fates, cell, 0);
            } else if (faults > 0) {
                add(fates, cell, 1, c -> c.slow = true);
            }
        } else {
            add(fates, cell, 0);
        }
        if (cell.ill && !everIll) {
            add(fates, cell, 0, c -> c.ill = false);
        }
        if (faults > 0) {
            if (!cell.ill) {
                add(fates, cell, 1, c -> c.ill = true);
            }
            add(fates, cell, 1, Cell::die);
            add(fates, cell, 1, Cell::vanish);
        }
    }

    private void stop(Cell cell, int faults, List<Fate> fates) {
        add(fates, cell, 0, Cell::vanish);
        if (cell.age < Setting.LEAVE_BOUND || cell.slow) {
            add(fates, cell, 0);
        } else if (faults > 0) {
            add(fates, cell, 1, c -> c.slow = true);
        }
    }

    private static void add(List<Fate> fates, Cell cell, int faults) {
        add(fates, cell, faults, c -> {});
    }

    private static void add(List<Fate> fates, Cell cell, int faults, java.util.function.Consumer<Cell> change) {
        Cell changed = new Cell(cell);
        change.accept(changed);
        settle(changed);
        fates.add(new Fate(changed.isNothing() ? NOTHING : changed.pack(), faults));
    }

    /** The age counts only for what is bounded: a start, open requests, a stop. */
    private static void settle(Cell cell) {
        boolean counts = cell.phase == Phase.STARTING
                || cell.phase == Phase.STOPPING
                || (cell.phase == Phase.RUNNING && cell.route == Route.DRAINING && cell.open);
        cell.age = counts ? cell.age : 0;
        if (cell.slow) {
            cell.age = 0;
        }
    }
}
