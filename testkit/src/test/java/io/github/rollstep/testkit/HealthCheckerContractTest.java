package io.github.rollstep.testkit;

import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.health.HealthCheckers;
import io.github.rollstep.health.HttpHealthChecker;
import io.github.rollstep.health.TcpHealthChecker;
import io.github.rollstep.spi.HealthChecker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/** The health checkers of core keep the contract, against real servers on loopback. */
class HealthCheckerContractTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    @Nested
    class ByHttp extends WithServers {
        @Override
        protected HealthChecker checker() {
            return HttpHealthChecker.builder().timeout(TIMEOUT).build();
        }
    }

    @Nested
    class ByTcp extends WithServers {
        @Override
        protected HealthChecker checker() {
            return TcpHealthChecker.builder().timeout(TIMEOUT).build();
        }

        /** One that accepts and is silent is healthy to TCP: here nobody listens. */
        @Override
        protected Optional<Instance> silent() {
            Instance gone = healthy("gone");
            turn(gone, false);
            return Optional.of(gone);
        }
    }

    @Nested
    class Combined extends WithServers {
        @Override
        protected HealthChecker checker() {
            return HealthCheckers.all(
                    HealthCheckers.running(),
                    HttpHealthChecker.builder().timeout(TIMEOUT).build());
        }
    }

    /** A server for each instance; an ill one is stopped. */
    abstract static class WithServers extends HealthCheckerContract {

        private final Map<InstanceId, HttpServer> servers = new HashMap<>();
        private Optional<ServerSocket> deaf = Optional.empty();

        @Override
        protected Instance healthy(String name) {
            HttpServer server = start(0);
            Instance instance = instance(name, server.getAddress());
            servers.put(instance.id(), server);
            return instance;
        }

        private static Instance instance(String name, InetSocketAddress address) {
            return Instance.builder(InstanceId.of(name), Revision.of("v1"), Instance.State.RUNNING)
                    .address(address)
                    .build();
        }

        private static HttpServer start(int port) {
            try {
                HttpServer server =
                        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 50);
                server.createContext("/", exchange -> {
                    exchange.sendResponseHeaders(200, -1);
                    exchange.close();
                });
                server.start();
                return server;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected void turn(Instance instance, boolean healthy) {
            if (healthy) {
                servers.put(
                        instance.id(), start(instance.address().orElseThrow().getPort()));
            } else {
                servers.get(instance.id()).stop(0);
            }
        }

        @Override
        protected Optional<Instance> silent() {
            try {
                deaf = Optional.of(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return deaf.map(socket ->
                    instance("silent", new InetSocketAddress(InetAddress.getLoopbackAddress(), socket.getLocalPort())));
        }

        @AfterEach
        void stop() throws IOException {
            servers.values().forEach(server -> server.stop(0));
            if (deaf.isPresent()) {
                deaf.get().close();
            }
        }
    }
}
