package io.github.rollstep.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The meters of a whole rollout. */
class RolloutMetricsTest {

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final RolloutStore store = new InMemoryRolloutStore();
    private final Memory platform = new Memory();
    private final RolloutMetrics metrics = new RolloutMetrics(registry);

    private static final class Memory implements InstanceProvider {
        private final Map<InstanceId, Instance> instances = new HashMap<>();

        @Override
        public List<Instance> list() {
            return new ArrayList<>(instances.values());
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            open.forEach(request -> {
                InstanceId id = InstanceId.of(request.token().value());
                instances.putIfAbsent(
                        id,
                        Instance.builder(id, request.revision(), Instance.State.RUNNING)
                                .token(request.token())
                                .build());
            });
        }

        @Override
        public void terminate(InstanceId id) {
            instances.remove(id);
        }
    }

    private Map<String, Double> values() {
        return registry.getMeters().stream()
                .collect(Collectors.toMap(
                        meter -> meter.getId().getName()
                                + meter.getId().getTags().stream()
                                        .map(tag -> tag.getValue())
                                        .toList(),
                        RolloutMetricsTest::value));
    }

    private static double value(Meter meter) {
        return meter.measure().iterator().next().getValue();
    }

    private RollingUpdate.Builder builder() {
        return RollingUpdate.builder()
                .fleet(FleetId.of("shop"))
                .desired(2)
                .provider(platform)
                .health(instance -> Health.healthy())
                .store(store)
                .policy(RolloutPolicy.builder().minReady(Duration.ZERO).build())
                .listener(metrics)
                .hostDriven();
    }

    @Test
    void forgetsItsGaugesWhenTheControllerLeavesTheRollout() {
        RollingUpdate update = builder().build();
        update.start(Revision.of("v1")).step();
        assertThat(values()).containsKeys("rollstep.instances[shop, existing]", "rollstep.rollout.elapsed[shop]");

        update.close();

        assertThat(values())
                .doesNotContainKeys("rollstep.instances[shop, existing]", "rollstep.rollout.elapsed[shop]")
                .containsEntry("rollstep.actions[launch, shop, missing]", 1.0);
        RollingUpdate next = builder().build();
        next.resume().orElseThrow().step();
        assertThat(values()).containsEntry("rollstep.instances[shop, existing]", 2.0);
        next.close();
    }

    @Test
    void countsARolloutAndForgetsItsGaugesAtTheEnd() {
        RollingUpdate update = builder().build();
        Rollout rollout = update.start(Revision.of("v1"));
        assertThat(values())
                .as("registered ahead")
                .containsEntry("rollstep.rollouts[shop, succeeded]", 0.0)
                .containsEntry("rollstep.calls.failed[shop, retryable]", 0.0)
                .containsKeys("rollstep.instances[shop, existing]", "rollstep.instances[shop, kept]");

        rollout.step();
        assertThat(values()).containsEntry("rollstep.instances[shop, existing]", 1.0);
        while (!rollout.phase().isFinal()) {
            rollout.step();
        }

        assertThat(values())
                .containsEntry("rollstep.actions[launch, shop, missing]", 2.0)
                .containsEntry("rollstep.rollouts[shop, succeeded]", 1.0)
                .containsEntry("rollstep.rollouts[shop, failed]", 0.0)
                .doesNotContainKey("rollstep.instances[shop, existing]");
        metrics.close();
        assertThat(registry.getMeters()).isEmpty();
        update.close();
    }
}
