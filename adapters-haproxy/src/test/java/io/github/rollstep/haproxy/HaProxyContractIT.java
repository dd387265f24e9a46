package io.github.rollstep.haproxy;

import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.OpenRequest;
import io.github.rollstep.testkit.RevisionAffinityContract;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
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
            return next();
        }

        @Override
        TrafficRouter next() {
            return HaProxyRouter.builder("app").endpoint(haproxy.socket()).build();
        }
    }

    @Nested
    class Slots extends Contract {
        @Override
        protected TrafficRouter router() {
            haproxy = HaProxyProcess.slots(directory);
            return next();
        }

        @Override
        TrafficRouter next() {
            return HaProxyRouter.builder("app")
                    .slots("s")
                    .endpoint(haproxy.socket(), haproxy.stateFile())
                    .build();
        }
    }

    @Nested
    class ByTcp extends Contract {
        private final InetSocketAddress loopback = HaProxyProcess.freeAddress();

        @Override
        protected TrafficRouter router() {
            haproxy = HaProxyProcess.start(
                    directory,
                    HaProxyProcess.documented(0)
                            .replace(
                                    "global\n",
                                    "global\n    stats socket ipv4@127.0.0.1:%d level admin\n"
                                            .formatted(loopback.getPort())));
            return next();
        }

        @Override
        TrafficRouter next() {
            return HaProxyRouter.builder("app").endpoint(loopback).build();
        }

        /** An address is there or not; the others take their socket away. */
        @Override
        protected Optional<Runnable> outage() {
            return Optional.empty();
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
            return next();
        }

        @Override
        TrafficRouter next() {
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

        abstract TrafficRouter next();

        @Override
        protected TrafficRouter reopened(TrafficRouter died) {
            return next();
        }

        @Override
        protected void kill(Instance instance) {
            service.stop(instance);
        }

        @Override
        protected Optional<Runnable> outage() {
            Path elsewhere = haproxy.socket().resolveSibling("away");
            move(haproxy.socket(), elsewhere);
            return Optional.of(() -> move(elsewhere, haproxy.socket()));
        }

        private static void move(Path from, Path to) {
            try {
                Files.move(from, to);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

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

    @Nested
    class ByHeader extends Affinity {
        @Override
        protected TrafficRouter router() {
            return router(HaProxyProcess.documented(2), RevisionKey.header("X-Revision"));
        }

        @Override
        String[] naming(String revision) {
            return new String[] {"X-Revision", revision};
        }
    }

    @Nested
    class ByCookie extends Affinity {
        @Override
        protected TrafficRouter router() {
            return router(
                    HaProxyProcess.documented(2).replace("req.hdr(X-Revision)", "req.cook(revision)"),
                    RevisionKey.cookie("revision"));
        }

        @Override
        String[] naming(String revision) {
            return new String[] {"Cookie", "a=b; revision=" + revision};
        }
    }

    abstract static class Affinity extends RevisionAffinityContract {

        @TempDir
        Path directory;

        private HaProxyProcess haproxy;
        private final Service service = new Service();

        TrafficRouter router(String configuration, RevisionKey key) {
            Path map = directory.resolve("revisions.map");
            try {
                Files.createFile(map);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            haproxy = HaProxyProcess.start(directory, configuration);
            return HaProxyRouter.builder("app")
                    .endpoint(haproxy.socket())
                    .revisionAffinity(key, map)
                    .build();
        }

        abstract String[] naming(String revision);

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(20);
        }

        @Override
        protected Instance instance(String name, Revision revision) {
            return service.instance(name, 0, revision);
        }

        @Override
        protected String request(Optional<String> revision) {
            return service.request(haproxy.address(), revision.map(this::naming).orElse(new String[0]));
        }

        @AfterEach
        void stop() {
            service.close();
            haproxy.close();
        }
    }
}
