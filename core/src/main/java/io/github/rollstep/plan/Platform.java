package io.github.rollstep.plan;

import java.time.Duration;

/**
 * What the planner must know of a platform.
 *
 * @param routed whether there is a router; without one, healthy for {@code minReady} is serving
 * @param drainsOnTerminate whether the platform drains what it terminates, so that leaving is one action
 * @param staleness how old a list may be
 * @param requestLife how long after it was decided a request may still take effect
 */
public record Platform(boolean routed, boolean drainsOnTerminate, Duration staleness, Duration requestLife) {}
