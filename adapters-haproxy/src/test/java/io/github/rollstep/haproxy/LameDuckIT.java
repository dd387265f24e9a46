package io.github.rollstep.haproxy;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.Routing;
import io.github.rollstep.health.LameDuckRouter;
import io.github.rollstep.testkit.Eventually;
import io.github.rollstep.testkit.LoadClient;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A lame duck loses no request behind a real router that nobody talks to: HAProxy, which goes by its own health check here. */
class LameDuckIT {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    Path directory;

    private final Service service = new Service();
    private HaProxyProcess haproxy;
    private Instance leaving;

    private LoadClient load() {
        leaving = service.instance("leaving");
        Instance staying = service.instance("staying");
        haproxy = HaProxyProcess.start(
                directory,
                HaProxyProcess.documented(0).replace("mode http", "mode http\n    retries 0\n    timeout check 5s")
                        + server("leaving", leaving)
                        + server("staying", staying));
        return LoadClient.start(haproxy.address(), "/", "/slow");
    }

    private static String server(String name, Instance instance) {
        return "    server %s 127.0.0.1:%d check inter 100ms fall 2 rise 1\n"
                .formatted(name, instance.address().orElseThrow().getPort());
    }

    private static void untilMore(LoadClient load, int requests) {
        long enough = load.requests() + requests;
        Eventually.holds(PATIENCE, () -> assertThat(load.requests()).isGreaterThan(enough));
    }

    @AfterEach
    void stop() {
        service.close();
        haproxy.close();
    }

    @Test
    void noRequestIsLost() {
        LameDuckRouter router = LameDuckRouter.builder()
                .detectionTime(Duration.ofSeconds(1))
                .requestTime(Duration.ofSeconds(1))
                .build();
        LoadClient load = load();
        try (load) {
            untilMore(load, 200);

            router.drain(leaving);
            Eventually.holds(
                    PATIENCE,
                    () -> assertThat(router.routes(List.of(leaving)).get(leaving.id()))
                            .isEqualTo(Routing.draining(0)));
            service.stop(leaving);

            untilMore(load, 200);
        }
        assertThat(load.failures()).isEmpty();
    }

    @Test
    void withoutItRequestsAreLost() {
        LoadClient load = load();
        try (load) {
            untilMore(load, 200);

            service.stop(leaving);

            untilMore(load, 200);
        }
        assertThat(load.failed()).isPositive();
    }
}
