package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;

/**
 * One intended launch. What comes of it carries all four as labels where the platform has them, so that nothing is
 * orphaned when the controller dies.
 */
public record LaunchRequest(FleetId fleet, RolloutId rollout, LaunchToken token, Revision revision) {}
