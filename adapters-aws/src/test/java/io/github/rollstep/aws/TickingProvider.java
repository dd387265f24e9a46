package io.github.rollstep.aws;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.InstanceProvider;
import java.time.Duration;
import java.util.List;

/** A second passes with each list. */
final class TickingProvider extends PassingProvider {

    private final AwsWorld world;

    TickingProvider(InstanceProvider provider, AwsWorld world) {
        super(provider);
        this.world = world;
    }

    @Override
    public List<Instance> list() {
        world.advance(Duration.ofSeconds(1));
        return super.list();
    }
}
