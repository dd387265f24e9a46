/**
 * The engine: observes, plans, persists, acts, and sleeps until something changes. Begin with
 * {@link io.github.rollstep.run.RollingUpdate}.
 */
@NullMarked
package io.github.rollstep.run;

import org.jspecify.annotations.NullMarked;
