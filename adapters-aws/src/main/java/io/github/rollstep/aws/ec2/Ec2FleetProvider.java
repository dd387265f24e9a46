package io.github.rollstep.aws.ec2;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.aws.AwsErrors;
import io.github.rollstep.aws.LaunchTemplates;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/**
 * The instances of EC2 that carry the tag {@code rollstep:fleet} of this fleet; whoever starts one with it adds it to the fleet. Launches
 * many by one call, from a numbered version of a launch template, {@link LaunchTemplates#revision}; each call has a client token of its
 * own, the same after a crash, so that a repeat starts nothing twice. The call is for all of them or none.
 *
 * <p>A launch that names a zone goes to the subnet of that zone, any other to the subnets in turn.
 *
 * <p>Safe for use by several threads. IAM actions and limits: {@code docs/aws.md}.
 */
public final class Ec2FleetProvider implements InstanceProvider {

    private static final Logger LOG = LoggerFactory.getLogger(Ec2FleetProvider.class);

    private static final String FLEET = "rollstep:fleet";
    private static final String ROLLOUT = "rollstep:rollout";
    private static final String REVISION = "rollstep:revision";
    private static final String LAUNCHES = "rollstep:launches";
    private static final Set<String> OWN = Set.of(FLEET, ROLLOUT, REVISION, LAUNCHES);

    /** The call with this client token has taken effect: for more launches than are open now, or for what is gone again. */
    private static final Set<String> TAKEN_BEFORE =
            Set.of("IdempotentParameterMismatch", "IdempotentInstanceTerminated");

    /** AWS keeps no more on one page. */
    private static final int PAGE = 1_000;

    private final Ec2Client client;
    private final FleetId fleet;
    private final Duration staleness;
    private final OptionalInt port;

    /** By zone, sorted: the same order in each process. Empty: that of the template. */
    private final TreeMap<String, String> subnets;

    private volatile Set<String> seen = Set.of();

    private Ec2FleetProvider(Builder builder) {
        client = builder.client;
        fleet = builder.fleet;
        staleness = builder.staleness;
        port = builder.port;
        subnets = new TreeMap<>(builder.subnets);
    }

    public static Builder builder(Ec2Client client, FleetId fleet) {
        return new Builder(client, fleet);
    }

    /** What has been terminated is listed as gone for as long as AWS tells of it, about an hour. */
    @Override
    public List<io.github.rollstep.Instance> list() {
        List<io.github.rollstep.Instance> listed = AwsErrors.call(
                "describe instances of fleet " + fleet,
                () -> client.describeInstancesPaginator(ofFleet()).reservations().stream()
                        .flatMap(reservation -> reservation.instances().stream())
                        .map(this::listed)
                        .toList());
        seen = listed.stream().map(instance -> instance.id().value()).collect(Collectors.toSet());
        return listed;
    }

    private DescribeInstancesRequest ofFleet() {
        return DescribeInstancesRequest.builder()
                .filters(Filter.builder()
                        .name("tag:" + FLEET)
                        .values(fleet.value())
                        .build())
                .maxResults(PAGE)
                .build();
    }

    private io.github.rollstep.Instance listed(Instance instance) {
        Map<String, String> tags = new HashMap<>();
        instance.tags().forEach(tag -> tags.put(tag.key(), tag.value()));
        io.github.rollstep.Instance.Builder listed = io.github.rollstep.Instance.builder(
                        InstanceId.of(instance.instanceId()), revision(tags), state(instance))
                .createdAt(instance.launchTime())
                .labels(tags.entrySet().stream()
                        .filter(tag ->
                                !OWN.contains(tag.getKey()) && !tag.getKey().startsWith("aws:"))
                        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)))
                .detail(detail(instance));
        token(instance, tags).ifPresent(listed::token);
        Optional.ofNullable(instance.placement())
                .map(place -> place.availabilityZone())
                .ifPresent(listed::zone);
        Optional.ofNullable(instance.privateIpAddress())
                .ifPresent(address ->
                        port.ifPresent(number -> listed.address(InetSocketAddress.createUnresolved(address, number))));
        return listed.build();
    }

    /** Of one that somebody started by hand: it can be replaced, and nothing goes back to it. */
    private static Revision revision(Map<String, String> tags) {
        return Optional.ofNullable(tags.get(REVISION))
                .flatMap(LaunchTemplates::parse)
                .orElseGet(() -> Revision.of("unknown"));
    }

    /** Empty also if somebody has changed the tags: then it is one that nobody launched. */
    private static Optional<LaunchToken> token(Instance instance, Map<String, String> tags) {
        String rollout = tags.get(ROLLOUT);
        String launches = tags.get(LAUNCHES);
        Integer index = instance.amiLaunchIndex();
        if (rollout == null || launches == null || index == null) {
            return Optional.empty();
        }
        try {
            return Wave.parse(launches).stream().skip(index).findFirst().map(RolloutId.of(rollout)::token);
        } catch (IllegalArgumentException e) {
            LOG.warn("the tags of {} name no launch: {}", instance.instanceId(), e.getMessage());
            return Optional.empty();
        }
    }

    private static io.github.rollstep.Instance.State state(Instance instance) {
        return switch (instance.state().name()) {
            case PENDING -> io.github.rollstep.Instance.State.STARTING;
            case RUNNING -> io.github.rollstep.Instance.State.RUNNING;
            case SHUTTING_DOWN, STOPPING -> io.github.rollstep.Instance.State.STOPPING;
            case TERMINATED -> io.github.rollstep.Instance.State.GONE;
            default -> io.github.rollstep.Instance.State.FAILED;
        };
    }

    private static String detail(Instance instance) {
        String why =
                instance.stateReason() == null ? null : instance.stateReason().message();
        return instance.state().nameAsString() + (why == null ? "" : ": " + why);
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        for (LaunchRequest request : open) {
            if (!request.fleet().equals(fleet)) {
                throw ProviderException.permanent("fleet must be %s, was %s".formatted(fleet, request.fleet()));
            }
        }
        Bulk.forEach(
                Wave.of(open, this::zone),
                wave -> AwsErrors.run(
                        "run %d instances".formatted(wave.ordinals().size()), () -> launch(wave)));
    }

    private String zone(LaunchRequest request, int ordinal) {
        return request.place()
                .zone()
                .filter(subnets::containsKey)
                .orElseGet(() -> subnets.keySet().stream()
                        .skip(Math.floorMod(ordinal, Math.max(1, subnets.size())))
                        .findFirst()
                        .orElse(""));
    }

    private void launch(Wave wave) {
        LaunchTemplates.Version version =
                LaunchTemplates.Version.of(wave.first().revision());
        int count = wave.ordinals().size();
        @Nullable String subnet = subnets.get(wave.zone());
        try {
            client.runInstances(request -> {
                request.clientToken(wave.clientToken())
                        .minCount(count)
                        .maxCount(count)
                        .launchTemplate(template ->
                                template.launchTemplateId(version.templateId()).version(version.number()))
                        .tagSpecifications(TagSpecification.builder()
                                .resourceType(ResourceType.INSTANCE)
                                .tags(
                                        tag(FLEET, fleet.value()),
                                        tag(ROLLOUT, wave.first().rollout().value()),
                                        tag(REVISION, wave.first().revision().id()),
                                        tag(LAUNCHES, wave.text()))
                                .build());
                if (subnet != null) {
                    request.subnetId(subnet);
                }
            });
        } catch (Ec2Exception e) {
            if (!TAKEN_BEFORE.contains(AwsErrors.code(e))) {
                throw e;
            }
        }
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    @Override
    public void terminate(InstanceId id) {
        terminateAll(List.of(id));
    }

    /**
     * By one call, or by few if one is protected from termination; without those that AWS knows nothing of any more.
     *
     * @throws ProviderException if AWS did not accept for some; not retryable, with their ids, if these are protected
     */
    @Override
    public void terminateAll(Collection<InstanceId> ids) {
        List<String> asked = ids.stream().map(InstanceId::value).distinct().toList();
        if (!seen.containsAll(asked)) {
            list();
        }
        List<String> own = asked.stream().filter(seen::contains).toList();
        AwsErrors.run("terminate instances", () -> terminate(own));
    }

    /** One that is protected is refused with all that are asked for in its zone: halved, it hinders no other. */
    private void terminate(List<String> ids) {
        try {
            KnownIds.call(ids, known -> client.terminateInstances(request -> request.instanceIds(known)));
        } catch (Ec2Exception e) {
            if (!AwsErrors.code(e).equals("OperationNotPermitted")) {
                throw e;
            }
            if (ids.size() == 1) {
                throw ProviderException.permanent("terminate %s: %s".formatted(ids.get(0), e.getMessage()), e);
            }
            int half = ids.size() / 2;
            Bulk.forEach(List.of(ids.subList(0, half), ids.subList(half, ids.size())), this::terminate);
        }
    }

    @Override
    public Optional<String> settings(Revision target) {
        LaunchTemplates.Version.of(target);
        return Optional.empty();
    }

    @Override
    public Duration staleness() {
        return staleness;
    }

    @Override
    public String toString() {
        return "EC2 fleet " + fleet;
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {
        private final Ec2Client client;
        private final FleetId fleet;
        private final Map<String, String> subnets = new HashMap<>();
        private Duration staleness = Duration.ofSeconds(5);
        private OptionalInt port = OptionalInt.empty();

        private Builder(Ec2Client client, FleetId fleet) {
            this.client = client;
            this.fleet = fleet;
        }

        /** Where to launch in a zone; default: where the template says. */
        public Builder subnet(String zone, String subnetId) {
            subnets.put(zone, subnetId);
            return this;
        }

        /** Gives instances their private address and this port, for routers and health checks that need one; default: none. */
        public Builder port(int port) {
            this.port = OptionalInt.of(Require.within("port", 1, 65_535, port));
            return this;
        }

        /** How old the list may be; 0 to 1 min; default: 5 s. AWS calls its answers eventually consistent and names no bound. */
        public Builder staleness(Duration staleness) {
            this.staleness = Require.within("staleness", Duration.ZERO, Duration.ofMinutes(1), staleness);
            return this;
        }

        public Ec2FleetProvider build() {
            return new Ec2FleetProvider(this);
        }
    }
}
