package io.github.rollstep.testkit;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** The last lines of what was observed, asked and said. What is as it was before takes no line. */
final class Tape {

    private static final int NAMED = 12;
    private static final int LISTED = 30;

    private final int length;
    private final Deque<String> lines = new ArrayDeque<>();
    private long count;

    Tape(int length) {
        this.length = length;
    }

    void add(Instant at, String who, String text) {
        count++;
        lines.addLast("%s %s %s".formatted(at.truncatedTo(ChronoUnit.MILLIS), who, text));
        if (lines.size() > length) {
            lines.removeFirst();
        }
    }

    List<String> lines() {
        List<String> all = new ArrayList<>(lines);
        if (count > lines.size()) {
            all.add(0, "... %,d lines before".formatted(count - lines.size()));
        }
        return all;
    }

    /** What is new, other or gone. */
    static List<String> changes(Map<String, String> before, Map<String, String> now) {
        List<String> changes = new ArrayList<>();
        now.forEach((name, text) -> {
            if (!text.equals(before.get(name))) {
                changes.add(name + " " + text);
            }
        });
        before.keySet().stream().filter(name -> !now.containsKey(name)).forEach(name -> changes.add(name + " gone"));
        return changes;
    }

    /** The first of these, a line each. */
    static List<String> first(Map<String, String> told) {
        List<String> lines = new ArrayList<>();
        told.forEach((name, text) -> {
            if (lines.size() < LISTED) {
                lines.add("  " + name + " " + text);
            }
        });
        if (told.size() > LISTED) {
            lines.add("  and %,d more".formatted(told.size() - LISTED));
        }
        return lines;
    }

    /** The first few, and how many more. */
    static String some(List<String> names) {
        int more = names.size() - NAMED;
        return more <= 0
                ? String.join("; ", names)
                : "%s; and %,d more".formatted(String.join("; ", names.subList(0, NAMED)), more);
    }
}
