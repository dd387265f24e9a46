package io.github.rollstep.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.Behaviour;
import io.github.rollstep.testkit.InvariantMonitor;
import io.github.rollstep.testkit.SimulatedFleet;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

/** The database goes away in the middle of a rollout, by a restart or for longer than a lease. */
class JdbcOutageIT {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.sliding(Quota.of(1)))
            .maxSurge(1)
            .minReady(Duration.ZERO)
            .build();

    @TempDir
    Path directory;

    private EmbeddedPostgres start(int port) throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(new File(directory.toFile(), "data"))
                .setCleanDataDirectory(false);
        return (port == 0 ? builder : builder.setPort(port)).start();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 30})
    void theRolloutWaitsSaysSoAndGoesOn(int secondsAway) throws Exception {
        SimulatedFleet fleet = SimulatedFleet.builder(SHOP, InstantSource.system())
                .behaviour(Behaviour.builder()
                        .startDelay(Duration.ofSeconds(1), Duration.ofSeconds(2))
                        .stopTime(Duration.ofMillis(200))
                        .build())
                .build();
        fleet.start(4, Revision.of("v1"));
        InvariantMonitor monitor =
                InvariantMonitor.builder(SHOP, POLICY).truth(fleet::observe).build();
        CountDownLatch twoActions = new CountDownLatch(2);
        EmbeddedPostgres server = start(0);
        int port = server.getPort();
        HikariConfig config = new HikariConfig();
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(server.getJdbcUrl("postgres", "postgres"));
        config.setDataSource(source);
        try (HikariDataSource pool = new HikariDataSource(config);
                RollingUpdate update = monitor.around(
                                fleet.provider(), fleet.healthChecker(), fleet.router(), store(pool))
                        .desired(4)
                        .lease(Duration.ofSeconds(5))
                        .pollInterval(Duration.ofMillis(200))
                        .listener(new RolloutListener() {
                            @Override
                            public void actionTaken(RolloutEvent.ActionTaken event) {
                                twoActions.countDown();
                            }
                        })
                        .build()) {
            Rollout rollout = update.start(Revision.of("v2"));
            assertThat(twoActions.await(60, TimeUnit.SECONDS)).isTrue();
            server.close();

            await(() -> rollout.progress().waits().stream().anyMatch(wait -> wait.code() == Reason.Code.PLATFORM));
            assertThat(rollout.progress().waits())
                    .anySatisfy(wait -> assertThat(wait.text()).contains("tried", "again soon"));
            int launched = fleet.observe().size();
            new CountDownLatch(1).await(secondsAway, TimeUnit.SECONDS);
            assertThat(fleet.observe().size()).as("nothing is begun meanwhile").isLessThanOrEqualTo(launched);
            assertThat(rollout.phase()).isEqualTo(RolloutPhase.ROLLING);
            server = start(port);

            assertThat(rollout.await(Duration.ofMinutes(2)).orElseThrow().phase())
                    .isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(fleet.observe())
                    .hasSize(4)
                    .allSatisfy(
                            one -> assertThat(one.instance().revision().id()).isEqualTo("v2"));
            assertThat(fleet.violations()).as("nothing was launched twice").isEmpty();
            monitor.assertKept();
        } finally {
            server.close();
        }
    }

    private static JdbcRolloutStore store(HikariDataSource pool) {
        JdbcRolloutStore store = JdbcRolloutStore.of(pool);
        store.createSchema();
        pool.setConnectionTimeout(500); // From now on; the first connection may take longer.
        return store;
    }

    @Test
    void aServerThatIsAwayIsAPassingTrouble() throws IOException {
        PGSimpleDataSource source;
        try (EmbeddedPostgres server = start(0)) {
            source = new PGSimpleDataSource();
            source.setUrl(server.getJdbcUrl("postgres", "postgres"));
            JdbcRolloutStore.of(source).createSchema();
        }
        assertThatThrownBy(() -> JdbcRolloutStore.of(source).load(SHOP))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isTrue())
                .hasMessageContaining("load shop: ")
                .hasMessageContaining("SQL state 08");
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        CountDownLatch pause = new CountDownLatch(1);
        for (int i = 0; i < 600 && !condition.getAsBoolean(); i++) {
            pause.await(100, TimeUnit.MILLISECONDS);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }
}
