package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * What every {@link TrafficRouter} does. Extend it, supply a router, instances behind it and a client, and clean up after each
 * test; the other hooks say what more the test can provoke. {@code docs/adapters.md} says what breaks in production without each
 * rule.
 */
public abstract class TrafficRouterContract {

    private static final int REQUESTS = 40;

    private static final Instance NOWHERE = Instance.builder(
                    InstanceId.of("nowhere"), Revision.of("v1"), Instance.State.RUNNING)
            .build();

    /** The router to test, with no instance; asked for once a test. */
    protected abstract TrafficRouter router();

    /** A running instance that can be a target and is none yet; another one for each name. */
    protected abstract Instance instance(String name);

    /**
     * Sends a request through the router.
     *
     * @return the id of the instance that answered; empty if none did
     */
    protected abstract String request();

    /** Sends a request through the router which its instance does not answer until it is told to. */
    protected abstract OpenRequest open();

    /** Ends an instance as a crash does; by default it is only listed as failed. */
    protected void kill(Instance instance) {
        // The rule holds as well for one that goes on answering.
    }

    /** The router of a controller that starts after that of this one died; by default the same. */
    protected TrafficRouter reopened(TrafficRouter died) {
        return died;
    }

    /** Takes the router away, and returns what brings it back; empty, the default, if it is always there. */
    protected Optional<Runnable> outage() {
        return Optional.empty();
    }

    /**
     * Whether it can be told what to do; true by default. One that finds instances by itself, by their health, cannot, see {@link
     * io.github.rollstep.health.LameDuckRouter}: it sends requests to what was never admitted, and does not count them.
     */
    protected boolean canBeTold() {
        return true;
    }

    /** How long the router may take for anything; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private static Routing routing(TrafficRouter router, Instance instance) {
        return router.routes(List.of(instance)).getOrDefault(instance.id(), Routing.out());
    }

    private void isIn(TrafficRouter router, Instance instance) {
        Eventually.holds(
                patience(), () -> assertThat(routing(router, instance).state()).isEqualTo(Routing.State.IN));
    }

    private void isQuiet(TrafficRouter router, Instance instance) {
        Eventually.holds(
                patience(),
                () -> assertThat(routing(router, instance).isQuiet()).isTrue());
    }

    /** A request that is open, and counted as such. */
    private OpenRequest opened(TrafficRouter router, Instance instance) {
        OpenRequest request = open();
        if (canBeTold()) {
            Eventually.holds(
                    patience(),
                    () -> assertThat(routing(router, instance).openRequests()).isOne());
        }
        return request;
    }

    private Set<String> answering() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < REQUESTS; i++) {
            ids.add(request());
        }
        return ids;
    }

    @Test
    protected void whatWasNeverAdmittedIsOut() {
        TrafficRouter router = router();
        Instance a = instance("a");
        if (canBeTold()) {
            assertThat(routing(router, a)).isEqualTo(Routing.out());
        } else {
            isIn(router, a);
        }
    }

    @Test
    protected void requestsReachWhatIsInAndNothingElse() {
        TrafficRouter router = router();
        Instance a = instance("a");
        if (canBeTold()) {
            instance("never-admitted");
        }
        router.admit(a);
        isIn(router, a);
        assertThat(answering()).containsExactly(a.id().value());

        Instance b = instance("b");
        router.admit(b);
        isIn(router, b);

        assertThat(answering()).containsExactlyInAnyOrder(a.id().value(), b.id().value());
    }

    @Test
    protected void admittingAgainChangesNothing() {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);

        router.admit(a);

        assertThat(routing(router, a).state()).isEqualTo(Routing.State.IN);
        assertThat(answering()).containsExactly(a.id().value());
    }

    @Test
    protected void whatIsDrainedGetsNoNewRequest() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        router.admitAll(List.of(a, b));
        isIn(router, a);
        isIn(router, b);

        router.drain(a);

        isQuiet(router, a);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void openRequestsAreCountedAndMayEnd() {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);
        OpenRequest request = opened(router, a);

        router.drain(a);

        Eventually.holds(patience(), () -> assertThat(routing(router, a)).isEqualTo(Routing.draining(1)));
        assertThat(request.finish()).as("the whole answer came").isTrue();
        isQuiet(router, a);
    }

    @Test
    protected void whatDrainsCanBeAdmittedAgain() {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);
        OpenRequest request = opened(router, a);
        router.drain(a);
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).state()).isEqualTo(Routing.State.DRAINING));

        router.admit(a);

        isIn(router, a);
        assertThat(answering()).containsExactly(a.id().value());
        assertThat(request.finish()).as("the whole answer came").isTrue();
    }

    @Test
    protected void drainingAgainOrTheUnknownIsFine() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        router.admitAll(List.of(a, b));
        isIn(router, b);
        router.drain(a);
        isQuiet(router, a);

        router.drainAll(List.of(a, NOWHERE, instance("unknown")));

        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void whatDiedCanBeDrained() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        router.admitAll(List.of(a, b));
        isIn(router, a);
        isIn(router, b);
        Instance dead = a.toBuilder().state(Instance.State.FAILED).build();
        kill(a);

        router.drain(dead);

        isQuiet(router, dead);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void whatIsMissingFromAListStaysIn() {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);

        router.routes(List.of());

        assertThat(routing(router, a).state()).isEqualTo(Routing.State.IN);
        assertThat(answering()).containsExactly(a.id().value());
    }

    @Test
    protected void drainsMany() {
        TrafficRouter router = router();
        List<Instance> all = List.of(instance("a"), instance("b"), instance("c"));
        router.admitAll(all);
        all.forEach(instance -> isIn(router, instance));

        router.drainAll(all.subList(0, 2));

        isQuiet(router, all.get(0));
        isQuiet(router, all.get(1));
        assertThat(answering()).containsExactly(all.get(2).id().value());
    }

    @Test
    protected void admitsAndDrainsAtTheSameTime() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        router.admit(a);
        isIn(router, a);

        Together.call(List.of(
                () -> {
                    router.admit(b);
                    return true;
                },
                () -> {
                    router.drain(a);
                    return true;
                }));

        isIn(router, b);
        isQuiet(router, a);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void anInstanceWithoutAnAddressCannotBeAdmittedAndHindersNoOther() {
        TrafficRouter router = router();
        Instance a = instance("a");

        ProviderException error =
                catchThrowableOfType(ProviderException.class, () -> router.admitAll(List.of(NOWHERE, a)));

        assertThat(error).as("an error").isNotNull();
        assertThat(error.isRetryable()).as("retryable").isFalse();
        isIn(router, a);
    }

    @Test
    protected void aRouterThatIsAwayIsARetryableErrorAndNothingIsLost() {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);
        Instance b = instance("b");

        outage().ifPresent(back -> {
            Disturbed.away(() -> router.routes(List.of(a)));
            Disturbed.away(() -> {
                router.admit(b);
                return true;
            });
            Disturbed.away(() -> {
                router.drain(a);
                return true;
            });
            back.run();
        });

        Disturbed.again(patience(), () -> router.admit(b));
        Disturbed.again(patience(), () -> router.drain(a));
        isIn(router, b);
        isQuiet(router, a);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void anInterruptedCallEndsSoonAndNothingIsLost() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        Disturbed.interrupted(patience(), () -> router.admitAll(List.of(a, b)));
        Disturbed.again(patience(), () -> router.admitAll(List.of(a, b)));
        isIn(router, a);
        isIn(router, b);

        Disturbed.interrupted(patience(), () -> router.routes(List.of(a, b)));
        Disturbed.interrupted(patience(), () -> router.drain(a));
        Disturbed.again(patience(), () -> router.drain(a));

        isQuiet(router, a);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void theNextControllerSeesWhatTheRouterDoes() {
        TrafficRouter died = router();
        Instance a = instance("a");
        Instance b = instance("b");
        died.admitAll(List.of(a, b));
        isIn(died, a);
        isIn(died, b);
        died.drain(a);
        isQuiet(died, a);

        TrafficRouter next = reopened(died);

        isIn(next, b);
        isQuiet(next, a);
        assertThat(answering()).containsExactly(b.id().value());
    }

    @Test
    protected void aWatchTellsWhenADrainedInstanceIsQuiet() throws InterruptedException {
        TrafficRouter router = router();
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);
        OpenRequest request = opened(router, a);
        router.drain(a);
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).state()).isEqualTo(Routing.State.DRAINING));
        CountDownLatch told = new CountDownLatch(1);
        try (Watchable.Subscription watch = watch(router, told::countDown)) {
            assertThat(watch).isNotNull();
            request.finish();

            assertThat(told.await(patience().toMillis(), TimeUnit.MILLISECONDS))
                    .as("told that it is quiet")
                    .isTrue();
        }
    }

    @Test
    protected void aWatchThatWasClosedTellsOnceMoreAtMost() {
        TrafficRouter router = router();
        AtomicInteger told = new AtomicInteger();
        Watchable.Subscription watch = watch(router, told::incrementAndGet);
        watch.close();
        watch.close();
        int before = told.get();

        for (String name : List.of("a", "b")) {
            Instance instance = instance(name);
            router.admit(instance);
            isIn(router, instance);
            router.drain(instance);
            isQuiet(router, instance);
        }

        assertThat(told.get() - before).as("told after the close").isLessThanOrEqualTo(1);
    }

    /** One that cannot be watched is looked at, as the engine does. */
    private static Watchable.Subscription watch(TrafficRouter router, Runnable changed) {
        if (router instanceof Watchable watchable) {
            return watchable.watch(changed);
        }
        changed.run();
        return () -> {};
    }
}
