/**
 * What to do next: a pure function from what is observed and what is remembered to a plan. No clock, log, random, thread or
 * SPI. Begin with {@link io.github.rollstep.plan.RollingPlanner}.
 */
@NullMarked
package io.github.rollstep.plan;

import org.jspecify.annotations.NullMarked;
