package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.health.LameDuckRouter;
import io.github.rollstep.health.LameDuckSignal;
import io.github.rollstep.spi.TrafficRouter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;

/** The router that nobody can talk to keeps the contract, before one that sends requests to whatever is no lame duck. */
class LameDuckContractTest extends TrafficRouterContract {

    private final Set<InstanceId> running = new ConcurrentSkipListSet<>();
    private final Set<InstanceId> lame = ConcurrentHashMap.newKeySet();
    private int turn;

    private final LameDuckSignal signal = new LameDuckSignal() {
        @Override
        public void enter(Instance instance) {
            lame.add(instance.id());
        }

        @Override
        public void leave(Instance instance) {
            lame.remove(instance.id());
        }

        @Override
        public boolean isIn(Instance instance) {
            return lame.contains(instance.id());
        }
    };

    @Override
    protected TrafficRouter router() {
        return LameDuckRouter.builder()
                .signal(signal)
                .detectionTime(Duration.ofMillis(50))
                .requestTime(Duration.ofSeconds(1)) // For so long a drain is seen, also on a busy machine.
                .build();
    }

    @Override
    protected TrafficRouter reopened(TrafficRouter died) {
        return router();
    }

    @Override
    protected boolean canBeTold() {
        return false;
    }

    @Override
    protected Instance instance(String name) {
        running.add(InstanceId.of(name));
        return Instance.builder(InstanceId.of(name), Revision.of("v1"), Instance.State.RUNNING)
                .address(InetSocketAddress.createUnresolved(name, 80))
                .build();
    }

    @Override
    protected String request() {
        String[] taking = running.stream()
                .filter(id -> !lame.contains(id))
                .map(InstanceId::value)
                .toArray(String[]::new);
        return taking.length == 0 ? "" : taking[turn++ % taking.length];
    }

    /** A lame duck answers whatever comes: no request is cut while its instance lives. */
    @Override
    protected OpenRequest open() {
        InstanceId by = InstanceId.of(request());
        assertThat(running).contains(by);
        return () -> running.contains(by);
    }

    @Override
    protected void kill(Instance instance) {
        running.remove(instance.id());
    }
}
