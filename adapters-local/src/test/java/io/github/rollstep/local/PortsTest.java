package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PortsTest {

    private static final InetAddress HOST = InetAddress.getLoopbackAddress();

    @Test
    void neverGivesATakenPort() {
        Ports ports = new Ports(HOST, 0, 0);
        Set<Integer> taken = new HashSet<>();

        for (int i = 0; i < 100; i++) {
            assertThat(taken.add(ports.free(taken))).isTrue();
        }
    }

    @Test
    void passesOverAPortThatSomebodyListensOn() throws IOException {
        try (ServerSocket busy = new ServerSocket(0, 1, HOST)) {
            int port = busy.getLocalPort();

            ProviderException thrown =
                    catchThrowableOfType(ProviderException.class, () -> new Ports(HOST, port, port).free(Set.of()));

            assertThat(thrown).hasMessage("no port is free from %d to %d", port, port);
            assertThat(thrown.isRetryable()).isTrue();
        }
    }

    @Test
    void takesThePortsOfARangeInTurns() throws IOException {
        int first = pair();
        Ports ports = new Ports(HOST, first, first + 1);

        assertThat(ports.free(Set.of())).isEqualTo(first);
        assertThat(ports.free(Set.of())).isEqualTo(first + 1);
        assertThat(ports.free(Set.of(first))).isEqualTo(first + 1);
        assertThat(ports.free(Set.of())).isEqualTo(first);
    }

    /** The first of two ports that are free side by side. */
    private static int pair() throws IOException {
        while (true) {
            try (ServerSocket one = new ServerSocket(0, 1, HOST);
                    ServerSocket two = new ServerSocket(one.getLocalPort() % 65_535 + 1, 1, HOST)) {
                if (two.getLocalPort() == one.getLocalPort() + 1) {
                    return one.getLocalPort();
                }
            } catch (java.net.BindException e) {
                continue;
            }
        }
    }
}
