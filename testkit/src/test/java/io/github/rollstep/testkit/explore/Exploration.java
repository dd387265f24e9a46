package io.github.rollstep.testkit.explore;

import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.testkit.Promise;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All states that can be reached, breadth first, so that the first violation found is one of the shortest. In each state the promises
 * hold; and from each an end can be reached if nothing goes wrong any more.
 */
public final class Exploration {

    /**
     * What was found.
     *
     * @param ends how many states there are of each way to end
     * @param violation the first, with the way to it
     */
    public record Result(
            Setting setting,
            int states,
            long transitions,
            int depth,
            Map<RolloutPhase, Integer> ends,
            Optional<Violation> violation) {

        @Override
        public String toString() {
            return "%-72s %,10d states %,11d transitions, depth %3d, ends %s"
                    .formatted(setting, states, transitions, depth, ends);
        }
    }

    public record Violation(Promise promise, int states, String story) {}

    private final Setting setting;
    private final PlatformTurn platform;
    private final ControllersTurn controller;
    private final States states = new States();
    private final Numbers from = new Numbers();
    private final Numbers to = new Numbers();
    private final Numbers reachedFrom = new Numbers();
    private final Map<RolloutPhase, Integer> ends = new EnumMap<>(RolloutPhase.class);
    private long transitions;
    private int depth;

    private Exploration(Setting setting, Planner planner) {
        this.setting = setting;
        platform = new PlatformTurn(setting);
        controller = new ControllersTurn(setting, planner);
    }

    /** @param mostStates ends with what was found so far when there are more */
    public static Result run(Setting setting, Planner planner, int mostStates) {
        return new Exploration(setting, planner).run(mostStates);
    }

    private Result run(int mostStates) {
        states.add(controller.start());
        reachedFrom.add(-1);
        int levelEnd = 1;
        for (int i = 0; i < states.size() && states.size() < mostStates; i++) {
            if (i == levelEnd) {
                depth++;
                levelEnd = states.size();
            }
            Optional<Broken> broken = expand(i);
            if (broken.isPresent()) {
                return result(Optional.of(violation(broken.get(), wayTo(i))));
            }
        }
        return result(states.size() < mostStates ? stuck() : Optional.empty());
    }

    private Optional<Broken> expand(int index) {
        long[] words = states.get(index);
        State state = State.unpack(words);
        if (state.phase.isFinal()) {
            ends.merge(state.phase, 1, Integer::sum);
        }
        Successors successors = (next, faults) -> {
            transitions++;
            int number = states.add(next);
            if (number == reachedFrom.size()) {
                reachedFrom.add(index);
            }
            if (faults == 0) {
                from.add(index);
                to.add(number);
            }
        };
        try {
            if (state.phase.isFinal()) {
                controller.rest(words);
            } else if (state.controllersTurn) {
                controller.expand(words, successors);
            } else {
                platform.expand(words, successors);
            }
            return Optional.empty();
        } catch (Broken e) {
            return Optional.of(e);
        }
    }

    /** The first state from which no end can be reached, by going back from all ends. */
    private Optional<Violation> stuck() {
        int count = states.size();
        int[] first = new int[count + 1];
        for (int i = 0; i < to.size(); i++) {
            first[to.get(i) + 1]++;
        }
        for (int i = 0; i < count; i++) {
            first[i + 1] += first[i];
        }
        int[] at = Arrays.copyOf(first, count);
        int[] predecessors = new int[to.size()];
        for (int i = 0; i < to.size(); i++) {
            predecessors[at[to.get(i)]++] = from.get(i);
        }
        boolean[] ends = new boolean[count];
        Deque<Integer> todo = new ArrayDeque<>();
        for (int i = 0; i < count; i++) {
            if (State.unpack(states.get(i)).isGoal()) {
                ends[i] = true;
                todo.add(i);
            }
        }
        while (!todo.isEmpty()) {
            int state = todo.remove();
            for (int i = first[state]; i < first[state + 1]; i++) {
                if (!ends[predecessors[i]]) {
                    ends[predecessors[i]] = true;
                    todo.add(predecessors[i]);
                }
            }
        }
        for (int i = 0; i < count; i++) {
            if (!ends[i]) {
                return Optional.of(violation(new Broken(Promise.ENDS, "no end can be reached from here"), onAndOn(i)));
            }
        }
        return Optional.empty();
    }

    private List<Integer> wayTo(int last) {
        List<Integer> way = new ArrayList<>();
        for (int i = last; i >= 0; i = reachedFrom.get(i)) {
            way.add(i);
        }
        Collections.reverse(way);
        return way;
    }

    /** The way there, and on by the last fair choice each time, until it is where it was before. */
    private List<Integer> onAndOn(int last) {
        Map<Integer, Integer> next = new HashMap<>();
        for (int i = 0; i < from.size(); i++) {
            next.put(from.get(i), to.get(i));
        }
        List<Integer> way = wayTo(last);
        for (int i = last; next.containsKey(i) && !way.contains(next.get(i)); i = next.get(i)) {
            way.add(next.get(i));
        }
        return way;
    }

    private Violation violation(Broken broken, List<Integer> way) {
        StringBuilder story = new StringBuilder("%s: %s, after %d states; %s%n"
                .formatted(broken.promise(), broken.getMessage(), states.size(), setting));
        for (int i : way) {
            State state = State.unpack(states.get(i));
            if (state.controllersTurn) {
                story.append("  ")
                        .append(state)
                        .append("\n    -> ")
                        .append(controller.tell(states.get(i)))
                        .append('\n');
            }
        }
        return new Violation(broken.promise(), states.size(), story.toString());
    }

    private Result result(Optional<Violation> violation) {
        return new Result(setting, states.size(), transitions, depth, ends, violation);
    }
}
