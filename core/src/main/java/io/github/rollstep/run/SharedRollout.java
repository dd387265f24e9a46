package io.github.rollstep.run;

import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A rollout of a shared fleet: in the hands of this controller or of another one, and that may change. Commands go to whoever drives
 * it, and its end is seen in the store. Of each rollout there is one until then, however often it is asked for: each one looks.
 */
final class SharedRollout implements Rollout {

    private static final Duration LOOK = Duration.ofMillis(500);

    private final RollingUpdate update;
    private final FleetDriver driver;
    private final RolloutId id;
    private final CompletableFuture<Progress> end = new CompletableFuture<>();

    SharedRollout(RollingUpdate update, RolloutId id) {
        this.update = update;
        driver = update.driver();
        this.id = id;
    }

    private Optional<Controller> local() {
        return driver.local().filter(controller -> controller.id().equals(id));
    }

    /** Looks until the end is seen. To be called once. */
    void look() {
        try {
            Optional<Controller> driven = local();
            if (driven.isPresent()) {
                driven.get().ended().whenComplete((progress, error) -> {
                    if (error == null) {
                        end.complete(progress);
                    } else {
                        lookLater(Duration.ZERO);
                    }
                });
                return;
            }
            if (driver.isClosed()) {
                leave("closed, can be resumed");
                return;
            }
            driver.recorded().ifPresent(this::seen);
        } catch (ProviderException e) {
            // Not known now; the next look may tell.
        }
        if (!end.isDone()) {
            lookLater(LOOK);
        }
    }

    private void lookLater(Duration delay) {
        RolloutEngine engine = driver.engine();
        try {
            engine.timer.schedule(() -> engine.steps.execute(this::look), delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            leave("the engine is closed");
        }
    }

    /** Does not wait for the end any more. */
    void leave(String why) {
        end.completeExceptionally(new IllegalStateException("rollout %s: %s".formatted(id, why)));
    }

    private void seen(RolloutState state) {
        if (state.rollout().equals(id)) {
            if (state.phase().isFinal()) {
                end.complete(RemoteControl.progress(state, driver.clock().instant()));
            }
            return;
        }
        Optional<PastRollout> past = state.history().past().stream()
                .filter(one -> one.rollout().equals(id))
                .findFirst();
        if (past.isPresent() && !past.get().superseded()) {
            end.complete(progress(state, past.get()));
        } else {
            end.completeExceptionally(
                    new IllegalStateException("rollout %s: superseded by %s".formatted(id, state.rollout())));
        }
    }

    private static Progress progress(RolloutState now, PastRollout past) {
        return new Progress(
                now.fleet(),
                past.rollout(),
                past.from(),
                past.to(),
                past.phase(),
                past.reason(),
                past.limits(),
                FleetCounts.none(),
                List.of(),
                past.duration(),
                Optional.empty(),
                past.peak(),
                past.fewestServing());
    }

    @Override
    public RolloutId id() {
        return id;
    }

    @Override
    public Optional<Instant> nextStepAt() {
        return local().flatMap(Controller::nextStepAt);
    }

    @Override
    public RolloutPhase phase() {
        return progress().phase();
    }

    /** As of the last step, if it is driven here; else as it was recorded last. */
    @Override
    public Progress progress() {
        Optional<Progress> here = local().map(Controller::progress);
        return here.orElseGet(() -> {
            RolloutState state = driver.recorded()
                    .orElseThrow(() -> new IllegalStateException("rollout %s is in no record".formatted(id)));
            if (!state.rollout().equals(id)) {
                seen(state);
                return end.handle((progress, error) -> Optional.ofNullable(progress))
                        .join()
                        .orElseThrow(() -> Ending.failure(end));
            }
            return RemoteControl.progress(state, driver.clock().instant());
        });
    }

    @Override
    public Plan step() {
        return local().orElseThrow(() -> new IllegalStateException(
                        "rollout %s is driven by another controller: that one makes its steps".formatted(id)))
                .step();
    }

    @Override
    public Optional<Progress> await(Duration timeout) throws InterruptedException {
        return Ending.await(end, timeout);
    }

    @Override
    public CompletionStage<Progress> end() {
        return Ending.stage(end);
    }

    /** As {@link #end}, for what must have happened before anything that follows. */
    CompletableFuture<Progress> ended() {
        return end;
    }

    @Override
    public void pause() {
        command(Rollout::pause, new Command.Pause(Optional.of(id)));
    }

    @Override
    public void resume() {
        command(Rollout::resume, new Command.Resume(Optional.of(id)));
    }

    @Override
    public void approve(String by) {
        command(rollout -> rollout.approve(by), new Command.Approve(Optional.of(id)), by);
    }

    @Override
    public void rollBack(String reason) {
        command(rollout -> rollout.rollBack(reason), new Command.RollBack(reason, Optional.of(id)));
    }

    @Override
    public void abort() {
        command(Rollout::abort, new Command.Abort(Optional.of(id)));
    }

    private void command(Consumer<Rollout> here, Command elsewhere) {
        command(here, elsewhere, update.operator());
    }

    private void command(Consumer<Rollout> here, Command elsewhere, String by) {
        Optional<Controller> driven = local();
        try {
            if (driven.isPresent()) {
                here.accept(driven.get());
                return;
            }
        } catch (IllegalStateException e) {
            if (!driven.get().hasEnded() || driven.get().progress().phase().isFinal()) {
                throw e;
            }
        }
        update.ask(elsewhere, by);
    }
}
