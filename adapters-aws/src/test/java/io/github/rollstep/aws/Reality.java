package io.github.rollstep.aws;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkRequest;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingException;
import software.amazon.awssdk.services.autoscaling.model.AutoScalingGroup;
import software.amazon.awssdk.services.autoscaling.model.DescribeAutoScalingGroupsResponse;
import software.amazon.awssdk.services.autoscaling.model.EnterStandbyRequest;
import software.amazon.awssdk.services.autoscaling.model.ExitStandbyRequest;
import software.amazon.awssdk.services.autoscaling.model.LaunchTemplateSpecification;
import software.amazon.awssdk.services.autoscaling.model.LifecycleState;
import software.amazon.awssdk.services.autoscaling.model.SetDesiredCapacityRequest;
import software.amazon.awssdk.services.autoscaling.model.TerminateInstanceInAutoScalingGroupRequest;
import software.amazon.awssdk.services.autoscaling.model.UpdateAutoScalingGroupRequest;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesRequest;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesResponse;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceState;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.LaunchTemplate;
import software.amazon.awssdk.services.ec2.model.Reservation;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.RunInstancesResponse;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TerminateInstancesRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DeregisterTargetsRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DescribeTargetHealthRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.DescribeTargetHealthResponse;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.InvalidTargetException;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.RegisterTargetsRequest;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealth;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthDescription;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthReasonEnum;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/**
 * AWS as it behaves in time, over an emulator that has none: instances boot, targets become healthy and drain, groups list who is
 * leaving, and lists are stale. One for all clients of a test, of Auto Scaling, EC2 and Elastic Load Balancing.
 *
 * <p>It knows what happened, and when, by looking at the emulator through clients of its own, at the latest before the next answer: so
 * it does not matter whether a caller saw the answer to what it did. Answers are computed from that for the time {@code now - staleness};
 * desired sizes, suspended processes and templates of a group are those that it had then. Tags of instances are those of now.
 *
 * <p>Refusals are those of AWS that the emulator lacks; they look at the present, as AWS does. Safe for use by several threads.
 */
public final class Reality implements ExecutionInterceptor {

    /**
     * How long things take.
     *
     * @param boot from the launch to running, and to in service in a group
     * @param healthy from running and registered to healthy
     * @param drain the deregistration delay
     * @param stop from the decision to terminate to terminated
     * @param staleness the age of what is described
     */
    public record Times(Duration boot, Duration healthy, Duration drain, Duration stop, Duration staleness) {

        public Times withStaleness(Duration age) {
            return new Times(boot, healthy, drain, stop, age);
        }
    }

    private record GroupAt(Instant at, AutoScalingGroup group) {}

    private record Registration(String targetGroup, String id, int port, boolean registers) {}

    private static final int MOST_IN_STANDBY_CALL = 20;
    private static final String STATE_FILTER = "instance-state-name";
    private static final String VERSION_TAG = "aws:ec2launchtemplate:version";
    private static final Set<String> TOGETHER = Set.of(
            "TerminateInstancesRequest",
            "TerminateInstanceInAutoScalingGroupRequest",
            "RegisterTargetsRequest",
            "DeregisterTargetsRequest");
    private static final byte[] DEREGISTERED =
            "<DeregisterTargetsResponse><DeregisterTargetsResult/></DeregisterTargetsResponse>"
                    .getBytes(StandardCharsets.UTF_8);
    private static final ExecutionAttribute<List<String>> STATES = new ExecutionAttribute<>("rollstep.states");
    private static final ExecutionAttribute<byte[]> BODY = new ExecutionAttribute<>("rollstep.body");

    private final InstantSource clock;
    private final Times times;
    private final AutoScalingClient autoScaling;
    private final Ec2Client ec2;
    private final ElasticLoadBalancingV2Client elb;

    private final Map<String, Life> lives = new LinkedHashMap<>();
    private final Map<String, List<GroupAt>> groups = new HashMap<>();
    private final TargetLog targets = new TargetLog();
    private final Map<String, Integer> ports = new HashMap<>();
    private final Set<String> bad = new HashSet<>();
    private final Set<String> victims = new LinkedHashSet<>();
    private final Set<String> unlaunchable = new HashSet<>();
    private final Set<String> deleted = new HashSet<>();

    /** By how many a group desires more than the emulator knows of. */
    private final Map<String, Integer> ahead = new HashMap<>();

    /** Since the last look: whether something may have changed, when and by which request. */
    private boolean dirty = true;

    /** Whether {@code RunInstances} may have launched something that is not known yet. */
    private boolean launchUnknown;

    private Instant changed;
    private String by = "";
    private final Set<String> asked = new HashSet<>();
    private final Set<String> answered = new HashSet<>();
    private final List<Registration> registrations = new ArrayList<>();
    private final Map<String, Integer> decrements = new HashMap<>();

    public Reality(InstantSource clock, Times times) {
        this.clock = clock;
        this.times = times;
        changed = clock.instant();
        autoScaling = Moto.client(AutoScalingClient.builder(), new CallCounter());
        ec2 = Moto.client(Ec2Client.builder(), new CallCounter());
        elb = Moto.client(ElasticLoadBalancingV2Client.builder(), new CallCounter());
    }

    /** What runs this version of the launch template never becomes healthy, from now on. */
    public synchronized void bad(String launchTemplateVersion) {
        bad.add(launchTemplateVersion);
    }

    /** It is well again. */
    public synchronized void good(String launchTemplateVersion) {
        bad.remove(launchTemplateVersion);
    }

    /** A group launches nothing from this version, from now on: it desires more than it has until another version can be launched. */
    public synchronized void unlaunchable(String launchTemplateVersion) {
        unlaunchable.add(launchTemplateVersion);
    }

    /** This version is deleted: no group can be told to launch it any more. */
    public synchronized void delete(String launchTemplateVersion) {
        deleted.add(launchTemplateVersion);
    }

    /** The instance dies by itself, as of now; a group lists it as unhealthy and does nothing about it. */
    public synchronized void kill(String instanceId) {
        look();
        life(instanceId).die(clock.instant());
        targets.closeAll(instanceId, clock.instant());
    }

    /** Instances that a group terminated by its own choice, because its size was set below what it had. */
    public synchronized Set<String> victimsOfTheGroup() {
        look();
        return Set.copyOf(victims);
    }

    /** A group as it is now, whatever the staleness. */
    public synchronized AutoScalingGroup group(String name) {
        look();
        return group(name, clock.instant()).orElseThrow(() -> new IllegalArgumentException("no group " + name));
    }

    /** The state of an instance now, whatever the staleness. */
    public synchronized InstanceStateName state(String instanceId) {
        look();
        return life(instanceId).state(clock.instant()).orElseThrow().name();
    }

    /** What exists now, also what stops, whatever the staleness. */
    public synchronized Map<String, InstanceStateName> existing() {
        look();
        Map<String, InstanceStateName> existing = new LinkedHashMap<>();
        lives.values()
                .forEach(life -> life.state(clock.instant())
                        .map(InstanceState::name)
                        .filter(state -> state != InstanceStateName.TERMINATED)
                        .ifPresent(state -> existing.put(life.id, state)));
        return existing;
    }

    /** The version of the launch template that an instance runs. */
    public synchronized String version(String instanceId) {
        look();
        return life(instanceId).version;
    }

    /** What is in a target group now, also what drains, whatever the staleness. */
    public synchronized Map<String, TargetHealthStateEnum> targets(String targetGroupArn) {
        look();
        Map<String, TargetHealthStateEnum> now = new LinkedHashMap<>();
        health(targetGroupArn, clock.instant())
                .forEach(target ->
                        now.put(target.target().id(), target.targetHealth().state()));
        return now;
    }

    void close() {
        autoScaling.close();
        ec2.close();
        elb.close();
    }

    @Override
    public SdkRequest modifyRequest(Context.ModifyRequest context, ExecutionAttributes attributes) {
        if (context.request() instanceof DescribeInstancesRequest request && request.hasFilters()) {
            Map<Boolean, List<Filter>> byState = request.filters().stream()
                    .collect(Collectors.partitioningBy(filter -> filter.name().equals(STATE_FILTER)));
            byState.get(true).forEach(filter -> attributes.putAttribute(STATES, filter.values()));
            return request.toBuilder().filters(byState.get(false)).build();
        }
        if (context.request() instanceof RunInstancesRequest request && request.maxCount() != null) {
            return request.toBuilder().minCount(request.maxCount()).build();
        }
        if (context.request() instanceof SetDesiredCapacityRequest request) {
            return launchable(request);
        }
        return context.request();
    }

    /** Of what cannot be launched the emulator is not told. */
    private synchronized SdkRequest launchable(SetDesiredCapacityRequest request) {
        look();
        String name = request.autoScalingGroupName();
        AutoScalingGroup group = existing(name);
        int there = group.desiredCapacity() - ahead.getOrDefault(name, 0);
        int more = isLaunchable(group) ? 0 : Math.max(0, request.desiredCapacity() - there);
        ahead.put(name, more);
        if (more == 0) {
            return request;
        }
        refuseSize(group, request.desiredCapacity());
        return request.toBuilder().desiredCapacity(there).build();
    }

    private boolean isLaunchable(AutoScalingGroup group) {
        return group.launchTemplate() == null
                || !unlaunchable.contains(group.launchTemplate().version());
    }

    @Override
    public synchronized void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
        SdkRequest request = context.request();
        if (isReading(request)) {
            look();
            if (request instanceof DescribeInstancesRequest describe) {
                refuseUnknown(describe);
            }
            return;
        }
        if (dirty && !goesTogether(request)) {
            look();
        }
        refuse(request);
        note(request);
        touch(request);
    }

    @Override
    public synchronized void afterExecution(Context.AfterExecution context, ExecutionAttributes attributes) {
        over(context.request());
    }

    @Override
    public synchronized void onExecutionFailure(Context.FailedExecution context, ExecutionAttributes attributes) {
        launchUnknown |= context.request() instanceof RunInstancesRequest;
        over(context.request());
    }

    @Override
    public SdkHttpResponse modifyHttpResponse(Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
        attributes.putAttribute(BODY, new byte[0]);
        if (!(context.request() instanceof DeregisterTargetsRequest request)
                || context.httpResponse().statusCode() != 400) {
            return context.httpResponse();
        }
        byte[] body = context.responseBody().map(Reality::read).orElse(new byte[0]);
        if (!new String(body, StandardCharsets.UTF_8).contains("<Code>InvalidTarget</Code>")) {
            attributes.putAttribute(BODY, body);
            return context.httpResponse();
        }
        request.targets().forEach(target -> deregister(request.targetGroupArn(), target));
        attributes.putAttribute(BODY, DEREGISTERED);
        return context.httpResponse().toBuilder().statusCode(200).build();
    }

    @Override
    public Optional<InputStream> modifyHttpResponseContent(
            Context.ModifyHttpResponse context, ExecutionAttributes attributes) {
        byte[] body = attributes.getAttribute(BODY);
        return body == null || body.length == 0 ? context.responseBody() : Optional.of(new ByteArrayInputStream(body));
    }

    @Override
    public synchronized SdkResponse modifyResponse(Context.ModifyResponse context, ExecutionAttributes attributes) {
        Instant at = clock.instant().minus(times.staleness());
        if (context.response() instanceof DescribeInstancesResponse response) {
            look();
            return instances(response, at, attributes.getAttribute(STATES));
        }
        if (context.response() instanceof RunInstancesResponse response) {
            response.instances().forEach(this::born);
            launchUnknown = false;
            return response.toBuilder()
                    .instances(response.instances().stream().map(this::launched).toList())
                    .build();
        }
        if (context.response() instanceof DescribeAutoScalingGroupsResponse response) {
            look();
            return response.toBuilder()
                    .autoScalingGroups(response.autoScalingGroups().stream()
                            .flatMap(group -> group(group.autoScalingGroupName(), at).stream())
                            .toList())
                    .build();
        }
        if (context.response() instanceof DescribeTargetHealthResponse response) {
            look();
            return response.toBuilder()
                    .targetHealthDescriptions(health((DescribeTargetHealthRequest) context.request(), at))
                    .build();
        }
        return context.response();
    }

    // What is answered.

    private DescribeInstancesResponse instances(
            DescribeInstancesResponse response, Instant at, @Nullable List<String> states) {
        if (response.reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .anyMatch(instance -> !lives.containsKey(instance.instanceId()))) {
            // Launched by another thread meanwhile.
            dirty = true;
            launchUnknown = true;
            look();
        }
        List<Reservation> reservations = response.reservations().stream()
                .map(reservation -> reservation.toBuilder()
                        .instances(reservation.instances().stream()
                                .flatMap(instance -> instance(instance, at).stream())
                                .filter(instance -> states == null
                                        || states.contains(instance.state().nameAsString()))
                                .toList())
                        .build())
                .filter(reservation -> !reservation.instances().isEmpty())
                .toList();
        return response.toBuilder().reservations(reservations).build();
    }

    private Optional<Instance> instance(Instance instance, Instant at) {
        Life life = life(instance.instanceId());
        return life.state(at)
                .map(state ->
                        instance.toBuilder().state(state).launchTime(life.born).build());
    }

    private Instance launched(Instance instance) {
        Life life = life(instance.instanceId());
        return instance.toBuilder()
                .state(life.state(clock.instant()).orElseThrow())
                .launchTime(life.born)
                .build();
    }

    private Optional<AutoScalingGroup> group(String name, Instant at) {
        return known(name, at)
                .map(group -> group.toBuilder()
                        .instances(lives.values().stream()
                                .filter(life -> name.equals(life.group))
                                .sorted(Comparator.comparing((Life life) -> life.born)
                                        .thenComparing(life -> life.id))
                                .flatMap(life -> member(life, group, at).stream())
                                .toList())
                        .build());
    }

    private Optional<software.amazon.awssdk.services.autoscaling.model.Instance> member(
            Life life, AutoScalingGroup group, Instant at) {
        return life.lifecycle(at).map(state -> {
            var listed = group.instances().stream()
                    .filter(instance -> instance.instanceId().equals(life.id))
                    .findFirst()
                    .orElse(life.listing);
            if (listed == null) {
                throw new IllegalStateException("never listed: " + life.id);
            }
            LifecycleState shown =
                    state == LifecycleState.IN_SERVICE && listed.lifecycleState() == LifecycleState.STANDBY
                            ? standby(life, at)
                            : state;
            LaunchTemplateSpecification template = listed.launchTemplate();
            return listed.toBuilder()
                    .lifecycleState(shown)
                    .healthStatus(life.hasDied(at) ? "Unhealthy" : listed.healthStatus())
                    .launchTemplate(
                            template == null
                                    ? null
                                    : template.toBuilder().version(life.version).build())
                    .build();
        });
    }

    private LifecycleState standby(Life life, Instant at) {
        boolean drains = targets.lastClosed(life.id, at)
                .filter(closed -> at.isBefore(closed.plus(times.drain())))
                .isPresent();
        return drains ? LifecycleState.ENTERING_STANDBY : LifecycleState.STANDBY;
    }

    private Optional<AutoScalingGroup> known(String name, Instant at) {
        List<GroupAt> history = groups.getOrDefault(name, List.of());
        for (int i = history.size() - 1; i >= 0; i--) {
            if (!history.get(i).at().isAfter(at)) {
                return Optional.of(history.get(i).group());
            }
        }
        return Optional.empty();
    }

    private List<TargetHealthDescription> health(DescribeTargetHealthRequest request, Instant at) {
        if (request.targets().isEmpty()) {
            return health(request.targetGroupArn(), at);
        }
        Map<String, TargetHealthDescription> there = health(request.targetGroupArn(), at).stream()
                .collect(Collectors.toMap(target -> target.target().id(), Function.identity()));
        return request.targets().stream()
                .map(TargetDescription::id)
                .map(id -> there.getOrDefault(
                        id,
                        description(
                                id,
                                port(request.targetGroupArn()),
                                TargetHealthStateEnum.UNUSED,
                                TargetHealthReasonEnum.TARGET_NOT_REGISTERED,
                                "Target is not registered to the target group")))
                .toList();
    }

    private List<TargetHealthDescription> health(String targetGroup, Instant at) {
        return targets.targets(targetGroup).stream()
                .flatMap(id -> health(targetGroup, id, at).stream())
                .toList();
    }

    private Optional<TargetHealthDescription> health(String targetGroup, String id, Instant at) {
        Optional<TargetLog.Span> known = targets.at(targetGroup, id, at);
        if (known.isEmpty()) {
            return Optional.empty();
        }
        TargetLog.Span span = known.orElseThrow();
        Instant until = span.until();
        if (until != null) {
            return at.isBefore(until.plus(times.drain()))
                    ? Optional.of(description(
                            id,
                            span.port(),
                            TargetHealthStateEnum.DRAINING,
                            TargetHealthReasonEnum.TARGET_DEREGISTRATION_IN_PROGRESS,
                            "Target deregistration is in progress"))
                    : Optional.empty();
        }
        Life life = lives.get(id);
        Instant checked = life == null || life.running().isBefore(span.since()) ? span.since() : life.running();
        if (at.isBefore(checked.plus(times.healthy()))) {
            return Optional.of(description(
                    id,
                    span.port(),
                    TargetHealthStateEnum.INITIAL,
                    TargetHealthReasonEnum.ELB_INITIAL_HEALTH_CHECKING,
                    "Initial health checks in progress"));
        }
        return Optional.of(
                life != null && bad.contains(life.version)
                        ? description(
                                id,
                                span.port(),
                                TargetHealthStateEnum.UNHEALTHY,
                                TargetHealthReasonEnum.TARGET_FAILED_HEALTH_CHECKS,
                                "Health checks failed")
                        : description(id, span.port(), TargetHealthStateEnum.HEALTHY, null, null));
    }

    private static TargetHealthDescription description(
            String id,
            int port,
            TargetHealthStateEnum state,
            @Nullable TargetHealthReasonEnum reason,
            @Nullable String text) {
        return TargetHealthDescription.builder()
                .target(TargetDescription.builder().id(id).port(port).build())
                .healthCheckPort(Integer.toString(port))
                .targetHealth(TargetHealth.builder()
                        .state(state)
                        .reason(reason)
                        .description(text)
                        .build())
                .build();
    }

    // What is refused.

    private void refuseUnknown(DescribeInstancesRequest request) {
        Instant at = clock.instant().minus(times.staleness());
        List<String> unknown = request.instanceIds().stream()
                .filter(id -> !lives.containsKey(id) || life(id).state(at).isEmpty())
                .toList();
        if (!unknown.isEmpty()) {
            throw refusal(
                    Ec2Exception.builder(),
                    "InvalidInstanceID.NotFound",
                    "The instance IDs '%s' do not exist".formatted(String.join(", ", unknown)));
        }
    }

    private void refuse(SdkRequest request) {
        if (request instanceof SetDesiredCapacityRequest set) {
            refuseSize(existing(set.autoScalingGroupName()), set.desiredCapacity());
        } else if (request instanceof UpdateAutoScalingGroupRequest update) {
            refuse(update);
        } else if (request instanceof TerminateInstanceInAutoScalingGroupRequest terminate) {
            refuse(terminate);
        } else if (request instanceof EnterStandbyRequest enter) {
            refuse(enter);
        } else if (request instanceof ExitStandbyRequest exit) {
            refuse(exit);
        } else if (request instanceof RegisterTargetsRequest register) {
            refuse(register);
        }
    }

    private static void refuseSize(AutoScalingGroup group, int desired) {
        if (desired > group.maxSize()) {
            throw invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup."
                    .formatted(desired, group.maxSize()));
        }
        if (desired < group.minSize()) {
            throw invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup."
                    .formatted(desired, group.minSize()));
        }
    }

    private void refuse(UpdateAutoScalingGroupRequest update) {
        AutoScalingGroup group = existing(update.autoScalingGroupName());
        int min = update.minSize() == null ? group.minSize() : update.minSize();
        int max = update.maxSize() == null ? group.maxSize() : update.maxSize();
        if (min > max) {
            throw invalid("Max bound, %d, must be greater than or equal to min bound, %d".formatted(max, min));
        }
        if (update.launchTemplate() != null
                && deleted.contains(update.launchTemplate().version())) {
            throw invalid(
                    "You must use a valid fully-formed launch template. The specified launch template version, %s, does not exist."
                            .formatted(update.launchTemplate().version()));
        }
        Integer desired = update.desiredCapacity();
        if (desired != null && (desired < min || desired > max)) {
            throw invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d"
                    .formatted(desired, min, max));
        }
    }

    private void refuse(TerminateInstanceInAutoScalingGroupRequest terminate) {
        Life life = lives.get(terminate.instanceId());
        String name = life == null || !life.isMember() ? null : life.group;
        if (name == null) {
            throw invalid(
                    "Instance Id not found - No managed instance found for instance ID: " + terminate.instanceId());
        }
        if (!decrements(terminate)) {
            return;
        }
        int desired = existing(name).desiredCapacity() - decrements.getOrDefault(name, 0);
        if (desired <= existing(name).minSize() && dirty) {
            look();
            desired = existing(name).desiredCapacity();
        }
        if (desired <= existing(name).minSize()) {
            throw invalid(
                    ("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate"
                                    + " group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or"
                                    + " lower group's min size.")
                            .formatted(existing(name).minSize()));
        }
    }

    private void refuse(EnterStandbyRequest enter) {
        AutoScalingGroup group = existing(enter.autoScalingGroupName());
        requireState(group, enter.instanceIds(), LifecycleState.IN_SERVICE);
        if (Boolean.TRUE.equals(enter.shouldDecrementDesiredCapacity())
                && group.desiredCapacity() - enter.instanceIds().size() < group.minSize()) {
            throw standbyRefused(group, "into standby", enter.instanceIds().size());
        }
    }

    private void refuse(ExitStandbyRequest exit) {
        AutoScalingGroup group = existing(exit.autoScalingGroupName());
        requireState(group, exit.instanceIds(), LifecycleState.STANDBY);
        if (group.desiredCapacity() + exit.instanceIds().size() > group.maxSize()) {
            throw standbyRefused(group, "in service", exit.instanceIds().size());
        }
    }

    /** That of EnterStandby is seen at AWS; what is entering standby is taken to be refused by ExitStandby in the same way. */
    private void requireState(AutoScalingGroup group, List<String> ids, LifecycleState required) {
        if (ids.size() > MOST_IN_STANDBY_CALL) {
            throw invalid(
                    "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length"
                            + " less than or equal to " + MOST_IN_STANDBY_CALL);
        }
        Map<String, LifecycleState> states =
                group(group.autoScalingGroupName(), clock.instant()).orElseThrow().instances().stream()
                        .collect(Collectors.toMap(
                                software.amazon.awssdk.services.autoscaling.model.Instance::instanceId,
                                software.amazon.awssdk.services.autoscaling.model.Instance::lifecycleState));
        ids.stream().filter(id -> states.get(id) != required).findFirst().ifPresent(id -> {
            throw invalid("The instance %s is not in %s.".formatted(id, required));
        });
    }

    private void refuse(RegisterTargetsRequest register) {
        List<String> notRunning = register.targets().stream()
                .map(TargetDescription::id)
                .filter(id -> lives.containsKey(id) && !life(id).isRunning(clock.instant()))
                .toList();
        if (!notRunning.isEmpty()) {
            throw refusal(
                    InvalidTargetException.builder(),
                    "InvalidTarget",
                    "The following targets are not in a running state and cannot be registered: '%s'"
                            .formatted(String.join("', '", notRunning)));
        }
    }

    private static AwsServiceException standbyRefused(AutoScalingGroup group, String where, int count) {
        return invalid(
                "AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To place %s %d instances, please update the AutoScalingGroup sizes appropriately."
                        .formatted(
                                group.autoScalingGroupName(),
                                group.minSize(),
                                group.maxSize(),
                                group.desiredCapacity(),
                                where,
                                count));
    }

    private AutoScalingGroup existing(String name) {
        return known(name, clock.instant())
                .orElseThrow(() ->
                        invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found".formatted(name)));
    }

    private static AwsServiceException invalid(String message) {
        return refusal(AutoScalingException.builder(), "ValidationError", message);
    }

    private static AwsServiceException refusal(AwsServiceException.Builder builder, String code, String message) {
        return builder.awsErrorDetails(AwsErrorDetails.builder()
                        .errorCode(code)
                        .errorMessage(message)
                        .sdkHttpResponse(
                                SdkHttpResponse.builder().statusCode(400).build())
                        .build())
                .statusCode(400)
                .message(message)
                .build();
    }

    // What is learned.

    private static boolean isReading(SdkRequest request) {
        return request.getClass().getSimpleName().startsWith("Describe");
    }

    /** Whether a change needs no look at what the ones before it did. */
    private boolean goesTogether(SdkRequest request) {
        String kind = request.getClass().getSimpleName();
        return kind.equals(by)
                && TOGETHER.contains(kind)
                && changed.equals(clock.instant())
                && (!(request instanceof TerminateInstanceInAutoScalingGroupRequest terminate)
                        || decrements(terminate) && !asked.contains(terminate.instanceId()));
    }

    private static boolean decrements(TerminateInstanceInAutoScalingGroupRequest request) {
        return Boolean.TRUE.equals(request.shouldDecrementDesiredCapacity());
    }

    private void note(SdkRequest request) {
        if (request instanceof RunInstancesRequest) {
            launchUnknown = true;
        } else if (request instanceof TerminateInstancesRequest terminate) {
            asked.addAll(terminate.instanceIds());
        } else if (request instanceof TerminateInstanceInAutoScalingGroupRequest terminate) {
            asked.add(terminate.instanceId());
            String group = life(terminate.instanceId()).group;
            if (group != null && decrements(terminate)) {
                decrements.merge(group, 1, Integer::sum);
            }
        } else if (request instanceof RegisterTargetsRequest register) {
            register.targets().forEach(target -> note(register.targetGroupArn(), target, true));
        } else if (request instanceof DeregisterTargetsRequest deregister) {
            deregister.targets().forEach(target -> note(deregister.targetGroupArn(), target, false));
        }
    }

    private void note(String targetGroup, TargetDescription target, boolean registers) {
        registrations.add(new Registration(
                targetGroup, target.id(), target.port() == null ? port(targetGroup) : target.port(), registers));
    }

    private void touch(SdkRequest request) {
        dirty = true;
        changed = clock.instant();
        by = request.getClass().getSimpleName();
    }

    /** No attempt of it is to come: what it asked for and was not done is forgotten at the next look. */
    private void over(SdkRequest request) {
        if (isReading(request)) {
            return;
        }
        if (!dirty) {
            touch(request);
        }
        if (request instanceof TerminateInstancesRequest terminate) {
            answered.addAll(terminate.instanceIds());
        } else if (request instanceof TerminateInstanceInAutoScalingGroupRequest terminate) {
            answered.add(terminate.instanceId());
        }
    }

    private void look() {
        if (!dirty) {
            return;
        }
        Map<String, AutoScalingGroup> present = present();
        if (present.values().stream().anyMatch(this::catchesUp)) {
            present = present();
        }
        Map<String, AutoScalingGroup> groupOf = new HashMap<>();
        present.values()
                .forEach(group -> group.instances().forEach(instance -> groupOf.put(instance.instanceId(), group)));

        registrations();
        launches(groupOf);
        present.values().forEach(this::members);
        leaves(groupOf.keySet());
        present.values().forEach(this::keep);

        asked.removeAll(answered);
        answered.clear();
        decrements.clear();
        dirty = false;
    }

    private Map<String, AutoScalingGroup> present() {
        return autoScaling.describeAutoScalingGroupsPaginator().autoScalingGroups().stream()
                .collect(Collectors.toMap(AutoScalingGroup::autoScalingGroupName, Function.identity()));
    }

    /** Whether it launches now what it could not launch before. */
    private boolean catchesUp(AutoScalingGroup group) {
        int more = ahead.getOrDefault(group.autoScalingGroupName(), 0);
        if (more == 0 || !isLaunchable(group)) {
            return false;
        }
        ahead.remove(group.autoScalingGroupName());
        autoScaling.setDesiredCapacity(request -> request.autoScalingGroupName(group.autoScalingGroupName())
                .desiredCapacity(group.desiredCapacity() + more));
        return true;
    }

    /** The emulator needs seconds to list a thousand instances: all are listed only if an answer is missing. */
    private void launches(Map<String, AutoScalingGroup> groupOf) {
        Map<String, List<String>> byVersion = new HashMap<>();
        groupOf.forEach((id, group) -> {
            if (!lives.containsKey(id) && group.launchTemplate() != null) {
                String version = number(group.launchTemplate());
                lives.put(id, new Life(id, changed, version, times));
                byVersion.computeIfAbsent(version, any -> new ArrayList<>()).add(id);
            }
        });
        // The emulator tags each instance of a group with the default version.
        byVersion.forEach((version, ids) -> ec2.createTags(request -> request.resources(ids)
                .tags(Tag.builder().key(VERSION_TAG).value(version).build())));
        if (launchUnknown) {
            ec2.describeInstancesPaginator(DescribeInstancesRequest.builder().build()).reservations().stream()
                    .flatMap(reservation -> reservation.instances().stream())
                    .forEach(this::born);
            launchUnknown = false;
        }
    }

    private void leaves(Set<String> members) {
        List<String> gone = lives.values().stream()
                .filter(life ->
                        life.isMember() ? !members.contains(life.id) : asked.contains(life.id) && !life.isOver())
                .map(life -> life.id)
                .toList();
        if (gone.isEmpty()) {
            return;
        }
        ec2.describeInstances(request -> request.instanceIds(gone)).reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .forEach(instance -> {
                    Life life = life(instance.instanceId());
                    if (instance.state().name() == InstanceStateName.TERMINATED) {
                        terminated(life);
                    } else if (life.isMember()) {
                        detached(life);
                    }
                });
    }

    private void registrations() {
        Map<String, Set<String>> there = new HashMap<>();
        for (Registration registration : registrations) {
            boolean isThere = there.computeIfAbsent(registration.targetGroup(), this::registered)
                    .contains(registration.id());
            if (registration.registers() && isThere) {
                targets.open(registration.targetGroup(), registration.id(), registration.port(), changed);
            } else if (!registration.registers() && !isThere) {
                targets.close(registration.targetGroup(), registration.id(), changed);
            }
        }
        registrations.clear();
    }

    private Set<String> registered(String targetGroup) {
        return elb
                .describeTargetHealth(request -> request.targetGroupArn(targetGroup))
                .targetHealthDescriptions()
                .stream()
                .map(target -> target.target().id())
                .collect(Collectors.toSet());
    }

    private void born(Instance instance) {
        String id = instance.instanceId();
        lives.computeIfAbsent(id, any -> new Life(id, changed, tag(instance, VERSION_TAG), times));
    }

    private static String tag(Instance instance, String key) {
        return instance.tags().stream()
                .filter(tag -> tag.key().equals(key))
                .map(Tag::value)
                .findFirst()
                .orElse("");
    }

    private String number(LaunchTemplateSpecification template) {
        String version = template.version() == null ? "$Default" : template.version();
        if (!version.startsWith("$")) {
            return version;
        }
        LaunchTemplate found = ec2.describeLaunchTemplates(
                        request -> request.launchTemplateIds(template.launchTemplateId()))
                .launchTemplates()
                .get(0);
        return Long.toString(version.equals("$Latest") ? found.latestVersionNumber() : found.defaultVersionNumber());
    }

    private void members(AutoScalingGroup group) {
        String name = group.autoScalingGroupName();
        Set<String> attached = new LinkedHashSet<>(group.targetGroupARNs());
        Set<String> before = known(name, changed)
                .map(old -> (Set<String>) new LinkedHashSet<>(old.targetGroupARNs()))
                .orElse(Set.of());
        for (var instance : group.instances()) {
            Life life = life(instance.instanceId());
            boolean joins = !life.isMember();
            if (joins) {
                life.join(name, changed);
            }
            boolean stands = instance.lifecycleState() == LifecycleState.STANDBY;
            boolean stood = life.listing != null && life.listing.lifecycleState() == LifecycleState.STANDBY;
            if (stands && !stood) {
                targets.closeAll(life.id, changed);
            } else if (!stands) {
                Instant since = life.ready().isAfter(changed) ? life.ready() : changed;
                attached.stream()
                        .filter(arn -> joins || stood || !before.contains(arn))
                        .filter(arn -> !life.isOver())
                        .forEach(arn -> targets.open(arn, life.id, port(arn), since));
            }
            before.stream().filter(arn -> !attached.contains(arn)).forEach(arn -> targets.close(arn, life.id, changed));
            life.listing = instance;
        }
    }

    private void terminated(Life life) {
        if (life.isMember()) {
            if (!asked.contains(life.id) && !life.isOver()) {
                victims.add(life.id);
            }
            boolean drains = targets.closeAll(life.id, changed);
            life.leave(changed, drains ? changed.plus(times.drain()) : changed);
        } else if (!life.isOver()) {
            targets.closeAll(life.id, changed);
            life.end(changed);
        }
    }

    private void detached(Life life) {
        targets.closeAll(life.id, changed);
        life.detach(changed);
    }

    private void keep(AutoScalingGroup group) {
        List<GroupAt> history = groups.computeIfAbsent(group.autoScalingGroupName(), name -> new ArrayList<>());
        if (!history.isEmpty() && history.get(history.size() - 1).at().equals(changed)) {
            history.remove(history.size() - 1);
        }
        int desired = group.desiredCapacity() + ahead.getOrDefault(group.autoScalingGroupName(), 0);
        history.add(
                new GroupAt(changed, group.toBuilder().desiredCapacity(desired).build()));
    }

    private Life life(String id) {
        Life life = lives.get(id);
        if (life == null) {
            throw new IllegalArgumentException("no instance " + id);
        }
        return life;
    }

    private int port(String targetGroup) {
        return ports.computeIfAbsent(
                targetGroup,
                arn -> elb.describeTargetGroups(request -> request.targetGroupArns(arn))
                        .targetGroups()
                        .get(0)
                        .port());
    }

    private void deregister(String targetGroup, TargetDescription target) {
        try {
            elb.deregisterTargets(request -> request.targetGroupArn(targetGroup).targets(target));
        } catch (InvalidTargetException e) {
            // It was not there: that is what was wanted.
        }
    }

    private static byte[] read(InputStream body) {
        try (body) {
            return body.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
