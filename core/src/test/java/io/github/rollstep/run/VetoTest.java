package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.StopVeto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The owner of a stateful fleet is asked who may go, and what he says is done. */
class VetoTest {

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);

    private Rollout rollout(StopVeto veto) {
        return platform.update(FleetId.of("shop"))
                .stopVeto(veto)
                .policy(RolloutPolicy.builder()
                        .batches(Batches.sliding(Quota.of(3)))
                        .maxSurge(3)
                        .minReady(Duration.ZERO)
                        .build())
                .clock(clock)
                .hostDriven()
                .build()
                .start(Revision.of("v2"));
    }

    private void stepUntil(Rollout rollout, BooleanSupplier goal) {
        for (int i = 0; i < 500 && !goal.getAsBoolean(); i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(goal.getAsBoolean()).as("%s", rollout.progress()).isTrue();
    }

    private static List<String> names(List<Instance> instances) {
        return instances.stream().map(instance -> instance.id().value()).toList();
    }

    @Test
    void theLeaderGoesLast() {
        List<String> asked = new ArrayList<>();
        Rollout rollout = rollout((candidates, stopped) -> {
            asked.add(names(candidates) + " " + names(stopped));
            return candidates.size() == 1
                    ? StopVeto.Refusals.none()
                    : new StopVeto.Refusals(Map.of(candidates.get(0).id(), "it is the leader"));
        });

        stepUntil(
                rollout,
                () -> rollout.progress().waits().stream()
                        .map(Reason::text)
                        .anyMatch("v1-1 may not stop now: it is the leader"::equals));
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);

        assertThat(asked)
                .as("all candidates at once, and who has been told to leave counts as gone")
                .startsWith("[v1-1, v1-2, v1-3] []")
                .contains("[v1-1] [v1-2, v1-3]");
    }

    @Test
    void nobodyGoesWhileItCannotTell() {
        boolean[] blind = {true};
        Rollout rollout = rollout((candidates, stopped) -> {
            if (blind[0]) {
                throw ProviderException.retryable("the cluster has no quorum to ask");
            }
            return StopVeto.Refusals.none();
        });

        stepUntil(
                rollout,
                () -> rollout.progress().waits().stream()
                        .anyMatch(wait -> wait.text().contains("the cluster has no quorum to ask")));
        for (int i = 0; i < 30; i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(platform.revisions()).containsExactly("v1", "v1", "v1", "v2", "v2", "v2");
        blind[0] = false;
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.SUCCEEDED);
    }

    @Test
    void isNotAskedWhileNobodyWouldGo() {
        List<List<String>> asked = new ArrayList<>();
        Rollout rollout = rollout((candidates, stopped) -> {
            asked.add(names(candidates));
            return StopVeto.Refusals.none();
        });
        platform.bad.add("v2");

        for (int i = 0; i < 60; i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }

        assertThat(asked).isEmpty();
    }

    @Test
    void whoIsRefusedStaysAlsoOnTheWayBack() {
        boolean[] refuses = {false};
        Rollout rollout = rollout((candidates, stopped) ->
                refuses[0] ? StopVeto.Refusals.all(candidates, "is copying data") : StopVeto.Refusals.none());
        stepUntil(rollout, () -> platform.revisions().contains("v2"));
        rollout.step();
        refuses[0] = true;

        rollout.rollBack("by hand");
        for (int i = 0; i < 30; i++) {
            rollout.step();
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(platform.revisions()).contains("v2", "v2", "v2");
        refuses[0] = false;
        stepUntil(rollout, () -> rollout.phase() == RolloutPhase.ROLLED_BACK);
    }
}
