package io.github.rollstep.docker;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.testkit.Eventually;
import io.github.rollstep.testkit.HealthCheckerContract;
import io.github.rollstep.testkit.InstanceProviderContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;

/** The Docker adapters keep the contracts on a real engine. */
class DockerContractIT {

    private static Optional<Runnable> outage(EngineProxy network) {
        try {
            network.cut();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Optional.of(network::restore);
    }

    @Nested
    class Containers extends InstanceProviderContract {

        private final DockerEngine engine = TestImage.engine();
        private final EngineProxy network = new EngineProxy();
        private final DockerEngine reached = DockerEngine.connect(network.address());
        private final List<DockerInstanceProvider> providers = new ArrayList<>();

        Containers() throws IOException {}

        @BeforeEach
        void clean() {
            TestImage.removeAll(engine, "contract", "contract-2");
        }

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            DockerInstanceProvider provider = DockerInstanceProvider.builder(reached, fleet)
                    .template(revision -> ContainerTemplate.builder(TestImage.NAME)
                            .command(List.of(revision.attributes()
                                    .getOrDefault("program", "/serve")
                                    .split(" ")))
                            .environment("REVISION", revision.id())
                            .build())
                    .port(8080)
                    .build();
            providers.add(provider);
            return provider;
        }

        @Override
        protected InstanceProvider reopened(FleetId fleet, InstanceProvider died) {
            ((DockerInstanceProvider) died).close();
            return provider(fleet);
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(Revision.of("exiting", Map.of("program", "/bin/sleep 0")));
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(Revision.of("impossible", Map.of("program", "/no/such/program")));
        }

        @Override
        protected Optional<InstanceId> startByHand(FleetId fleet) {
            String id = engine.calls()
                    .createContainerCmd(TestImage.NAME)
                    .withCmd("/serve")
                    .withLabels(FleetLabels.selecting(fleet))
                    .exec()
                    .getId();
            engine.calls().startContainerCmd(id).exec();
            return Optional.of(InstanceId.of(id.substring(0, 12)));
        }

        @Override
        protected Optional<Runnable> outage() {
            return DockerContractIT.outage(network);
        }

        @AfterEach
        void stop() throws IOException {
            providers.forEach(DockerInstanceProvider::close);
            TestImage.removeAll(engine, "contract", "contract-2");
            reached.close();
            network.close();
            engine.close();
        }
    }

    @Nested
    class EngineHealth extends HealthCheckerContract {

        private static final FleetId FLEET = FleetId.of("contract-health");

        private final DockerEngine engine = TestImage.engine();
        private final EngineProxy network = new EngineProxy();
        private final DockerEngine reached = DockerEngine.connect(network.address());
        private final DockerInstanceProvider provider = DockerInstanceProvider.builder(reached, FLEET)
                .template(revision -> ContainerTemplate.builder(TestImage.NAME)
                        .command(List.of("/serve"))
                        .healthCheck(
                                List.of(("/bin/busybox "
                                                + revision.attributes().getOrDefault("check", "test ! -e /ill"))
                                        .split(" ")),
                                Duration.ofMillis(200),
                                Duration.ofSeconds(5),
                                1)
                        .build())
                .build();
        private int launched;

        EngineHealth() throws IOException {}

        @BeforeEach
        void clean() {
            TestImage.removeAll(engine, FLEET.value());
        }

        @Override
        protected HealthChecker checker() {
            return new DockerHealthChecker(provider);
        }

        @Override
        protected Instance healthy(String name) {
            return launched(Revision.of("v1"));
        }

        private Instance launched(Revision revision) {
            RolloutId rollout = RolloutId.of("health");
            LaunchRequest request = new LaunchRequest(FLEET, rollout, rollout.token(++launched), revision);
            provider.launch(List.of(request));
            return Eventually.get(patience(), () -> {
                Instance now = provider.list().stream()
                        .filter(instance -> instance.token().equals(Optional.of(request.token())))
                        .findFirst()
                        .orElseThrow();
                assertThat(now.state()).isEqualTo(Instance.State.RUNNING);
                return now;
            });
        }

        @Override
        protected void turn(Instance instance, boolean healthy) {
            run(instance, healthy ? "rm" : "touch", "/ill");
        }

        private void run(Instance instance, String... command) {
            String exec = engine.calls()
                    .execCreateCmd(instance.id().value())
                    .withCmd(command)
                    .exec()
                    .getId();
            try {
                engine.streams()
                        .execStartCmd(exec)
                        .exec(new com.github.dockerjava.api.async.ResultCallback.Adapter<>())
                        .awaitCompletion(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
        }

        @Override
        protected Optional<Instance> silent() {
            return Optional.of(launched(Revision.of("silent", Map.of("check", "sleep 1000"))));
        }

        @Override
        protected Optional<Runnable> outage() {
            return DockerContractIT.outage(network);
        }

        @AfterEach
        void stop() throws IOException {
            provider.close();
            TestImage.removeAll(engine, FLEET.value());
            reached.close();
            network.close();
            engine.close();
        }
    }
}
