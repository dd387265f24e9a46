package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.TrafficRouter;
import java.util.Optional;

/** What a fleet is rolled with. */
record Adapters(FleetId fleet, InstanceProvider provider, HealthChecker health, Optional<TrafficRouter> router) {}
