package io.github.rollstep.haproxy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.testkit.OpenRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Instances that answer with their id, and what clients get of them through a router. */
final class Service implements AutoCloseable {

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<HttpServer> servers = new ArrayList<>();
    private final Set<String> lameDucks = ConcurrentHashMap.newKeySet();
    private final CountDownLatch release = new CountDownLatch(1);
    private final HttpClient client = HttpClient.newBuilder().executor(threads).build();

    Instance instance(String id) {
        return instance(id, 0);
    }

    /** On a port that another one had before, for example. */
    Instance instance(String id, int port) {
        return instance(id, port, Revision.of("v1"));
    }

    Instance instance(String id, int port, Revision revision) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1024);
            server.setExecutor(threads);
            server.createContext("/", exchange -> answer(exchange, id));
            server.start();
            servers.add(server);
            return Instance.builder(InstanceId.of(id), revision, Instance.State.RUNNING)
                    .address(server.getAddress())
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void answer(HttpExchange exchange, String id) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            int status = 200;
            if (path.equals("/held")) {
                release.await();
            } else if (path.equals("/slow")) {
                TimeUnit.MILLISECONDS.sleep(300);
            } else if (path.equals("/lameduck")) {
                status = lameDuck(exchange.getRequestMethod(), id);
            } else if (path.equals("/healthz") && lameDucks.contains(id)) {
                status = 503;
            }
            if (lameDucks.contains(id)) {
                exchange.getResponseHeaders().add("Connection", "close");
            }
            byte[] body = id.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int lameDuck(String method, String id) {
        if (method.equals("PUT")) {
            lameDucks.add(id);
        } else if (method.equals("DELETE")) {
            lameDucks.remove(id);
        }
        return method.equals("GET") && !lameDucks.contains(id) ? 404 : 200;
    }

    void stop(Instance instance) {
        servers.stream()
                .filter(server -> server.getAddress().equals(instance.address().orElseThrow()))
                .forEach(server -> server.stop(0));
    }

    /** The id of the instance that answers; empty if none does. */
    String request(InetSocketAddress router, String... headers) {
        try {
            HttpResponse<String> answer = client.send(to(router, "/", headers), HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() == 200 ? answer.body() : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** A request whose instance answers once it is finished. */
    OpenRequest open(InetSocketAddress router) {
        CompletableFuture<HttpResponse<String>> answer =
                client.sendAsync(to(router, "/held"), HttpResponse.BodyHandlers.ofString());
        return () -> {
            release.countDown();
            try {
                return answer.get().statusCode() == 200;
            } catch (InterruptedException | ExecutionException e) {
                return false;
            }
        };
    }

    private static HttpRequest to(InetSocketAddress router, String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + router.getPort() + path));
        return (headers.length == 0 ? request : request.headers(headers)).build();
    }

    @Override
    public void close() {
        release.countDown();
        servers.forEach(server -> server.stop(0));
        threads.shutdownNow();
    }
}
