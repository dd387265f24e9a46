package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import java.util.Optional;

/**
 * One intended launch. What comes of it carries the first four as labels where the platform has them, so that nothing is
 * orphaned when the controller dies.
 *
 * @param place where it belongs; the same in each repeat. A platform that does not let one choose may ignore it
 */
public record LaunchRequest(FleetId fleet, RolloutId rollout, LaunchToken token, Revision revision, Place place) {

    /** A launch anywhere. */
    public LaunchRequest(FleetId fleet, RolloutId rollout, LaunchToken token, Revision revision) {
        this(fleet, rollout, token, revision, Place.anywhere());
    }

    /** The place of an instance that has gone, to be taken over: its slot, its zone, its labels. */
    public Optional<Place> replaces() {
        return Optional.of(place).filter(taken -> taken.predecessor().isPresent());
    }
}
