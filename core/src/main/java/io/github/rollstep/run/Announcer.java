package io.github.rollstep.run;

import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs what happens and tells the listeners; one that throws disturbs nobody. */
final class Announcer {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);

    private final List<RolloutListener> listeners;
    private final Set<RolloutListener> thrown = ConcurrentHashMap.newKeySet();
    private List<Reason> waits = List.of();

    Announcer(List<RolloutListener> listeners) {
        this.listeners = List.copyOf(listeners);
    }

    void phaseChanged(Optional<RolloutPhase> from, RolloutState state, Instant at) {
        Reason reason = state.phaseReason();
        if (state.phase() == RolloutPhase.FAILED) {
            LOG.error("{} {}: FAILED: {}", state.fleet(), state.rollout(), reason);
        } else {
            LOG.info(
                    "{} {}: {} ({} is the goal): {}",
                    state.fleet(),
                    state.rollout(),
                    state.phase(),
                    state.goal(),
                    reason);
        }
        var event = new RolloutEvent.PhaseChanged(state.fleet(), state.rollout(), at, from, state.phase(), reason);
        tell(listener -> listener.phaseChanged(event));
    }

    void left(RolloutState state, String why, Instant at) {
        LOG.info("{} is left: {}", state.fleet(), why);
        var event = new RolloutEvent.Left(state.fleet(), state.rollout(), at, why);
        tell(listener -> listener.left(event));
    }

    void failures(RolloutState state, List<Plan.Failure> failures, Instant at) {
        for (Plan.Failure failure : failures) {
            LOG.warn("{} {}: instance failed: {}", state.fleet(), state.rollout(), failure.reason());
            var event =
                    new RolloutEvent.InstanceFailed(state.fleet(), state.rollout(), at, failure.id(), failure.reason());
            tell(listener -> listener.instanceFailed(event));
        }
    }

    void actionTaken(RolloutState state, Action action, Instant at) {
        LOG.info("{} {}: {}", state.fleet(), state.rollout(), action);
        var event = new RolloutEvent.ActionTaken(state.fleet(), state.rollout(), at, action);
        tell(listener -> listener.actionTaken(event));
    }

    void callFailed(RolloutState state, String call, ProviderException error, Instant at) {
        LOG.warn(
                "{} {}: {} ({})",
                state.fleet(),
                state.rollout(),
                error.getMessage(),
                error.isRetryable() ? "will be repeated" : "permanent");
        LOG.debug("cause", error);
        var event = new RolloutEvent.CallFailed(state.fleet(), state.rollout(), at, call, error);
        tell(listener -> listener.callFailed(event));
    }

    void waiting(RolloutState state, List<Reason> reasons, Instant at) {
        if (reasons.equals(waits)) {
            return;
        }
        waits = reasons;
        LOG.debug("{} {}: waits: {}", state.fleet(), state.rollout(), reasons);
        var event = new RolloutEvent.Waiting(state.fleet(), state.rollout(), at, reasons);
        tell(listener -> listener.waiting(event));
    }

    void progressed(Progress progress) {
        tell(listener -> listener.progressed(progress));
    }

    private void tell(Consumer<RolloutListener> event) {
        for (RolloutListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (RuntimeException | LinkageError | AssertionError e) {
                if (thrown.add(listener)) {
                    LOG.warn("listener {} threw; further ones of it are not logged", listener, e);
                }
            }
        }
    }
}
