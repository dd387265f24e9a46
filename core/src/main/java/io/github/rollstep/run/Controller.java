package io.github.rollstep.run;

import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Action;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.FleetSnapshot;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.Reason.Code;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One rollout in progress. A step observes, plans, persists the next state and only then acts; one that could not persist
 * does not act, and one that took so long that what it saw is old does not either: the next one looks again.
 */
final class Controller implements Rollout {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);
    private static final String OBSERVE = "observe";
    private static final String PERSIST = "persist";
    private static final String VETO = "veto";

    private final ReentrantLock lock = new ReentrantLock();
    private final CompletableFuture<Progress> end = new CompletableFuture<>();
    private final Backoff backoff = new Backoff();
    private final RolloutPolicy policy;
    private final InstantSource clock;
    private final Duration callTimeout;
    private final Planner planner;
    private final Journal journal;
    private final Observer observer;
    private final Gatekeeper gatekeeper;
    private final Veto veto;
    private final Performer performer;
    private final Announcer announcer;
    private volatile RolloutState state;
    private FleetCounts counts = FleetCounts.none();
    private Optional<String> fault = Optional.empty();
    private volatile Progress progress;
    private volatile Runnable wake = () -> {};

    Controller(
            RolloutPolicy policy,
            InstantSource clock,
            Duration callTimeout,
            Planner planner,
            Journal journal,
            Observer observer,
            Gatekeeper gatekeeper,
            Veto veto,
            Performer performer,
            Announcer announcer,
            RolloutState state) {
        this.policy = policy;
        this.clock = clock;
        this.callTimeout = callTimeout;
        this.planner = planner;
        this.journal = journal;
        this.observer = observer;
        this.gatekeeper = gatekeeper;
        this.veto = veto;
        this.performer = performer;
        this.announcer = announcer;
        this.state = state;
        progress = Progress.of(state, counts, List.of(), clock.instant());
    }

    /** @param wake is run when a step is due before the time that the last one asked for */
    void begin(Runnable wake) {
        this.wake = wake;
        announcer.phaseChanged(Optional.empty(), state, clock.instant());
        wake.run();
    }

    @Override
    public RolloutId id() {
        return state.rollout();
    }

    @Override
    public RolloutPhase phase() {
        return progress.phase();
    }

    @Override
    public Progress progress() {
        return progress;
    }

    @Override
    public Plan step() {
        lock.lock();
        try {
            requireOpen();
            if (state.phase().isFinal()) {
                return nothing(List.of());
            }
            Instant now = clock.instant();
            Optional<Backoff.Failure> unsaved = backoff.holds(PERSIST, now);
            return unsaved.isPresent() ? nothing(platformReasons(now)) : step(now);
        } finally {
            completeIfFinal();
            lock.unlock();
        }
    }

    private Plan step(Instant now) {
        FleetSnapshot snapshot;
        Plan plan;
        try {
            settle(now);
            snapshot = observe(now);
            if (Thread.currentThread().isInterrupted()) {
                return nothing(List.of(Reason.of(Code.PLATFORM, "the step was interrupted")));
            }
            snapshot = snapshot.withGates(gatekeeper.verdicts(state, counts, policy, now));
            plan = withVeto(planner.plan(snapshot, state, policy), snapshot, now);
            if (!plan.next().equals(state)) {
                journal.save(plan.next());
            }
            backoff.succeeded(PERSIST);
        } catch (ProviderException e) {
            noteFailure(PERSIST, e);
            return show(nothing(platformReasons(clock.instant())));
        } catch (Journal.TakenOver e) {
            end.completeExceptionally(e);
            throw e;
        }
        fault = Optional.empty();
        counts = plan.counts();
        adopt(plan.next());
        announcer.failures(state, plan.failures(), now);
        if (state != plan.next()) {
            return nothing(List.of()); // A listener gave a command meanwhile: the plan is not good any more.
        }
        if (clock.instant().isBefore(now.plus(callTimeout))) {
            performer.perform(plan, snapshot, new Outcomes(now));
        } else {
            LOG.warn("{} {}: the step took longer than {}, looks again", state.fleet(), state.rollout(), callTimeout);
        }
        List<Reason> waits = new ArrayList<>(platformReasons(clock.instant()));
        waits.addAll(plan.waits());
        return show(new Plan(
                plan.actions(),
                plan.next(),
                waits,
                plan.failures(),
                plan.departing(),
                plan.counts(),
                fault.isPresent() ? Optional.of(now) : plan.wakeAt()));
    }

    /** The plan without those whom their owner does not let go: nobody while it cannot tell. */
    private Plan withVeto(Plan plan, FleetSnapshot snapshot, Instant now) {
        if (!veto.isAsked(plan)) {
            return plan;
        }
        Map<InstanceId, String> refusals;
        Optional<Backoff.Failure> failed = backoff.holds(VETO, now);
        if (failed.isPresent()) {
            refusals = Veto.all(plan, failed.get().message());
        } else {
            try {
                refusals = veto.refusals(plan, snapshot, state);
                backoff.succeeded(VETO);
            } catch (ProviderException e) {
                noteFailure(VETO, e);
                refusals = Veto.all(plan, String.valueOf(e.getMessage()));
            }
        }
        return refusals.isEmpty() ? plan : planner.plan(snapshot.withRefusals(refusals), state, policy);
    }

    private void settle(Instant now) {
        journal.renew(now);
        journal.settle();
        adopt(journal.state().orElseThrow());
    }

    private FleetSnapshot observe(Instant now) {
        FleetSnapshot snapshot;
        Optional<Backoff.Failure> failed = backoff.holds(OBSERVE, now);
        try {
            if (failed.isPresent()) {
                snapshot = FleetSnapshot.blind(
                        now, observer.platform(), failed.get().message());
            } else {
                snapshot = observer.observe(now);
                backoff.succeeded(OBSERVE);
            }
        } catch (ProviderException e) {
            noteFailure(OBSERVE, e);
            snapshot = FleetSnapshot.blind(now, observer.platform(), String.valueOf(e.getMessage()));
            fault = e.isRetryable() ? fault : Optional.ofNullable(e.getMessage());
        }
        return fault.map(snapshot::withFault).orElse(snapshot);
    }

    private void adopt(RolloutState next) {
        RolloutPhase before = state.phase();
        state = next;
        if (next.phase() != before) {
            announcer.phaseChanged(Optional.of(before), next, clock.instant());
        }
    }

    private Plan show(Plan plan) {
        Instant now = clock.instant();
        progress = Progress.of(state, counts, plan.waits(), now);
        announcer.waiting(state, plan.waits(), now);
        announcer.progressed(progress);
        return plan;
    }

    private Plan nothing(List<Reason> waits) {
        return new Plan(List.of(), state, waits, List.of(), List.of(), counts, Optional.empty());
    }

    private List<Reason> platformReasons(Instant now) {
        return backoff.holding(now).stream()
                .map(failure -> Reason.of(
                        Code.PLATFORM, "%s; tried %d times, again soon".formatted(failure.message(), failure.times())))
                .toList();
    }

    private void noteFailure(String call, ProviderException e) {
        Instant now = clock.instant();
        backoff.failed(call, now, e);
        announcer.callFailed(state, call, e, now);
    }

    private final class Outcomes implements Performer.Outcome {

        private final Instant now;

        Outcomes(Instant now) {
            this.now = now;
        }

        @Override
        public boolean allows(String call) {
            return backoff.holds(call, now).isEmpty();
        }

        @Override
        public void taken(String call, List<Action> actions) {
            backoff.succeeded(call);
            actions.forEach(action -> announcer.actionTaken(state, action, clock.instant()));
        }

        @Override
        public void failed(String call, ProviderException error) {
            noteFailure(call, error);
            if (!error.isRetryable()) {
                fault = Optional.ofNullable(error.getMessage());
            }
        }
    }

    @Override
    public void pause() {
        command(now -> state.pause(now, byHand("paused by hand")));
    }

    @Override
    public void resume() {
        command(now -> state.resume(now));
    }

    @Override
    public void approve(String by) {
        command(now -> state.approve(now, byHand("approved by " + by)));
    }

    /** Goes on with these limits, unless it has ended meanwhile. */
    void resize(Limits limits) {
        command(now -> state.phase().isFinal() ? state : state.resize(limits));
    }

    @Override
    public void rollBack(String reason) {
        command(now -> {
            if (policy.isForwardOnly(state.batchesDone())) {
                throw new IllegalStateException("rollout %s may not roll back after %d batches: it is forward only"
                        .formatted(state.rollout(), state.batchesDone()));
            }
            return state.rollBack(now, byHand(reason));
        });
    }

    @Override
    public void abort() {
        command(now -> state.abort(now, byHand("aborted by hand")));
    }

    private static Reason byHand(String text) {
        return Reason.of(Code.BY_HAND, text);
    }

    private interface Command {
        RolloutState at(Instant now);
    }

    private void command(Command command) {
        lock.lock();
        try {
            requireOpen();
            Instant now = clock.instant();
            settle(now);
            RolloutState next = command.at(now);
            journal.save(next);
            adopt(next);
            show(nothing(next.phase().isHeld() ? List.of(next.phaseReason()) : List.of()));
        } catch (Journal.TakenOver e) {
            end.completeExceptionally(e);
            throw e;
        } finally {
            completeIfFinal();
            lock.unlock();
        }
        wake.run();
    }

    private void requireOpen() {
        if (end.isCompletedExceptionally()) {
            throw failure();
        }
    }

    private void completeIfFinal() {
        if (progress.phase().isFinal() && !end.isDone()) {
            try {
                journal.release();
            } catch (ProviderException e) {
                LOG.warn("{}: the lease was not released and ends by itself: {}", state.fleet(), e.getMessage());
            }
            end.complete(progress);
        }
    }

    /**
     * Makes no further step; the rollout stays as it is in the store. Returns when the step in progress has ended.
     *
     * @return false if it has ended already, and given its lease back
     */
    boolean leave(String why) {
        lock.lock();
        try {
            return end.completeExceptionally(
                    new IllegalStateException("rollout %s: %s".formatted(state.rollout(), why)));
        } finally {
            lock.unlock();
        }
    }

    boolean hasEnded() {
        return end.isDone();
    }

    RolloutState state() {
        return state;
    }

    @Override
    public Optional<Progress> await(Duration timeout) throws InterruptedException {
        try {
            return Optional.of(end.get(timeout.toMillis(), TimeUnit.MILLISECONDS));
        } catch (TimeoutException e) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw failure();
        }
    }

    @Override
    public CompletionStage<Progress> end() {
        return end.minimalCompletionStage();
    }

    private IllegalStateException failure() {
        Throwable cause = end.handle((done, error) -> error).join();
        return new IllegalStateException(cause == null ? "ended" : cause.getMessage(), cause);
    }
}
