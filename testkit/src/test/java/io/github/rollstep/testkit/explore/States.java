package io.github.rollstep.testkit.explore;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A set of states, numbered in the order in which they were added. */
final class States {

    private static final int EMPTY = -1;

    private final List<long[]> states = new ArrayList<>();
    private int[] table = empty(1 << 12);

    private static int[] empty(int size) {
        int[] table = new int[size];
        Arrays.fill(table, EMPTY);
        return table;
    }

    /** @return its number, whether it is new or was there */
    int add(long[] state) {
        if (states.size() * 2 > table.length) {
            table = empty(table.length * 2);
            for (int i = 0; i < states.size(); i++) {
                table[slot(states.get(i))] = i;
            }
        }
        int slot = slot(state);
        if (table[slot] == EMPTY) {
            table[slot] = states.size();
            states.add(state);
        }
        return table[slot];
    }

    private int slot(long[] state) {
        long hash = 0;
        for (long word : state) {
            hash = (hash ^ word) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 32;
        }
        int slot = (int) hash & (table.length - 1);
        while (table[slot] != EMPTY && !Arrays.equals(states.get(table[slot]), state)) {
            slot = slot + 1 & (table.length - 1);
        }
        return slot;
    }

    long[] get(int number) {
        return states.get(number);
    }

    int size() {
        return states.size();
    }
}
