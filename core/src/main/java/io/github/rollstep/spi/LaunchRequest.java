package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import java.time.Instant;
import java.util.Optional;

/**
 * One intended launch, the same in each repeat. What comes of it carries the first four as labels where the platform has them, so that
 * nothing is orphaned when the controller dies.
 *
 * @param rollout the one that intended it and made its token; the present one may have taken it over, still open
 * @param place where it belongs. A platform that does not let one choose may ignore it
 * @param intendedAt when it was decided; the same for all launches of one plan: by it a platform that starts
 *     many by one call knows which belong together
 */
public record LaunchRequest(
        FleetId fleet, RolloutId rollout, LaunchToken token, Revision revision, Place place, Instant intendedAt) {

    /** @throws IllegalArgumentException if the token is none of the rollout's */
    public LaunchRequest {
        if (!rollout.owns(token)) {
            throw new IllegalArgumentException("token must be one of rollout %s, was %s".formatted(rollout, token));
        }
    }

    /** A launch anywhere, as tests need it: intended at the epoch. */
    public LaunchRequest(FleetId fleet, RolloutId rollout, LaunchToken token, Revision revision) {
        this(fleet, rollout, token, revision, Place.anywhere(), Instant.EPOCH);
    }

    /** The place of an instance that has gone, to be taken over: its slot, its zone, its labels. */
    public Optional<Place> replaces() {
        return Optional.of(place).filter(taken -> taken.predecessor().isPresent());
    }
}
