package io.github.rollstep.health;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** {@code PUT} enters, {@code DELETE} leaves, {@code GET} is answered with 200 or 404; at the instance's own address. */
final class HttpLameDuckSignal implements LameDuckSignal {

    private final String path;
    private final Duration timeout;
    private final HttpClient client;

    HttpLameDuckSignal(String path, Duration timeout) {
        this.path = path;
        this.timeout = timeout;
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(timeout)
                .build();
    }

    @Override
    public void enter(Instance instance) {
        expectDone(instance, "PUT");
    }

    @Override
    public void leave(Instance instance) {
        expectDone(instance, "DELETE");
    }

    @Override
    public boolean isIn(Instance instance) {
        int status = ask(instance, "GET");
        if (status != 200 && status != 404) {
            throw unexpected(instance, "GET", status);
        }
        return status == 200;
    }

    private void expectDone(Instance instance, String method) {
        int status = ask(instance, method);
        if (status < 200 || status > 299) {
            throw unexpected(instance, method, status);
        }
    }

    private ProviderException unexpected(Instance instance, String method, int status) {
        return ProviderException.retryable(
                "%s %s of instance %s: status %d".formatted(method, path, instance.id(), status));
    }

    private int ask(Instance instance, String method) {
        InetSocketAddress address = instance.address()
                .orElseThrow(() ->
                        ProviderException.permanent("instance " + instance.id() + " has no address to be told at"));
        HttpRequest request = HttpRequest.newBuilder(HttpHealthChecker.uri(address, path))
                .timeout(timeout)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();
        try {
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            throw ProviderException.retryable("%s %s of instance %s: %s".formatted(method, path, instance.id(), e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("interrupted while telling instance " + instance.id(), e);
        }
    }
}
