package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Routing;
import io.github.rollstep.testkit.LoadClient;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Instances come and go under load, and nothing is dropped: without the router's own retries, which would hide it. */
class EmbeddedRouterDrainTest {

    private static final int ROTATIONS = 25;
    private static final int REQUESTS_A_ROTATION = 20;

    private static RawBackend backend(int number) throws Exception {
        return new RawBackend("i-" + number, call -> {
            if (call.path().equals("/slow")) {
                Thread.sleep(300);
            }
            call.ok("i-" + number);
        });
    }

    @Test
    @Timeout(120)
    void dropsNothingWhileInstancesComeAndGo() throws Exception {
        EmbeddedRouter router = EmbeddedRouter.builder().retries(false).start();
        Deque<RawBackend> in = new ArrayDeque<>();
        for (int i = 0; i < 3; i++) {
            in.addLast(backend(i));
            router.admit(in.getLast().instance());
        }
        LoadClient load = LoadClient.start(router.address(), "/", "/slow");
        try (load) {
            for (int i = 0; i < ROTATIONS; i++) {
                long enough = load.requests() + REQUESTS_A_ROTATION;
                Until.holds("load", () -> load.requests() >= enough);
                RawBackend next = backend(3 + i);
                router.admit(next.instance());
                in.addLast(next);
                RawBackend old = in.removeFirst();
                router.drain(old.instance());
                Until.holds(
                        "no open request",
                        () -> router.routes()
                                .getOrDefault(old.id(), Routing.out())
                                .isQuiet());
                old.close();
            }
        }
        router.close();

        assertThat(load.failures()).isEmpty();
        assertThat(load.failed()).isZero();
    }

    /** The same without the wait: the client sees what it would otherwise not have looked for. */
    @Test
    @Timeout(120)
    void aDropIsSeen() throws Exception {
        EmbeddedRouter router = EmbeddedRouter.builder().retries(false).start();
        LoadClient load = LoadClient.start(router.address(), "/", "/slow");
        try (load) {
            for (int i = 0; load.failed() == 0; i++) {
                RawBackend next = backend(i);
                router.admit(next.instance());
                Until.holds("requests", () -> next.requests().size() > 20);
                next.close();
                router.drain(next.instance());
            }
        }
        router.close();

        assertThat(load.failures()).isNotEmpty();
    }
}
