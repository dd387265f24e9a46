package io.github.rollstep.examples.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.local.LocalProcessProvider;
import io.github.rollstep.testkit.LoadClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Kills the controller in the middle of a rollout of real processes, as {@code kill -9} does, and starts another one. The
 * router runs in a process of its own and outlives them.
 */
class ControllerCrashIT {

    private static final int FOOTPRINT = 4;

    @TempDir
    Path directory;

    private final List<Process> started = new ArrayList<>();
    private Process router;
    private int requestPort;
    private String commandPort;

    @BeforeEach
    void startRouter() throws IOException {
        router = java(RouterProcess.class);
        String[] ports = reader(router).readLine().split(" ");
        requestPort = Integer.parseInt(ports[0]);
        commandPort = ports[1];
    }

    @AfterEach
    void stopAll() {
        started.forEach(Process::destroyForcibly);
        started.forEach(process -> process.onExit().join());
        try (LocalProcessProvider provider = ControllerProcess.provider(directory)) {
            provider.stopFleet();
        }
    }

    /** The death comes right after the action with this number; a rollout of three has twelve. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7, 12})
    void anotherControllerFinishesWithNoProcessTooManyAndNoRequestFailed(int actions) throws Exception {
        assertThat(runToTheEnd("v1")).startsWith("END SUCCEEDED v1");
        InetSocketAddress target = new InetSocketAddress(InetAddress.getLoopbackAddress(), requestPort);
        LoadClient load = LoadClient.start(target, "/", "/slow");
        ProcessCount count = new ProcessCount();
        String end;
        try (load;
                count) {
            killAfter(actions, "v2");
            killAfter(1, "v2");
            end = runToTheEnd("v2");
        }

        assertThat(end).matches("END SUCCEEDED v2 peak [34] fewest 3");
        assertThat(load.failures()).isEmpty();
        assertThat(load.requests()).isGreaterThan(100);
        assertThat(count.most()).isBetween(3, FOOTPRINT);
        try (LocalProcessProvider provider = ControllerProcess.provider(directory)) {
            assertThat(provider.list())
                    .extracting(instance -> instance.revision().id(), Instance::state)
                    .containsOnly(org.assertj.core.groups.Tuple.tuple("v2", Instance.State.RUNNING))
                    .hasSize(3);
        }
    }

    private String runToTheEnd(String revision) throws IOException {
        Process controller = controller(revision);
        String last = "nothing";
        try (BufferedReader out = reader(controller)) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                assertThat(line).doesNotStartWith("BROKEN ");
                last = line;
            }
        }
        assertThat(controller.onExit().join().exitValue()).isZero();
        return last;
    }

    private void killAfter(int actions, String revision) throws IOException {
        Process controller = controller(revision);
        try (BufferedReader out = reader(controller)) {
            int seen = 0;
            for (String line = out.readLine(); line != null && seen < actions; line = out.readLine()) {
                assertThat(line).doesNotStartWith("BROKEN ");
                seen += line.startsWith("ACTION ") ? 1 : 0;
            }
            controller.destroyForcibly().onExit().join();
        }
    }

    private Process controller(String revision) throws IOException {
        return java(ControllerProcess.class, directory.toString(), commandPort, revision);
    }

    private Process java(Class<?> main, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        started.add(process);
        return process;
    }

    private static BufferedReader reader(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream()));
    }

    /** The most server processes of this test that were seen at once, by the operating system's own list. */
    private final class ProcessCount implements AutoCloseable {

        private final AtomicInteger most = new AtomicInteger();
        private final Thread sampler = new Thread(this::sample);
        private volatile boolean closed;

        ProcessCount() {
            sampler.setDaemon(true);
            sampler.start();
        }

        private void sample() {
            while (!closed) {
                int running = (int) ProcessHandle.allProcesses()
                        .filter(process -> isServer(process.info()))
                        .count();
                most.accumulateAndGet(running, Math::max);
                try {
                    Thread.sleep(20);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        private boolean isServer(ProcessHandle.Info info) {
            List<String> arguments = List.of(info.arguments().orElse(new String[0]));
            return arguments.contains(Server.class.getName()) && arguments.contains(directory.toString());
        }

        int most() {
            return most.get();
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
