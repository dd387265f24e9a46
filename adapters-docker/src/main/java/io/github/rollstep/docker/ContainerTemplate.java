package io.github.rollstep.docker;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.ExposedPort;
import com.github.dockerjava.api.model.HealthCheck;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.PortBinding;
import com.github.dockerjava.api.model.RestartPolicy;
import io.github.rollstep.Require;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the containers of a revision look like; made for each revision by the function that is given to {@link
 * DockerInstanceProvider.Builder#template}. Immutable.
 *
 * <pre>{@code
 * revision -> ContainerTemplate.builder("registry.example/shop:" + revision.id())
 *         .environment("DATABASE", "db:5432")
 *         .memory(256 << 20)
 *         .stopGrace(Duration.ofSeconds(30))
 *         .build()
 * }</pre>
 */
public final class ContainerTemplate {

    private final String image;
    private final List<String> entrypoint;
    private final List<String> command;
    private final Map<String, String> environment;
    private final Map<String, String> labels;
    private final List<String> networks;
    private final List<String> aliases;
    private final List<String> published;
    private final List<String> volumes;
    private final Optional<Long> memory;
    private final Optional<Double> cpus;
    private final Optional<Long> pids;
    private final Optional<HealthCheck> healthCheck;
    private final RestartPolicy restartPolicy;
    private final Optional<String> stopSignal;
    private final Optional<Duration> stopGrace;
    private final Optional<Boolean> init;
    private final Consumer<CreateContainerCmd> customization;

    private ContainerTemplate(Builder builder) {
        this.image = builder.image;
        this.entrypoint = builder.entrypoint;
        this.command = builder.command;
        this.environment = Map.copyOf(builder.environment);
        this.labels = Map.copyOf(builder.labels);
        this.networks = List.copyOf(builder.networks);
        this.aliases = List.copyOf(builder.aliases);
        this.published = List.copyOf(builder.published);
        this.volumes = List.copyOf(builder.volumes);
        this.memory = builder.memory;
        this.cpus = builder.cpus;
        this.pids = builder.pids;
        this.healthCheck = builder.healthCheck;
        this.restartPolicy = builder.restartPolicy;
        this.stopSignal = builder.stopSignal;
        this.stopGrace = builder.stopGrace;
        this.init = builder.init;
        this.customization = builder.customization;
    }

    /**
     * @param image as {@code docker run} takes it; pulled if the engine does not have it
     */
    public static Builder builder(String image) {
        return new Builder(image);
    }

    public String image() {
        return image;
    }

    Map<String, String> labels() {
        return labels;
    }

    /** Networks beyond that of the provider. */
    List<String> networks() {
        return networks;
    }

    List<String> aliases() {
        return aliases;
    }

    /** Fills in everything but the name, the image and the labels. */
    void applyTo(CreateContainerCmd create, Optional<String> network) {
        HostConfig host = HostConfig.newHostConfig().withRestartPolicy(restartPolicy);
        network.ifPresent(host::withNetworkMode);
        host.withBinds(volumes.stream().map(Bind::parse).toList());
        memory.ifPresent(host::withMemory);
        cpus.ifPresent(count -> host.withNanoCPUs(Math.round(count * 1e9)));
        pids.ifPresent(host::withPidsLimit);
        init.ifPresent(host::withInit);
        List<PortBinding> ports = published.stream().map(PublishedPort::parse).toList();
        host.withPortBindings(ports);
        create.withHostConfig(host)
                .withExposedPorts(
                        ports.stream().map(PortBinding::getExposedPort).toArray(ExposedPort[]::new))
                .withEnv(environment.entrySet().stream()
                        .map(variable -> variable.getKey() + "=" + variable.getValue())
                        .sorted()
                        .toList());
        if (!entrypoint.isEmpty()) {
            create.withEntrypoint(entrypoint);
        }
        if (!command.isEmpty()) {
            create.withCmd(command);
        }
        if (!aliases.isEmpty()) {
            create.withAliases(aliases);
        }
        healthCheck.ifPresent(create::withHealthcheck);
        stopSignal.ifPresent(create::withStopSignal);
        stopGrace.ifPresent(grace -> create.withStopTimeout(Math.toIntExact(grace.toSeconds())));
        customization.accept(create);
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private final String image;
        private List<String> entrypoint = List.of();
        private List<String> command = List.of();
        private final Map<String, String> environment = new LinkedHashMap<>();
        private final Map<String, String> labels = new LinkedHashMap<>();
        private final List<String> networks = new ArrayList<>();
        private final List<String> aliases = new ArrayList<>();
        private final List<String> published = new ArrayList<>();
        private final List<String> volumes = new ArrayList<>();
        private Optional<Long> memory = Optional.empty();
        private Optional<Double> cpus = Optional.empty();
        private Optional<Long> pids = Optional.empty();
        private Optional<HealthCheck> healthCheck = Optional.empty();
        private RestartPolicy restartPolicy = RestartPolicy.noRestart();
        private Optional<String> stopSignal = Optional.empty();
        private Optional<Duration> stopGrace = Optional.empty();
        private Optional<Boolean> init = Optional.empty();
        private Consumer<CreateContainerCmd> customization = create -> {};

        private Builder(String image) {
            this.image = Require.matches("image", "[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}", image);
        }

        /** In place of the image's own. */
        public Builder entrypoint(List<String> entrypoint) {
            this.entrypoint = List.copyOf(entrypoint);
            return this;
        }

        /** In place of the image's own; no shell sees it. */
        public Builder command(List<String> command) {
            this.command = List.copyOf(command);
            return this;
        }

        public Builder environment(String name, String value) {
            environment.put(Require.matches("environment variable", "[^=\0]+", name), value);
            return this;
        }

        /** @param name not of {@code io.github.rollstep}: those are Rollstep's own */
        public Builder label(String name, String value) {
            Require.that(
                    !name.startsWith(FleetLabels.PREFIX),
                    "label must not begin with %s, was %s",
                    FleetLabels.PREFIX,
                    name);
            labels.put(name, value);
            return this;
        }

        /** A network beside {@link DockerInstanceProvider.Builder#network}, joined before the start. */
        public Builder alsoIn(String network) {
            networks.add(network);
            return this;
        }

        /**
         * A name by which other containers of the provider's network find this one, and all others that have it: the service
         * name. Needs a network of its own, the engine's default one has no names.
         */
        public Builder alias(String name) {
            aliases.add(name);
            return this;
        }

        /**
         * Publishes a port, written as for {@code docker run -p}: {@code "8080"} or {@code "127.0.0.1::8080"}. The engine
         * chooses the port of the host.
         *
         * @throws IllegalArgumentException if a port of the host is fixed: two containers cannot have it at the same time, so
         *     none could be replaced without downtime
         */
        public Builder publish(String port) {
            PublishedPort.parse(port);
            published.add(port);
            return this;
        }

        /** A bind or a named volume, written as for {@code docker run -v}. Old and new containers use it at the same time. */
        public Builder volume(String volume) {
            Bind.parse(volume);
            volumes.add(volume);
            return this;
        }

        /** @param bytes at least 6 MiB, which is Docker's least */
        public Builder memory(long bytes) {
            Require.that(bytes >= 6 << 20, "memory must be >= 6291456 bytes, was %s", bytes);
            this.memory = Optional.of(bytes);
            return this;
        }

        /** @param cpus may be a fraction: 0.5 */
        public Builder cpus(double cpus) {
            Require.that(cpus >= 0.01, "cpus must be >= 0.01, was %s", cpus);
            this.cpus = Optional.of(cpus);
            return this;
        }

        /** The most processes and threads. */
        public Builder pids(long most) {
            Require.that(most >= 1, "pids must be >= 1, was %s", most);
            this.pids = Optional.of(most);
            return this;
        }

        /**
         * A command that the engine runs in the container, see {@link DockerHealthChecker}. Each costs the host 70 to 100 ms of
         * CPU: thirty containers that are probed every second fill two cores.
         *
         * @param command no shell sees it, so it works in an image without one
         * @param interval between two probes, and before the first one
         * @param retries so many failures in a row make the container unhealthy
         */
        public Builder healthCheck(List<String> command, Duration interval, Duration timeout, int retries) {
            Require.that(!command.isEmpty(), "health check command must not be empty, was %s", command);
            Require.that(interval.toMillis() >= 1, "health check interval must be >= 1ms, was %s", interval);
            Require.that(timeout.toMillis() >= 1, "health check timeout must be >= 1ms, was %s", timeout);
            Require.that(retries >= 1, "health check retries must be >= 1, was %s", retries);
            List<String> test = new ArrayList<>(List.of("CMD"));
            test.addAll(command);
            this.healthCheck = Optional.of(new HealthCheck()
                    .withTest(test)
                    .withInterval(interval.toNanos())
                    .withTimeout(timeout.toNanos())
                    .withRetries(retries));
            return this;
        }

        /** Docker's {@code on-failure:N}. The default is not to restart: a container that exits is replaced. */
        public Builder restartOnFailure(int most) {
            Require.that(most >= 1, "restartOnFailure must be >= 1, was %s", most);
            this.restartPolicy = RestartPolicy.onFailureRestart(most);
            return this;
        }

        /** Docker's {@code unless-stopped}: it also comes back when the engine is restarted. */
        public Builder restartUnlessStopped() {
            this.restartPolicy = RestartPolicy.unlessStoppedRestart();
            return this;
        }

        /** What asks it to stop: {@code SIGQUIT}. The default is the image's own, and else SIGTERM. */
        public Builder stopSignal(String signal) {
            this.stopSignal = Optional.of(Require.matches("stop signal", "SIG[A-Z0-9+-]{2,12}|[0-9]{1,2}", signal));
            return this;
        }

        /** From the stop signal to SIGKILL, in whole seconds; Docker's default is 10 s. */
        public Builder stopGrace(Duration grace) {
            Require.that(
                    !grace.isNegative() && grace.compareTo(Duration.ofDays(1)) <= 0 && grace.toNanosPart() == 0,
                    "stop grace must be whole seconds up to a day, was %s",
                    grace);
            this.stopGrace = Optional.of(grace);
            return this;
        }

        /**
         * Runs an init process in the container, which passes signals on: a program that is process 1 and has no handler of its
         * own ignores SIGTERM and takes the whole grace.
         */
        public Builder init() {
            this.init = Optional.of(true);
            return this;
        }

        /** Whatever else the engine takes; called last, once for each container. */
        public Builder customize(Consumer<CreateContainerCmd> customization) {
            this.customization = customization;
            return this;
        }

        public ContainerTemplate build() {
            return new ContainerTemplate(this);
        }
    }
}
