package io.github.rollstep.testkit.explore;

/** Gets the states that may follow. */
interface Successors {

    /** @param faults how many faults it took; 0 for what a fair platform may do */
    void add(long[] state, int faults);
}
