package io.github.rollstep.store;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system of 64 KiB in memory, to be filled. Only root may have one on Linux; others skip the test. */
public final class TinyDisk implements AutoCloseable {

    private static final int BLOCK = 4096;

    private final Path directory;
    private final Path filler;

    private TinyDisk(Path directory) {
        this.directory = directory;
        filler = directory.resolve("filler");
    }

    public static TinyDisk mount(Path directory) {
        assumeTrue(
                succeeds("mount", "-t", "tmpfs", "-o", "size=64k", "rollstep-test", directory.toString()),
                "a file system of 64 KiB cannot be mounted: it takes Linux and root");
        return new TinyDisk(directory);
    }

    /** Takes all the room that is left. */
    public void fill() {
        try (OutputStream out = Files.newOutputStream(filler)) {
            while (true) {
                out.write(new byte[BLOCK]);
            }
        } catch (IOException e) {
            // It is full.
        }
    }

    public void makeRoom() {
        try {
            Files.delete(filler);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (!succeeds("umount", directory.toString())) {
            throw new IllegalStateException(directory + " cannot be unmounted: something in it is open");
        }
    }

    private static boolean succeeds(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.onExit().join().exitValue() == 0;
        } catch (IOException e) {
            return false; // there is no such program
        }
    }
}
