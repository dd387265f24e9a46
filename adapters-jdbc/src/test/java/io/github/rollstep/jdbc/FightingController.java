package io.github.rollstep.jdbc;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutEngine;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.testkit.InvariantMonitor;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.ds.PGSimpleDataSource;

/** One of several controllers of one fleet, in a process of its own: {@code FLEET_PORT JDBC_URL}. Ends when its input does. */
final class FightingController {

    static final FleetId FLEET = FleetId.of("fight");
    static final int DESIRED = 3;
    static final Duration CALL = Duration.ofMillis(800);
    static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ZERO)
            .build();

    private FightingController() {}

    public static void main(String[] args) throws Exception {
        RemoteFleet remote = new RemoteFleet(Integer.parseInt(args[0]), CALL);
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(args[1]);
        InvariantMonitor monitor = InvariantMonitor.of(FLEET, POLICY);
        AtomicInteger said = new AtomicInteger();
        try (RolloutEngine engine = RolloutEngine.create();
                RollingUpdate update = monitor.around(remote, remote, remote, JdbcRolloutStore.of(source))
                        .desired(DESIRED)
                        .engine(engine)
                        .callTimeout(CALL)
                        .pollInterval(Duration.ofMillis(100))
                        .lease(Duration.ofSeconds(1))
                        .shared()
                        .listener(new RolloutListener() {
                            @Override
                            public void actionTaken(RolloutEvent.ActionTaken event) {
                                System.out.println("ACTION " + event.action());
                                monitor.violations().stream().skip(said.get()).forEach(broken -> {
                                    said.incrementAndGet();
                                    System.out.println(
                                            "BROKEN " + broken.toString().replace('\n', '|'));
                                });
                            }
                        })
                        .build()) {
            System.out.println("READY " + update.limits().footprint());
            while (System.in.read() >= 0) {
                Thread.onSpinWait();
            }
        }
    }
}
