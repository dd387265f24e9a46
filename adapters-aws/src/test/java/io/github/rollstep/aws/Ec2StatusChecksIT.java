package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.aws.ec2.Ec2StatusChecks;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.DescribeInstanceStatusRequest;
import software.amazon.awssdk.services.ec2.model.DescribeInstanceStatusResponse;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.InstanceStatus;

/** By the emulator, which finds all that runs in order; the other states, and more than a call takes, by a stub. */
class Ec2StatusChecksIT {

    private static final Reality.Times TIMES = new Reality.Times(
            Duration.ofSeconds(3), Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(3), Duration.ZERO);

    private final AwsWorld world = AwsWorld.create(TIMES);
    private final Ec2StatusChecks checks = new Ec2StatusChecks(world.ec2());

    @AfterEach
    void leave() {
        world.close();
    }

    private static Instance instance(String id) {
        return Instance.builder(InstanceId.of(id), Revision.of("v1"), Instance.State.RUNNING)
                .build();
    }

    @Test
    void whatRunsInOrderIsHealthyAndAskedForByOneCall() {
        List<Instance> all =
                world.launch(3).stream().map(Ec2StatusChecksIT::instance).toList();
        world.counter().reset();

        assertThat(checks.checkAll(all))
                .containsOnlyKeys(all.stream().map(Instance::id).toList())
                .allSatisfy((id, health) -> assertThat(health.isHealthy()).isTrue());
        assertThat(world.counter().counts()).isEqualTo(Map.of("Ec2:DescribeInstanceStatus", 1L));
        assertThat(checks.check(all.get(0)).isHealthy()).isTrue();
    }

    @Test
    void whatEc2HasNoStatusOfIsUnknown() {
        Instance stopped = instance(world.launch(1).get(0));
        world.ec2().stopInstances(request -> request.instanceIds(stopped.id().value()));

        assertThat(checks.check(stopped)).isEqualTo(Health.unknown("EC2 has no status yet"));
        assertThat(checks.checkAll(List.of(stopped))).isEmpty();
    }

    @Test
    void noneIsFine() {
        assertThat(checks.checkAll(List.of())).isEmpty();
        assertThat(world.counter().total()).isZero();
    }

    @Test
    void whereEc2CannotTellNobodyIsAccused() {
        Instance one = instance(world.launch(1).get(0));
        world.faults().away(true);

        assertThat(checks.check(one).status()).isEqualTo(Health.Status.UNKNOWN);
    }

    @Test
    void whatEc2RefusesForGoodIsThrown() {
        Stub stub = new Stub("ok", "ok");
        stub.refuse("i-00000001", "UnauthorizedOperation", "You are not authorized");

        assertThatThrownBy(() -> new Ec2StatusChecks(stub).check(instance("i-00000001")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse());
    }

    private static List<Instance> many(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> instance("i-%08x".formatted(i)))
                .toList();
    }

    /** EC2 refuses a call with one that it does not know, for all of them; a new one is not known everywhere at once. */
    @Test
    void onesThatEc2DoesNotKnowHideNoOther() {
        Stub stub = new Stub("ok", "ok");
        stub.unknown.addAll(List.of("i-00000003", "i-00000005"));

        Map<InstanceId, Health> verdicts = new Ec2StatusChecks(stub).checkAll(many(8));

        assertThat(verdicts)
                .hasSize(6)
                .doesNotContainKeys(InstanceId.of("i-00000003"), InstanceId.of("i-00000005"))
                .allSatisfy((id, health) -> assertThat(health.isHealthy()).isTrue());
    }

    @Test
    void aCallThatFailsHidesNothingOfTheOthers() {
        Stub stub = new Stub("ok", "ok");
        stub.refuse("i-00000064", "RequestLimitExceeded", "Request limit exceeded."); // 100, of the second call

        Map<InstanceId, Health> verdicts = new Ec2StatusChecks(stub).checkAll(many(250));

        assertThat(verdicts).hasSize(250);
        assertThat(verdicts.values().stream().filter(Health::isHealthy)).hasSize(150);
        assertThat(verdicts.get(InstanceId.of("i-00000064")))
                .isEqualTo(Health.unknown("describe instance status: throttled (RequestLimitExceeded)"));
    }

    @Test
    void moreThanACallTakesAreAskedForByMore() {
        Stub stub = new Stub("ok", "ok");
        List<Instance> all = many(250);

        assertThat(new Ec2StatusChecks(stub).checkAll(all))
                .containsOnlyKeys(all.stream().map(Instance::id).toList())
                .allSatisfy((id, health) -> assertThat(health.isHealthy()).isTrue());
        assertThat(stub.calls).extracting(List::size).containsExactly(100, 100, 50);
        assertThat(stub.calls.stream().flatMap(List::stream)).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @CsvSource({
        "ok,ok,HEALTHY",
        "ok,initializing,UNKNOWN",
        "initializing,initializing,UNKNOWN",
        "insufficient-data,ok,UNKNOWN",
        "ok,not-applicable,UNKNOWN",
        "impaired,ok,UNHEALTHY",
        "ok,impaired,UNHEALTHY",
        "impaired,initializing,UNHEALTHY"
    })
    void whatEc2SaysOfHostAndSystem(String system, String instance, Health.Status expected) {
        Health health = new Ec2StatusChecks(new Stub(system, instance)).check(instance("i-00000001"));

        assertThat(health.status()).isEqualTo(expected);
        if (expected != Health.Status.HEALTHY) {
            assertThat(health.detail())
                    .isEqualTo("EC2 status checks: system %s, instance %s".formatted(system, instance));
        }
    }

    /** Says the same of all that it knows. */
    private static final class Stub implements Ec2Client {

        private final List<List<String>> calls = new ArrayList<>();
        private final String system;
        private final String instance;
        private final List<String> unknown = new ArrayList<>();
        private final Map<String, AwsErrorDetails> refused = new HashMap<>();

        /** Each call for this one. */
        void refuse(String id, String code, String message) {
            refused.put(
                    id,
                    AwsErrorDetails.builder()
                            .errorCode(code)
                            .errorMessage(message)
                            .build());
        }

        private static AwsServiceException refusal(AwsErrorDetails details) {
            return Ec2Exception.builder()
                    .awsErrorDetails(details)
                    .message(details.errorMessage())
                    .statusCode(400)
                    .build();
        }

        Stub(String system, String instance) {
            this.system = system;
            this.instance = instance;
        }

        @Override
        public DescribeInstanceStatusResponse describeInstanceStatus(DescribeInstanceStatusRequest request) {
            calls.add(request.instanceIds());
            request.instanceIds().stream()
                    .filter(refused::containsKey)
                    .findFirst()
                    .ifPresent(id -> {
                        throw refusal(refused.get(id));
                    });
            request.instanceIds().stream().filter(unknown::contains).findFirst().ifPresent(id -> {
                throw refusal(AwsErrorDetails.builder()
                        .errorCode("InvalidInstanceID.NotFound")
                        .errorMessage("The instance ID '%s' does not exist".formatted(id))
                        .build());
            });
            Stream<InstanceStatus> all = request.instanceIds().stream()
                    .map(id -> InstanceStatus.builder()
                            .instanceId(id)
                            .systemStatus(status -> status.status(system))
                            .instanceStatus(status -> status.status(instance))
                            .build());
            return DescribeInstanceStatusResponse.builder()
                    .instanceStatuses(all.toList())
                    .build();
        }

        @Override
        public String serviceName() {
            return SERVICE_NAME;
        }

        @Override
        public void close() {}
    }
}
