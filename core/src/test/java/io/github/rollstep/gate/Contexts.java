package io.github.rollstep.gate;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.spi.Gate;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** What a gate is asked about in tests: shop, from v1 to v2. */
final class Contexts {

    static final Revision V1 = Revision.of("v1");
    static final Revision V2 = Revision.of("v2", Map.of("password", "of-the-revision"));

    private Contexts() {}

    static Gate.Context of(String fleet, String rollout, Revision target, Optional<Revision> baseline) {
        return new Gate.Context(
                FleetId.of(fleet),
                RolloutId.of(rollout),
                target,
                baseline,
                1,
                false,
                new FleetCounts(6, 3, 1, 0, 2, 0, 1, 2, 5),
                Duration.ofSeconds(42));
    }

    static Gate.Context shop() {
        return of("shop", "r-1", V2, Optional.of(V1));
    }
}
