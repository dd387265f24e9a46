package io.github.rollstep.benchmarks.swarm;

/**
 * One rollout of one contestant.
 *
 * @param scenario {@code good} or {@code bad}
 * @param seconds from the request to the end that the contestant itself reports
 * @param oldTaken how many containers of the old revision were stopped meanwhile
 */
record Measurement(String contestant, String scenario, int round, double seconds, int oldTaken) {}
