/**
 * The words of Rollstep: a {@link io.github.rollstep.FleetId fleet} of {@link io.github.rollstep.Instance instances},
 * the {@link io.github.rollstep.Revision revision} to roll out, and the {@link io.github.rollstep.RolloutPolicy policy}
 * that bounds how. Nothing here acts; everything here is immutable.
 */
@NullMarked
package io.github.rollstep;

import org.jspecify.annotations.NullMarked;
