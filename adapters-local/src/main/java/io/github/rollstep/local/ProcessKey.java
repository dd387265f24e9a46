package io.github.rollstep.local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process for all time: the system uses its id again, but not together with the time of its start.
 *
 * <p>On Linux that time is the kernel's own, in ticks since a boot which has a name; a time of day would move with the clock.
 * Elsewhere it is what {@link ProcessHandle} says.
 *
 * @param birth text without white space that is equal for the same process only
 */
record ProcessKey(long pid, String birth) {

    private static final Path PROC = Path.of("/proc");
    private static final Optional<String> BOOT = boot();

    /** No process was ever born so. */
    private static final String UNKNOWN = "unknown";

    private static final int STATE = 3;
    private static final int START_TIME = 22;

    /** The key of a child; if it is gone already, one that no process has. */
    static ProcessKey of(Process child) {
        String birth = born(child.pid()).orElse(UNKNOWN);
        // Its id cannot have gone to another while it is still alive after the look.
        return new ProcessKey(child.pid(), child.isAlive() ? birth : UNKNOWN);
    }

    static Optional<ProcessKey> of(long pid) {
        return born(pid).map(birth -> new ProcessKey(pid, birth));
    }

    /** @throws IllegalArgumentException if it was not written by {@link #toString} */
    static ProcessKey parse(String text) {
        String[] parts = text.split(" ", -1);
        if (parts.length != 2 || parts[1].isEmpty()) {
            throw new IllegalArgumentException("process must be an id and a start, was \"" + text + "\"");
        }
        return new ProcessKey(Long.parseLong(parts[0]), parts[1]);
    }

    /** One that has exited is dead, also if nobody has asked for its status yet. */
    boolean isAlive() {
        return born(pid).filter(birth::equals).isPresent();
    }

    /** For signals; it never reaches another process of the same id. */
    Optional<ProcessHandle> handle() {
        // The handle first: it remembers the start of its process and checks that at each signal.
        return ProcessHandle.of(pid).filter(handle -> isAlive());
    }

    @Override
    public String toString() {
        return pid + " " + birth;
    }

    private static Optional<String> born(long pid) {
        return BOOT.isPresent()
                ? ticks(pid).map(ticks -> BOOT.get() + "/" + ticks)
                : ProcessHandle.of(pid)
                        .flatMap(handle -> handle.info().startInstant())
                        .map(start -> Long.toString(start.toEpochMilli()));
    }

    private static Optional<String> ticks(long pid) {
        try {
            String stat = Files.readString(PROC.resolve(pid + "/stat"), StandardCharsets.ISO_8859_1);
            // The second field is a name in brackets that may hold anything, brackets too.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return "ZXx".contains(fields[0]) ? Optional.empty() : Optional.of(fields[START_TIME - STATE]);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> boot() {
        try {
            return Optional.of(Files.readString(PROC.resolve("sys/kernel/random/boot_id"))
                            .strip())
                    .filter(boot -> !boot.isEmpty());
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
