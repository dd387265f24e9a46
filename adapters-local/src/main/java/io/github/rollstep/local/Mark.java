package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an instance and all that it starts carry in their environment. It finds the process whose start was not recorded in
 * time, and those that outlive the one which started them. Only Linux lets us look; elsewhere nobody is found.
 *
 * @param directoryId tells fleets of the same name in several directories apart
 */
record Mark(FleetId fleet, String directoryId, LaunchToken token) {

    static final String INSTANCE = "ROLLSTEP_INSTANCE";
    static final String DIRECTORY = "ROLLSTEP_DIRECTORY";

    private static final Path PROC = Path.of("/proc");

    Map<String, String> environment() {
        return Map.of(INSTANCE, fleet + "/" + token, DIRECTORY, directoryId);
    }

    /** @throws ProviderException if the processes cannot be listed */
    List<ProcessHandle> carriers() {
        List<ProcessHandle> carriers = new ArrayList<>();
        if (!Files.isReadable(PROC.resolve("self/environ"))) {
            return carriers;
        }
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path directory : directories) {
                // The handle first: it remembers the start, so that what is read later cannot be of an earlier process.
                ProcessHandle.of(Long.parseLong(directory.getFileName().toString()))
                        .filter(handle -> isCarriedIn(directory.resolve("environ")))
                        .ifPresent(carriers::add);
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw ProviderException.retryable("cannot list the processes: " + e, e);
        }
        carriers.remove(ProcessHandle.current());
        return carriers;
    }

    /** The carrier that was started by us; if that is gone, the oldest one it left behind. */
    Optional<ProcessHandle> root() {
        List<ProcessHandle> carriers = carriers();
        return carriers.stream()
                .filter(carrier -> carrier.parent().filter(carriers::contains).isEmpty())
                .min(Comparator.comparing(
                        carrier -> carrier.info().startInstant().orElse(Instant.MAX)));
    }

    private boolean isCarriedIn(Path environ) {
        try {
            String all = '\0' + Files.readString(environ, StandardCharsets.ISO_8859_1);
            return environment().entrySet().stream().allMatch(entry -> all.contains("\0" + entry + "\0"));
        } catch (IOException e) {
            // It is gone, or belongs to somebody else: not ours.
            return false;
        }
    }
}
