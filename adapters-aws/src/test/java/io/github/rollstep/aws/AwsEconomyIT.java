package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Rollout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a whole rollout costs in calls: boot 15 s, health 10 s, drain 20 s; lists that may be 5 s old by their word. Printed, and written to {@code target/aws-calls.txt}.
 * {@code -Drollstep.aws.large=true} counts 1,000, too.
 */
class AwsEconomyIT {

    private static final Reality.Times TIMES = new Reality.Times(
            Duration.ofSeconds(15), Duration.ofSeconds(10), Duration.ofSeconds(20), Duration.ZERO, Duration.ZERO);
    private static final Path TABLE = Path.of("target/aws-calls.txt");

    private static RolloutPolicy policy(int surge) {
        return RolloutPolicy.builder()
                .batches(Batches.sliding(Quota.of(surge)))
                .maxSurge(surge)
                .minReady(Duration.ZERO)
                .startDeadline(Duration.ofMinutes(3))
                .drainDeadline(Duration.ofMinutes(1))
                .stopDeadline(Duration.ofMinutes(4))
                .build();
    }

    static Stream<Arguments> most() {
        Stream<Arguments> always = Stream.of(
                arguments(Kind.GROUP, 4, 1, 47),
                arguments(Kind.EC2, 4, 1, 70),
                arguments(Kind.GROUP, 20, 5, 63),
                arguments(Kind.EC2, 20, 5, 70),
                arguments(Kind.GROUP, 100, 20, 150),
                arguments(Kind.EC2, 100, 20, 78));
        return Boolean.getBoolean("rollstep.aws.large")
                ? Stream.concat(
                        always,
                        Stream.of(arguments(Kind.GROUP, 1_000, 200, 1_050), arguments(Kind.EC2, 1_000, 200, 102)))
                : always;
    }

    @ParameterizedTest
    @MethodSource("most")
    void needsNoMoreCallsThan(Kind kind, int instances, int surge, long most) throws IOException {
        try (AwsScene scene = new AwsScene(kind, instances, TIMES, Duration.ofSeconds(5), policy(surge))) {
            String next = scene.world.newVersion();
            Instant begin = scene.world.clock().instant();
            Rollout rollout = scene.update().start(scene.revision(next));
            scene.drive(rollout);
            Duration took = Duration.between(begin, scene.world.clock().instant());
            Map<String, Long> counts = scene.world.counter().counts();
            long total = scene.world.counter().total();

            assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            String line = "%-5s %4d instances, surge %3d: %4d calls, %s, %s%n"
                    .formatted(kind, instances, surge, total, took, counts);
            System.out.print(line);
            Files.writeString(TABLE, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            assertThat(total).as("%s", counts).isLessThanOrEqualTo(most);
            scene.assertIs(next);
        }
    }
}
