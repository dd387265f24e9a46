package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.dockerjava.api.DockerClient;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.testkit.Eventually;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Containers that crash, and that the engine starts again by itself: it is known how often. */
class DockerRestartsIT {

    private static final FleetId FLEET = FleetId.of("it-restarts");
    private static final RolloutId ROLLOUT = RolloutId.of("it");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final DockerEngine engine = TestImage.engine();
    private final DockerClient docker = engine.calls();
    private final List<AutoCloseable> opened = new ArrayList<>();

    @BeforeEach
    void clean() {
        TestImage.removeAll(engine, FLEET.value());
    }

    @AfterEach
    void stop() throws Exception {
        for (AutoCloseable one : opened) {
            one.close();
        }
        clean();
        engine.close();
    }

    /** The revision says what it does, and how often it is started again: five times or for ever. */
    private static ContainerTemplate template(Revision revision) {
        ContainerTemplate.Builder builder = ContainerTemplate.builder(TestImage.NAME)
                .command(
                        revision.id().startsWith("crashes")
                                ? List.of("/bin/sh", "-c", "sleep 0.1; exit 4")
                                : List.of("/serve"));
        return (revision.id().endsWith("times") ? builder.restartOnFailure(5) : builder.restartUnlessStopped()).build();
    }

    private DockerInstanceProvider provider(DockerEngine engine) {
        DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FLEET)
                .template(DockerRestartsIT::template)
                .port(8080)
                .build();
        opened.add(0, provider);
        return provider;
    }

    private static InstanceId launched(DockerInstanceProvider provider, String revision) {
        provider.launch(List.of(new LaunchRequest(FLEET, ROLLOUT, ROLLOUT.token(1), Revision.of(revision))));
        return Eventually.get(PATIENCE, () -> {
            Instance now = provider.list().get(0);
            assertThat(now.detail()).isNotEqualTo("being started");
            return now.id();
        });
    }

    private int countOfTheEngine(InstanceId id) {
        return docker.inspectContainerCmd(id.value()).exec().getRestartCount();
    }

    private static int restarts(DockerInstanceProvider provider, InstanceId id) {
        return provider.list().stream()
                .filter(instance -> instance.id().equals(id))
                .mapToInt(Instance::restarts)
                .sum();
    }

    /** Lists, and looks what the engine itself says before and after. */
    private void isKnown(DockerInstanceProvider provider, InstanceId id, int atLeast) {
        Eventually.holds(PATIENCE, () -> {
            int before = countOfTheEngine(id);
            int listed = restarts(provider, id);
            int after = countOfTheEngine(id);
            assertThat(listed).isGreaterThanOrEqualTo(atLeast).isBetween(before, after);
        });
    }

    @Test
    void eachRestartOfACrashingContainerCounts() {
        DockerInstanceProvider provider = provider(engine);
        InstanceId crashing = launched(provider, "crashes");

        for (int restarts = 1; restarts <= 4; restarts++) {
            isKnown(provider, crashing, restarts);
        }
    }

    @Test
    void whatTheEngineGivesUpHasFailedAfterSoManyRestarts() {
        DockerInstanceProvider provider = provider(engine);
        InstanceId crashing = launched(provider, "crashes-five-times");

        Eventually.holds(PATIENCE, () -> {
            assertThat(provider.list()).singleElement().satisfies(now -> {
                assertThat(now.state()).isEqualTo(Instance.State.FAILED);
                assertThat(now.detail()).contains("exit code 4");
            });
            assertThat(restarts(provider, crashing)).isEqualTo(5);
        });
    }

    @Test
    void theNextControllerKnowsWhatWasBeforeItsTime() {
        DockerInstanceProvider died = provider(engine);
        InstanceId crashing = launched(died, "crashes");
        isKnown(died, crashing, 2);
        died.close();

        DockerInstanceProvider next = provider(engine);

        assertThat(restarts(next, crashing)).isGreaterThanOrEqualTo(2);
        isKnown(next, crashing, 3);
    }

    @Test
    void whatHappenedWhileTheNetworkWasAwayIsCountedAfterwards() throws Exception {
        EngineProxy network = new EngineProxy();
        opened.add(0, network);
        DockerEngine remote = DockerEngine.connect(network.address());
        opened.add(0, remote);
        DockerInstanceProvider provider = provider(remote);
        InstanceId crashing = launched(provider, "crashes-five-times");

        network.cut();
        Eventually.holds(PATIENCE, () -> assertThat(countOfTheEngine(crashing)).isEqualTo(5));
        network.restore();

        Eventually.holds(PATIENCE, () -> {
            assertThat(restarts(provider, crashing)).isEqualTo(5);
        });
    }

    @Test
    void whatSomeoneRestartsOrWeStopDoesNotCount() {
        DockerInstanceProvider provider = provider(engine);
        InstanceId serving = launched(provider, "serves");
        TestImage.awaitServing(engine, serving);

        docker.restartContainerCmd(serving.value()).exec();

        Eventually.holds(
                PATIENCE,
                () -> assertThat(provider.list())
                        .singleElement()
                        .satisfies(
                                now -> assertThat(now.detail()).contains("restarted by the engine after exit code 0")));
        assertThat(restarts(provider, serving)).isZero();
        provider.terminate(serving);
        Eventually.holds(PATIENCE, () -> {
            List<Instance> listed = provider.list();
            assertThat(restarts(provider, serving)).isZero();
            assertThat(listed).isEmpty();
        });
    }
}
