package io.github.rollstep.haproxy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** HAProxy's server-state file, which it reads when it starts. Never half written. Used by one thread at a time. */
final class StateFile {

    private static final Logger LOG = LoggerFactory.getLogger(StateFile.class);

    private final Path path;
    private String written = "";

    StateFile(Path path) {
        this.path = path;
    }

    /** Writes what changed. A file that cannot be written is a warning: requests go on without it. */
    void write(String state) {
        if (state.equals(written)) {
            return;
        }
        Path next = path.resolveSibling(path.getFileName() + ".next");
        try {
            Files.writeString(next, state);
            Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            written = state;
        } catch (IOException e) {
            LOG.warn("The server-state file {} was not written", path, e);
        }
    }
}
