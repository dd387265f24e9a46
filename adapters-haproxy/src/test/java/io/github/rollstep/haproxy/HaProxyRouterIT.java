package io.github.rollstep.haproxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.testkit.Eventually;
import io.github.rollstep.testkit.ManualClock;
import io.github.rollstep.testkit.OpenRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the router does when HAProxy, an address or a name is not as it should be. A real HAProxy. */
class HaProxyRouterIT {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    Path directory;

    @TempDir
    Path otherDirectory;

    private final Service service = new Service();
    private final ManualClock clock = new ManualClock(Instant.parse("2026-01-01T00:00:00Z"));
    private HaProxyProcess haproxy;
    private HaProxyProcess other;

    @AfterEach
    void stop() {
        service.close();
        Stream.of(haproxy, other).filter(process -> process != null).forEach(HaProxyProcess::close);
    }

    private HaProxyRouter dynamic() {
        haproxy = HaProxyProcess.dynamic(directory);
        return HaProxyRouter.builder("app")
                .endpoint(haproxy.socket())
                .clock(clock)
                .build();
    }

    private HaProxyRouter slots() {
        haproxy = HaProxyProcess.slots(directory);
        return HaProxyRouter.builder("app")
                .slots("s")
                .endpoint(haproxy.socket(), haproxy.stateFile())
                .clock(clock)
                .build();
    }

    private static Routing routing(HaProxyRouter router, Instance instance) {
        return router.routes(List.of(instance)).getOrDefault(instance.id(), Routing.out());
    }

    private static void becomes(HaProxyRouter router, Instance instance, Routing expected) {
        Eventually.holds(PATIENCE, () -> assertThat(routing(router, instance)).isEqualTo(expected));
    }

    private List<String> servers() {
        return haproxy.ask("show stat app 4 -1")
                .lines()
                .skip(1)
                .filter(line -> !line.isBlank())
                .map(line -> line.split(",")[1])
                .toList();
    }

    @Test
    void aServerIsDeletedOnceItsInstanceIsQuiet() {
        HaProxyRouter router = dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());
        assertThat(service.request(haproxy.address())).isEqualTo("a");

        router.drain(a);

        Eventually.holds(PATIENCE, () -> {
            router.routes(List.of(a));
            assertThat(servers()).isEmpty();
        });
    }

    @Test
    void whatIsLeftOfInstancesThatAreGoneIsDeleted() {
        HaProxyRouter router = dynamic();
        Instance dead = service.instance("dead");
        router.admit(dead);
        becomes(router, dead, Routing.in());

        service.stop(dead);

        Eventually.holds(PATIENCE, () -> {
            router.routes(List.of());
            assertThat(servers()).isEmpty();
        });
    }

    @Test
    void aServerOfSomeoneElseIsNeverTouched() throws IOException {
        String configuration = HaProxyProcess.documented(0)
                + "    server elsewhere 127.0.0.1:1\n    server rest 127.0.0.1:2 disabled\n";
        haproxy = HaProxyProcess.start(directory, configuration);
        HaProxyRouter router =
                HaProxyRouter.builder("app").endpoint(haproxy.socket()).build();
        Instance a = service.instance("a");
        router.admit(a);
        haproxy.ask("set server app/elsewhere state drain");

        router.drain(a);
        Eventually.holds(PATIENCE, () -> {
            router.routes(List.of(a));
            assertThat(servers()).containsExactly("elsewhere", "rest");
        });

        assertThat(haproxy.ask("show stat app 4 -1")).contains("DRAIN").contains("MAINT");
    }

    @Test
    void aServerOfTheConfigurationAtTheInstancesAddressIsUsed() {
        Instance a = service.instance("a");
        haproxy = HaProxyProcess.start(
                directory,
                HaProxyProcess.documented(0) + "    server web1 127.0.0.1:"
                        + a.address().orElseThrow().getPort() + "\n");
        HaProxyRouter router =
                HaProxyRouter.builder("app").endpoint(haproxy.socket()).build();
        assertThat(routing(router, a)).isEqualTo(Routing.in());

        router.drain(a);

        becomes(router, a, Routing.out());
        assertThat(servers()).containsExactly("web1");
        assertThat(service.request(haproxy.address())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAddressThatIsUsedAgainStandsForItsNewInstanceOnly(boolean slots) {
        HaProxyRouter router = slots ? slots() : dynamic();
        Instance former = service.instance("former");
        router.admit(former);
        becomes(router, former, Routing.in());
        service.stop(former);
        Instance next = service.instance("next", former.address().orElseThrow().getPort());

        assertThat(routing(router, next)).as("not let in").isEqualTo(Routing.out());
        assertThat(service.request(haproxy.address())).isEmpty();

        router.admit(next);

        becomes(router, next, Routing.in());
        assertThat(service.request(haproxy.address())).isEqualTo("next");
    }

    @Test
    void anInstanceThatHaProxyHoldsToBeDownIsNotIn() {
        HaProxyRouter router = dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        service.stop(a);

        becomes(router, a, new Routing(Routing.State.ADMITTING, 0));
    }

    @Test
    void afterARestartTheInstancesAreOutAndCanBeAdmittedAgain() throws IOException {
        HaProxyRouter router = dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        haproxy.kill();
        assertThatThrownBy(() -> routing(router, a))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageContaining("HAProxy at " + haproxy.socket() + " did not answer");
        haproxy.start();

        assertThat(routing(router, a).takesRequests()).isFalse();
        router.admit(a);
        becomes(router, a, Routing.in());
        assertThat(service.request(haproxy.address())).isEqualTo("a");
    }

    @Test
    void afterAReloadNothingIsQuietUntilTheFormerProcessHasHadItsTime() throws IOException {
        HaProxyRouter router = dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());
        OpenRequest open = service.open(haproxy.address());
        Eventually.holds(
                PATIENCE, () -> assertThat(routing(router, a).openRequests()).isOne());

        haproxy.reload();
        router.drain(a);

        assertThat(routing(router, a)).as("the former process may have it open").isEqualTo(Routing.draining(1));
        assertThat(open.finish()).as("the former process ends it").isTrue();
        clock.advance(Duration.ofSeconds(10));
        assertThat(routing(router, a)).isEqualTo(Routing.out());
    }

    @Test
    void slotsSurviveARestartByTheServerStateFile() throws IOException {
        HaProxyRouter router = slots();
        Instance a = service.instance("a");
        Instance b = service.instance("b");
        router.admitAll(List.of(a, b));
        becomes(router, a, Routing.in());
        becomes(router, b, Routing.in());
        router.drain(b);
        becomes(router, b, Routing.out());

        haproxy.kill();
        haproxy.start();

        assertThat(service.request(haproxy.address())).isEqualTo("a");
        becomes(router, a, Routing.in());
        assertThat(routing(router, b).takesRequests()).isFalse();
    }

    @Test
    void aStateFileThatCannotBeWrittenKeepsNoRequestOut() {
        haproxy = HaProxyProcess.slots(directory);
        HaProxyRouter router = HaProxyRouter.builder("app")
                .slots("s")
                .endpoint(haproxy.socket(), Path.of("/proc/no/such/place"))
                .build();
        Instance a = service.instance("a");

        router.admit(a);

        becomes(router, a, Routing.in());
    }

    /** As by an admit that ended in the middle: the slot has the address, and is in maintenance still. */
    @Test
    void aSlotThatIsLetInAgainIsNotGivenToTheNextOne() {
        HaProxyRouter router = slots();
        Instance a = service.instance("a");
        Instance b = service.instance("b");
        haproxy.ask("set server app/s1 addr 127.0.0.1 port "
                + a.address().orElseThrow().getPort());

        router.admitAll(List.of(a, b));

        becomes(router, a, Routing.in());
        becomes(router, b, Routing.in());
    }

    @Test
    void whenNoSlotIsFreeTheReasonSaysSo() {
        haproxy = HaProxyProcess.start(directory, HaProxyProcess.documented(1).replace("s 1-24", "s 1-1"));
        HaProxyRouter router = HaProxyRouter.builder("app")
                .slots("s")
                .endpoint(haproxy.socket())
                .build();
        router.admit(service.instance("a"));

        ProviderException error =
                catchThrowableOfType(ProviderException.class, () -> router.admit(service.instance("b")));

        assertThat(error).hasMessageContaining("no slot is free for instance b: 1 servers have the prefix s");
        assertThat(error.isRetryable()).as("one may become free").isTrue();
    }

    @Test
    void anInstanceIsInWhenBothHaProxiesConfirm() {
        haproxy = HaProxyProcess.dynamic(directory);
        other = HaProxyProcess.dynamic(otherDirectory);
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(haproxy.socket())
                .endpoint(other.socket())
                .build();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        other.ask("set server app/rs-a health down");

        assertThat(routing(router, a).state()).isEqualTo(Routing.State.ADMITTING);
        assertThat(service.request(haproxy.address())).isEqualTo("a");
    }

    @Test
    void ofTwoHaProxiesOneThatWasRestartedGetsItsServersBack() throws IOException {
        haproxy = HaProxyProcess.dynamic(directory);
        other = HaProxyProcess.dynamic(otherDirectory);
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(haproxy.socket())
                .endpoint(other.socket())
                .reloadGrace(Duration.ZERO)
                .build();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        other.kill();
        other.start();

        becomes(router, a, Routing.in());
        assertThat(service.request(other.address())).isEqualTo("a");
    }

    @Test
    void whileOneHaProxyIsAwayADrainReachesTheOtherAndIsNotConfirmed() {
        haproxy = HaProxyProcess.dynamic(directory);
        other = HaProxyProcess.dynamic(otherDirectory);
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(other.socket())
                .endpoint(haproxy.socket())
                .build();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());
        other.kill();

        assertThatThrownBy(() -> router.drain(a)).isInstanceOf(ProviderException.class);

        assertThat(haproxy.ask("show stat app 4 -1")).contains(",DRAIN");
        assertThatThrownBy(() -> routing(router, a)).isInstanceOf(ProviderException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x;disable", "x\"y", "x/y", "a'b", "${x}", "x\\;y"})
    void noInstanceIdBecomesACommand(String id) {
        HaProxyRouter router = dynamic();
        Instance hostile = service.instance(id);

        ProviderException error = catchThrowableOfType(ProviderException.class, () -> router.admit(hostile));

        assertThat(error).hasMessageContaining("[A-Za-z0-9_.:-]{1,64}").hasMessageContaining("rs-" + id);
        assertThat(error.isRetryable()).isFalse();
        assertThat(servers()).isEmpty();
        assertThat(haproxy.ask("show stat web 1 -1")).contains(",OPEN,");
    }

    /** Ids of revisions are the only text of theirs that reaches HAProxy, as keys of a map: with all characters that they may have. */
    @ParameterizedTest
    @ValueSource(strings = {"@1", "-i", "+:/", "/", "shop@sha256:00/x+1.2_3-4", "..", "commit/map"})
    void noRevisionAndNoLabelBecomesACommand(String revision) throws IOException {
        Path map = Files.createFile(directory.resolve("revisions.map"));
        haproxy = HaProxyProcess.start(directory, HaProxyProcess.documented(2));
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(haproxy.socket())
                .revisionAffinity(RevisionKey.header("X-Revision"), map)
                .build();
        String command = "x\n\n; disable frontend web\n";
        Instance hostile = service.instance("a", 0, Revision.of(revision, Map.of("tag", command))).toBuilder()
                .labels(Map.of("team", command, command, "x"))
                .detail(command)
                .build();
        Instance plain = service.instance("b");

        router.admitAll(List.of(hostile, plain));

        Eventually.holds(
                PATIENCE,
                () -> assertThat(router.routes(List.of(hostile, plain)))
                        .containsEntry(hostile.id(), Routing.in())
                        .containsEntry(plain.id(), Routing.in()));
        for (int i = 0; i < 10; i++) {
            assertThat(service.request(haproxy.address(), "X-Revision", revision))
                    .isEqualTo("a");
            assertThat(service.request(haproxy.address(), "X-Revision", "v1")).isEqualTo("b");
        }
        assertThat(servers()).containsExactlyInAnyOrder("rs-a", "rs-b");
        assertThat(haproxy.ask("show stat web 1 -1")).contains(",OPEN,");
    }

    @Test
    void anAddressIsSentAsParsedAndNeverAsWritten() throws IOException {
        HaProxyRouter router = dynamic();
        int port = service.instance("a").address().orElseThrow().getPort();
        Instance named = Instance.builder(InstanceId.of("a"), Revision.of("v1"), Instance.State.RUNNING)
                .address(new InetSocketAddress(
                        InetAddress.getByAddress("h;disable frontend web", new byte[] {127, 0, 0, 1}), port))
                .build();

        router.admit(named);

        becomes(router, named, Routing.in());
        assertThat(haproxy.ask("show stat web 1 -1")).contains(",OPEN,");
        assertThat(haproxy.ask("show servers state app")).contains(" 127.0.0.1 ");
    }

    private static Instance nowhere(String id) {
        return Instance.builder(InstanceId.of(id), Revision.of("v1"), Instance.State.RUNNING)
                .address(InetSocketAddress.createUnresolved("no.such.host.invalid", 80))
                .build();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anInstanceThatCannotBeResolvedIsOutAndHindersNoOther(boolean slots) {
        HaProxyRouter router = slots ? slots() : dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        assertThat(router.routes(List.of(a, nowhere("b"))))
                .isEqualTo(Map.of(a.id(), Routing.in(), InstanceId.of("b"), Routing.out()));
        assertThatThrownBy(() -> router.admitAll(List.of(nowhere("b"), a)))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("of instance b is not resolved");
        router.drainAll(List.of(a));
        assertThat(routing(router, a).takesRequests()).isFalse();
    }

    /** Its server takes requests: that it were out is said of no instance of which it is not known. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anInstanceThatIsResolvedNoMoreIsNotCalledOutWhileAServerMayBeIts(boolean slots) {
        HaProxyRouter router = slots ? slots() : dynamic();
        Instance a = service.instance("a");
        router.admit(a);
        becomes(router, a, Routing.in());

        assertThatThrownBy(() -> router.routes(List.of(nowhere("a"))))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("of instance a is not resolved");
        assertThatThrownBy(() -> router.drain(nowhere("a"))).isInstanceOf(ProviderException.class);
        becomes(router, a, Routing.in());
    }

    @Test
    void anAddressThatCannotBeResolvedIsNamed() {
        HaProxyRouter router = dynamic();
        Instance nowhere = nowhere("a");

        assertThatThrownBy(() -> router.admit(nowhere))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("no.such.host.invalid")
                .hasMessageContaining("of instance a is not resolved");
    }

    @Test
    void anIpv6AddressIsTaken() throws IOException {
        HaProxyRouter router = dynamic();
        Instance six = Instance.builder(InstanceId.of("six"), Revision.of("v1"), Instance.State.RUNNING)
                .address(new InetSocketAddress(InetAddress.getByName("::1"), 8099))
                .build();

        router.admit(six);

        assertThat(routing(router, six).takesRequests()).isTrue();
        router.drain(six);
        Eventually.holds(PATIENCE, () -> assertThat(routing(router, six)).isEqualTo(Routing.out()));
    }

    @Test
    void aMapThatTheConfigurationDoesNotUseIsAPermanentError() {
        haproxy = HaProxyProcess.dynamic(directory);
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(haproxy.socket())
                .revisionAffinity(RevisionKey.header("X-Revision"), Path.of("/no/such.map"))
                .build();

        ProviderException error = catchThrowableOfType(ProviderException.class, () -> router.routes(List.of()));

        assertThat(error).hasMessage("HAProxy at " + haproxy.socket() + " has no map /no/such.map");
        assertThat(error.isRetryable()).isFalse();
    }

    @Test
    void aBackendThatDoesNotExistIsAPermanentError() {
        haproxy = HaProxyProcess.dynamic(directory);
        HaProxyRouter router =
                HaProxyRouter.builder("nothing").endpoint(haproxy.socket()).build();

        ProviderException error = catchThrowableOfType(ProviderException.class, () -> router.routes(List.of()));

        assertThat(error).hasMessage("HAProxy at " + haproxy.socket() + " has no backend nothing");
        assertThat(error.isRetryable()).isFalse();
    }
}
