package io.github.rollstep.run;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.Exchange.RollCall;
import io.github.rollstep.spi.Exchange.Unfinished;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The part that one engine has in the work on a shared store: it answers what is asked of its fleets, takes over rollouts that
 * nobody drives, and gives some away as long as it has more than its share.
 *
 * <p>Nothing is agreed upon with others but the leases: shares are what every controller counts by itself from the same roll call.
 */
final class SharedWork {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);

    /** A request waits half as long on average. */
    private static final Duration LOOK = Duration.ofMillis(250);

    /** So that nothing is begun that was asked for days ago, while no controller was there. */
    static final Duration REQUEST_LIFE = Duration.ofHours(1);

    private final RolloutEngine engine;
    private final Exchange exchange;
    private final Calls calls;
    private final Map<FleetId, RollingUpdate> updates = new ConcurrentHashMap<>();
    private final Set<FleetId> busy = ConcurrentHashMap.newKeySet();
    private final Set<FleetId> failingFleets = ConcurrentHashMap.newKeySet();
    private volatile Duration lease = Duration.ofHours(1);
    private volatile long callAt = System.nanoTime();
    private boolean failing;
    private volatile boolean stopped;

    SharedWork(RolloutEngine engine, Exchange exchange) {
        this.engine = engine;
        this.exchange = exchange;
        calls = new Calls(engine.calls, Duration.ofSeconds(10));
        schedule(Duration.ZERO);
    }

    void add(RollingUpdate update, Duration leaseOfFleet) {
        FleetId fleet = update.driver().fleet();
        if (updates.putIfAbsent(fleet, update) != null) {
            throw new IllegalArgumentException(
                    "fleet must be shared once by an engine, %s is already".formatted(fleet));
        }
        lease = leaseOfFleet.compareTo(lease) < 0 ? leaseOfFleet : lease;
    }

    /** The last one says that this controller is gone. */
    void remove(FleetId fleet) {
        updates.remove(fleet);
        failingFleets.remove(fleet);
        if (updates.isEmpty()) {
            try {
                rollCall();
            } catch (ProviderException e) {
                LOG.debug("others learn it when the time is over", e);
            }
        }
    }

    /** Whether it has no fleet, and so looks no more. */
    boolean stopIfIdle() {
        stopped = updates.isEmpty();
        return stopped;
    }

    /** The engine is closed: nothing is looked at any more. */
    void leave() {
        updates.values().forEach(update -> update.leaveHandles("the engine is closed"));
    }

    /**
     * Says whether this controller is there. One at a time: whoever has said that it is gone does not say afterwards that it is there,
     * unless a fleet has come since.
     */
    private synchronized RollCall rollCall() {
        Duration present = updates.isEmpty() ? Duration.ZERO : lease;
        RollCall call = calls.call("roll call", () -> exchange.rollCall(engine.name, present));
        callAt = System.nanoTime() + present.toNanos() / 3;
        return call;
    }

    private void schedule(Duration delay) {
        try {
            engine.timer.schedule(() -> engine.steps.execute(this::look), delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("the engine is closed", e);
        }
    }

    private void look() {
        try {
            if (!updates.isEmpty()) {
                boolean answered = succeeds(() -> answer(calls.call("requests", exchange::requests)));
                boolean called = succeeds(this::callRoll); // Also then: others must not take this controller for dead.
                failing = !answered || !called;
            }
        } finally {
            if (!stopped) {
                schedule(LOOK);
            }
        }
    }

    private boolean succeeds(Runnable work) {
        try {
            work.run();
            return true;
        } catch (ProviderException e) {
            if (!failing && !updates.isEmpty()) {
                LOG.warn("the work on a shared store is not looked at, will be: {}", e.getMessage());
            }
            return false;
        }
    }

    private void callRoll() {
        if (System.nanoTime() - callAt >= 0) {
            share(rollCall());
        }
    }

    private void answer(List<Request> requests) {
        requests.stream().collect(Collectors.groupingBy(Request::fleet)).forEach((fleet, ofFleet) -> {
            if (updates.containsKey(fleet)) {
                run(fleet, driver -> driver.obey(ofFleet, exchange));
            } else {
                forgetExpired(fleet, ofFleet);
            }
        });
    }

    /** Of a fleet that no controller may have any more. */
    private void forgetExpired(FleetId fleet, List<Request> requests) {
        requests.stream()
                .filter(request -> request.age().compareTo(REQUEST_LIFE) >= 0)
                .mapToLong(Request::number)
                .max()
                .ifPresent(upTo -> calls.run("forget requests", () -> exchange.forget(fleet, upTo)));
    }

    private void share(RollCall call) {
        List<Unfinished> known = call.unfinished().stream()
                .filter(unfinished -> updates.containsKey(unfinished.fleet()))
                .toList();
        int controllers = Math.max(1, call.controllers().size()); // None, if this one has just left.
        int share = (known.size() + controllers - 1) / controllers;
        List<FleetId> held = known.stream()
                .filter(unfinished -> unfinished
                        .owner()
                        .filter(owner -> owner.startsWith(engine.name + "/"))
                        .isPresent())
                .map(Unfinished::fleet)
                .toList();
        held.stream().skip(share).forEach(fleet -> run(fleet, FleetDriver::giveAway));
        known.stream()
                .filter(unfinished -> unfinished.owner().isEmpty())
                .map(Unfinished::fleet)
                .limit(Math.max(0, share - held.size()))
                .forEach(fleet -> run(fleet, FleetDriver::takeOver));
    }

    private interface Task {
        void with(FleetDriver driver);
    }

    /** On another thread; nothing if the fleet is none of ours, or still at the last one. */
    private void run(FleetId fleet, Task task) {
        RollingUpdate update = updates.get(fleet);
        if (update == null || !busy.add(fleet)) {
            return;
        }
        try {
            engine.steps.execute(() -> {
                try {
                    task.with(update.driver());
                    failingFleets.remove(fleet);
                } catch (Journal.Held | Journal.TakenOver e) {
                    LOG.debug("another controller has it", e);
                } catch (RuntimeException e) {
                    if (failingFleets.add(fleet)) {
                        LOG.warn("{}: will be tried again: {}", fleet, e.getMessage());
                    }
                } finally {
                    busy.remove(fleet);
                }
            });
        } catch (RejectedExecutionException e) {
            busy.remove(fleet);
        }
    }
}
