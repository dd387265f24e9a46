package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;

import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * What every router does that has {@link RevisionAffinity}. Extend it beside {@link TrafficRouterContract}, supply a router that
 * was told where to look, instances behind it and a client.
 */
public abstract class RevisionAffinityContract {

    private static final int REQUESTS = 40;

    /** The router to test, with no instance; asked for once a test. */
    protected abstract TrafficRouter router();

    /** A running instance of a revision that can be a target and is none yet; another one for each name. */
    protected abstract Instance instance(String name, Revision revision);

    /**
     * Sends a request through the router.
     *
     * @param revision what it names where the router looks; empty: it names none
     * @return the id of the instance that answered; empty if none did
     */
    protected abstract String request(Optional<String> revision);

    /** How long the router may take for anything; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private void admit(TrafficRouter router, Instance... instances) {
        List<Instance> all = List.of(instances);
        router.admitAll(all);
        Eventually.holds(
                patience(),
                () -> assertThat(all)
                        .allSatisfy(instance -> assertThat(
                                        router.routes(all).get(instance.id()).state())
                                .isEqualTo(Routing.State.IN)));
    }

    private void drain(TrafficRouter router, Instance instance) {
        router.drain(instance);
        Eventually.holds(
                patience(),
                () -> assertThat(router.routes(List.of(instance))
                                .getOrDefault(instance.id(), Routing.out())
                                .isQuiet())
                        .isTrue());
    }

    private Set<String> answering(Optional<String> revision) {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < REQUESTS; i++) {
            ids.add(request(revision));
        }
        return ids;
    }

    @Test
    protected void saysWhereItLooks() {
        if (!(router() instanceof RevisionAffinity affine)) {
            fail("the router does not implement RevisionAffinity");
            return;
        }
        assertThat(affine.revisionKey()).isPresent();
    }

    @Test
    protected void aRequestThatNamesARevisionReachesThatRevision() {
        TrafficRouter router = router();
        admit(
                router,
                instance("old", Revision.of("v1")),
                instance("new-1", Revision.of("v2")),
                instance("new-2", Revision.of("v2")));

        assertThat(answering(Optional.of("v2"))).containsExactlyInAnyOrder("new-1", "new-2");
        assertThat(answering(Optional.of("v1"))).containsExactly("old");
    }

    @Test
    protected void aRequestThatNamesNoneOrAnUnknownOneReachesAny() {
        TrafficRouter router = router();
        admit(router, instance("old", Revision.of("v1")), instance("new", Revision.of("v2")));

        assertThat(answering(Optional.empty())).containsExactlyInAnyOrder("old", "new");
        assertThat(answering(Optional.of("v9"))).containsExactlyInAnyOrder("old", "new");
        assertThat(answering(Optional.of("v".repeat(300)))).doesNotContain("");
        assertThat(answering(Optional.of("v2'\"%/0"))).doesNotContain("");
    }

    @Test
    protected void onceTheRevisionServesNoMoreAnyOtherAnswers() {
        TrafficRouter router = router();
        Instance old = instance("old", Revision.of("v1"));
        admit(router, old, instance("new", Revision.of("v2")));
        assertThat(answering(Optional.of("v1"))).containsExactly("old");

        drain(router, old);

        assertThat(answering(Optional.of("v1"))).containsExactly("new");
    }

    @Test
    protected void aRevisionThatServesAgainGetsItsRequestsAgain() {
        TrafficRouter router = router();
        Instance old = instance("old", Revision.of("v1"));
        admit(router, old, instance("new", Revision.of("v2")));
        drain(router, old);

        admit(router, instance("old-again", Revision.of("v1")));

        assertThat(answering(Optional.of("v1"))).containsExactly("old-again");
    }
}
