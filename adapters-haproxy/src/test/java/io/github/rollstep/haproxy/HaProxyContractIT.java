package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.OpenRequest;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The router keeps its contract on a real HAProxy, started with the configurations of docs/haproxy.md. */
class HaProxyContractIT {

    @Nested
    class Dynamic extends Contract {
        @Override
        protected TrafficRouter router() {
            haproxy = HaProxyProcess.dynamic(directory);
            return HaProxyRouter.builder("app").endpoint(haproxy.socket()).build();
        }
    }

    @Nested
    class Slots extends Contract {
        @Override
        protected TrafficRouter router() {
            haproxy = HaProxyProcess.slots(directory);
            return HaProxyRouter.builder("app")
                    .slots("s")
                    .endpoint(haproxy.socket(), haproxy.stateFile())
                    .build();
        }
    }

    @Nested
    class Two extends Contract {
        @TempDir
        Path otherDirectory;

        private HaProxyProcess other;

        @Override
        protected TrafficRouter router() {
            haproxy = HaProxyProcess.dynamic(directory);
            other = HaProxyProcess.dynamic(otherDirectory);
            return HaProxyRouter.builder("app")
                    .endpoint(haproxy.socket())
                    .endpoint(other.socket())
                    .build();
        }

        @AfterEach
        void stopTheOther() {
            other.close();
        }
    }

    abstract static class Contract extends TrafficRouterContract {

        @TempDir
        Path directory;

        HaProxyProcess haproxy;
        private final Service service = new Service();

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(20);
        }

        @Override
        protected Instance instance(String name) {
            return service.instance(name);
        }

        @Override
        protected String request() {
            return service.request(haproxy.address());
        }

        @Override
        protected OpenRequest open() {
            return service.open(haproxy.address());
        }

        @AfterEach
        void stop() {
            service.close();
            haproxy.close();
        }
    }
}
