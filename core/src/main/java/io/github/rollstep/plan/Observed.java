package io.github.rollstep.plan;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.Routing;

/** One instance as provider, health checker and router see it at the time of a snapshot. */
public record Observed(Instance instance, Health health, Routing routing) {}
