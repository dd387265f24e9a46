package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.testkit.HealthCheckerContract;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The contract of the health checks of a target group; an instance is ill because its version is, and each has one of its own. */
class TargetHealthContractIT extends HealthCheckerContract {

    private static final Reality.Times TIMES = new Reality.Times(
            Duration.ofSeconds(3), Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(3), Duration.ZERO);

    private final AwsWorld world = AwsWorld.create(TIMES);
    private final Map<InstanceId, String> versions = new HashMap<>();

    @AfterEach
    void leave() {
        world.close();
    }

    @Override
    protected HealthChecker checker() {
        return TargetGroupRouter.builder(world.elb())
                .targetGroups(world.targetGroupArn())
                .otherwise(instance -> Health.unknown("is no target"))
                .build()
                .health();
    }

    @Override
    protected Instance healthy(String name) {
        String version = world.newVersion();
        InstanceId id = InstanceId.of(world.launch(1).get(0));
        versions.put(id, version);
        return Instance.builder(
                        id,
                        LaunchTemplates.revision(world.launchTemplateId(), Long.parseLong(version)),
                        Instance.State.RUNNING)
                .labels(Map.of("name", name))
                .build();
    }

    @Override
    protected void turn(Instance instance, boolean healthy) {
        String version = versions.getOrDefault(instance.id(), "");
        if (healthy) {
            world.reality().good(version);
        } else {
            world.reality().bad(version);
        }
    }

    /** To the load balancer it is one whose checks fail. */
    @Override
    protected Optional<Instance> silent() {
        Instance silent = healthy("silent");
        turn(silent, false);
        return Optional.of(silent);
    }

    @Override
    protected Optional<Runnable> outage() {
        world.faults().away(true);
        return Optional.of(() -> world.faults().away(false));
    }

    /** It needs none; what is no target is for others to judge. */
    @Override
    @Test
    protected void anInstanceWithoutAnAddressIsUnknown() {
        assertThat(checker().check(healthy("a")).isHealthy()).isTrue();

        Instance nowhere = Instance.builder(InstanceId.of("nowhere"), Revision.of("v1"), Instance.State.RUNNING)
                .build();
        assertThat(checker().check(nowhere)).isEqualTo(Health.unknown("is no target"));
    }
}
