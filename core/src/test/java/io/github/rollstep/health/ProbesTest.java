package io.github.rollstep.health;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.HealthChecker;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Checkers that ask real servers on loopback. */
class ProbesTest {

    private final List<HttpServer> servers = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CountDownLatch release = new CountDownLatch(1);

    @AfterEach
    void stop() {
        release.countDown();
        servers.forEach(server -> server.stop(0));
        threads.shutdownNow();
    }

    private Instance serving(HttpHandler handler) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        server.setExecutor(threads);
        server.createContext("/", handler);
        server.start();
        servers.add(server);
        return at(server.getAddress());
    }

    private Instance answering(int status) throws IOException {
        return serving(exchange -> {
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
    }

    private static Instance at(InetSocketAddress address) {
        return Instance.builder(InstanceId.of("i-" + address.getPort()), Revision.of("v1"), Instance.State.RUNNING)
                .address(address)
                .build();
    }

    private static Instance refusing() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return at(new InetSocketAddress(InetAddress.getLoopbackAddress(), socket.getLocalPort()));
        }
    }

    private static HttpHealthChecker.Builder http() {
        return HttpHealthChecker.builder().timeout(Duration.ofSeconds(20)).interval(Duration.ZERO);
    }

    @Test
    void acceptsTheStatusesAskedForAndNoOther() throws IOException {
        Instance ok = answering(204);
        Instance broken = answering(503);

        assertThat(http().build().check(ok)).isEqualTo(Health.healthy());
        assertThat(http().accept(503).build().check(broken)).isEqualTo(Health.healthy());
        assertThat(http().accept(500, 502).accept(503).build().check(ok).isUnhealthy())
                .isTrue();
        Health verdict = http().path("/health?full=1").build().check(broken);
        assertThat(verdict.isUnhealthy()).isTrue();
        assertThat(verdict.detail())
                .isEqualTo("GET http://127.0.0.1:%d/health?full=1: status 503"
                        .formatted(broken.address().orElseThrow().getPort()));
    }

    @Test
    void neverFollowsARedirect() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        Instance elsewhere = serving(exchange -> {
            asked.incrementAndGet();
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        Instance redirecting = serving(exchange -> {
            exchange.getResponseHeaders()
                    .add(
                            "Location",
                            "http://127.0.0.1:%d/"
                                    .formatted(elsewhere.address().orElseThrow().getPort()));
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });

        assertThat(http().build().check(redirecting).detail()).endsWith("status 302");
        assertThat(asked).hasValue(0);
    }

    @Test
    void readsNoMoreThanABoundedPartOfTheBody() throws Exception {
        CountDownLatch cut = new CountDownLatch(1);
        Instance endless = serving(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream body = exchange.getResponseBody()) {
                while (true) {
                    body.write(new byte[1024]);
                }
            } catch (IOException e) {
                cut.countDown();
            }
        });

        assertThat(http().build().check(endless)).isEqualTo(Health.healthy());
        assertThat(cut.await(60, TimeUnit.SECONDS))
                .as("the connection is closed")
                .isTrue();
    }

    @Test
    void givesUpOnAnAnswerThatDoesNotComeOrDoesNotEnd() throws IOException {
        HttpHealthChecker impatient =
                HttpHealthChecker.builder().timeout(Duration.ofMillis(300)).build();
        Instance silent = serving(exchange -> waitForRelease());
        Instance trickling = serving(exchange -> {
            exchange.sendResponseHeaders(200, 100);
            exchange.getResponseBody().write('x');
            exchange.getResponseBody().flush();
            waitForRelease();
        });

        Map<InstanceId, Health> verdicts = impatient.checkAll(List.of(silent, trickling));

        assertThat(verdicts.values()).hasSize(2).allSatisfy(verdict -> {
            assertThat(verdict.isUnhealthy()).isTrue();
            assertThat(verdict.detail()).endsWith("no whole answer within PT0.3S");
        });
    }

    private void waitForRelease() {
        try {
            release.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Each server answers only when all were asked: one after the other would never get an answer. */
    @Test
    void asksAWholeCollectionAtOnce() throws IOException {
        CyclicBarrier all = new CyclicBarrier(50);
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            instances.add(serving(exchange -> {
                try {
                    all.await(60, TimeUnit.SECONDS);
                } catch (Exception e) {
                    throw new IOException(e);
                }
                exchange.sendResponseHeaders(200, -1);
                exchange.close();
            }));
        }

        assertThat(http().build().checkAll(instances).values()).hasSize(50).allMatch(Health::isHealthy);
    }

    @Test
    void tcpSeesWhoAcceptsAndWhoRefuses() throws IOException {
        Instance accepting = answering(200);
        Instance refusing = refusing();
        TcpHealthChecker tcp =
                TcpHealthChecker.builder().timeout(Duration.ofSeconds(20)).build();

        Map<InstanceId, Health> verdicts = tcp.checkAll(List.of(accepting, refusing));

        assertThat(verdicts.get(accepting.id())).isEqualTo(Health.healthy());
        assertThat(verdicts.get(refusing.id()).isUnhealthy()).isTrue();
        assertThat(verdicts.get(refusing.id()).detail()).containsIgnoringCase("refused");
        assertThat(http().build().check(refusing).isUnhealthy()).isTrue();
    }

    @Test
    void anInstanceWithoutAnAddressIsUnknown() {
        Instance nowhere = Instance.builder(InstanceId.of("i-1"), Revision.of("v1"), Instance.State.RUNNING)
                .build();

        assertThat(http().build().check(nowhere)).isEqualTo(Health.unknown("it has no address yet"));
        assertThat(TcpHealthChecker.builder().build().check(nowhere))
                .isEqualTo(Health.unknown("it has no address yet"));
    }

    @Test
    void thresholdsAreCountedForEachInstance() throws IOException {
        AtomicInteger status = new AtomicInteger(503);
        Instance instance = serving(exchange -> {
            exchange.sendResponseHeaders(status.get(), -1);
            exchange.close();
        });
        HealthChecker checker = http().healthyThreshold(2).unhealthyThreshold(3).build();

        assertThat(checker.check(instance).isUnhealthy()).as("never healthy").isTrue();
        status.set(200);
        assertThat(checker.check(instance).detail()).isEqualTo("1 of 2 probes in a row: healthy");
        assertThat(checker.check(instance)).isEqualTo(Health.healthy());
        status.set(503);
        assertThat(checker.check(instance).isHealthy()).isTrue();
        assertThat(checker.check(instance).detail()).startsWith("2 of 3 probes in a row: GET");
        status.set(200);
        assertThat(checker.check(instance)).isEqualTo(Health.healthy());
        status.set(503);
        checker.check(instance);
        checker.check(instance);
        assertThat(checker.check(instance).isUnhealthy()).as("three in a row").isTrue();
    }

    @Test
    void oneThatIsHealthyIsAskedAgainOnlyAfterTheInterval() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        AtomicInteger status = new AtomicInteger(503);
        Instance instance = serving(exchange -> {
            asked.incrementAndGet();
            exchange.sendResponseHeaders(status.get(), -1);
            exchange.close();
        });
        HealthChecker checker = http().interval(Duration.ofMinutes(10)).build();

        checker.check(instance);
        checker.check(instance);
        assertThat(asked).as("not healthy: each time").hasValue(2);
        status.set(200);
        for (int i = 0; i < 5; i++) {
            assertThat(checker.check(instance)).isEqualTo(Health.healthy());
        }
        assertThat(asked).hasValue(3);
    }

    @Test
    void combinesSeveral() throws IOException {
        Instance instance = answering(200);
        HealthChecker unsure = one -> Health.unknown("no idea");
        HealthChecker bad = one -> Health.unhealthy("bad");

        assertThat(HealthCheckers.all(HealthCheckers.running(), http().build()).check(instance))
                .isEqualTo(Health.healthy());
        assertThat(HealthCheckers.all(HealthCheckers.running(), unsure).check(instance))
                .isEqualTo(Health.unknown("no idea"));
        assertThat(HealthCheckers.all(unsure, bad).checkAll(List.of(instance)).get(instance.id()))
                .isEqualTo(Health.unhealthy("no idea; bad"));
        assertThat(HealthCheckers.running()
                        .check(instance.toBuilder()
                                .state(Instance.State.STARTING)
                                .build())
                        .isHealthy())
                .isFalse();
    }

    @Test
    void rejectsSettingsThatMakeNoSense() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().path("health"))
                .withMessage("path must begin with /, was health");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().interval(Duration.ofMillis(-1)))
                .withMessage("interval must be within PT0S to PT10M, was PT-0.001S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().path("/he alth"))
                .withMessage("path must be a valid path of a URI, was /he alth");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().accept(99))
                .withMessage("accepted statuses must be within 100 to 599, was 99 to 99");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().timeout(Duration.ZERO))
                .withMessage("timeout must be within PT0.001S to PT10M, was PT0S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> http().healthyThreshold(0))
                .withMessage("healthyThreshold must be within 1 to 100, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(HealthCheckers::all)
                .withMessage("checkers must be >= 1, was 0");
    }
}
