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
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange.Request;
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
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One rollout in progress. A step observes, plans, persists the next state and only then acts; one that could not persist
 * does not act, and one that took so long that what it saw is old does not either: the next one looks again.
 */
final class Controller implements Rollout {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);
    private static final String STEP = "step";
    private static final String OBSERVE = "observe";
    private static final String PERSIST = "persist";
    private static final String VETO = "veto";
    private static final String HOLD = "hold settings";
    private static final String RESTORE = "restore settings";

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
    private final Custody custody;
    private final Cadence cadence;
    private volatile Instant nextStepAt;
    private volatile RolloutState state;
    private FleetCounts counts = FleetCounts.none();
    private boolean restorable = true;
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
            Custody custody,
            Cadence cadence,
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
        this.custody = custody;
        this.cadence = cadence;
        nextStepAt = clock.instant();
        this.announcer = announcer;
        this.state = state;
        progress = Progress.of(state, counts, List.of(), clock.instant());
    }

    /**
     * Says that it begins, before any step does; not of one that has ended, and whose settings only are put back.
     *
     * @param wake is run when a step is due before the time that the last one asked for
     */
    void begin(Runnable wake) {
        lock.lock();
        try {
            this.wake = wake;
            if (!state.phase().isFinal()) {
                announcer.phaseChanged(Optional.empty(), state, clock.instant());
            }
        } finally {
            lock.unlock();
        }
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
    public Optional<Instant> nextStepAt() {
        return end.isDone() ? Optional.empty() : Optional.of(nextStepAt);
    }

    @Override
    public Plan step() {
        lock.lock();
        RolloutState before = state;
        Plan made = nothing(List.of());
        try {
            made = advance();
            backoff.succeeded(STEP);
            return made;
        } catch (RuntimeException | Error e) {
            if (!end.isDone()) {
                backoff.failed(
                        STEP, clock.instant(), ProviderException.retryable("a step failed unexpectedly: " + e, e));
                show(nothing(platformReasons(clock.instant())));
            }
            throw e;
        } finally {
            completeIfOver();
            boolean changed = !made.actions().isEmpty() || !state.equals(before);
            nextStepAt = cadence.next(made, changed, clock.instant());
            lock.unlock();
        }
    }

    private Plan advance() {
        requireOpen();
        Instant now = clock.instant();
        Plan plan = nothing(List.of());
        if (!state.phase().isFinal()) {
            boolean waits = backoff.holds(PERSIST, now).isPresent();
            plan = waits ? nothing(platformReasons(now)) : step(now);
        }
        return restore() ? plan : show(nothing(platformReasons(clock.instant())));
    }

    /** Once it has ended: puts the settings of the platform back. Whether nothing more is left to do for it. */
    private boolean restore() {
        Instant now = clock.instant();
        if (!state.phase().isFinal() || state.isOver()) {
            return true;
        }
        if (backoff.holds(RESTORE, now).isPresent()) {
            return false;
        }
        try {
            settle(now);
            custody.restore(state);
            journal.save(state.restored());
            adopt(state.restored());
            backoff.succeeded(RESTORE);
        } catch (ProviderException e) {
            noteFailure(RESTORE, e);
            restorable = e.isRetryable();
            return false;
        } catch (Journal.TakenOver e) {
            leave(e);
            throw e;
        }
        return true;
    }

    /** Changes the settings of the platform for the time of the rollout. Whether they are. */
    private boolean hold(Instant now) {
        if (backoff.holds(HOLD, now).isPresent()) {
            return false;
        }
        try {
            custody.hold(state);
            backoff.succeeded(HOLD);
            return true;
        } catch (ProviderException e) {
            noteFailure(HOLD, e);
            fault = e.isRetryable() ? fault : Optional.ofNullable(e.getMessage());
            return false;
        }
    }

    private Plan step(Instant now) {
        FleetSnapshot snapshot;
        Plan plan;
        boolean isHeld;
        try {
            settle(now);
            isHeld = hold(now);
            if (!isHeld && fault.isEmpty()) {
                return show(nothing(platformReasons(clock.instant())));
            }
            snapshot = observe(now);
            if (Thread.currentThread().isInterrupted()) {
                return nothing(List.of(Reason.of(Code.PLATFORM, "the step was interrupted")));
            }
            snapshot = snapshot.withGates(gatekeeper.verdicts(state, counts, policy, now));
            plan = withVeto(planner.plan(snapshot, state, policy), snapshot, now);
            if (!plan.actions().isEmpty() && isOld(now)) {
                String text = "looking took longer than the callTimeout of %s in all: what was seen is old"
                        .formatted(callTimeout);
                plan = planner.plan(FleetSnapshot.blind(now, observer.platform(), text), state, policy);
            }
            if (!plan.next().equals(state)) {
                journal.save(plan.next());
            }
            backoff.succeeded(PERSIST);
        } catch (ProviderException e) {
            noteFailure(PERSIST, e);
            return show(nothing(platformReasons(clock.instant())));
        } catch (Journal.TakenOver e) {
            leave(e);
            throw e;
        }
        fault = Optional.empty();
        counts = plan.counts();
        adopt(plan.next());
        announcer.failures(state, plan.failures(), now);
        if (state != plan.next()) {
            return nothing(List.of()); // A listener gave a command meanwhile: the plan is not good any more.
        }
        if (!isHeld) {
            LOG.debug("{} {}: does nothing while settings are not held", state.fleet(), state.rollout());
        } else if (!isOld(now)) {
            performer.perform(plan, snapshot, new Outcomes(now));
        } else if (!plan.actions().isEmpty()) {
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

    /** What was seen in a look that began then is too old to act upon. */
    private boolean isOld(Instant now) {
        return !clock.instant().isBefore(now.plus(callTimeout));
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

    /**
     * Has another rollout begin in place of this one, which then makes no step any more. Where that one cannot be recorded, this one
     * goes on.
     *
     * @param next from the present state; what it throws is thrown, and this one goes on
     * @return empty if this one has ended meanwhile
     */
    Optional<RolloutState> supersede(UnaryOperator<RolloutState> next) {
        lock.lock();
        try {
            if (end.isDone()) {
                return Optional.empty();
            }
            settle(clock.instant());
            RolloutState begun = next.apply(state);
            journal.save(begun);
            leave("superseded by %s to revision %s".formatted(begun.rollout(), begun.target()));
            return Optional.of(begun);
        } catch (Journal.TakenOver e) {
            leave(e);
            throw e;
        } finally {
            lock.unlock();
        }
    }

    /** Goes on with these limits, unless it has ended meanwhile. */
    void resize(Limits limits) {
        command(now -> state.phase().isFinal() ? state : state.resize(limits));
    }

    @Override
    public void rollBack(String reason) {
        command(now -> rolledBack(now, reason));
    }

    private RolloutState rolledBack(Instant now, String reason) {
        if (policy.isForwardOnly(state.batchesDone())) {
            throw new IllegalStateException("rollout %s may not roll back after %d batches: it is forward only"
                    .formatted(state.rollout(), state.batchesDone()));
        }
        return state.rollBack(now, byHand(reason));
    }

    @Override
    public void abort() {
        command(now -> state.abort(now, byHand("aborted by hand")));
    }

    private static Reason byHand(String text) {
        return Reason.of(Code.BY_HAND, text);
    }

    /** Obeys a request of another controller's user, or refuses it and says why; each one once. */
    void obey(Request request) {
        command(now -> {
            requireInProgress();
            if (request.number() <= state.answers().upTo()) {
                return state;
            }
            try {
                return changed(request, now).answered(request.number(), Optional.empty());
            } catch (IllegalStateException e) {
                return state.answered(request.number(), Optional.of(String.valueOf(e.getMessage())));
            }
        });
    }

    /** Of a request that needs no more than an answer. */
    void answer(long number, Optional<String> refusal) {
        command(now -> {
            requireInProgress();
            return number <= state.answers().upTo() ? state : state.answered(number, refusal);
        });
    }

    private RolloutState changed(Request request, Instant now) {
        String by = request.by();
        if (request.command() instanceof Command.Pause) {
            return state.pause(now, byHand("paused by " + by));
        }
        if (request.command() instanceof Command.Resume) {
            return state.resume(now);
        }
        if (request.command() instanceof Command.Approve) {
            return state.approve(now, byHand("approved by " + by));
        }
        if (request.command() instanceof Command.RollBack rollBack) {
            return rolledBack(now, "%s (asked by %s)".formatted(rollBack.reason(), by));
        }
        if (request.command() instanceof Command.Abort) {
            return state.abort(now, byHand("aborted by " + by));
        }
        throw new IllegalArgumentException("a rollout in progress cannot obey " + request);
    }

    private interface Change {
        RolloutState at(Instant now);
    }

    private void command(Change change) {
        lock.lock();
        try {
            requireOpen();
            Instant now = clock.instant();
            if (end.isDone()) {
                // Its lease is given back, and its record may be another one's: this says why it is not obeyed.
                change.at(now);
                return;
            }
            settle(now);
            RolloutState next = change.at(now);
            if (!next.equals(state)) {
                journal.save(next);
            }
            adopt(next);
            show(nothing(next.phase().isHeld() ? List.of(next.phaseReason()) : List.of()));
            restore();
        } catch (Journal.TakenOver e) {
            leave(e);
            throw e;
        } finally {
            completeIfOver();
            lock.unlock();
        }
        wake.run();
    }

    private void requireOpen() {
        if (end.isCompletedExceptionally()) {
            throw Ending.failure(end);
        }
    }

    /** Whoever has the fleet now has to answer. */
    private void requireInProgress() {
        if (end.isDone()) {
            throw new IllegalStateException("rollout %s has ended meanwhile".formatted(state.rollout()));
        }
    }

    private void completeIfOver() {
        if (progress.phase().isFinal() && (state.isOver() || !restorable) && !end.isDone()) {
            try {
                journal.release();
            } catch (ProviderException e) {
                LOG.warn("{}: the lease was not released and ends by itself: {}", state.fleet(), e.getMessage());
            }
            gatekeeper.close();
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
            return leave(new IllegalStateException("rollout %s: %s".formatted(state.rollout(), why)));
        } finally {
            lock.unlock();
        }
    }

    private boolean leave(IllegalStateException why) {
        gatekeeper.close();
        boolean left = end.completeExceptionally(why);
        if (left) {
            announcer.left(state, String.valueOf(why.getMessage()), clock.instant());
        }
        return left;
    }

    /** Waits for the step in progress, and the next one waits for this. */
    <T> T betweenSteps(Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
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
}
