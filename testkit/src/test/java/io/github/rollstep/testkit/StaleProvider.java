package io.github.rollstep.testkit;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;

/** Its lists may be old, but never older than its staleness, nor than the one before. */
final class StaleProvider implements InstanceProvider {

    private record Dated(Instant at, List<Instance> instances) {}

    private final InstanceProvider provider;
    private final Duration staleness;
    private final InstantSource clock;
    private final Random random;
    private final Deque<Dated> lists = new ArrayDeque<>();

    StaleProvider(InstanceProvider provider, Duration staleness, InstantSource clock, long seed) {
        this.provider = provider;
        this.staleness = staleness;
        this.clock = clock;
        random = new Random(seed);
    }

    @Override
    public List<Instance> list() {
        Instant now = clock.instant();
        lists.addLast(new Dated(now, provider.list()));
        while (lists.size() > 1 && (lists.getFirst().at().isBefore(now.minus(staleness)) || random.nextInt(3) > 0)) {
            lists.removeFirst();
        }
        return lists.getFirst().instances();
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        provider.launch(open);
    }

    @Override
    public void terminate(InstanceId id) {
        provider.terminate(id);
    }

    @Override
    public Duration staleness() {
        return staleness;
    }
}
