package io.github.rollstep.benchmarks.swarm;

import java.io.IOException;

/** Something that replaces containers. */
interface Contestant extends AutoCloseable {

    int COUNT = 12;
    int PARALLELISM = 4;
    int PORT = 8080;

    String name();

    /** Twelve healthy containers of the old revision, and nothing else. */
    void prepare() throws IOException, InterruptedException;

    /** Replaces them all; returns when it says that it is done. */
    void roll() throws IOException, InterruptedException;

    /** Begins to replace them by a revision that never gets healthy; returns when it says that it is rolled back. */
    void rollBad() throws IOException, InterruptedException;

    /** Removes all its containers, so that none runs while another contestant is measured. */
    void clear() throws IOException, InterruptedException;

    /** The label that all its containers carry. */
    String label();

    /** After {@link #clear}. */
    @Override
    void close() throws IOException;
}
