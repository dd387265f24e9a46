package io.github.rollstep.local;

import static io.github.rollstep.local.ProcessFleet.REVISION;
import static io.github.rollstep.local.ProcessFleet.ROLLOUT;
import static io.github.rollstep.local.ProcessFleet.awaitGone;
import static io.github.rollstep.local.ProcessFleet.awaitState;
import static io.github.rollstep.local.ProcessFleet.id;
import static io.github.rollstep.local.ProcessFleet.only;
import static io.github.rollstep.local.ProcessFleet.request;
import static io.github.rollstep.local.ProcessFleet.requests;
import static io.github.rollstep.local.ProcessFleet.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.AbstractList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LocalProcessProviderTest {

    private static final Path SETSID = Path.of("/usr/bin/setsid");

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
    void listsWhatItLaunchedWithAllThatIsKnownOfIt() {
        Revision revision = Revision.of("v2", Map.of("size", "2"));
        LocalProcessProvider provider = fleet.open(builder -> builder.label("team", "a=b"));

        provider.launch(List.of(request(1, revision)));

        Instance instance = only(provider);
        assertThat(instance.id()).isEqualTo(id(1));
        assertThat(instance.state()).isEqualTo(Instance.State.RUNNING);
        assertThat(instance.revision().attributes()).containsEntry("size", "2");
        assertThat(instance.token()).contains(ROLLOUT.token(1));
        assertThat(instance.createdAt()).isPresent();
        assertThat(instance.labels())
                .isEqualTo(Map.of(
                        "fleet", "web", "rollout", "web-1", "revision", "v2", "token", "web-1-1", "team", "a=b"));
    }

    @Test
    void givesAProcessItsPortDirectoryLogAndNoInput() throws Exception {
        LocalProcessProvider provider =
                fleet.open(shell("pwd; cat; echo port $1; echo oops >&2; exec sleep 1000", "{port}"));

        provider.launch(List.of(request(1)));

        fleet.awaitLog(1, "oops");
        InetSocketAddress address = only(provider).address().orElseThrow();
        assertThat(address.getHostString()).isEqualTo("127.0.0.1");
        assertThat(fleet.log(1))
                .isEqualTo("""
                        %s
                        port %d
                        oops
                        """.formatted(fleet.home(1).toRealPath().resolve("work"), address.getPort()));
    }

    @Test
    void passesArgumentsAsTheyAre() throws Exception {
        Revision revision = Revision.of("v2", Map.of("motto", "$(touch pwned); 'a' \"b\" {port} $1\\\n"));
        LocalProcessProvider provider = fleet.open(shell(
                "printf '[%s]' \"$@\"; echo; exec sleep 1000",
                "a b", ";", "$(touch pwned)", "{}", "{attribute.motto}"));

        provider.launch(List.of(request(1, revision)));

        fleet.awaitLog(1, "]\n");
        assertThat(fleet.log(1)).isEqualTo("[a b][;][$(touch pwned)][{}][$(touch pwned); 'a' \"b\" {port} $1\\\n]\n");
        assertThat(fleet.home(1).resolve("work")).isEmptyDirectory();
    }

    @Test
    void fillsTheEnvironment() throws Exception {
        LocalProcessProvider provider =
                fleet.open(builder -> builder.command(shell("echo $NAME of $ROLLSTEP_INSTANCE; exec sleep 1000"))
                        .environment("NAME", "{instance} at {revision}"));

        provider.launch(List.of(request(1)));

        fleet.awaitLog(1, "web-1-1 at v2 of web/web-1-1\n");
    }

    @Test
    void givesEachInstanceAnotherPort() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");

        provider.launch(requests(12));

        assertThat(provider.list()).hasSize(12).extracting(Instance::address).doesNotHaveDuplicates();
    }

    @Test
    void launchesATokenOnceThoughItsInstanceRuns() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));
        ProcessHandle first = fleet.process(1);

        provider.launch(requests(2));

        assertThat(provider.list()).hasSize(2);
        assertThat(fleet.process(1)).isEqualTo(first);
    }

    @Test
    void launchesATokenOnceThoughItsInstanceHasFailed() throws Exception {
        LocalProcessProvider provider = fleet.open(shell("echo once; exit 1"));
        provider.launch(requests(1));
        awaitState(provider, Instance.State.FAILED);

        provider.launch(requests(1));

        assertThat(only(provider).state()).isEqualTo(Instance.State.FAILED);
        assertThat(fleet.log(1)).isEqualTo("once\n");
    }

    @Test
    void launchesATokenOnceThoughItsInstanceIsGone() throws Exception {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));
        provider.terminate(id(1));
        awaitGone(provider);

        provider.launch(requests(1));

        assertThat(provider.list()).isEmpty();
    }

    @Test
    void showsWhyAnInstanceHasFailedUntilItIsTerminated() throws Exception {
        LocalProcessProvider provider = fleet.open(shell("echo fine; echo boom; echo; exit 3"));
        provider.launch(requests(1));
        awaitState(provider, Instance.State.FAILED);
        assertThat(only(provider).detail()).isEqualTo("exited with 3: boom");

        provider.terminate(id(1));

        assertThat(provider.list()).isEmpty();
    }

    @Test
    void letsAProcessStopByItself() throws Exception {
        LocalProcessProvider provider =
                fleet.open(shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done"));
        provider.launch(requests(1));
        fleet.awaitLog(1, "ready");

        provider.terminate(id(1));

        awaitGone(provider);
        assertThat(fleet.log(1)).endsWith("bye\n");
    }

    @Test
    void killsAProcessThatIgnoresSigtermAfterTheGrace() throws Exception {
        LocalProcessProvider provider =
                fleet.open(builder -> builder.command(shell("trap '' TERM; echo ready; while :; do sleep 0.02; done"))
                        .stopGrace(Duration.ofSeconds(2)));
        provider.launch(requests(1));
        fleet.awaitLog(1, "ready");
        ProcessHandle process = fleet.process(1);

        provider.terminate(id(1));

        assertThat(only(provider).state()).isEqualTo(Instance.State.STOPPING);
        awaitGone(provider);
        assertThat(process.isAlive()).isFalse();
    }

    @Test
    void signalsAProcessOnce() throws Exception {
        LocalProcessProvider provider = fleet.open(
                builder -> builder.command(shell("trap 'echo term' TERM; echo ready; while :; do sleep 0.02; done"))
                        .stopGrace(Duration.ofSeconds(3)));
        provider.launch(requests(1));
        fleet.awaitLog(1, "ready");
        provider.terminate(id(1));
        fleet.awaitLog(1, "term\n");

        provider.terminate(id(1));

        awaitGone(provider);
        assertThat(fleet.log(1)).containsOnlyOnce("term\n");
    }

    @Test
    void killsWhatAnInstanceLeftRunning() throws Exception {
        LocalProcessProvider provider = fleet.open(shell("sleep 1000 & echo child $!; wait"));
        provider.launch(requests(1));
        fleet.awaitLog(1, "\n");
        long pid = Long.parseLong(fleet.log(1).replaceAll("\\D", ""));
        ProcessKey child = ProcessKey.of(pid).orElseThrow();

        provider.terminate(id(1));

        awaitGone(provider);
        Until.holds("the end of the child", () -> !child.isAlive());
    }

    @Test
    void keepsTheLogOfOneThatIsGoneUntilALaterRolloutLaunches() throws Exception {
        LocalProcessProvider provider = fleet.open(shell("echo hello; touch file; exec sleep 1000"));
        provider.launch(requests(1));
        fleet.awaitLog(1, "hello");
        provider.terminate(id(1));
        awaitGone(provider);
        assertThat(fleet.home(1).resolve("work")).doesNotExist();
        assertThat(fleet.home(1).resolve("log")).exists();

        RolloutId later = RolloutId.of("web-2");
        provider.launch(List.of(new LaunchRequest(ProcessFleet.ID, later, later.token(1), REVISION)));

        assertThat(fleet.home(1)).doesNotExist();
        assertThat(provider.list()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"no-such-program", "/no/such/program", "/etc/passwd", "/etc", "bin/true"})
    void neverStartsWhatIsNotAProgram(String program) {
        LocalProcessProvider provider = fleet.open(program);

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(requests(1)));

        assertThat(thrown).hasMessageStartingWith("cannot execute \"%s\": ".formatted(program));
        assertThat(thrown.isRetryable()).isFalse();
        assertThat(provider.list()).isEmpty();
        assertThat(fleet.home(1)).doesNotExist();
    }

    @Test
    void neverStartsARevisionThatLacksAnAttribute() {
        LocalProcessProvider provider = fleet.open("sleep", "{attribute.time}");

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(requests(1)));

        assertThat(thrown).hasMessage("revision v2 has no attribute time, which command needs");
        assertThat(thrown.isRetryable()).isFalse();
        assertThat(fleet.home(1)).doesNotExist();
    }

    @Test
    void keepsNothingOfALaunchThatTheSystemRefused() {
        LocalProcessProvider provider = fleet.open("sleep", "1".repeat(1 << 20));

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(requests(1)));

        assertThat(thrown).hasMessageContaining("Argument list too long");
        assertThat(thrown.isRetryable()).isFalse();
        assertThat(fleet.home(1)).doesNotExist();
    }

    @Test
    void canLaunchAgainWhatCouldNotBeRecorded() throws Exception {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        Files.createDirectories(fleet.home(1).resolve("record.tmp"));

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(requests(1)));
        assertThat(thrown.isRetryable()).isTrue();
        provider.launch(requests(1));

        assertThat(only(provider).state()).isEqualTo(Instance.State.RUNNING);
    }

    @Test
    void launchesTheOthersThoughOneCannotBe() {
        LocalProcessProvider provider = fleet.open("sleep", "{attribute.time}");

        assertThatExceptionOfType(ProviderException.class)
                .isThrownBy(() ->
                        provider.launch(List.of(request(1), request(2, Revision.of("v3", Map.of("time", "1000"))))));

        assertThat(only(provider).id()).isEqualTo(id(2));
    }

    @Test
    void refusesALaunchOfAnotherFleet() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        LaunchRequest foreign = new LaunchRequest(FleetId.of("other"), ROLLOUT, ROLLOUT.token(1), REVISION);

        assertThatExceptionOfType(ProviderException.class)
                .isThrownBy(() -> provider.launch(List.of(foreign)))
                .withMessage("the launch web-1-1 is of fleet other, not of web");
    }

    @Test
    void terminatesWhatItDoesNotKnowWithoutAWord() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");

        provider.terminate(InstanceId.of("../../etc"));

        assertThat(provider.list()).isEmpty();
    }

    @Test
    void tellsAWatcherThatAProcessHasExited() throws Exception {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));
        CountDownLatch told = new CountDownLatch(1);
        provider.watch(told::countDown);

        fleet.process(1).destroyForcibly();

        assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(only(provider).state()).isEqualTo(Instance.State.FAILED);
    }

    @Test
    void tellsNobodyWhoseWatchHasEnded() throws Exception {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));
        CountDownLatch ended = new CountDownLatch(1);
        CountDownLatch told = new CountDownLatch(1);
        Watchable.Subscription watch = provider.watch(ended::countDown);
        provider.watch(told::countDown);

        watch.close();

        fleet.process(1).destroyForcibly();
        assertThat(told.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(ended.getCount()).isEqualTo(1);
    }

    @Test
    void startsNothingOnceItsThreadIsInterrupted() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        Thread.currentThread().interrupt();

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(requests(2)));

        assertThat(Thread.interrupted()).isTrue();
        assertThat(thrown.isRetryable()).isTrue();
        assertThat(provider.list()).isEmpty();
    }

    @Test
    void startsNothingMoreWhenItsThreadIsInterruptedMeanwhile() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        List<LaunchRequest> open = new AbstractList<>() {
            @Override
            public LaunchRequest get(int index) {
                Thread.currentThread().interrupt();
                return request(index + 1);
            }

            @Override
            public int size() {
                return 2;
            }
        };

        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> provider.launch(open));

        assertThat(Thread.interrupted()).isTrue();
        assertThat(thrown).hasMessage("interrupted before the launch of web-1-1");
        assertThat(provider.list()).isEmpty();
    }

    @Test
    void leavesTheSessionOfTheTerminal() throws Exception {
        assumeTrue(Files.isExecutable(SETSID) && Files.isReadable(Path.of("/proc/self/stat")));
        LocalProcessProvider provider = fleet.open(shell("cut -d ' ' -f 6 /proc/$$/stat; exec sleep 1000"));

        provider.launch(requests(1));

        fleet.awaitLog(1, "\n");
        assertThat(fleet.log(1).strip())
                .isEqualTo(Long.toString(fleet.process(1).pid()));
    }

    @Test
    void stopsTheWholeFleetAndKeepsNothing() throws Exception {
        LocalProcessProvider provider =
                fleet.open(builder -> builder.command(shell("trap '' TERM; echo ready; while :; do sleep 0.02; done"))
                        .stopGrace(Duration.ofMillis(100)));
        provider.launch(requests(3));
        fleet.awaitLog(3, "ready");
        ProcessHandle third = fleet.process(3);

        provider.stopFleet();

        assertThat(third.isAlive()).isFalse();
        assertThat(provider.list()).isEmpty();
        assertThat(directory.resolve("instances")).isEmptyDirectory();
        assertThatThrownBy(() -> provider.launch(requests(4)))
                .isInstanceOf(ProviderException.class)
                .hasMessageEndingWith("was stopped");
        assertThat(provider.list()).isEmpty();
    }

    @Test
    void leavesTheProcessesRunningWhenItCloses() {
        LocalProcessProvider provider = fleet.open("sleep", "1000");
        provider.launch(requests(1));

        provider.close();

        assertThat(fleet.process(1).isAlive()).isTrue();
        assertThatExceptionOfType(ProviderException.class)
                .isThrownBy(provider::list)
                .withMessage("the provider of fleet web is closed");
    }

    @Test
    void saysWhichSettingBreaksWhichRule() {
        LocalProcessProvider.Builder builder = LocalProcessProvider.builder(ProcessFleet.ID, directory);

        assertThatIllegalArgumentException().isThrownBy(builder::build).withMessage("command must be given, was []");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.command(List.of()))
                .withMessage("command must not be empty, was []");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.environment("A=B", ""))
                .withMessage("environment must have names without = and NUL, was A=B");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.environment("ROLLSTEP_INSTANCE", ""))
                .withMessageStartingWith("environment must leave ROLLSTEP_INSTANCE");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.ports(9000, 8000))
                .withMessage("ports must be within 1 to 65535, in order, was 9000-8000");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.stopGrace(Duration.ofSeconds(-1)))
                .withMessage("stopGrace must be within 0 to 1 day, was PT-1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.label("fleet", "x"))
                .withMessage("label must leave fleet, rollout, revision and token to Rollstep, was fleet");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.host("0.0.0.0"))
                .withMessage("host must be one address of this machine, was 0.0.0.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder.host("192.0.2.1"))
                .withMessage("host must be one address of this machine, was 192.0.2.1");
    }
}
