package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProcessKeyTest {

    private final Process process = start("sleep 1000 & echo $!; exec sleep 1000");
    /** Of a program that never asks how its child has ended. */
    private final ProcessKey child =
            ProcessKey.of(Long.parseLong(line(process))).orElseThrow();

    @AfterEach
    void end() {
        child.handle().ifPresent(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    @Test
    void knowsItsProcessAgain() {
        ProcessKey key = ProcessKey.of(process);

        assertThat(ProcessKey.parse(key.toString()))
                .isEqualTo(key)
                .isEqualTo(ProcessKey.of(process.pid()).orElseThrow());
        assertThat(key.isAlive()).isTrue();
        assertThat(key.handle()).contains(process.toHandle());
    }

    @Test
    void matchesNoProcessOnceItsOwnHasExited() {
        ProcessKey key = ProcessKey.of(process);

        process.destroyForcibly().onExit().join();

        assertThat(key.isAlive()).isFalse();
        assertThat(key.handle()).isEmpty();
        assertThat(ProcessKey.of(process).isAlive()).isFalse();
    }

    @Test
    void takesOneThatHasExitedForDeadThoughItsParentNeverAsks() throws Exception {
        Until.holds("the new program", () -> process.info().command().orElse("").endsWith("sleep"));

        child.handle().orElseThrow().destroyForcibly();

        Until.holds("the end of the child", () -> !child.isAlive());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "1 ", "x boot", "1 boot 2"})
    void refusesWhatItDidNotWrite(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> ProcessKey.parse(text));
    }

    private static Process start(String script) {
        try {
            return new ProcessBuilder("/bin/sh", "-c", script).start();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String line(Process process) {
        try {
            return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
