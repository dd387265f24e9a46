package io.github.rollstep.haproxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Settings that are refused, and replies that HAProxy would never give. Needs no HAProxy. */
class HaProxyRouterTest {

    @Test
    void settingsAreRefusedWithNameRuleAndValue() throws IOException {
        HaProxyRouter.Builder builder = HaProxyRouter.builder("app");

        assertThatThrownBy(() -> HaProxyRouter.builder("app;x"))
                .hasMessage("backend must match [A-Za-z0-9_.:-]{1,64}, was \"app;x\"");
        assertThatThrownBy(() -> builder.prefix("a b"))
                .hasMessage("prefix must match [A-Za-z0-9_.:-]{1,32}, was \"a b\"");
        assertThatThrownBy(() -> builder.slots("")).hasMessage("slots must match [A-Za-z0-9_.:-]{1,32}, was \"\"");
        assertThatThrownBy(() -> builder.check(Duration.ZERO, 1, 1))
                .hasMessage("check interval must be within PT0.01S to PT1H, was PT0S");
        assertThatThrownBy(() -> builder.check(Duration.ofSeconds(1), 0, 1))
                .hasMessage("check fall must be within 1 to 100, was 0");
        assertThatThrownBy(() -> builder.maxConnections(0))
                .hasMessage("maxConnections must be within 1 to 1000000, was 0");
        assertThatThrownBy(() -> builder.reloadGrace(Duration.ofSeconds(-1)))
                .hasMessage("reloadGrace must be within PT0S to PT1H, was PT-1S");
        assertThatThrownBy(() -> builder.endpoint(new InetSocketAddress(InetAddress.getByName("192.0.2.1"), 9999)))
                .hasMessageContaining("endpoint must be a loopback address");
        assertThatThrownBy(builder::build).hasMessage("endpoint must be given at least once");
    }

    @Test
    void anAbsentHaProxyIsARetryableErrorThatNamesIt() {
        HaProxyRouter router = HaProxyRouter.builder("app")
                .endpoint(Path.of("/no/such/socket"))
                .build();

        ProviderException error = catchThrowableOfType(ProviderException.class, () -> router.routes(List.of()));

        assertThat(error).hasMessageContaining("HAProxy at /no/such/socket did not answer \"show servers state app;");
        assertThat(error.isRetryable()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Permission denied\n\n", "2\n# other\n", "1\n# srv_name srv_addr\ns1 127.0.0.1\n"})
    void anUnexpectedReplyIsAnErrorThatShowsIt(String reply) throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            HaProxyRouter router = router(socket, command -> reply);

            assertThatThrownBy(() -> router.routes(List.of()))
                    .isInstanceOf(ProviderException.class)
                    .hasMessageContaining("HAProxy at 127.0.0.1:" + socket.getLocalPort());
        }
    }

    @Test
    void aServerThatCannotBeDrainedKeepsNoOtherInTraffic() throws IOException {
        List<String> drained = new CopyOnWriteArrayList<>();
        try (ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            HaProxyRouter router = router(socket, command -> {
                if (command.startsWith("show servers state")) {
                    return reply(
                            command,
                            "rs-a 127.0.0.1 1 0 2\nrs-b 127.0.0.1 2 0 2\nrs-c 127.0.0.1 3 0 2\n",
                            "rs-a,0,0\nrs-b,0,0\nrs-c,0,0\n",
                            7);
                }
                drained.add(command.strip());
                return drained.size() == 1 ? "No such server.\n" : "\n";
            });

            ProviderException error = catchThrowableOfType(
                    ProviderException.class,
                    () -> router.drainAll(List.of(instance("a", 1), instance("b", 2), instance("c", 3))));

            assertThat(error).hasMessageContaining("No such server.").hasMessageContaining(drained.get(0));
            assertThat(error.isRetryable()).isTrue();
            assertThat(drained)
                    .containsExactlyInAnyOrder(
                            "set server app/rs-a state drain",
                            "set server app/rs-b state drain",
                            "set server app/rs-c state drain");
        }
    }

    /** For a moment of a reload both processes take connections, as it happens. */
    @Test
    void aLookThatTwoProcessesMightAnswerLosesNoRequestOfTheFormerOne() throws IOException {
        AtomicInteger connections = new AtomicInteger();
        try (ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            HaProxyRouter router = router(socket, command -> {
                int connection = connections.getAndIncrement();
                return connection == 3 || connection >= 6
                        ? reply(command, "", "", 8)
                        : reply(command, "rs-a 127.0.0.1 1 0 2\n", "rs-a,1,0\n", 7);
            });
            Instance a = instance("a", 1);

            for (int look = 0; look < 10; look++) {
                assertThat(router.routes(List.of(a)).get(a.id()).isQuiet())
                        .as("quiet at look %d", look)
                        .isFalse();
            }
        }
    }

    /** To the commands of one line, each ended by an empty one. */
    private static String reply(String commands, String servers, String sessions, int pid) {
        return Stream.of(commands.split(";"))
                .map(command -> switch (command.strip().split(" ")[1]) {
                    case "servers" -> "1\n# srv_name srv_addr srv_port srv_admin_state srv_op_state\n" + servers + "\n";
                    case "stat" -> "# svname,scur,qcur\n" + sessions + "\n";
                    case "info" -> "Pid: " + pid + "\nUptime_sec: 5\n\n";
                    default -> throw new IllegalArgumentException(command);
                })
                .collect(Collectors.joining());
    }

    private static Instance instance(String id, int port) {
        return Instance.builder(InstanceId.of(id), Revision.of("v1"), Instance.State.RUNNING)
                .address(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                .build();
    }

    private static HaProxyRouter router(ServerSocket socket, UnaryOperator<String> replies) {
        Thread answering = new Thread(() -> answer(socket, replies));
        answering.setDaemon(true);
        answering.start();
        return HaProxyRouter.builder("app")
                .endpoint((InetSocketAddress) socket.getLocalSocketAddress())
                .build();
    }

    private static void answer(ServerSocket socket, UnaryOperator<String> replies) {
        try {
            while (true) {
                try (Socket connection = socket.accept()) {
                    byte[] command = new byte[1024];
                    int length = connection.getInputStream().read(command);
                    String reply = replies.apply(new String(command, 0, length, StandardCharsets.US_ASCII));
                    connection.getOutputStream().write(reply.getBytes(StandardCharsets.US_ASCII));
                }
            }
        } catch (IOException e) {
            // The test is over.
        }
    }
}
