package io.github.rollstep.aws;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.testkit.InstanceProviderContract;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;

/** The contract, in a world whose time passes with each look. */
abstract class AwsProviderContract extends InstanceProviderContract {

    private static final Reality.Times TIMES = new Reality.Times(
            Duration.ofSeconds(3), Duration.ofSeconds(2), Duration.ofSeconds(2), Duration.ofSeconds(3), Duration.ZERO);

    final AwsWorld world = AwsWorld.create(TIMES);
    final FleetId fleet = FleetId.of("contract");

    @AfterEach
    void leave() {
        world.close();
    }

    @Override
    protected Revision revision() {
        return LaunchTemplates.revision(world.launchTemplateId(), 1);
    }

    @Override
    protected Optional<Runnable> outage() {
        world.faults().away(true);
        return Optional.of(() -> world.faults().away(false));
    }

    /** All attempts of the SDK. */
    void fail(String operation) {
        world.faults().failNext(operation, 5);
    }
}
