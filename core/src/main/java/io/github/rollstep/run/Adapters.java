package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.StopVeto;
import io.github.rollstep.spi.TrafficRouter;
import java.util.List;
import java.util.Optional;

/** What a fleet is rolled with. */
record Adapters(
        FleetId fleet,
        InstanceProvider provider,
        HealthChecker health,
        Optional<TrafficRouter> router,
        List<Gate> gates,
        Optional<StopVeto> veto) {}
