package io.github.rollstep.examples.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.github.rollstep.examples.ControlC;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example as a newcomer runs it; skipped where there is no moto. */
class AwsExampleIT {

    private static final Pattern PORT = Pattern.compile("Starting .*moto.* -p ([0-9]+) ");

    @TempDir
    Path temporary;

    private Process example;

    private void start(String... args) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(ProcessHandle.current().info().command().orElse("java"), "-XX:TieredStopAtLevel=1"));
        Stream.ofNullable(System.getProperty("rollstep.moto"))
                .map(address -> "-Drollstep.moto=" + address)
                .forEach(command::add);
        command.addAll(List.of(
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp",
                System.getProperty("java.class.path"),
                AwsExample.class.getName()));
        command.addAll(List.of(args));
        example = new ProcessBuilder(command)
                .redirectOutput(temporary.resolve("out").toFile())
                .redirectError(temporary.resolve("err").toFile())
                .start();
    }

    @AfterEach
    void stop() {
        example.descendants().forEach(ProcessHandle::destroyForcibly);
        example.destroyForcibly();
    }

    @Test
    void rollsTheGroupAndGivesItBackAsItWas() throws Exception {
        start();
        List<String> lines = output();

        assertThat(lines.get(0))
                .matches("SUCCEEDED lt-[0-9a-f]+/1 -> lt-[0-9a-f]+/2: 4 of 4 serving, [0-9.]+ s,"
                        + " peak [56] instances, fewest serving 4");
        assertGivenBack(lines, "4 of version 2; the group launches version 2");
        assertThat(lines)
                .anyMatch(line -> line.matches(" +AutoScaling:TerminateInstanceInAutoScalingGroup +4"))
                .anyMatch(line -> line.contains("REAL ACCOUNT"));
        assertThat(example.exitValue()).isZero();
        assertNoEmulatorIsLeft();
    }

    @Test
    void rollsAVersionBackThatNeverGetsHealthy() throws Exception {
        start("--bad");
        List<String> lines = output();

        assertThat(lines.get(0))
                .startsWith("ROLLED_BACK ")
                .contains(": 4 of 4 serving")
                .endsWith("fewest serving 4");
        assertGivenBack(lines, "4 of version 1; the group launches version 1");
        assertThat(example.exitValue()).isZero();
        assertNoEmulatorIsLeft();
    }

    @Test
    void leavesNoEmulatorBehindOnControlC() throws Exception {
        start();
        while (example.isAlive() && !errors().contains("Setting up")) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        skipWithoutMoto();

        ControlC.press(example);

        assertThat(example.waitFor()).isNotZero();
        assertNoEmulatorIsLeft();
    }

    private static void assertGivenBack(List<String> lines, String instances) {
        String settings = "minimum 4, desired 4, maximum 4, suspended processes: ScheduledActions";
        assertThat(lines)
                .contains("The group before:  " + settings)
                .contains("           after:  " + settings)
                .contains("       instances:  " + instances);
    }

    /** The one that this example started; another is not for it to stop. */
    private void assertNoEmulatorIsLeft() throws IOException {
        Matcher started = PORT.matcher(errors());
        if (started.find()) {
            int port = Integer.parseInt(started.group(1));
            assertThat(answers(port)).isFalse();
        } else {
            assertThat(System.getProperty("rollstep.moto")).isNotNull();
        }
    }

    private static boolean answers(int port) throws IOException {
        try (Socket socket = new Socket(InetAddress.getByName("127.0.0.1"), port)) {
            return socket.isConnected();
        } catch (ConnectException e) {
            return false;
        }
    }

    private List<String> output() throws Exception {
        assertThat(example.waitFor(2, TimeUnit.MINUTES)).isTrue();
        skipWithoutMoto();
        assertThat(temporary.resolve("out")).as(errors()).isNotEmptyFile();
        return Files.readAllLines(temporary.resolve("out"));
    }

    private void skipWithoutMoto() throws IOException {
        assumeFalse(errors().contains(Moto.ABSENT), Moto.ABSENT);
    }

    private String errors() throws IOException {
        return Files.readString(temporary.resolve("err"));
    }
}
