package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * What every {@link TrafficRouter} does. Extend it, supply a router, instances behind it and a client, and clean up after each
 * test. Rules that the router cannot show are skipped, visibly.
 */
public abstract class TrafficRouterContract {

    private static final int REQUESTS = 40;

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

    private Set<String> answering() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < REQUESTS; i++) {
            ids.add(request());
        }
        return ids;
    }

    @Test
    protected void anInstanceThatWasNeverAdmittedIsOut() {
        assertThat(routing(router(), instance("a"))).isEqualTo(Routing.out());
    }

    @Test
    protected void requestsReachWhatIsInAndNothingElse() {
        TrafficRouter router = router();
        Instance a = instance("a");
        Instance b = instance("b");
        instance("never-admitted");
        router.admit(a);
        isIn(router, a);
        assertThat(answering()).containsExactly(a.id().value());

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
        OpenRequest request = open();
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).openRequests()).isOne());

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
        OpenRequest request = open();
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).openRequests()).isOne());
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

        router.drain(a);
        router.drain(instance("unknown"));

        assertThat(answering()).containsExactly(b.id().value());
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
    protected void anInstanceWithoutAnAddressCannotBeAdmittedAndHindersNoOther() {
        TrafficRouter router = router();
        Instance nowhere = Instance.builder(InstanceId.of("nowhere"), Revision.of("v1"), Instance.State.RUNNING)
                .build();
        Instance a = instance("a");

        ProviderException error =
                catchThrowableOfType(ProviderException.class, () -> router.admitAll(List.of(nowhere, a)));

        assertThat(error).as("an error").isNotNull();
        assertThat(error.isRetryable()).as("retryable").isFalse();
        isIn(router, a);
    }

    @Test
    protected void aWatchTellsWhenADrainedInstanceIsQuiet() throws InterruptedException {
        TrafficRouter router = router();
        assumeTrue(router instanceof Watchable, "the router cannot be watched");
        Instance a = instance("a");
        router.admit(a);
        isIn(router, a);
        OpenRequest request = open();
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).openRequests()).isOne());
        router.drain(a);
        Eventually.holds(
                patience(), () -> assertThat(routing(router, a).state()).isEqualTo(Routing.State.DRAINING));
        CountDownLatch told = new CountDownLatch(1);
        try (Watchable.Subscription watch = ((Watchable) router).watch(told::countDown)) {
            assertThat(watch).isNotNull();
            request.finish();

            assertThat(told.await(patience().toMillis(), TimeUnit.MILLISECONDS))
                    .as("told that it is quiet")
                    .isTrue();
        }
    }
}
