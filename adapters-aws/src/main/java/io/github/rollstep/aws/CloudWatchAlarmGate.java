package io.github.rollstep.aws;

import io.github.rollstep.FleetId;
import io.github.rollstep.Require;
import io.github.rollstep.Verdict;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.AlarmType;
import software.amazon.awssdk.services.cloudwatch.model.CompositeAlarm;
import software.amazon.awssdk.services.cloudwatch.model.DescribeAlarmsRequest;
import software.amazon.awssdk.services.cloudwatch.model.MetricAlarm;
import software.amazon.awssdk.services.cloudwatch.model.StateValue;

/**
 * Judges a rollout by one alarm of CloudWatch, metric or composite: fails if it is in state ALARM, with its name, since when, and the
 * reason that CloudWatch gives. Several are built together, ask by one call, and are added one by one:
 *
 * <pre>{@code
 * CloudWatchAlarmGate.builder(cloudWatch).alarms("shop-errors", "shop-latency").build().forEach(update::gate);
 * }</pre>
 *
 * <p>An alarm without data ({@code INSUFFICIENT_DATA}) passes, as it does for the
 * <a href="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html">deployments of ECS</a> and the
 * <a href="https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html">instance refresh of Auto Scaling</a>,
 * which heed {@code ALARM} alone; an alarm that counts errors has no data while there are none.
 * (<a href="https://docs.aws.amazon.com/appconfig/latest/userguide/monitoring-deployments.html">AppConfig</a> rolls back for both.)
 * {@link Builder#requireData} makes it wait instead. A name for which there is no alarm waits: it is most likely misspelt. Whether an
 * alarm's actions are switched on makes no difference.
 *
 * <p>An alarm is as slow as its periods: let the policy bake for longer than the slowest needs to go off. One that was red before the
 * rollout began blocks nothing until it was green once, unless the policy says {@code heedGatesFailingBefore}; the others judge
 * meanwhile, since each is a gate of its own.
 *
 * <p>All that were built together ask by one call, if they are asked within a second. {@code DescribeAlarms} is throttled by account and
 * region, for all who call it: at the default gate interval of 10 s this is a tenth of a call a second. Needs
 * {@code cloudwatch:DescribeAlarms} on {@code *}, which composite alarms demand. The client is the host's, of the region of the alarms,
 * and is closed by it. Safe for use by several threads and fleets.
 */
public final class CloudWatchAlarmGate implements Gate {

    /** Of one call. */
    private static final int MOST_ALARMS = 100;

    private static final int MOST_REASON = 300;

    private final String name;
    private final String alarm;
    private final boolean requiresData;
    private final SharedLook<Reader, Map<String, Alarm>> alarms;

    /** Who asks: of one gate each fleet. */
    private record Reader(FleetId fleet, String alarm) {}

    /** What metric and composite alarms have in common. */
    private record Alarm(String name, StateValue state, String reason, Optional<Instant> since) {

        static Alarm of(MetricAlarm alarm) {
            return new Alarm(
                    alarm.alarmName(),
                    alarm.stateValue(),
                    shown(alarm.stateReason()),
                    since(alarm.stateTransitionedTimestamp(), alarm.stateUpdatedTimestamp()));
        }

        static Alarm of(CompositeAlarm alarm) {
            return new Alarm(
                    alarm.alarmName(),
                    alarm.stateValue(),
                    shown(alarm.stateReason()),
                    since(alarm.stateTransitionedTimestamp(), alarm.stateUpdatedTimestamp()));
        }

        /** An update with the same value moves the second only. */
        private static Optional<Instant> since(@Nullable Instant transitioned, @Nullable Instant updated) {
            return Optional.ofNullable(transitioned).or(() -> Optional.ofNullable(updated));
        }

        String told() {
            return "alarm %s is in state ALARM%s%s"
                    .formatted(
                            name,
                            since.map(time -> " since " + time).orElse(""),
                            reason.isEmpty() ? "" : ": " + reason);
        }
    }

    private CloudWatchAlarmGate(Builder builder, String alarm, SharedLook<Reader, Map<String, Alarm>> alarms) {
        name = builder.name + ":" + alarm;
        this.alarm = alarm;
        requiresData = builder.requiresData;
        this.alarms = alarms;
    }

    public static Builder builder(CloudWatchClient client) {
        return new Builder(client);
    }

    /** As {@code cloudwatch:shop-errors}: the {@link Builder#name}, and that of the alarm. */
    @Override
    public String name() {
        return name;
    }

    /** @throws ProviderException if CloudWatch does not tell: denied, throttled, not reachable */
    @Override
    public Verdict judge(Context context) {
        Alarm found = alarms.of(new Reader(context.fleet(), alarm)).get(alarm);
        if (found == null) {
            return Verdict.waits("there is no alarm " + alarm);
        }
        if (found.state() == StateValue.ALARM) {
            return Verdict.fail(found.told());
        }
        if (found.state() == StateValue.OK) {
            return Verdict.pass();
        }
        String text = "no data for alarm " + alarm;
        return requiresData ? Verdict.waits(text) : Verdict.pass(text);
    }

    /** By name. */
    private static Map<String, Alarm> describe(CloudWatchClient client, Set<String> alarms) {
        DescribeAlarmsRequest request = DescribeAlarmsRequest.builder()
                .alarmNames(alarms)
                .alarmTypes(AlarmType.METRIC_ALARM, AlarmType.COMPOSITE_ALARM)
                .maxRecords(MOST_ALARMS)
                .build();
        return AwsErrors.call(
                "describe alarms",
                () -> client.describeAlarmsPaginator(request).stream()
                        .flatMap(page -> Stream.concat(
                                page.metricAlarms().stream().map(Alarm::of),
                                page.compositeAlarms().stream().map(Alarm::of)))
                        .collect(Collectors.toMap(Alarm::name, alarm -> alarm, (one, other) -> one)));
    }

    /** What others wrote, fit for one line of a log. */
    private static String shown(@Nullable String text) {
        String line = text == null ? "" : text.replaceAll("\\p{Cntrl}", " ");
        return line.length() <= MOST_REASON ? line : line.substring(0, MOST_REASON) + "...";
    }

    @Override
    public String toString() {
        return "CloudWatchAlarmGate[%s]".formatted(name);
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private static final int LONGEST_ALARM = 255;
        private static final int LONGEST_NAME = 100;

        private final CloudWatchClient client;
        private final Set<String> alarms = new LinkedHashSet<>();
        private String name = "cloudwatch";
        private boolean requiresData;

        private Builder(CloudWatchClient client) {
            this.client = client;
        }

        /**
         * Adds alarms by their names, which are those of one account and region; 1 to 100 in all, of 1 to 255 characters, none of
         * control.
         */
        public Builder alarms(String... names) {
            for (String alarm : names) {
                alarms.add(checked("alarms", LONGEST_ALARM, alarm));
            }
            return this;
        }

        /**
         * What the names of the gates begin with, for a fleet that is judged by alarms of several accounts or regions; 1 to 100
         * characters; default: {@code cloudwatch}.
         */
        public Builder name(String name) {
            this.name = checked("name", LONGEST_NAME, name);
            return this;
        }

        private static String checked(String what, int longest, String text) {
            Require.that(
                    !text.isBlank() && text.length() <= longest && text.chars().noneMatch(Character::isISOControl),
                    "%s must have 1 to %d characters, not all blank and none of control, was \"%s\""
                            .formatted(what, longest, text));
            return text;
        }

        /** Waits while an alarm has no data; default: that passes. */
        public Builder requireData() {
            requiresData = true;
            return this;
        }

        /**
         * One gate for each alarm, in the order of their names here.
         *
         * @throws IllegalArgumentException if there are no {@link #alarms}, or more than 100
         */
        public List<CloudWatchAlarmGate> build() {
            Require.that(
                    !alarms.isEmpty() && alarms.size() <= MOST_ALARMS,
                    "alarms must be 1 to %d, were %d".formatted(MOST_ALARMS, alarms.size()));
            CloudWatchClient asked = client;
            Set<String> all = Set.copyOf(alarms);
            SharedLook<Reader, Map<String, Alarm>> look =
                    new SharedLook<>("describe alarms", () -> describe(asked, all));
            return alarms.stream()
                    .map(alarm -> new CloudWatchAlarmGate(this, alarm, look))
                    .toList();
        }
    }
}
