package io.github.rollstep.docker;

import com.github.dockerjava.api.model.Container;
import com.github.dockerjava.api.model.ContainerNetwork;
import com.github.dockerjava.api.model.ContainerPort;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One container as the engine's list shows it. */
record ListedContainer(
        String id,
        String name,
        String image,
        String state,
        String status,
        Map<String, String> labels,
        Instant createdAt,
        Map<String, String> addresses,
        Map<Integer, Integer> published) {

    /** As the docker command prints ids, and the engine takes them. */
    private static final int SHORT = 12;

    static ListedContainer of(Container container) {
        return new ListedContainer(
                container.getId(),
                name(container),
                text(container.getImage()),
                text(container.getState()),
                text(container.getStatus()),
                container.getLabels() == null ? Map.of() : container.getLabels(),
                Instant.ofEpochSecond(container.getCreated() == null ? 0 : container.getCreated()),
                addresses(container),
                published(container));
    }

    private static String name(Container container) {
        @Nullable String[] names = container.getNames();
        return names == null || names.length == 0 ? "" : text(names[0]).replaceFirst("^/", "");
    }

    private static String text(@Nullable String value) {
        return value == null ? "" : value;
    }

    private static Map<String, String> addresses(Container container) {
        Map<String, String> addresses = new TreeMap<>();
        if (container.getNetworkSettings() != null
                && container.getNetworkSettings().getNetworks() != null) {
            container
                    .getNetworkSettings()
                    .getNetworks()
                    .forEach((network, settings) ->
                            address(settings).ifPresent(address -> addresses.put(network, address)));
        }
        return addresses;
    }

    private static Optional<String> address(ContainerNetwork settings) {
        return Stream.of(text(settings.getIpAddress()), text(settings.getGlobalIPv6Address()))
                .filter(address -> !address.isEmpty())
                .findFirst();
    }

    private static Map<Integer, Integer> published(Container container) {
        Map<Integer, Integer> published = new TreeMap<>();
        @Nullable ContainerPort[] ports = container.getPorts();
        if (ports != null) {
            Arrays.stream(ports)
                    .filter(port -> port != null && port.getPublicPort() != null && port.getPrivatePort() != null)
                    .forEach(port -> published.putIfAbsent(port.getPrivatePort(), port.getPublicPort()));
        }
        return published;
    }

    InstanceId instance() {
        return InstanceId.of(id.substring(0, SHORT));
    }

    Optional<LaunchToken> token() {
        return FleetLabels.token(labels);
    }

    boolean isRunning() {
        return state.equals("running");
    }

    boolean hasExited() {
        return state.equals("exited") || state.equals("dead");
    }

    boolean isCreated() {
        return state.equals("created");
    }

    /** Created by a controller that died before it started it: its launch is still open, and a repeat starts it. */
    boolean isOpenLaunch() {
        return isCreated() && token().isPresent();
    }

    boolean isOlderThan(Duration age) {
        return createdAt.isBefore(Instant.now().minus(age));
    }

    /** What the engine's own health check says, which a list shows behind the time. */
    Health health() {
        if (status.endsWith("(healthy)")) {
            return Health.healthy();
        }
        if (status.endsWith("(unhealthy)")) {
            return Health.unhealthy("the engine's health check failed");
        }
        return status.endsWith("(health: starting)")
                ? Health.unknown("the engine's health check has not passed yet")
                : Health.unknown("the container has no health check");
    }

    Instance toInstance(Instance.State state, String detail, Optional<InetSocketAddress> address) {
        Instance.Builder builder = Instance.builder(instance(), FleetLabels.revision(labels, image), state)
                .createdAt(createdAt)
                .labels(labels)
                .detail(detail);
        token().ifPresent(builder::token);
        address.ifPresent(builder::address);
        return builder.build();
    }
}
