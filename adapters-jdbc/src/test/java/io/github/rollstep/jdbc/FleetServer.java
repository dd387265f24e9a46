package io.github.rollstep.jdbc;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.Observed;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.testkit.SimulatedFleet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A simulated fleet as a platform over HTTP for controllers in other processes; {@link RemoteFleet} is the other side. Holds each
 * request against the limits by what the fleet really is, one request at a time. A request that is older than it may be is refused,
 * as a gateway does: whoever sent it has stood still since.
 */
final class FleetServer implements AutoCloseable {

    private final SimulatedFleet fleet;
    private final int footprint;
    private final int floor;
    private final Duration requestLife;
    private final HttpServer server;
    private final List<String> broken = Collections.synchronizedList(new ArrayList<>());

    FleetServer(SimulatedFleet fleet, int footprint, int floor, Duration requestLife) throws IOException {
        this.fleet = fleet;
        this.footprint = footprint;
        this.floor = floor;
        this.requestLife = requestLife;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newFixedThreadPool(4, task -> {
            Thread thread = new Thread(task, "fleet-server");
            thread.setDaemon(true);
            return thread;
        }));
        server.createContext("/", this::handle);
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    /** What was done beyond the limits. */
    List<String> broken() {
        synchronized (broken) {
            List<String> all = new ArrayList<>(broken);
            all.addAll(fleet.violations());
            return all;
        }
    }

    private void handle(HttpExchange exchange) throws IOException {
        int status = 200;
        String answer;
        try (exchange) {
            List<String> lines = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            Instant sent = Instant.parse(exchange.getRequestHeaders().getFirst("Sent"));
            try {
                if (sent.plus(requestLife).isBefore(Instant.now())) {
                    throw new IllegalStateException("the request is too old");
                }
                answer = answer(exchange.getRequestURI().getPath(), lines);
            } catch (RuntimeException e) {
                status = 503;
                answer = String.valueOf(e.getMessage());
            }
            byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    private synchronized String answer(String path, List<String> lines) {
        switch (path) {
            case "/list" -> {
                return fleet.provider().list().stream().map(FleetServer::text).collect(Collectors.joining("\n"));
            }
            case "/check" -> {
                return of(lines).stream()
                        .map(instance -> instance.id() + " "
                                + fleet.healthChecker().check(instance).status())
                        .collect(Collectors.joining("\n"));
            }
            case "/routes" -> {
                return fleet.router().routes(of(lines)).entrySet().stream()
                        .map(entry -> "%s %s %d"
                                .formatted(
                                        entry.getKey(),
                                        entry.getValue().state(),
                                        entry.getValue().openRequests()))
                        .collect(Collectors.joining("\n"));
            }
            case "/launch" -> {
                fleet.provider().launch(lines.stream().map(this::launch).toList());
                int existing = fleet.observe().size();
                if (existing > footprint) {
                    broken.add("launch %s: %d exist of at most %d".formatted(lines, existing, footprint));
                }
            }
            case "/admit" -> of(lines).forEach(fleet.router()::admit);
            case "/drain" ->
                of(lines)
                        .forEach(instance -> taking(
                                "drain " + instance.id(), () -> fleet.router().drain(instance)));
            case "/terminate" ->
                lines.forEach(
                        id -> taking("terminate " + id, () -> fleet.provider().terminate(InstanceId.of(id))));
            default -> throw new IllegalArgumentException("there is no " + path);
        }
        return "";
    }

    private void taking(String what, Runnable action) {
        int before = serving();
        action.run();
        int after = serving();
        if (after < before && after < floor) {
            broken.add("%s leaves %d serving of at least %d".formatted(what, after, floor));
        }
    }

    private int serving() {
        return (int) fleet.observe().stream()
                .filter(one -> one.instance().state() == Instance.State.RUNNING
                        && one.health().isHealthy()
                        && one.routing().takesRequests())
                .count();
    }

    private List<Instance> of(List<String> ids) {
        Predicate<Observed> asked =
                observed -> ids.contains(observed.instance().id().value());
        return fleet.observe().stream().filter(asked).map(Observed::instance).toList();
    }

    private static String text(Instance instance) {
        return "%s %s %s %s"
                .formatted(
                        instance.id(),
                        instance.revision().id(),
                        instance.state(),
                        instance.token().map(LaunchToken::value).orElse("-"));
    }

    private LaunchRequest launch(String line) {
        String[] words = line.split(" ", 3);
        return new LaunchRequest(fleet.id(), RolloutId.of(words[0]), LaunchToken.of(words[1]), Revision.of(words[2]));
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
