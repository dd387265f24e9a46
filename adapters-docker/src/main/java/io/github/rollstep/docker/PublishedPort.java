package io.github.rollstep.docker;

import com.github.dockerjava.api.model.PortBinding;
import io.github.rollstep.Require;
import org.jspecify.annotations.Nullable;

/** A published port in Docker's notation, whose port of the host is the engine's choice. */
final class PublishedPort {

    private PublishedPort() {}

    static PortBinding parse(String text) {
        PortBinding binding = PortBinding.parse(text);
        @Nullable String hostPort = binding.getBinding().getHostPortSpec();
        Require.that(
                hostPort == null || hostPort.isEmpty() || "0".equals(hostPort),
                "published port must not fix the port of the host, was %s: the old and the new container cannot both have"
                        + " port %s, so it cannot be replaced without downtime. Publish \"%s\", and put a router on port %s",
                text,
                hostPort,
                binding.getExposedPort().getPort(),
                hostPort);
        return binding;
    }
}
