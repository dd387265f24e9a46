package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.aws.ec2.Ec2FleetProvider;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** The contract of a provider by a fleet of bare instances. */
class Ec2FleetContractIT extends AwsProviderContract {

    @Override
    protected InstanceProvider provider(FleetId of) {
        return new TickingProvider(
                Ec2FleetProvider.builder(world.ec2(), of)
                        .staleness(Duration.ZERO)
                        .build(),
                world);
    }

    @Override
    protected Optional<InstanceId> startByHand(FleetId of) {
        String id = world.ec2()
                .runInstances(request -> request.minCount(1)
                        .maxCount(1)
                        .launchTemplate(template -> template.launchTemplateId(world.launchTemplateId())
                                .version("1"))
                        .tagSpecifications(TagSpecification.builder()
                                .resourceType(ResourceType.INSTANCE)
                                .tags(Tag.builder()
                                        .key("rollstep:fleet")
                                        .value(of.value())
                                        .build())
                                .build()))
                .instances()
                .get(0)
                .instanceId();
        return Optional.of(InstanceId.of(id));
    }

    @Override
    protected Optional<Revision> impossible() {
        return Optional.of(LaunchTemplates.revision(world.launchTemplateId(), 99));
    }

    private LaunchRequest request() {
        RolloutId rollout = RolloutId.of("rollout-1");
        return new LaunchRequest(fleet, rollout, rollout.token(1), revision());
    }

    private Instance running(InstanceProvider provider) {
        provider.launch(List.of(request()));
        world.advance(Duration.ofSeconds(3));
        return provider.list().get(0);
    }

    @Override
    @Test
    protected void aRepeatStartsNothingForAnInstanceThatFailed() {
        InstanceProvider provider = provider(fleet);
        world.kill(running(provider).id().value());

        provider.launch(List.of(request()));

        assertThat(provider.list()).hasSize(1).allMatch(one -> one.state() == Instance.State.STOPPING);
    }

    /** What dies by itself is terminated by EC2, and not kept for anybody. */
    @Override
    @Test
    protected void whatExitedIsListedAsFailedUntilItIsTerminated() {
        InstanceProvider provider = provider(fleet);
        Instance one = running(provider);
        world.kill(one.id().value());
        world.advance(Duration.ofSeconds(3));

        assertThat(provider.list()).singleElement().satisfies(gone -> {
            assertThat(gone.id()).isEqualTo(one.id());
            assertThat(gone.state()).isEqualTo(Instance.State.GONE);
            assertThat(gone.token()).contains(request().token());
        });
    }

    @Test
    void oneWhoseTagsWereChangedIsListedWithoutAToken() {
        InstanceProvider provider = provider(fleet);
        Instance one = running(provider);
        for (List<String> tag : List.of(
                List.of("rollstep:launches", "garbage"), List.of("rollstep:rollout", "no rollout, by its spaces"))) {
            world.ec2()
                    .createTags(request -> request.resources(one.id().value())
                            .tags(Tag.builder()
                                    .key(tag.get(0))
                                    .value(tag.get(1))
                                    .build()));

            assertThat(provider.list()).singleElement().satisfies(listed -> {
                assertThat(listed.id()).isEqualTo(one.id());
                assertThat(listed.token()).isEmpty();
            });
        }
    }

    /** AWS terminates none of a zone where one of those that are asked for is protected. */
    @Test
    void oneThatIsProtectedHindersNoneOfManyAndIsNamed() {
        InstanceProvider provider = provider(fleet);
        RolloutId rollout = RolloutId.of("rollout-1");
        provider.launch(IntStream.rangeClosed(1, 8)
                .mapToObj(ordinal -> new LaunchRequest(fleet, rollout, rollout.token(ordinal), revision()))
                .toList());
        List<InstanceId> all = provider.list().stream().map(Instance::id).toList();
        InstanceId fast = all.get(3);
        world.ec2()
                .modifyInstanceAttribute(request ->
                        request.instanceId(fast.value()).disableApiTermination(isProtected -> isProtected.value(true)));

        assertThatThrownBy(() -> provider.terminateAll(all))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessageContaining(fast.value());

        assertThat(provider.list())
                .filteredOn(one -> one.state() == Instance.State.STARTING || one.state() == Instance.State.RUNNING)
                .extracting(Instance::id)
                .containsExactly(fast);
    }

    /** Two zones: what names one goes there, any other in turn, and each zone takes one call. */
    @Test
    void launchesInTheSubnetOfAZone() {
        List<Subnet> subnets = world.ec2()
                .describeSubnets(request -> request.subnetIds(world.subnetIds()))
                .subnets();
        Ec2FleetProvider.Builder builder =
                Ec2FleetProvider.builder(world.ec2(), fleet).staleness(Duration.ZERO);
        subnets.forEach(subnet -> builder.subnet(subnet.availabilityZone(), subnet.subnetId()));
        InstanceProvider provider = builder.build();
        String second = subnets.get(1).availabilityZone();
        RolloutId rollout = RolloutId.of("rollout-1");
        List<LaunchRequest> open = new ArrayList<>();
        for (int ordinal = 1; ordinal <= 6; ordinal++) {
            Place place = ordinal <= 2 ? Place.inZone(second) : Place.anywhere();
            open.add(new LaunchRequest(fleet, rollout, rollout.token(ordinal), revision(), place, Instant.EPOCH));
        }
        world.counter().reset();
        provider.launch(open);

        assertThat(world.counter().counts()).containsEntry("Ec2:RunInstances", 2L);
        Map<String, Long> zones = provider.list().stream()
                .collect(Collectors.groupingBy(one -> one.zone().orElseThrow(), Collectors.counting()));
        assertThat(zones).containsOnly(Map.entry(subnets.get(0).availabilityZone(), 2L), Map.entry(second, 4L));
        assertThat(provider.list())
                .filteredOn(one -> one.token().equals(Optional.of(rollout.token(1))))
                .singleElement()
                .satisfies(one -> assertThat(one.zone()).contains(second));

        provider.launch(open);
        assertThat(provider.list()).as("a repeat starts nothing").hasSize(6);
    }
}
