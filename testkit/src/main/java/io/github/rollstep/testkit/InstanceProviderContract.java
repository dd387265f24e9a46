package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What every {@link InstanceProvider} does. Extend it, supply {@link #provider}, and clean up after each test; the other hooks
 * say what more the test can provoke. {@code docs/adapters.md} says what breaks in production without each rule.
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

    /** Its name begins with that of the fleet: whoever selects by prefix takes one for the other. */
    private static final FleetId OTHER = FleetId.of("contract-2");

    private static final RolloutId ROLLOUT = RolloutId.of("rollout-1");

    /** How long to see whether something happens that must not, at most. */
    private static final Duration LOOK = Duration.ofMillis(300);

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

    /** Starts an instance of the fleet without Rollstep, as a person does; empty, the default, if the platform knows no such. */
    protected Optional<InstanceId> startByHand(FleetId fleet) {
        return Optional.empty();
    }

    /** Whether instances are listed with the token of their launch; true by default. */
    protected boolean keepsTokens() {
        return true;
    }

    /** Takes the platform away, and returns what brings it back; empty, the default, if it is always there. */
    protected Optional<Runnable> outage() {
        return Optional.empty();
    }

    /** Makes the next terminate of an instance fail, once; false, the default, if the test cannot. */
    protected boolean failNextTerminate() {
        return false;
    }

    /** How long the platform may take for anything; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private static LaunchRequest request(FleetId fleet, int ordinal, Revision revision) {
        return new LaunchRequest(
                fleet, ROLLOUT, ROLLOUT.token(ordinal), revision, Place.anywhere(), Instant.ofEpochSecond(ordinal));
    }

    private LaunchRequest request(int ordinal) {
        return request(FLEET, ordinal, revision());
    }

    /** Without what is listed as gone. */
    private static List<Instance> existing(InstanceProvider provider) {
        return provider.list().stream().filter(Instance::exists).toList();
    }

    private List<Instance> running(InstanceProvider provider, int count) {
        return Eventually.get(patience(), () -> {
            List<Instance> listed = existing(provider);
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
        Duration look = patience().dividedBy(50);
        Duration settled = provider.staleness().plus(look.compareTo(LOOK) < 0 ? look : LOOK);
        long end = System.nanoTime() + settled.toNanos();
        do {
            assertThat(ids(provider))
                    .as("nothing is started or stopped")
                    .isEqualTo(before)
                    .hasSize(count);
        } while (System.nanoTime() < end);
    }

    /** From now on, what took effect before is in each list. */
    private static void awaitStaleness(InstanceProvider provider) {
        long end = System.nanoTime() + provider.staleness().toNanos();
        while (System.nanoTime() < end) {
            Eventually.pause();
        }
    }

    private static Set<InstanceId> ids(InstanceProvider provider) {
        return existing(provider).stream().map(Instance::id).collect(Collectors.toSet());
    }

    @Test
    protected void listsNothingBeforeTheFirstLaunch() {
        assertThat(existing(provider(FLEET))).isEmpty();
    }

    @Test
    protected void startsAnInstanceForEachOpenLaunch() {
        InstanceProvider provider = launched(2);

        List<Instance> listed = existing(provider);
        assertThat(listed).extracting(Instance::id).doesNotHaveDuplicates();
        assertThat(listed).allMatch(instance -> instance.revision().equals(revision()));
    }

    @Test
    protected void listsTheTokenOfEachLaunch() {
        InstanceProvider provider = launched(2);

        assertThat(existing(provider))
                .extracting(instance -> instance.token().map(LaunchToken::value).orElse("none"))
                .containsExactlyInAnyOrderElementsOf(
                        keepsTokens() ? List.of("rollout-1-1", "rollout-1-2") : List.of("none", "none"));
    }

    @Test
    protected void listsAndTerminatesWhatWasStartedByHand() {
        InstanceProvider provider = launched(1);
        Set<InstanceId> launched = ids(provider);

        startByHand(FLEET).ifPresent(other -> {
            Eventually.holds(
                    patience(), () -> assertThat(ids(provider)).hasSize(2).contains(other));
            provider.terminate(other);
        });

        Eventually.holds(patience(), () -> assertThat(ids(provider)).isEqualTo(launched));
    }

    @Test
    protected void listsALaunchWithinTheStatedStaleness() {
        InstanceProvider provider = provider(FLEET);
        provider.launch(List.of(request(1)));
        awaitStaleness(provider);

        assertThat(existing(provider))
                .as("%s after its launch", provider.staleness())
                .hasSize(1);
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
    protected void whatAnEarlierRolloutLeftOpenIsStartedBesideTheRest() {
        InstanceProvider provider = provider(FLEET);
        RolloutId later = RolloutId.of("rollout-2");
        List<LaunchRequest> open = List.of(request(1), new LaunchRequest(FLEET, later, later.token(1), revision()));

        provider.launch(open);
        provider.launch(open);

        running(provider, 2);
        assertStays(provider, 2);
    }

    @Test
    protected void aRepeatAtTheSameTimeStartsNothingTwice() {
        InstanceProvider provider = provider(FLEET);
        List<LaunchRequest> open = List.of(request(1), request(2));

        Together.call(Collections.nCopies(4, () -> {
            Disturbed.again(patience(), () -> provider.launch(open));
            return true;
        }));

        running(provider, 2);
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
            List<Instance> listed = existing(provider);
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

        Eventually.holds(patience(), () -> assertThat(existing(provider)).isEmpty());
    }

    @Test
    protected void terminatesTheOneAndNoOther() {
        InstanceProvider provider = launched(2);
        InstanceId one = existing(provider).get(0).id();

        provider.terminate(one);

        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(1).doesNotContain(one));
        assertThat(running(provider, 1)).hasSize(1);
    }

    @Test
    protected void whatWasTerminatedIsListedAsStoppingUntilItIsGone() {
        InstanceProvider provider = launched(1);
        InstanceId one = existing(provider).get(0).id();

        provider.terminate(one);
        awaitStaleness(provider);

        Eventually.holds(patience(), () -> {
            List<Instance> listed = existing(provider);
            if (listed.stream().anyMatch(instance -> instance.state() != Instance.State.STOPPING)) {
                throw new IllegalStateException("told to stop, and listed otherwise: " + listed);
            }
            assertThat(listed).isEmpty();
        });
    }

    @Test
    protected void whatIsGoneNeverComesBack() {
        InstanceProvider provider = launched(2);
        InstanceId one = existing(provider).get(0).id();
        provider.terminate(one);
        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(1).doesNotContain(one));
        awaitStaleness(provider);

        assertStays(provider, 1);

        assertThat(ids(provider)).doesNotContain(one);
    }

    @Test
    protected void terminatingAgainOrTheUnknownChangesNothing() {
        InstanceProvider provider = launched(2);
        InstanceId one = existing(provider).get(0).id();
        provider.terminate(one);
        provider.terminate(one);
        Eventually.holds(patience(), () -> assertThat(existing(provider)).hasSize(1));

        provider.terminate(one);
        provider.terminate(InstanceId.of("never-there"));

        assertStays(provider, 1);
    }

    @Test
    protected void terminatesMany() {
        InstanceProvider provider = launched(3);

        provider.terminateAll(ids(provider));

        Eventually.holds(patience(), () -> assertThat(existing(provider)).isEmpty());
    }

    @Test
    protected void terminatesTheOthersOfManyThoughOneFailsOrIsGone() {
        InstanceProvider provider = launched(4);
        List<InstanceId> all = List.copyOf(ids(provider));
        InstanceId gone = all.get(3);
        provider.terminate(gone);
        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(3));
        List<InstanceId> some = List.of(all.get(0), all.get(1), gone);

        if (failNextTerminate()) {
            ProviderException error =
                    catchThrowableOfType(ProviderException.class, () -> provider.terminateAll(some.subList(0, 2)));
            assertThat(error).as("the error of the one that failed").isNotNull();
            Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(2));
        }
        provider.terminateAll(some);

        Eventually.holds(patience(), () -> assertThat(ids(provider)).containsExactly(all.get(2)));
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
    protected void aLaunchForAnotherFleetIsAPermanentErrorAndStartsNothing() {
        InstanceProvider provider = launched(1);

        ProviderException error = catchThrowableOfType(
                ProviderException.class, () -> provider.launch(List.of(request(OTHER, 2, revision()))));

        assertThat(error).as("an error").isNotNull();
        assertThat(error.isRetryable()).as("retryable").isFalse();
        assertStays(provider, 1);
    }

    @Test
    protected void theNextControllerFindsTheSameFleet() {
        InstanceProvider died = launched(2);
        List<Instance> before = running(died, 2);

        InstanceProvider next = reopened(FLEET, died);

        assertThat(existing(next))
                .extracting(Instance::id, Instance::revision, Instance::token, Instance::address)
                .containsExactlyInAnyOrderElementsOf(before.stream()
                        .map(i -> tuple(i.id(), i.revision(), i.token(), i.address()))
                        .toList());
    }

    @Test
    protected void aRepeatByTheNextControllerStartsNothingTwice() {
        InstanceProvider died = launched(2);
        Set<InstanceId> before = ids(died);

        InstanceProvider next = reopened(FLEET, died);
        next.launch(List.of(request(1), request(2)));

        assertStays(next, 2);
        assertThat(ids(next)).isEqualTo(before);
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
    protected void aPlatformThatIsAwayIsARetryableErrorAndNothingIsLost() {
        InstanceProvider provider = launched(1);
        InstanceId one = existing(provider).get(0).id();

        outage().ifPresent(back -> {
            Disturbed.away(provider::list);
            Disturbed.away(() -> {
                provider.launch(List.of(request(2)));
                return true;
            });
            Disturbed.perhapsAway(() -> provider.terminate(one));
            back.run();
        });

        Disturbed.again(patience(), () -> provider.launch(List.of(request(2))));
        Disturbed.again(patience(), () -> provider.terminate(one));
        Eventually.holds(
                patience(),
                () -> assertThat(Disturbed.again(patience(), () -> ids(provider)))
                        .hasSize(1)
                        .doesNotContain(one));
        assertStays(provider, 1);
    }

    @Test
    protected void anInterruptedCallEndsSoonAndNothingIsLost() {
        InstanceProvider provider = launched(1);
        InstanceId one = existing(provider).get(0).id();

        Disturbed.interrupted(patience(), provider::list);
        Disturbed.interrupted(patience(), () -> provider.launch(List.of(request(2), request(3))));
        Disturbed.again(patience(), () -> provider.launch(List.of(request(2), request(3))));
        running(provider, 3);
        Disturbed.interrupted(patience(), () -> provider.terminate(one));
        Disturbed.again(patience(), () -> provider.terminate(one));

        Eventually.holds(patience(), () -> assertThat(ids(provider)).hasSize(2).doesNotContain(one));
        assertStays(provider, 2);
    }

    @Test
    protected void launchesAndTerminatesAtTheSameTime() {
        InstanceProvider provider = launched(1);
        InstanceId one = existing(provider).get(0).id();

        Together.call(List.of(
                () -> {
                    provider.launch(List.of(request(2), request(3)));
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
        InstanceProvider provider = launched(1);
        CountDownLatch told = new CountDownLatch(1);
        try (Watchable.Subscription watch = watch(provider, told::countDown)) {
            assertThat(watch).isNotNull();
            provider.terminate(existing(provider).get(0).id());
            Eventually.holds(patience(), () -> assertThat(existing(provider)).isEmpty());

            assertThat(told.await(patience().toMillis(), TimeUnit.MILLISECONDS))
                    .as("told of the end of an instance")
                    .isTrue();
        }
    }

    @Test
    protected void aWatchThatWasClosedTellsOnceMoreAtMost() {
        InstanceProvider provider = provider(FLEET);
        AtomicInteger told = new AtomicInteger();
        Watchable.Subscription watch = watch(provider, told::incrementAndGet);
        watch.close();
        watch.close();
        int before = told.get();

        launch(provider, 2);
        provider.terminateAll(ids(provider));
        Eventually.holds(patience(), () -> assertThat(existing(provider)).isEmpty());

        assertThat(told.get() - before).as("told after the close").isLessThanOrEqualTo(1);
    }

    /** One that cannot be watched is looked at, as the engine does. */
    private static Watchable.Subscription watch(InstanceProvider provider, Runnable changed) {
        if (provider instanceof Watchable watchable) {
            return watchable.watch(changed);
        }
        changed.run();
        return () -> {};
    }

    @Test
    protected void saysHowStaleAListMayBe() {
        assertThat(provider(FLEET).staleness()).isBetween(Duration.ZERO, Duration.ofHours(1));
    }
}
