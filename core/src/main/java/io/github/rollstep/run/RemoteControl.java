package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;

/**
 * Shows and steers the rollouts of a shared store from any process, without the adapters of their fleets: a command line, a page, a
 * chat bot. What is asked is obeyed by the controller that holds the fleet, within a second while it is well. Safe for use by
 * several threads.
 */
public final class RemoteControl {

    private static final Duration LOOK = Duration.ofMillis(100);
    private static final int LOOKS_FOR_ANSWERS_ONLY = 10;

    private final RolloutStore store;
    private final Exchange exchange;
    private final InstantSource clock;

    private RemoteControl(RolloutStore store, Exchange exchange, InstantSource clock) {
        this.store = store;
        this.exchange = exchange;
        this.clock = clock;
    }

    public static <S extends RolloutStore & Exchange> RemoteControl of(S store) {
        return of(store, store);
    }

    static RemoteControl of(RolloutStore store, Exchange exchange) {
        return new RemoteControl(store, exchange, InstantSource.system());
    }

    /**
     * Asks, and waits until the request is obeyed. What nobody answers stays asked for an hour.
     *
     * @param by who asks, for the record
     * @throws IllegalStateException if it is refused, with the reason; while a fleet has had no rollout yet, the reason is in the log of
     *     its controllers only
     * @throws ProviderException if the store cannot be asked, or nobody answers in this time; then it stays asked
     */
    public void ask(FleetId fleet, Command command, String by, Duration timeout) throws InterruptedException {
        if (!(command instanceof Command.Start) && state(fleet).isEmpty()) {
            throw new IllegalStateException("fleet %s has no rollout in progress".formatted(fleet));
        }
        long number = exchange.ask(fleet, command, by);
        long deadline = System.nanoTime() + timeout.toNanos();
        for (int look = 1; ; look++) {
            boolean isOver = System.nanoTime() >= deadline;
            // Before the answers are read: what is forgotten was answered then.
            boolean isForgotten = (isOver || look % LOOKS_FOR_ANSWERS_ONLY == 0) && isForgotten(fleet, number);
            RolloutState.Answers answers = answers(fleet);
            if (answers.upTo() >= number) {
                Optional.ofNullable(answers.refused().get(number)).ifPresent(why -> {
                    throw new IllegalStateException(why);
                });
                return;
            }
            if (isForgotten) {
                throw new IllegalStateException(
                        "request %d to fleet %s is refused, and no record tells why: see the log of its controllers"
                                .formatted(number, fleet));
            }
            if (isOver) {
                throw ProviderException.retryable(
                        "request %d to fleet %s was not answered within %s: no controller of it is there, or it cannot reach its store; it stays asked"
                                .formatted(number, fleet, timeout));
            }
            Thread.sleep(LOOK.toMillis());
        }
    }

    private boolean isForgotten(FleetId fleet, long number) {
        return exchange.requests().stream()
                .noneMatch(request -> request.fleet().equals(fleet) && request.number() == number);
    }

    private RolloutState.Answers answers(FleetId fleet) {
        return state(fleet).map(RolloutState::answers).orElse(RolloutState.Answers.NONE);
    }

    private Optional<RolloutState> state(FleetId fleet) {
        return store.load(fleet).map(RolloutStore.Stored::state);
    }

    /**
     * The fleet's last rollout as it was recorded last. What it waits for and how many serve is known only to the controller that
     * holds it: both are empty here, but for the reason of a hold.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public Optional<Progress> progress(FleetId fleet) {
        return state(fleet).map(state -> progress(state, clock.instant()));
    }

    static Progress progress(RolloutState state, Instant now) {
        return Progress.of(
                state, FleetCounts.none(), state.phase().isHeld() ? List.of(state.phaseReason()) : List.of(), now);
    }

    /**
     * The rollouts of the fleet that are over, the newest first.
     *
     * @throws ProviderException if the store cannot be asked
     */
    public List<PastRollout> history(FleetId fleet) {
        return state(fleet).map(RolloutState::past).orElse(List.of());
    }
}
