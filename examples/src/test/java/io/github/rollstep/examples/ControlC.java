package io.github.rollstep.examples;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;

/** Ends a program as a user at a terminal does. */
public final class ControlC {

    private static final String IGNORED = "SigIgn:";
    private static final int INTERRUPT = 2;

    private ControlC() {}

    /** By SIGINT; by SIGTERM if it was begun to ignore that one, as whatever runs in the background of a script is. */
    public static void press(Process program) throws IOException, InterruptedException {
        String signal = ignoresInterrupt(program.pid()) ? "-TERM" : "-INT";
        new ProcessBuilder("kill", signal, Long.toString(program.pid())).start().waitFor();
    }

    private static boolean ignoresInterrupt(long pid) throws IOException {
        Path status = Path.of("/proc", Long.toString(pid), "status");
        return Files.exists(status)
                && Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith(IGNORED))
                        .map(line ->
                                new BigInteger(line.substring(IGNORED.length()).strip(), 16))
                        .anyMatch(signals -> signals.testBit(INTERRUPT - 1));
    }
}
