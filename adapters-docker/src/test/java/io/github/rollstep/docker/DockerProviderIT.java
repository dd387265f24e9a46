package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.store.InMemoryRolloutStore;
import io.github.rollstep.testkit.Eventually;
import io.github.rollstep.testkit.InvariantMonitor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Containers on a real engine: what someone else does to them, how they fail, and what the template comes to. */
class DockerProviderIT {

    private static final FleetId FLEET = FleetId.of("it-provider");
    private static final RolloutId ROLLOUT = RolloutId.of("it");
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final DockerEngine engine = TestImage.engine();
    private final DockerClient docker = engine.calls();
    private final List<AutoCloseable> opened = new ArrayList<>();

    @BeforeEach
    void clean() {
        TestImage.removeAll(engine, FLEET.value(), "it-other");
        removeNamed();
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable one : opened) {
            one.close();
        }
        clean();
        engine.close();
    }

    private void removeNamed() {
        docker.listContainersCmd().withShowAll(true).withNameFilter(List.of("it-")).exec().stream()
                .filter(container -> container.getNames()[0].startsWith("/it-"))
                .forEach(container -> docker.removeContainerCmd(container.getId())
                        .withForce(true)
                        .exec());
    }

    private DockerInstanceProvider provider(Function<Revision, ContainerTemplate> template) {
        return provider(engine, template);
    }

    private DockerInstanceProvider provider(DockerEngine engine, Function<Revision, ContainerTemplate> template) {
        DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FLEET)
                .template(template)
                .port(8080)
                .build();
        opened.add(0, provider);
        return provider;
    }

    private static ContainerTemplate serving(Revision revision) {
        return template("/serve").environment("REVISION", revision.id()).build();
    }

    private static ContainerTemplate.Builder template(String... command) {
        return ContainerTemplate.builder(TestImage.NAME).command(List.of(command));
    }

    private static LaunchRequest request(int number) {
        return new LaunchRequest(FLEET, ROLLOUT, ROLLOUT.token(number), Revision.of("v1"));
    }

    private static Instance launched(DockerInstanceProvider provider, int number) {
        provider.launch(List.of(request(number)));
        return Eventually.get(PATIENCE, () -> {
            Instance now = byToken(provider, ROLLOUT.token(number)).orElseThrow();
            assertThat(now.detail()).isNotEqualTo("being started");
            return now;
        });
    }

    private static Optional<Instance> byToken(DockerInstanceProvider provider, LaunchToken token) {
        return provider.list().stream()
                .filter(instance -> instance.token().equals(Optional.of(token)))
                .findFirst();
    }

    private static Instance becomes(DockerInstanceProvider provider, Instance instance, Instance.State state) {
        return Eventually.get(PATIENCE, () -> {
            Instance now = byToken(provider, instance.token().orElseThrow()).orElseThrow();
            assertThat(now.state()).isEqualTo(state);
            return now;
        });
    }

    @Test
    void aContainerThatSomeoneRenamesStaysTheSameInstance() {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        Instance a = launched(provider, 1);

        docker.renameContainerCmd(a.id().value()).withName("it-renamed").exec();

        assertThat(provider.list()).singleElement().satisfies(now -> {
            assertThat(now.id()).isEqualTo(a.id());
            assertThat(now.token()).isEqualTo(a.token());
        });
        provider.launch(List.of(request(1)));
        assertThat(provider.list()).hasSize(1);
    }

    @Test
    void aContainerThatSomeoneStopsHasFailedAndOneThatIsStartedAgainStartsAnew() {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        Instance a = launched(provider, 1);

        TestImage.awaitServing(engine, a.id());
        docker.stopContainerCmd(a.id().value()).exec();
        Instance stopped = becomes(provider, a, Instance.State.FAILED);
        assertThat(stopped.detail()).contains("exit code 0").contains("serving v1");

        docker.startContainerCmd(a.id().value()).exec();
        assertThat(becomes(provider, a, Instance.State.RUNNING).id()).isEqualTo(a.id());
    }

    @Test
    void aContainerThatIsRestartedIsNotRunningWithoutABreak() throws Exception {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        Instance a = launched(provider, 1);
        AtomicInteger hints = new AtomicInteger();
        try (Watchable.Subscription watch = provider.watch(hints::incrementAndGet)) {
            assertThat(watch).isNotNull();

            TestImage.awaitServing(engine, a.id());
            docker.restartContainerCmd(a.id().value()).exec();

            Eventually.holds(PATIENCE, () -> assertThat(hints.get()).isPositive());
        }
        assertThat(becomes(provider, a, Instance.State.STARTING).detail())
                .contains("restarted by the engine after exit code 0");
        becomes(provider, a, Instance.State.RUNNING);
    }

    @Test
    void aContainerThatSomeoneRemovesIsGone() {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        Instance a = launched(provider, 1);

        docker.removeContainerCmd(a.id().value()).withForce(true).exec();

        assertThat(provider.list()).isEmpty();
        provider.terminate(a.id());
    }

    @Test
    void foreignContainersAreNeitherListedNorTouched() {
        String foreign = docker.createContainerCmd(TestImage.NAME)
                .withName("it-foreign")
                .withCmd("/serve")
                .withLabels(Map.of("io.github.rollstep.fleet", "it-other"))
                .exec()
                .getId();
        docker.startContainerCmd(foreign).exec();
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        Instance own = launched(provider, 1);

        provider.terminateAll(Set.of(own.id(), io.github.rollstep.InstanceId.of(foreign.substring(0, 12))));

        Eventually.holds(PATIENCE, () -> assertThat(provider.list()).isEmpty());
        assertThat(docker.inspectContainerCmd(foreign).exec().getState().getRunning())
                .isTrue();
    }

    @Test
    void aNameThatAForeignContainerHasIsAPermanentErrorThatNamesIt() {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        String foreign = docker.createContainerCmd(TestImage.NAME)
                .withName(FLEET + "." + ROLLOUT.token(1))
                .withCmd("/serve")
                .exec()
                .getId();

        ProviderException error =
                catchThrowableOfType(ProviderException.class, () -> provider.launch(List.of(request(1))));

        assertThat(error).hasMessageContaining("is taken by a container that is not of this launch: " + foreign);
        assertThat(error.isRetryable()).isFalse();
        assertThat(docker.inspectContainerCmd(foreign).exec().getState().getStatus())
                .isEqualTo("created");
    }

    @Test
    void aContainerThatWasCreatedAndNotStartedIsStartedByTheNextLaunch() {
        LaunchRequest request = request(1);
        String created = docker.createContainerCmd(TestImage.NAME)
                .withName(FLEET + "." + request.token())
                .withCmd("/serve")
                .withLabels(FleetLabels.of(request))
                .exec()
                .getId();
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        assertThat(provider.list()).as("its launch is still open").isEmpty();

        provider.launch(List.of(request));

        assertThat(provider.list())
                .singleElement()
                .satisfies(
                        instance -> assertThat(created).startsWith(instance.id().value()));
    }

    @Test
    void theLastWordsAreExitCodeAndLog() {
        DockerInstanceProvider provider =
                provider(revision -> template("/bin/sh", "-c", "echo starting; echo no database >&2; exit 3")
                        .build());

        Instance failed = becomes(provider, launched(provider, 1), Instance.State.FAILED);

        assertThat(failed.detail()).contains("exit code 3").contains("starting").contains("no database");
    }

    @Test
    void lackOfMemoryIsNamed() {
        DockerInstanceProvider provider = provider(
                revision -> template("/bin/sh", "-c", "sleep 1; x=0123456789abcdef; while true; do x=$x$x; done")
                        .memory(8 << 20)
                        .build());

        Instance failed = becomes(provider, launched(provider, 1), Instance.State.FAILED);

        assertThat(failed.detail()).containsIgnoringCase("memory").contains("exit code 137");
    }

    @Test
    void aCrashingContainerThatTheEngineRestartsIsSeenToStartAgain() {
        DockerInstanceProvider provider = provider(revision -> template("/bin/sh", "-c", "sleep 0.2; exit 4")
                .restartUnlessStopped()
                .build());

        Instance flapping = launched(provider, 1);

        Eventually.holds(
                PATIENCE,
                () -> assertThat(byToken(provider, flapping.token().orElseThrow())
                                .filter(now -> now.state() == Instance.State.STARTING)
                                .map(Instance::detail)
                                .orElse(""))
                        .containsAnyOf("restarted by the engine after exit code 4", "Restarting (4)"));
    }

    @Test
    void anImageThatIsNowhereIsAnErrorWithTheReason() {
        DockerInstanceProvider provider = provider(
                revision -> ContainerTemplate.builder("127.0.0.1:1/none:1").build());

        assertThatThrownBy(() -> Eventually.get(PATIENCE, () -> {
                    try {
                        provider.launch(List.of(request(1)));
                    } catch (ProviderException e) {
                        assertThat(e).hasMessageContaining("refused");
                        throw e;
                    }
                    throw new AssertionError("launched");
                }))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("127.0.0.1:1/none:1");
        assertThat(provider.list()).isEmpty();
    }

    @Test
    void theTemplateReachesTheEngine() throws IOException {
        docker.createNetworkCmd().withName("it-net").exec();
        docker.createNetworkCmd().withName("it-net2").exec();
        try {
            ContainerTemplate template = ContainerTemplate.builder(TestImage.NAME)
                    .entrypoint(List.of("/bin/sh"))
                    .command(List.of("/serve"))
                    .environment("REVISION", "v1")
                    .label("tier", "web")
                    .alias("shop")
                    .alsoIn("it-net2")
                    .publish("127.0.0.1::8080")
                    .volume("/tmp:/host:ro")
                    .memory(64 << 20)
                    .cpus(0.5)
                    .pids(20)
                    .healthCheck(List.of("/bin/echo"), Duration.ofSeconds(7), Duration.ofSeconds(3), 2)
                    .restartOnFailure(5)
                    .stopSignal("SIGQUIT")
                    .stopGrace(Duration.ofSeconds(3))
                    .init()
                    .build();
            DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FLEET)
                    .template(revision -> template)
                    .network("it-net")
                    .publishedPort(8080)
                    .build();
            opened.add(0, provider);

            Instance instance = launched(provider, 1);

            InspectContainerResponse inspected =
                    docker.inspectContainerCmd(instance.id().value()).exec();
            assertThat(inspected.getConfig().getImage()).isEqualTo(TestImage.NAME);
            assertThat(inspected.getConfig().getEntrypoint()).containsExactly("/bin/sh");
            assertThat(inspected.getConfig().getCmd()).containsExactly("/serve");
            assertThat(inspected.getConfig().getEnv()).contains("REVISION=v1");
            assertThat(inspected.getConfig().getLabels())
                    .containsEntry("tier", "web")
                    .containsEntry("io.github.rollstep.fleet", FLEET.value())
                    .containsEntry("io.github.rollstep.revision", "v1")
                    .containsEntry("io.github.rollstep.rollout", ROLLOUT.value())
                    .containsEntry("io.github.rollstep.token", ROLLOUT.token(1).value());
            assertThat(inspected.getNetworkSettings().getNetworks()).containsOnlyKeys("it-net", "it-net2");
            assertThat(inspected
                            .getNetworkSettings()
                            .getNetworks()
                            .get("it-net")
                            .getAliases())
                    .contains("shop");
            assertThat(inspected.getHostConfig().getBinds()).hasSize(1);
            assertThat(inspected.getHostConfig().getMemory()).isEqualTo(64L << 20);
            assertThat(inspected.getHostConfig().getNanoCPUs()).isEqualTo(500_000_000L);
            assertThat(inspected.getHostConfig().getPidsLimit()).isEqualTo(20);
            assertThat(inspected.getHostConfig().getRestartPolicy().getMaximumRetryCount())
                    .isEqualTo(5);
            assertThat(inspected.getHostConfig().getInit()).isTrue();
            assertThat(inspected.getConfig().getHealthcheck().getInterval())
                    .isEqualTo(Duration.ofSeconds(7).toNanos());
            assertThat(inspect(instance, "{{.Config.StopSignal}} {{.Config.StopTimeout}}"))
                    .isEqualTo("SIGQUIT 3");
            assertThat(instance.address()).hasValueSatisfying(address -> {
                assertThat(address.getHostString()).isEqualTo("127.0.0.1");
                assertThat(address.getPort()).isGreaterThan(1024);
            });
        } finally {
            removeNamed();
            TestImage.removeAll(engine, FLEET.value());
            docker.removeNetworkCmd("it-net").exec();
            docker.removeNetworkCmd("it-net2").exec();
        }
    }

    /** By the docker command: docker-java does not show everything. */
    private static String inspect(Instance instance, String format) throws IOException {
        Process process = new ProcessBuilder(
                        "docker", "inspect", "-f", format, instance.id().value())
                .redirectErrorStream(true)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    }

    @Test
    void aFleetOfOneWithAFixedHostPortIsRefusedWithWhatToDo() {
        assertThatThrownBy(() -> template().publish("80:8080"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("published port must not fix the port of the host, was 80:8080")
                .hasMessageContaining("Publish \"8080\", and put a router on port 80");
    }

    private EngineProxy network() throws IOException {
        EngineProxy network = new EngineProxy();
        opened.add(0, network);
        return network;
    }

    private DockerEngine over(EngineProxy network) {
        DockerEngine remote = DockerEngine.connect(network.address());
        opened.add(0, remote);
        return remote;
    }

    @Test
    void aListIsOneCallWhateverTheSizeAndHealthIsPartOfIt() throws Exception {
        EngineProxy network = network();
        DockerInstanceProvider provider = provider(over(network), DockerProviderIT::serving);
        DockerHealthChecker health = new DockerHealthChecker(provider);
        provider.launch(List.of(request(1), request(2), request(3), request(4), request(5)));
        Eventually.holds(PATIENCE, () -> {
            assertThat(network.requests()).anyMatch(line -> line.contains("/events"));
            assertThat(network.unanswered("/events")).isZero();
            assertThat(provider.list()).hasSize(5).allMatch(instance -> instance.state() == Instance.State.RUNNING);
        });
        int before = network.requests().size();

        List<Instance> listed = provider.list();
        assertThat(health.checkAll(listed)).hasSize(5);

        assertThat(network.requests().subList(before, network.requests().size()))
                .singleElement()
                .asString()
                .contains("/containers/json")
                .as("only the fleet's own are asked for")
                .contains("io.github.rollstep.fleet%3D" + FLEET);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void aStepIsOneListWhateverTheSize(int desired) throws Exception {
        EngineProxy network = network();
        DockerInstanceProvider provider = provider(
                over(network),
                revision -> template("/serve")
                        .healthCheck(List.of("/bin/echo"), Duration.ofSeconds(1), Duration.ofSeconds(10), 1)
                        .build());
        RolloutPolicy policy =
                RolloutPolicy.builder().maxSurge(2).minReady(Duration.ZERO).build();
        InvariantMonitor monitor = InvariantMonitor.of(FLEET, policy);
        try (RollingUpdate update = monitor.around(
                        provider, new DockerHealthChecker(provider), new InMemoryRolloutStore(InstantSource.system()))
                .desired(desired)
                .hostDriven()
                .build()) {
            for (String revision : List.of("v1", "v2")) {
                Rollout rollout = update.start(Revision.of(revision));
                assertThat(listsOfEachStep(rollout, network)).isNotEmpty().allMatch(lists -> lists <= 1);
                assertThat(rollout.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            }
        }
        monitor.assertKept();
    }

    /** But of those that took so long that what they saw first was too old for what they did last. */
    private static List<Long> listsOfEachStep(Rollout rollout, EngineProxy network) {
        List<Long> lists = new ArrayList<>();
        Eventually.holds(PATIENCE.multipliedBy(4), () -> {
            int before = network.requests().size();
            long begun = System.nanoTime();
            rollout.step();
            if (System.nanoTime() - begun < Duration.ofSeconds(1).toNanos()) {
                lists.add(network.requests().subList(before, network.requests().size()).stream()
                        .filter(line -> line.contains("/containers/json"))
                        .count());
            }
            assertThat(rollout.phase().isFinal()).isTrue();
        });
        return lists;
    }

    @Test
    void ofTwoControllersThatLaunchTheSameAtOnceOneCreatesIt() {
        DockerInstanceProvider one = provider(DockerProviderIT::serving);
        DockerInstanceProvider other = provider(DockerProviderIT::serving);
        List<LaunchRequest> open = List.of(request(1), request(2), request(3), request(4));
        CyclicBarrier together = new CyclicBarrier(2);

        List<CompletableFuture<Void>> launches = Stream.of(one, other)
                .map(provider -> CompletableFuture.runAsync(() -> {
                    meet(together);
                    // Of two that meet in the middle of a creation one may have to come again.
                    Eventually.holds(PATIENCE, () -> launchOrComplain(provider, open));
                }))
                .toList();

        launches.forEach(CompletableFuture::join);
        Eventually.holds(
                PATIENCE,
                () -> assertThat(one.list())
                        .hasSize(4)
                        .allMatch(instance -> instance.state() == Instance.State.RUNNING)
                        .extracting(Instance::token)
                        .doesNotHaveDuplicates());
    }

    private static void meet(CyclicBarrier together) {
        try {
            together.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void launchOrComplain(DockerInstanceProvider provider, List<LaunchRequest> open) {
        try {
            provider.launch(open);
        } catch (ProviderException e) {
            assertThat(e.isRetryable()).as(e.getMessage()).isTrue();
            throw new AssertionError(e);
        }
    }

    @Test
    void aContainerThatSomeoneElseStartsWithTheFleetsLabelBelongsToIt() {
        DockerInstanceProvider provider = provider(DockerProviderIT::serving);
        String id = startedBySomeoneElse(Map.of("io.github.rollstep.fleet", FLEET.value()));

        Instance found = Eventually.get(PATIENCE, () -> {
            assertThat(provider.list()).hasSize(1);
            return provider.list().get(0);
        });
        assertThat(id).startsWith(found.id().value());
        assertThat(found.revision().id()).as("the image").isEqualTo(TestImage.NAME);
        assertThat(found.token()).isEmpty();

        provider.terminate(found.id());
        Eventually.holds(PATIENCE, () -> assertThat(provider.list()).isEmpty());
    }

    @Test
    void whatAnotherToolStartedIsAdoptedByItsLabels() {
        Map<String, String> labels = Map.of("it.project", "shop", "it.service", "web");
        String web = startedBySomeoneElse(labels);
        startedBySomeoneElse(Map.of("it.project", "shop", "it.service", "db"));
        DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FLEET)
                .adopting(labels)
                .template(DockerProviderIT::serving)
                .port(8080)
                .build();
        opened.add(0, provider);

        provider.launch(List.of(request(1)));

        assertThat(provider.list())
                .extracting(Instance::id)
                .hasSize(2)
                .contains(io.github.rollstep.InstanceId.of(web.substring(0, 12)));
        assertThat(provider.list())
                .allSatisfy(instance -> assertThat(instance.labels()).containsAllEntriesOf(labels));
    }

    private String startedBySomeoneElse(Map<String, String> labels) {
        String id = docker.createContainerCmd(TestImage.NAME)
                .withName("it-" + labels.hashCode())
                .withCmd("/serve")
                .withLabels(labels)
                .exec()
                .getId();
        docker.startContainerCmd(id).exec();
        return id;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestsReachAContainerAtItsOwnAddressAndAtThePortOfTheHost(boolean published) {
        DockerInstanceProvider.Builder builder = DockerInstanceProvider.builder(engine, FLEET)
                .template(revision ->
                        template("/serve").publish("127.0.0.1::8080").build());
        DockerInstanceProvider provider = (published ? builder.publishedPort(8080) : builder.port(8080)).build();
        opened.add(0, provider);
        Instance instance = becomes(provider, launched(provider, 1), Instance.State.RUNNING);
        HttpHealthChecker http = HttpHealthChecker.builder().path("/healthz").build();

        Eventually.holds(
                PATIENCE,
                () -> assertThat(http.check(instance).isHealthy())
                        .as(http.check(instance).detail())
                        .isTrue());
        assertThat(instance.address().orElseThrow().getAddress().isLoopbackAddress())
                .isEqualTo(published);
    }

    @Test
    void aWatchSurvivesTheLossOfTheEventStream() throws Exception {
        EngineProxy network = network();
        DockerInstanceProvider provider = provider(over(network), DockerProviderIT::serving);
        Instance a = launched(provider, 1);
        AtomicInteger hints = new AtomicInteger();
        provider.watch(hints::incrementAndGet);

        network.cut();
        assertThatThrownBy(provider::list)
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue());
        docker.killContainerCmd(a.id().value()).exec();
        int before = hints.get();
        network.restore();

        Eventually.holds(PATIENCE, () -> assertThat(hints.get()).isGreaterThan(before));
        becomes(provider, a, Instance.State.FAILED);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/containers/create", "/start"})
    void createsAndStartsAreInParallelAndBounded(String call) throws Exception {
        EngineProxy network = network();
        DockerInstanceProvider provider = DockerInstanceProvider.builder(over(network), FLEET)
                .template(DockerProviderIT::serving)
                .parallelism(2)
                .port(8080)
                .build();
        opened.add(0, provider);
        network.holdAnswersTo(call);
        CompletableFuture<Void> launch = CompletableFuture.runAsync(
                () -> provider.launch(List.of(request(1), request(2), request(3), request(4), request(5))));

        Eventually.holds(PATIENCE, () -> assertThat(network.unanswered(call)).isEqualTo(2));
        if (call.equals("/start")) {
            // All are created, and all starts but two have to wait for those.
            launch.join();
        }
        assertThat(network.requests().stream().filter(line -> line.contains(call)))
                .as("asked for so far")
                .hasSize(2);

        network.release();
        launch.join();
        Eventually.holds(
                PATIENCE,
                () -> assertThat(provider.list())
                        .hasSize(5)
                        .allMatch(instance -> instance.state() == Instance.State.RUNNING));
    }

    @Test
    void allAreToldToStopAtTheSameTime() throws Exception {
        EngineProxy network = network();
        DockerInstanceProvider provider = provider(over(network), DockerProviderIT::serving);
        provider.launch(List.of(request(1), request(2), request(3), request(4), request(5)));
        List<Instance> running = Eventually.get(PATIENCE, () -> {
            List<Instance> listed = provider.list();
            assertThat(listed).hasSize(5).allMatch(instance -> instance.state() == Instance.State.RUNNING);
            return listed;
        });
        network.holdAnswersTo("/stop");

        provider.terminateAll(running.stream().map(Instance::id).toList());

        Eventually.holds(PATIENCE, () -> assertThat(network.unanswered("/stop")).isEqualTo(5));
        assertThat(provider.list()).hasSize(5).allMatch(instance -> instance.state() == Instance.State.STOPPING);
        network.release();
        Eventually.holds(PATIENCE, () -> assertThat(provider.list()).isEmpty());
    }
}
