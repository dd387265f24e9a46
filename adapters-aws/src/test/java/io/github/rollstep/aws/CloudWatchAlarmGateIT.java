package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Batches;
import io.github.rollstep.FailurePolicy;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.Verdict;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.Behaviour;
import io.github.rollstep.testkit.ManualClock;
import io.github.rollstep.testkit.SimulatedFleet;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.SdkRequest;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.AlarmType;
import software.amazon.awssdk.services.cloudwatch.model.ComparisonOperator;
import software.amazon.awssdk.services.cloudwatch.model.DescribeAlarmsRequest;
import software.amazon.awssdk.services.cloudwatch.model.PutMetricAlarmRequest;
import software.amazon.awssdk.services.cloudwatch.model.StateValue;
import software.amazon.awssdk.services.cloudwatch.model.Statistic;

/** Against an emulator, by itself and within rollouts of a simulated fleet. */
class CloudWatchAlarmGateIT {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V1 = Revision.of("v1");
    private static final Revision V2 = Revision.of("v2");
    private static final int DESIRED = 3;

    private final CallCounter calls = new CallCounter();
    private final UnreliableHttp http = new UnreliableHttp();
    private final ConcurrentLinkedQueue<SdkRequest> requests = new ConcurrentLinkedQueue<>();
    private CloudWatchClient client;

    @BeforeEach
    void start() {
        Moto.reset();
        client = Moto.client(
                CloudWatchClient.builder(),
                calls,
                http,
                configuration -> configuration.addExecutionInterceptor(new ExecutionInterceptor() {
                    @Override
                    public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) {
                        requests.add(context.request());
                    }
                }));
    }

    @AfterEach
    void stop() {
        if (client != null) {
            client.close();
        }
        http.close();
    }

    private void alarm(String name, StateValue state, String reason) {
        client.putMetricAlarm(alarm(name).build());
        becomes(name, state, reason);
    }

    /** The emulator has none: this is what CloudWatch answers where the alarm "either" is known beside "errors". */
    private void answerWithComposite(StateValue state) {
        http.next(UnreliableHttp.answers("""
                <DescribeAlarmsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">
                  <DescribeAlarmsResult>
                    <MetricAlarms><member>
                      <AlarmName>errors</AlarmName><StateValue>OK</StateValue><StateReason>fine</StateReason>
                    </member></MetricAlarms>
                    <CompositeAlarms><member>
                      <AlarmName>either</AlarmName><AlarmRule>ALARM(errors) OR ALARM(latency)</AlarmRule>
                      <StateValue>%s</StateValue><StateReason>one of two</StateReason>
                      <StateUpdatedTimestamp>2026-11-24T00:07:00Z</StateUpdatedTimestamp>
                      <StateTransitionedTimestamp>2026-11-24T00:05:00Z</StateTransitionedTimestamp>
                    </member></CompositeAlarms>
                  </DescribeAlarmsResult>
                  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
                </DescribeAlarmsResponse>
                """.formatted(state)));
    }

    private static PutMetricAlarmRequest.Builder alarm(String name) {
        return PutMetricAlarmRequest.builder()
                .alarmName(name)
                .namespace("shop")
                .metricName("errors")
                .statistic(Statistic.SUM)
                .period(60)
                .evaluationPeriods(1)
                .threshold(1.0)
                .comparisonOperator(ComparisonOperator.GREATER_THAN_THRESHOLD);
    }

    private void becomes(String name, StateValue state, String reason) {
        client.setAlarmState(
                request -> request.alarmName(name).stateValue(state).stateReason(reason));
    }

    private CloudWatchAlarmGate.Builder builder(String... alarms) {
        return CloudWatchAlarmGate.builder(client).alarms(alarms);
    }

    /** What the gate of the last alarm says. */
    private static Verdict ask(CloudWatchAlarmGate.Builder gates) {
        List<CloudWatchAlarmGate> built = gates.build();
        return ask(built.get(built.size() - 1), SHOP);
    }

    private static Verdict ask(CloudWatchAlarmGate gate, FleetId fleet) {
        return gate.judge(new Gate.Context(
                fleet, RolloutId.of("r-1"), V2, Optional.of(V1), 1, false, FleetCounts.none(), Duration.ZERO));
    }

    // ---- verdicts

    @Test
    void passesWhileItsAlarmIsOkWhateverTheOthersSay() {
        alarm("errors", StateValue.ALARM, "7 errors");
        alarm("latency", StateValue.OK, "fine");

        assertThat(ask(builder("errors", "missing", "latency"))).isEqualTo(Verdict.pass());
    }

    @Test
    void failsWithNameReasonAndTimeOfAnAlarmThatIsRed() {
        Instant before = Instant.now().minusSeconds(60);
        alarm("errors", StateValue.ALARM, "7 errors,\nthreshold 1");

        Verdict verdict = ask(builder("errors"));

        assertThat(verdict.fails()).isTrue();
        assertThat(verdict.reason())
                .matches("alarm errors is in state ALARM since \\S+: 7 errors, threshold 1")
                .satisfies(text -> assertThat(Instant.parse(text.replaceAll(".*since (\\S+): .*", "$1")))
                        .isAfter(before));
    }

    @Test
    void failsByACompositeAlarmSinceItTurnedRed() {
        answerWithComposite(StateValue.ALARM);

        assertThat(ask(builder("errors", "either")))
                .isEqualTo(Verdict.fail("alarm either is in state ALARM since 2026-11-24T00:05:00Z: one of two"));
    }

    @Test
    void passesWhileACompositeAlarmIsOk() {
        answerWithComposite(StateValue.OK);

        assertThat(ask(builder("errors", "either"))).isEqualTo(Verdict.pass());
    }

    @Test
    void aLongReasonIsCut() {
        alarm("errors", StateValue.ALARM, "x".repeat(1_000));

        assertThat(ask(builder("errors")).reason()).endsWith("xxx...").hasSizeLessThan(400);
    }

    @Test
    void anAlarmWithoutDataPassesAndIsTold() {
        alarm("errors", StateValue.INSUFFICIENT_DATA, "no data");

        assertThat(ask(builder("errors"))).isEqualTo(Verdict.pass("no data for alarm errors"));
    }

    @Test
    void anAlarmWithoutDataWaitsIfDataIsRequired() {
        alarm("errors", StateValue.INSUFFICIENT_DATA, "no data");

        assertThat(ask(builder("errors").requireData())).isEqualTo(Verdict.waits("no data for alarm errors"));
    }

    @Test
    void aNameWithoutAnAlarmWaits() {
        alarm("errors", StateValue.OK, "fine");

        assertThat(ask(builder("errors", "misspelt"))).isEqualTo(Verdict.waits("there is no alarm misspelt"));
    }

    @Test
    void asksForAHundredOfBothKindsInOneCall() {
        String[] names = IntStream.range(0, 100).mapToObj(i -> "errors-" + i).toArray(String[]::new);
        for (String name : names) {
            alarm(name, StateValue.OK, "fine");
        }
        List<CloudWatchAlarmGate> gates = builder(names).build();
        requests.clear();
        calls.reset();

        assertThat(gates.stream().map(gate -> ask(gate, SHOP))).hasSize(100).containsOnly(Verdict.pass());

        assertThat(calls.counts()).isEqualTo(Map.of("CloudWatch:DescribeAlarms", 1L));
        assertThat(requests).singleElement().isInstanceOfSatisfying(DescribeAlarmsRequest.class, request -> {
            assertThat(request.alarmTypes())
                    .containsExactlyInAnyOrder(AlarmType.METRIC_ALARM, AlarmType.COMPOSITE_ALARM);
            assertThat(request.alarmNames()).containsExactlyInAnyOrder(names);
            assertThat(request.maxRecords()).isEqualTo(100);
        });
    }

    /** Also if each alarm judges several fleets. */
    @Test
    void noGateGetsTheSameAnswerTwice() {
        alarm("errors", StateValue.OK, "fine");
        CloudWatchAlarmGate gate = builder("errors").build().get(0);
        assertThat(ask(gate, SHOP)).isEqualTo(Verdict.pass());
        becomes("errors", StateValue.ALARM, "7 errors");

        assertThat(ask(gate, SHOP).fails()).isTrue();
        calls.reset();
        assertThat(ask(gate, FleetId.of("blog")).fails()).isTrue();
        assertThat(calls.total()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"AccessDenied", "ValidationError"})
    void whatIsDeniedIsThrownAndNotRetryable(String code) {
        http.next(UnreliableHttp.refusesInXml(code));

        assertThatThrownBy(() -> ask(builder("errors")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage("describe alarms: refused by the test (%s)", code);
    }

    @Test
    void aThrottledCallIsRepeatedByTheClient() {
        alarm("errors", StateValue.OK, "fine");
        http.next(UnreliableHttp.refusesInXml("Throttling"));

        assertThat(ask(builder("errors"))).isEqualTo(Verdict.pass());
    }

    // ---- settings

    @Test
    void rejectsSettingsThatCannotBe() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().build())
                .withMessage("alarms must be 1 to 100, were 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder(
                                IntStream.range(0, 101).mapToObj(i -> "a" + i).toArray(String[]::new))
                        .build())
                .withMessage("alarms must be 1 to 100, were 101");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder(" "))
                .withMessageStartingWith("alarms must have 1 to 255 characters");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder("a").name(" "))
                .withMessageStartingWith("name must have 1 to 100 characters");
    }

    @Test
    void eachAlarmIsAGateOfItsOwn() {
        assertThat(builder("a", "b", "a").build())
                .extracting(CloudWatchAlarmGate::name)
                .containsExactly("cloudwatch:a", "cloudwatch:b");
        assertThat(builder("a").name("payments").build())
                .extracting(CloudWatchAlarmGate::name)
                .containsExactly("payments:a");
    }

    // ---- within a rollout

    private static RolloutPolicy.Builder policy() {
        return RolloutPolicy.builder()
                .batches(Batches.fixed(Quota.of(1)))
                .maxSurge(1)
                .minReady(Duration.ZERO)
                .bake(Duration.ofSeconds(30))
                .onFailure(FailurePolicy.ROLL_BACK);
    }

    /** A fleet of v1, and the rollout of v2 that has made its first step. */
    private final class Scene implements AutoCloseable {

        private final ManualClock clock = new ManualClock(Instant.parse("2026-11-24T00:00:00Z"));
        private final SimulatedFleet fleet = SimulatedFleet.builder(SHOP, clock)
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofSeconds(2))
                        .stopTime(Duration.ofSeconds(1))
                        .build())
                .build();
        private final InMemoryRolloutStore store = new InMemoryRolloutStore(clock);
        private final RollingUpdate update;
        private final Rollout rollout;

        Scene(RolloutPolicy policy, List<CloudWatchAlarmGate> gates) {
            fleet.start(DESIRED, V1);
            RollingUpdate.Builder builder = RollingUpdate.builder()
                    .fleet(SHOP)
                    .desired(DESIRED)
                    .provider(fleet.provider())
                    .health(fleet.healthChecker())
                    .router(fleet.router())
                    .store(store)
                    .policy(policy)
                    .clock(clock)
                    .hostDriven();
            gates.forEach(builder::gate);
            update = builder.build();
            rollout = update.start(V2);
            rollout.step();
        }

        Set<String> redBefore() {
            return store.load(SHOP).orElseThrow().state().failingBefore();
        }

        void stepUntilTwoAreUpdated() {
            for (int i = 0; i < 2_000 && rollout.progress().counts().updated() < 2; i++) {
                step();
            }
        }

        boolean step() {
            rollout.step();
            clock.advance(Duration.ofMillis(500));
            return !rollout.phase().isFinal();
        }

        Progress end() {
            for (int i = 0; i < 2_000 && step(); i++) {
                continue;
            }
            return rollout.progress();
        }

        List<String> running() {
            return fleet.provider().list().stream()
                    .map(instance -> instance.revision().id())
                    .toList();
        }

        @Override
        public void close() {
            update.close();
        }
    }

    @Test
    void anAlarmThatGoesOffDuringTheRolloutSendsItBack() {
        alarm("errors", StateValue.OK, "fine");
        try (Scene scene = new Scene(policy().build(), builder("errors").build())) {
            scene.stepUntilTwoAreUpdated();
            becomes("errors", StateValue.ALARM, "7 errors");

            for (int i = 0; i < 2_000 && scene.rollout.phase() == RolloutPhase.ROLLING; i++) {
                scene.step();
            }
            assertThat(scene.rollout.progress().reason().text())
                    .startsWith("gate cloudwatch:errors failed: alarm errors is in state ALARM since ")
                    .endsWith(": 7 errors");
            assertThat(scene.end().phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(scene.running()).containsExactly("v1", "v1", "v1");
        }
    }

    /** The negative control: it was the gate that sent it back. */
    @Test
    void withoutTheGateTheRolloutSucceedsInSpiteOfTheAlarm() {
        alarm("errors", StateValue.ALARM, "7 errors");
        try (Scene scene = new Scene(policy().heedGatesFailingBefore().build(), List.of())) {
            assertThat(scene.end().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(scene.running()).containsExactly("v2", "v2", "v2");
        }
    }

    @Test
    void anAlarmThatWasRedBeforeBlocksIfThePolicyHeedsIt() {
        alarm("errors", StateValue.ALARM, "7 errors");
        try (Scene scene = new Scene(
                policy().heedGatesFailingBefore().build(), builder("errors").build())) {
            assertThat(scene.end().phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(scene.running()).containsExactly("v1", "v1", "v1");
        }
    }

    /** The fix of what set it off gets in. */
    @Test
    void anAlarmThatWasRedBeforeBlocksNothingByDefault() {
        alarm("errors", StateValue.ALARM, "7 errors");
        try (Scene scene = new Scene(policy().build(), builder("errors").build())) {
            assertThat(scene.redBefore()).containsExactly("cloudwatch:errors");
            assertThat(scene.end().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(scene.running()).containsExactly("v2", "v2", "v2");
        }
    }

    @Test
    void anAlarmThatWasRedBeforeHidesNoOther() {
        alarm("disk", StateValue.ALARM, "90 % full");
        alarm("errors", StateValue.OK, "fine");
        try (Scene scene = new Scene(policy().build(), builder("disk", "errors").build())) {
            assertThat(scene.redBefore()).containsExactly("cloudwatch:disk");
            scene.stepUntilTwoAreUpdated();
            becomes("errors", StateValue.ALARM, "7 errors");

            assertThat(scene.end().phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
            assertThat(scene.running()).containsExactly("v1", "v1", "v1");
        }
    }

    @Test
    void whatIsDeniedHoldsTheRolloutWithTheMessage() {
        alarm("errors", StateValue.OK, "fine");
        UnreliableHttp.Fault denied = UnreliableHttp.refusesInXml("AccessDenied");
        try (Scene scene = new Scene(policy().build(), builder("errors").build())) {
            for (int i = 0; i < 10; i++) {
                http.next(denied);
            }
            for (int i = 0;
                    i < 200
                            && scene.rollout.progress().waits().stream()
                                    .noneMatch(wait -> wait.text().contains("AccessDenied"));
                    i++) {
                scene.step();
            }

            assertThat(scene.rollout.progress().waits())
                    .anySatisfy(
                            wait -> assertThat(wait.text())
                                    .contains(
                                            "cannot tell: gate cloudwatch:errors: describe alarms: refused by the test (AccessDenied)"));
            assertThat(scene.rollout.phase()).isEqualTo(RolloutPhase.ROLLING);
        }
    }
}
