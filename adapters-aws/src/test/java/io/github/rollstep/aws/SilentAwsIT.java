package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.entry;

import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;

/** A service that takes requests and never answers, and clients as the adapters want them. */
class SilentAwsIT {

    private final CallCounter calls = new CallCounter();
    private final CountDownLatch asked = new CountDownLatch(1);
    private final ConcurrentLinkedQueue<Socket> connections = new ConcurrentLinkedQueue<>();
    private ServerSocket server;
    private AutoScalingClient client;

    private record Outcome(Throwable error, boolean isInterrupted) {}

    @BeforeEach
    void start() throws IOException {
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread accepting = new Thread(this::accept);
        accepting.setDaemon(true);
        accepting.start();
        client = AwsClients.configure(AutoScalingClient.builder(), calls)
                .endpointOverride(URI.create("http://127.0.0.1:" + server.getLocalPort()))
                .region(Moto.REGION)
                .credentialsProvider(AnonymousCredentialsProvider.create())
                .build();
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        server.close();
        for (Socket connection : connections) {
            connection.close();
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket connection = server.accept();
                connections.add(connection);
                connection.getInputStream().read();
                asked.countDown();
            }
        } catch (IOException e) {
            // It is closed.
        }
    }

    /** The time-out of an attempt must not be taken for the interrupt, nor the other way round. */
    @Test
    void anInterruptEndsAllCallsWithTheAttemptInProgressAndIsKept() throws InterruptedException {
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        Thread calling = new Thread(() -> {
            Throwable error = catchThrowable(() -> Bulk.forEach(
                    List.of("a", "b", "c"),
                    name -> AwsErrors.run(
                            "describe " + name,
                            () -> client.describeAutoScalingGroups(group -> group.autoScalingGroupNames(name)))));
            outcome.complete(new Outcome(error, Thread.currentThread().isInterrupted()));
        });
        calling.start();
        assertThat(asked.await(1, TimeUnit.MINUTES)).isTrue();
        calling.interrupt();

        assertThat(outcome.join().error())
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue());
        assertThat(outcome.join().isInterrupted()).isTrue();
        assertThat(calls.counts())
                .as("no other attempt")
                .containsExactly(entry("AutoScaling:DescribeAutoScalingGroups", 1L));
    }

    @Test
    void whoIsInterruptedAsksNothing() {
        Thread.currentThread().interrupt();
        Throwable error = catchThrowable(() -> AwsErrors.run("describe", client::describeAutoScalingGroups));

        assertThat(Thread.interrupted()).isTrue();
        assertThat(error).isInstanceOf(ProviderException.class).hasMessage("describe was interrupted");
        assertThat(calls.total()).isZero();
    }
}
