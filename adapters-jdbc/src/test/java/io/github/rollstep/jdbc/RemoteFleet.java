package io.github.rollstep.jdbc;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The adapters for a {@link FleetServer}. */
final class RemoteFleet implements InstanceProvider, HealthChecker, TrafficRouter {

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI base;
    private final Duration timeout;

    RemoteFleet(int port, Duration timeout) {
        base = URI.create("http://localhost:" + port + "/");
        this.timeout = timeout;
    }

    private List<String> ask(String path, String body) {
        HttpRequest request = HttpRequest.newBuilder(base.resolve(path))
                .timeout(timeout)
                .header("Sent", Instant.now().toString())
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        try {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw ProviderException.retryable(response.body());
            }
            return response.body().lines().toList();
        } catch (IOException e) {
            throw ProviderException.retryable(String.valueOf(e.getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("interrupted", e);
        }
    }

    private static String ids(Collection<Instance> instances) {
        return instances.stream().map(instance -> instance.id().value()).collect(Collectors.joining("\n"));
    }

    @Override
    public List<Instance> list() {
        return ask("list", "").stream().map(RemoteFleet::instance).toList();
    }

    private static Instance instance(String line) {
        String[] words = line.split(" ", 4);
        Instance.Builder builder =
                Instance.builder(InstanceId.of(words[0]), Revision.of(words[1]), Instance.State.valueOf(words[2]));
        return words[3].equals("-")
                ? builder.build()
                : builder.token(LaunchToken.of(words[3])).build();
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        ask(
                "launch",
                open.stream()
                        .map(request -> "%s %s %s"
                                .formatted(
                                        request.rollout(),
                                        request.token(),
                                        request.revision().id()))
                        .collect(Collectors.joining("\n")));
    }

    @Override
    public void terminate(InstanceId id) {
        ask("terminate", id.value());
    }

    @Override
    public Health check(Instance instance) {
        return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("is not there"));
    }

    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> healths = new HashMap<>();
        for (String line : ask("check", ids(instances))) {
            String[] words = line.split(" ", 2);
            healths.put(InstanceId.of(words[0]), new Health(Health.Status.valueOf(words[1]), "as simulated"));
        }
        return healths;
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Map<InstanceId, Routing> routes = new HashMap<>();
        for (String line : ask("routes", ids(instances))) {
            String[] words = line.split(" ", 3);
            routes.put(
                    InstanceId.of(words[0]), new Routing(Routing.State.valueOf(words[1]), Integer.parseInt(words[2])));
        }
        return routes;
    }

    @Override
    public void admit(Instance instance) {
        ask("admit", instance.id().value());
    }

    @Override
    public void drain(Instance instance) {
        ask("drain", instance.id().value());
    }
}
