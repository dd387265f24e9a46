package io.github.rollstep.local;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One launch and its process: running, then stopping or failed, then gone. What it is follows from its record and from whether
 * the process is alive, looked at together; so no process that was told to stop is ever taken for one that failed.
 *
 * <p>Once it was started nothing here fails for want of disk: a record that could not be written is repaired by a repeat of
 * {@code terminate} after a crash, a process that cannot be stopped is worse. Safe for use by several threads.
 */
final class LocalInstance {

    private static final Logger LOG = LoggerFactory.getLogger(LocalInstance.class);

    private static final int DETAIL = 200;
    private static final int FEWEST_LOOKS = 2;
    private static final int MOST_LOOKS = 10;

    private final FleetDirectory directory;
    private final @Nullable Process child;
    private final CompletableFuture<Void> exit;
    private LaunchRecord record;
    private Optional<String> detail = Optional.empty();

    private LocalInstance(
            FleetDirectory directory, LaunchRecord record, @Nullable Process child, CompletableFuture<Void> exit) {
        this.directory = directory;
        this.record = record;
        this.child = child;
        this.exit = exit;
    }

    static LocalInstance started(FleetDirectory directory, LaunchRecord record, Process child) {
        return new LocalInstance(directory, record, child, child.onExit().thenRun(() -> {}));
    }

    /** Of an earlier provider: somebody has to {@link #look} at it from time to time. */
    static LocalInstance found(FleetDirectory directory, LaunchRecord record) {
        return new LocalInstance(directory, record, null, new CompletableFuture<>());
    }

    /** Completed after its process has exited. */
    CompletableFuture<Void> exit() {
        return exit;
    }

    /** Completes {@link #exit} if the process has exited; otherwise says that it is alive. */
    synchronized boolean look() {
        boolean alive = isAlive();
        if (!alive) {
            exit.complete(null);
        }
        return alive;
    }

    synchronized InstanceId id() {
        return record.id();
    }

    synchronized RolloutId rollout() {
        return record.request().rollout();
    }

    synchronized int port() {
        return record.port();
    }

    synchronized boolean isGone() {
        return record.gone();
    }

    synchronized Optional<Instant> stoppingSince() {
        return record.stoppingSince();
    }

    /** What it is now; empty if it is gone. One that has stopped is cleared away by that. */
    synchronized Optional<Instance> observe() {
        if (record.gone()) {
            return Optional.empty();
        }
        boolean alive = isAlive();
        if (record.stoppingSince().isPresent()) {
            if (!alive) {
                end();
                return Optional.empty();
            }
            return Optional.of(record.instance(Instance.State.STOPPING, ""));
        }
        return Optional.of(
                alive ? record.instance(Instance.State.RUNNING, "") : record.instance(Instance.State.FAILED, detail()));
    }

    /**
     * Tells it to stop; a repeat does not tell it again, since many programs take a second signal for an order to hurry.
     *
     * @return whether somebody has to {@link #kill} it after the grace
     * @throws ProviderException permanent if this user may not stop it
     */
    synchronized boolean terminate(Instant now) {
        if (record.gone() || record.stoppingSince().isPresent()) {
            return false;
        }
        Optional<ProcessHandle> process = process();
        if (process.isEmpty()) {
            end();
            return false;
        }
        if (!process.get().destroy()
                && record.process().filter(ProcessKey::isAlive).isPresent()) {
            throw ProviderException.permanent("cannot stop process %d of %s: not permitted"
                    .formatted(process.get().pid(), record.id()));
        }
        // After the signal: a crash in between leads to another signal, not to a stop without any.
        replace(record.stopping(now));
        return true;
    }

    /** Ends it, and all that it started, if it was told to stop and did not. */
    synchronized void kill() {
        if (!record.gone() && record.stoppingSince().isPresent()) {
            process().ifPresent(this::killWhole);
        }
    }

    /** Deletes all that is kept of one that is gone; its token could be launched again. */
    synchronized void forget() throws IOException {
        directory.forget(record.token());
    }

    private boolean isAlive() {
        return child != null
                ? child.isAlive()
                : record.process().filter(ProcessKey::isAlive).isPresent();
    }

    private Optional<ProcessHandle> process() {
        return child != null
                ? Optional.of(child).filter(Process::isAlive).map(Process::toHandle)
                : record.process().flatMap(ProcessKey::handle);
    }

    private void end() {
        killLeftBehind();
        replace(record.ended());
        try {
            directory.deleteWork(record.token());
        } catch (IOException e) {
            LOG.warn("The working directory of {} stays until the next rollout", record.id(), e);
        }
    }

    private void killWhole(ProcessHandle process) {
        Set<ProcessHandle> family = new LinkedHashSet<>();
        family.add(process);
        process.descendants().forEach(family::add);
        family.forEach(ProcessHandle::destroyForcibly);
    }

    /**
     * As the kernel does when the first process of a container has exited. One look does not see what is being started at that moment, or
     * is so by what is killed then.
     */
    private void killLeftBehind() {
        try {
            boolean found = true;
            for (int look = 0; look < FEWEST_LOOKS || found && look < MOST_LOOKS; look++) {
                List<ProcessHandle> left = directory.mark(record.token()).carriers();
                left.forEach(ProcessHandle::destroyForcibly);
                found = !left.isEmpty();
            }
        } catch (ProviderException e) {
            LOG.warn("What {} has started may be left behind", record.id(), e);
        }
    }

    private void replace(LaunchRecord next) {
        record = next;
        try {
            directory.write(next);
        } catch (IOException e) {
            LOG.warn("The record of {} could not be written", next.id(), e);
        }
    }

    private String detail() {
        if (detail.isEmpty()) {
            String exited = child == null ? "exited" : "exited with " + child.exitValue();
            detail = Optional.of(directory
                    .lastLine(record.token(), DETAIL)
                    .map(line -> exited + ": " + line)
                    .orElse(exited));
        }
        return detail.get();
    }
}
