package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What every {@link InstanceProvider} does. Extend it, supply {@link #provider}, and clean up after each test:
 *
 * <pre>{@code
 * class MyProviderTest extends InstanceProviderContract {
 *     private final MyPlatform platform = MyPlatform.start();
 *
 *     @Override
 *     protected InstanceProvider provider(FleetId fleet) {
 *         return new MyProvider(platform, fleet);
 *     }
 *
 *     @AfterEach
 *     void stop() {
 *         platform.close();
 *     }
 * }
 * }</pre>
 *
 * <p>Rules that the platform cannot show are skipped, visibly.
 */
public abstract class InstanceProviderContract {

    private static final FleetId FLEET = FleetId.of("contract");
    private static final FleetId OTHER = FleetId.of("other");
    private static final RolloutId ROLLOUT = RolloutId.of("rollout-1");

    /** A provider of this fleet. When it is first asked for, the fleet is empty. */
    protected abstract InstanceProvider provider(FleetId fleet);

    /** The provider of a controller that starts after this one died; by default another one of the same fleet. */
    protected InstanceProvider reopened(FleetId fleet, InstanceProvider died) {
        return provider(fleet);
    }

    /** A revision whose instances run until they are terminated; the default has the id {@code v1}. */
    protected Revision revision() {
        return Revision.of("v1");
    }

    /** A revision whose instances exit by themselves soon after their start; by default none. */
    protected Optional<Revision> exiting() {
        return Optional.empty();
    }

    /** A revision that can never be launched; by default none. */
    protected Optional<Revision> impossible() {
        return Optional.empty();
    }

    /** Whether instances are listed with the token of their launch; true by default. */
    protected boolean keepsTokens() {
        return true;
    }

    /** How long the platform may take for anything; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private static LaunchRequest request(FleetId fleet, int ordinal, Revision revision) {
        return new LaunchRequest(fleet, ROLLOUT, ROLLOUT.token(ordinal), revision);
    }

    private LaunchRequest request(int ordinal) {
        return request(FLEET, ordinal, revision());
    }

    private List<Instance> running(InstanceProvider provider, int count) {
        return Eventually.get(patience(), () -> {
            List<Instance> listed = provider.list();
            assertThat(listed).hasSize(count).allMatch(instance -> instance.state() == Instance.State.RUNNING);
            return listed;
        });
    }

    private InstanceProvider launched(int count) {
        InstanceProvider provider = provider(FLEET);
        launch(provider, count);
        return provider;
    }

    private void launch(InstanceProvider provider, int count) {
        List<LaunchRequest> open =
                IntStream.rangeClosed(1, count).mapToObj(this::request).toList();
        provider.launch(open);
        running(provider, count);
    }

    private void assertStays(InstanceProvider provider, int count) {
        Set<InstanceId> before = ids(provider);
        Duration settled = provider.staleness().plusMillis(300);
        long end = System.nanoTime() + settled.toNanos();
        do {
            assertThat(ids(provider))
                    .as("nothing is started or stopped")
                    .isEqualTo(before)
                    .hasSize(count);
        } while (System.nanoTime() < end);
    }

    private static Set<InstanceId> ids(InstanceProvider provider) {
        return provider.list().stream().map(Instance::id).collect(Collectors.toSet());
    }

    @Test
    protected void listsNothingBeforeTheFirstLaunch() {
        assertThat(provider(FLEET).list()).isEmpty();
    }

    @Test
    protected void startsAnInstanceForEachOpenLaunch() {
        InstanceProvider provider = launched(2);

        List<Instance> listed = provider.list();
        assertThat(listed).extracting(Instance::id).doesNotHaveDuplicates();
        assertThat(listed).allMatch(instance -> instance.revision().equals(revision()));
    }

    @Test
    protected void listsTheTokenOfEachLaunch() {
        assumeTrue(keepsTokens(), "the platform keeps no tokens");
        InstanceProvider provider = launched(2);

        assertThat(provider.list())
                .extracting(instance -> instance.token().map(LaunchToken::value).orElse("none"))
                .containsExactlyInAnyOrder("rollout-1-1", "rollout-1-2");
    }

    @Test
    protected void aRepeatStartsNothingTwice() {
        InstanceProvider provider = launched(2);

        provider.launch(List.of(request(1), request(2)));
        provider.launch(List.of(request(1)));

        assertStays(provider, 2);
    }

    @Test
    protected void aRepeatWithANewLaunchStartsTheNewOneAlone() {
        InstanceProvider provider = launched(1);
        Set<InstanceId> before = ids(provider);

        provider.launch(List.of(request(1), request(2)));

        running(provider, 2);
        assertThat(ids(provider)).containsAll(before);
        assertStays(provider, 2);
    }

    @Test
    protected void aRepeatStartsNothingForAnInstanceThatFailed() {
        assumeTrue(exiting().isPresent(), "no revision that exits by itself");
        InstanceProvider provider = provider(FLEET);
        LaunchRequest request = request(FLEET, 1, exiting().orElseThrow());
        provider.launch(List.of(request));
        InstanceId failed = failed(provider);

        provider.launch(List.of(request));

        assertStays(provider, 1);
        assertThat(failed(provider)).isEqualTo(failed);
    }

    private InstanceId failed(InstanceProvider provider) {
        return Eventually.get(patience(), () -> {
            List<Instance> listed = provider.list();
            assertThat(listed).hasSize(1).allMatch(instance -> instance.state() == Instance.State.FAILED);
            return listed.get(0).id();
        });
    }

    @Test
    protected void whatExitedIsListedAsFailedUntilItIsTerminated() {
        assumeTrue(exiting().isPresent(), "no revision that exits by itself");
        InstanceProvider provider = provider(FLEET);
        provider.launch(List.of(request(FLEET, 1, exiting().orElseThrow())));
        InstanceId failed = failed(provider);
        assertStays(provider, 1);

        provider.terminate(failed);

        Eventually.holds(patience(), () -> assertThat(provider.list()).isEmpty());
    }

    @Test
    protected void terminatesTheOneAndNoOther() {
        InstanceProvider provider = launched(2);
        InstanceId one = provider.list().get(0).id();

        provider.terminate(one);

        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(1).doesNotContain(one));
        assertThat(running(provider, 1)).hasSize(1);
    }

    @Test
    protected void whatWasTerminatedIsNeverListedAsFailed() {
        InstanceProvider provider = launched(1);
        InstanceId one = provider.list().get(0).id();

        provider.terminate(one);

        Eventually.holds(patience(), () -> {
            List<Instance> listed = provider.list();
            if (listed.stream().anyMatch(instance -> instance.state() == Instance.State.FAILED)) {
                throw new IllegalStateException("told to stop, and listed as failed: " + listed);
            }
            assertThat(listed).isEmpty();
        });
    }

    @Test
    protected void terminatingAgainOrTheUnknownChangesNothing() {
        InstanceProvider provider = launched(2);
        InstanceId one = provider.list().get(0).id();
        provider.terminate(one);
        provider.terminate(one);
        Eventually.holds(patience(), () -> assertThat(provider.list()).hasSize(1));

        provider.terminate(one);
        provider.terminate(InstanceId.of("never-there"));

        assertStays(provider, 1);
    }

    @Test
    protected void terminatesMany() {
        InstanceProvider provider = launched(3);

        provider.terminateAll(ids(provider));

        Eventually.holds(patience(), () -> assertThat(provider.list()).isEmpty());
    }

    @Test
    protected void neitherListsNorTerminatesWhatBelongsToAnotherFleet() {
        InstanceProvider provider = launched(1);
        InstanceProvider other = provider(OTHER);
        other.launch(List.of(request(OTHER, 7, revision())));
        Set<InstanceId> others = running(other, 1).stream().map(Instance::id).collect(Collectors.toSet());
        assertStays(provider, 1);

        others.forEach(provider::terminate);

        assertStays(other, 1);
        assertThat(ids(other)).isEqualTo(others);
        assertStays(provider, 1);
    }

    @Test
    protected void theNextControllerFindsTheSameFleet() {
        InstanceProvider died = launched(2);
        List<Instance> before = running(died, 2);

        InstanceProvider next = reopened(FLEET, died);

        assertThat(next.list())
                .extracting(Instance::id, Instance::revision, Instance::token, Instance::address)
                .containsExactlyInAnyOrderElementsOf(before.stream()
                        .map(i -> tuple(i.id(), i.revision(), i.token(), i.address()))
                        .toList());
        next.launch(List.of(request(1), request(2)));
        assertStays(next, 2);
    }

    @Test
    protected void aLaunchThatIsImpossibleIsAPermanentErrorAndHindersNoOther() {
        assumeTrue(impossible().isPresent(), "no revision that cannot be launched");
        InstanceProvider provider = provider(FLEET);

        // The platform may find out after it has accepted: then a repeat says so.
        ProviderException error = Eventually.get(patience(), () -> {
            ProviderException thrown = catchThrowableOfType(
                    ProviderException.class,
                    () -> provider.launch(List.of(request(FLEET, 1, impossible().orElseThrow()), request(2))));
            assertThat(thrown).as("an error").isNotNull();
            return thrown;
        });

        assertThat(error.isRetryable()).as("retryable").isFalse();
        running(provider, 1);
    }

    @Test
    protected void launchesAndTerminatesAtTheSameTime() {
        InstanceProvider provider = launched(1);
        InstanceId one = provider.list().get(0).id();

        Together.call(List.of(
                () -> {
                    provider.launch(List.of(request(1), request(2), request(3)));
                    return true;
                },
                () -> {
                    provider.terminate(one);
                    return true;
                }));

        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(2).doesNotContain(one));
    }

    @Test
    protected void aWatchTellsOfAChange() throws InterruptedException {
        InstanceProvider provider = provider(FLEET);
        assumeTrue(provider instanceof Watchable, "the provider cannot be watched");
        launch(provider, 1);
        CountDownLatch told = new CountDownLatch(1);
        try (Watchable.Subscription watch = ((Watchable) provider).watch(told::countDown)) {
            assertThat(watch).isNotNull();
            provider.terminate(provider.list().get(0).id());
            Eventually.holds(patience(), () -> assertThat(provider.list()).isEmpty());

            assertThat(told.await(patience().toMillis(), TimeUnit.MILLISECONDS))
                    .as("told of the end of an instance")
                    .isTrue();
        }
    }

    @Test
    protected void saysHowStaleAListMayBe() {
        assertThat(provider(FLEET).staleness()).isBetween(Duration.ZERO, Duration.ofHours(1));
    }
}
