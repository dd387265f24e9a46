/** Meters of rollouts, by Micrometer. */
@NullMarked
package io.github.rollstep.metrics;

import org.jspecify.annotations.NullMarked;
