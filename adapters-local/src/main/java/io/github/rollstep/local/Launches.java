package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order in which a record and its process come into being: intended on record, started, on record as started. A crash
 * before the start leaves a record that means nothing; one after it leaves a process that is found by its mark.
 */
record Launches(FleetDirectory directory) {

    private static final Logger LOG = LoggerFactory.getLogger(Launches.class);

    /** @throws ProviderException if it was not started; then nothing is left of it */
    LocalInstance start(LaunchRecord intended, ProcessBuilder prepared) {
        @Nullable Process process = null;
        @Nullable LocalInstance started = null;
        try {
            directory.write(intended);
            directory.makeWork(intended.token());
            process = Command.start(prepared);
            LaunchRecord record = intended.started(ProcessKey.of(process));
            directory.write(record);
            started = LocalInstance.started(directory, record, process);
            return started;
        } catch (IOException e) {
            throw ProviderException.retryable("cannot record the launch " + intended.token() + ": " + e, e);
        } finally {
            if (started == null) {
                undo(intended, process);
            }
        }
    }

    /** The instances of an earlier provider, those that are gone too. */
    List<LocalInstance> recover() {
        return directory.records().stream()
                .map(this::completed)
                .flatMap(Optional::stream)
                .map(record -> LocalInstance.found(directory, record))
                .toList();
    }

    private Optional<LaunchRecord> completed(LaunchRecord record) {
        if (record.gone() || record.process().isPresent()) {
            return Optional.of(record);
        }
        Optional<LaunchRecord> completed = directory
                .mark(record.token())
                .root()
                .flatMap(process -> ProcessKey.of(process.pid()))
                .map(record::started);
        try {
            if (completed.isPresent()) {
                directory.write(completed.get());
            } else {
                directory.forget(record.token());
            }
        } catch (IOException e) {
            throw ProviderException.retryable("cannot recover the launch " + record.token() + ": " + e, e);
        }
        return completed;
    }

    /** A process that is not on record would be nobody's after a crash. */
    private void undo(LaunchRecord intended, @Nullable Process process) {
        if (process != null) {
            process.destroyForcibly();
        }
        try {
            directory.forget(intended.token());
        } catch (IOException e) {
            LOG.warn("What was made for the launch {} could not be deleted", intended.token(), e);
        }
    }
}
