package io.github.rollstep.local;

import static io.github.rollstep.local.ProcessFleet.awaitGone;
import static io.github.rollstep.local.ProcessFleet.awaitState;
import static io.github.rollstep.local.ProcessFleet.id;
import static io.github.rollstep.local.ProcessFleet.only;
import static io.github.rollstep.local.ProcessFleet.request;
import static io.github.rollstep.local.ProcessFleet.requests;
import static io.github.rollstep.local.ProcessFleet.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.Instance;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a provider makes of a directory that an earlier one has used. */
class ProcessRecoveryTest {

    @TempDir
    Path directory;

    private ProcessFleet fleet;

    @BeforeEach
    void make() {
        fleet = new ProcessFleet(directory);
    }

    @AfterEach
    void end() {
        fleet.close();
    }

    @Test
    void findsTheFleetOfAControllerThatWasKilledAndLaunchesNothingTwice() throws Exception {
        try (Controller controller = Controller.start(directory, 2)) {
            assertThat(controller.answer()).isEqualTo("launched");
            controller.kill();
        }
        List<ProcessHandle> running = List.of(fleet.process(1), fleet.process(2));

        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(3));

        assertThat(provider.list()).hasSize(3).allMatch(instance -> instance.state() == Instance.State.RUNNING);
        assertThat(List.of(fleet.process(1), fleet.process(2))).isEqualTo(running);
        assertThat(provider.list()).extracting(Instance::address).doesNotHaveDuplicates();
    }

    @Test
    void listsTheSameInstanceAsTheEarlierProvider() {
        Revision revision = Revision.of("v2", Map.of("text", "a=b\\\n\r{port}\n"));
        LocalProcessProvider earlier = fleet.open("sleep", "1000");
        earlier.launch(List.of(request(1, revision)));
        Instance before = only(earlier);

        Instance after = only(fleet.open("sleep", "1000"));

        assertThat(after).isEqualTo(before);
        assertThat(after.revision().attributes()).isEqualTo(revision.attributes());
    }

    @Test
    void neverTouchesAProcessThatWasGivenTheIdOfAnother() throws Exception {
        fleet.open("sleep", "1000").launch(requests(1));
        fleet.leave();
        fleet.process(1).destroyForcibly();
        Process unrelated = new ProcessBuilder("sleep", "1000").start();
        try {
            // A real start of this boot, but older: two processes of one moment share the kernel's tick.
            String birth =
                    ProcessKey.of(ProcessHandle.current().pid()).orElseThrow().birth();
            rewrite("process=.*", "process=" + new ProcessKey(unrelated.pid(), birth));

            LocalProcessProvider provider = fleet.open(builder -> builder.stopGrace(Duration.ZERO));
            assertThat(only(provider).state()).isEqualTo(Instance.State.FAILED);
            assertThat(only(provider).detail()).isEqualTo("exited");
            provider.terminate(id(1));
            provider.stopFleet();

            assertThat(unrelated.isAlive()).isTrue();
        } finally {
            unrelated.destroyForcibly();
        }
    }

    @Test
    void findsAProcessWhoseStartWasNotRecorded() throws Exception {
        assumeTrue(Files.isReadable(Path.of("/proc/self/environ")));
        fleet.open(shell("sleep 1000 & echo ready; wait")).launch(requests(1));
        fleet.awaitLog(1, "ready");
        ProcessHandle started = fleet.process(1);
        fleet.leave();
        rewrite("process=.*\n", "");

        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));

        assertThat(only(provider).state()).isEqualTo(Instance.State.RUNNING);
        assertThat(fleet.process(1)).isEqualTo(started);
    }

    @Test
    void launchesAgainWhatWasRecordedAndNeverStarted() throws Exception {
        fleet.open("sleep", "1000").launch(requests(1));
        fleet.leave();
        killUnlisted();
        rewrite("process=.*\n", "");

        LocalProcessProvider provider = fleet.open("sleep", "1000");
        assertThat(provider.list()).isEmpty();
        assertThat(fleet.home(1)).doesNotExist();
        provider.launch(requests(1));

        assertThat(only(provider).state()).isEqualTo(Instance.State.RUNNING);
    }

    @Test
    void neverTakesAProcessOfTheSameFleetInAnotherDirectory(@TempDir Path elsewhere) throws Exception {
        fleet.open("sleep", "1000").launch(requests(1));
        fleet.leave();
        killUnlisted();
        rewrite("process=.*\n", "");
        try (ProcessFleet twin = new ProcessFleet(elsewhere)) {
            LocalProcessProvider other = twin.open("sleep", "1000");
            other.launch(requests(1));

            assertThat(fleet.open("sleep", "1000").list()).isEmpty();

            assertThat(only(other).state()).isEqualTo(Instance.State.RUNNING);
        }
    }

    @Test
    void goesOnStoppingWhatWasToldToStop() throws Exception {
        LocalProcessProvider earlier = fleet.open(shell("trap '' TERM; echo ready; while :; do sleep 0.02; done"));
        earlier.launch(requests(1));
        fleet.awaitLog(1, "ready");
        earlier.terminate(id(1));

        LocalProcessProvider provider = fleet.open(builder -> builder.stopGrace(Duration.ofMillis(300)));

        awaitGone(provider);
        assertThat(fleet.home(1).resolve("work")).doesNotExist();
    }

    @Test
    void takesWhatStoppedMeanwhileForGone() throws Exception {
        LocalProcessProvider earlier = fleet.open("sleep", "1000");
        earlier.launch(requests(1));
        ProcessHandle process = fleet.process(1);
        earlier.terminate(id(1));
        earlier.close();
        process.onExit().get(20, TimeUnit.SECONDS);

        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));

        assertThat(provider.list()).isEmpty();
    }

    @Test
    void remembersThatAFailedInstanceWasTerminated() throws Exception {
        LocalProcessProvider earlier = fleet.open(shell("exit 1"));
        earlier.launch(requests(1));
        awaitState(earlier, Instance.State.FAILED);
        earlier.terminate(id(1));

        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));

        assertThat(provider.list()).isEmpty();
    }

    @Test
    void tellsAWatcherOfTheExitOfAProcessThatItDidNotStart() throws Exception {
        fleet.open("sleep", "1000").launch(requests(1));
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        CountDownLatch told = new CountDownLatch(1);
        provider.watch(told::countDown);

        fleet.process(1).destroyForcibly();

        assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
        awaitState(provider, Instance.State.FAILED);
    }

    @Test
    void keepsTheDirectoryToOneProcess() throws Exception {
        fleet.open("sleep", "1000");
        assertThatExceptionOfType(ProviderException.class)
                .isThrownBy(() -> LocalProcessProvider.builder(ProcessFleet.ID, directory)
                        .command(List.of("sleep"))
                        .build())
                .withMessageEndingWith("is in use by a provider of this process; only one at a time may use it");

        // The refusal above must not have cost the lock.
        try (Controller second = Controller.start(directory, 1)) {
            assertThat(second.answer())
                    .endsWith("is in use by a provider of process %d; only one at a time may use it"
                            .formatted(ProcessHandle.current().pid()));
        }
    }

    @Test
    void isRefusedWhileAnotherProcessUsesTheDirectory() throws Exception {
        try (Controller first = Controller.start(directory, 1)) {
            assertThatExceptionOfType(ProviderException.class)
                    .isThrownBy(() -> fleet.open("sleep", "1000"))
                    .withMessageContaining("process " + first.pid());
        }
    }

    /** As if it had never been started. */
    private void killUnlisted() throws Exception {
        ProcessHandle process = fleet.process(1);
        process.destroyForcibly();
        process.onExit().get(20, TimeUnit.SECONDS);
    }

    private void rewrite(String pattern, String replacement) throws IOException {
        Path record = fleet.record(1);
        Files.writeString(record, Files.readString(record).replaceAll(pattern, replacement));
    }
}
