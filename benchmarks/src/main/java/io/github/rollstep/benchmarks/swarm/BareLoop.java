package io.github.rollstep.benchmarks.swarm;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * What one writes in an afternoon: four are started side by side and polled by HTTP, then four old ones are stopped and removed
 * side by side, and so on. It checks nothing, records nothing and survives nothing.
 */
final class BareLoop implements Contestant {

    private static final Map<String, String> LABELS = Map.of("rollstep.bench", "bare-loop");

    private final ExecutorService threads = Executors.newFixedThreadPool(PARALLELISM);
    private final DockerClient docker;
    private List<String> running = List.of();

    BareLoop() {
        DefaultDockerClientConfig config =
                DefaultDockerClientConfig.createDefaultConfigBuilder().build();
        docker = DockerClientImpl.getInstance(
                config,
                new ZerodepDockerHttpClient.Builder()
                        .dockerHost(config.getDockerHost())
                        .sslConfig(config.getSSLConfig())
                        .build());
    }

    @Override
    public String name() {
        return "bare-loop";
    }

    @Override
    public String label() {
        return "rollstep.bench=bare-loop";
    }

    @Override
    public void prepare() throws IOException, InterruptedException {
        Containers.removeAll(label());
        running = new ArrayList<>();
        for (int i = 0; i < COUNT; i += PARALLELISM) {
            running.addAll(startBatch());
        }
    }

    @Override
    public void roll() throws IOException, InterruptedException {
        List<String> next = new ArrayList<>();
        for (int i = 0; i < COUNT; i += PARALLELISM) {
            next.addAll(startBatch());
            List<Callable<String>> stops = new ArrayList<>();
            for (String old : running.subList(i, i + PARALLELISM)) {
                stops.add(() -> stop(old));
            }
            all(stops);
        }
        running = next;
    }

    private List<String> startBatch() throws IOException, InterruptedException {
        List<Callable<String>> starts = new ArrayList<>();
        for (int i = 0; i < PARALLELISM; i++) {
            starts.add(this::start);
        }
        return all(starts);
    }

    private List<String> all(List<Callable<String>> calls) throws IOException, InterruptedException {
        List<String> results = new ArrayList<>();
        for (Future<String> call : threads.invokeAll(calls)) {
            try {
                results.add(call.get());
            } catch (ExecutionException e) {
                throw new IOException(e.getCause());
            }
        }
        return results;
    }

    private String start() throws IOException, InterruptedException {
        String id;
        try (CreateContainerCmd create = docker.createContainerCmd(Images.PLAIN)) {
            id = create.withLabels(LABELS).exec().getId();
        }
        docker.startContainerCmd(id).exec();
        String address = docker.inspectContainerCmd(id)
                .exec()
                .getNetworkSettings()
                .getNetworks()
                .get("bridge")
                .getIpAddress();
        while (!answers(URI.create("http://" + address + ":" + PORT + "/healthz"))) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
        return id;
    }

    private static boolean answers(URI uri) {
        try {
            HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
            connection.setConnectTimeout(1000);
            connection.setReadTimeout(1000);
            return connection.getResponseCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    private String stop(String id) {
        docker.stopContainerCmd(id).exec();
        docker.removeContainerCmd(id).exec();
        return id;
    }

    @Override
    public void rollBad() {
        throw new UnsupportedOperationException("the bare loop would wait for ever");
    }

    @Override
    public void clear() throws IOException, InterruptedException {
        Containers.removeAll(label());
    }

    @Override
    public void close() throws IOException {
        threads.shutdownNow();
        docker.close();
    }
}
