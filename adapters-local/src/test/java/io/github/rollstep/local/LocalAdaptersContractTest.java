package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.testkit.InstanceProviderContract;
import io.github.rollstep.testkit.OpenRequest;
import io.github.rollstep.testkit.RevisionAffinityContract;
import io.github.rollstep.testkit.TrafficRouterContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The local adapters keep the contracts: real processes, real sockets. */
class LocalAdaptersContractTest {

    @Nested
    class Processes extends InstanceProviderContract {

        @TempDir
        Path directory;

        private final Map<FleetId, LocalProcessProvider> providers = new HashMap<>();

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            LocalProcessProvider provider = LocalProcessProvider.builder(fleet, directory.resolve(fleet.value()))
                    .command(List.of("{attribute.program}", "{attribute.seconds}"))
                    .stopGrace(Duration.ofSeconds(20))
                    .build();
            providers.put(fleet, provider);
            return provider;
        }

        @Override
        protected InstanceProvider reopened(FleetId fleet, InstanceProvider died) {
            ((LocalProcessProvider) died).close();
            return provider(fleet);
        }

        @Override
        protected Revision revision() {
            return running("v1", "sleep", "1000");
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(running("exiting", "sleep", "0"));
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(running("impossible", "no-such-program-anywhere", "0"));
        }

        private static Revision running(String id, String program, String seconds) {
            return Revision.of(id, Map.of("program", program, "seconds", seconds));
        }

        @AfterEach
        void stop() {
            providers.values().forEach(LocalProcessProvider::stopFleet);
            providers.values().forEach(LocalProcessProvider::close);
        }
    }

    @Nested
    class Router extends TrafficRouterContract {

        private final EmbeddedRouter router = EmbeddedRouter.start();
        private final List<RawBackend> backends = new ArrayList<>();
        private final CountDownLatch release = new CountDownLatch(1);

        @Override
        protected TrafficRouter router() {
            return router;
        }

        @Override
        protected Instance instance(String name) {
            try {
                RawBackend backend = new RawBackend(name, call -> {
                    if (call.path().equals("/held")) {
                        release.await();
                    }
                    call.ok(name);
                });
                backends.add(backend);
                return backend.instance();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected String request() {
            try (RawClient client = new RawClient(router.address())) {
                RawMessage answer = client.get("/").receive();
                return answer.firstLine().contains(" 200 ") ? answer.body() : "";
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected OpenRequest open() {
            try {
                RawClient client = new RawClient(router.address()).get("/held");
                return () -> finish(client);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected void kill(Instance instance) {
            try {
                for (RawBackend backend : backends) {
                    if (backend.id().equals(instance.id())) {
                        backend.close();
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private boolean finish(RawClient client) {
            release.countDown();
            try (client) {
                return client.receive().firstLine().contains(" 200 ");
            } catch (IOException e) {
                return false;
            }
        }

        @AfterEach
        void stop() throws IOException {
            release.countDown();
            router.close();
            for (RawBackend backend : backends) {
                backend.close();
            }
        }
    }

    @Nested
    class ByHeader extends Affinity {
        ByHeader() {
            super(RevisionKey.header("X-Revision"));
        }

        @Override
        String naming(String revision) {
            return "x-revision: " + revision;
        }
    }

    @Nested
    class ByCookie extends Affinity {
        ByCookie() {
            super(RevisionKey.cookie("revision"));
        }

        @Override
        String naming(String revision) {
            return "Cookie: a=b; revision=" + revision + "; xrevision=v9";
        }
    }

    abstract static class Affinity extends RevisionAffinityContract {

        private final EmbeddedRouter router;
        private final List<RawBackend> backends = new ArrayList<>();

        Affinity(RevisionKey key) {
            router = EmbeddedRouter.builder().revisionAffinity(key).start();
        }

        abstract String naming(String revision);

        @Override
        protected TrafficRouter router() {
            return router;
        }

        @Override
        protected Instance instance(String name, Revision revision) {
            try {
                RawBackend backend = RawBackend.named(name);
                backends.add(backend);
                return Instance.builder(backend.id(), revision, Instance.State.RUNNING)
                        .address(backend.instance().address().orElseThrow())
                        .build();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected String request(Optional<String> revision) {
            try (RawClient client = new RawClient(router.address())) {
                String named =
                        revision.map(this::naming).map(field -> field + "\r\n").orElse("");
                RawMessage answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n" + named + "\r\n")
                        .receive();
                return answer.firstLine().contains(" 200 ") ? answer.body() : "";
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @AfterEach
        void stop() throws IOException {
            router.close();
            for (RawBackend backend : backends) {
                backend.close();
            }
        }
    }
}
