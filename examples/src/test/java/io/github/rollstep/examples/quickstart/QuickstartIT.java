package io.github.rollstep.examples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.examples.ControlC;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The quickstart as a newcomer runs it. */
class QuickstartIT {

    private static final String COUNTS =
            "3 of 3 serving, [0-9.]+ s, peak 4 instances, fewest serving 3, [0-9]+ requests, 0 failed";

    @TempDir
    Path temporary;

    private Process quickstart;

    private void start() throws IOException {
        quickstart = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Djava.io.tmpdir=" + temporary,
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Quickstart.class.getName())
                .redirectError(new File("target/quickstart.err"))
                .start();
    }

    @AfterEach
    void stop() {
        quickstart.descendants().forEach(ProcessHandle::destroyForcibly);
        quickstart.destroyForcibly();
    }

    @Test
    void dropsNothingAndLeavesNothingBehind() throws Exception {
        start();
        List<String> lines = output();

        assertThat(lines).hasSize(2);
        assertThat(lines.get(0)).matches("SUCCEEDED v1 -> v2: " + COUNTS);
        assertThat(lines.get(1)).matches("ROLLED_BACK v2 -> v3: " + COUNTS);
        assertThat(quickstart.waitFor()).isZero();
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void leavesNothingBehindOnControlC() throws Exception {
        start();
        while (quickstart.descendants().count() < 3) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        List<ProcessHandle> servers = quickstart.descendants().toList();

        ControlC.press(quickstart);

        assertThat(quickstart.waitFor()).isNotZero();
        assertThat(servers).noneMatch(ProcessHandle::isAlive);
        assertThat(temporary).isEmptyDirectory();
    }

    private List<String> output() throws IOException {
        try (BufferedReader out = new BufferedReader(new InputStreamReader(quickstart.getInputStream()))) {
            return out.lines().toList();
        }
    }
}
