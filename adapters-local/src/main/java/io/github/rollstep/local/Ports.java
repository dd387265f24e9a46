package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Finds free ports, of a range in turns, or any. Free means that it could be bound a moment ago. Not safe for use by several
 * threads.
 */
final class Ports {

    private final InetAddress host;
    private final int first;
    private final int last;
    private int next;

    /** @param first 0, together with {@code last}, to leave the choice to the system */
    Ports(InetAddress host, int first, int last) {
        this.host = host;
        this.first = first;
        this.last = last;
        this.next = first;
    }

    /** @throws ProviderException retryable if all are taken */
    int free(Set<Integer> taken) {
        return last == 0 ? any(taken) : inTurn(taken);
    }

    private int inTurn(Set<Integer> taken) {
        for (int i = first; i <= last; i++) {
            int port = next;
            next = port == last ? first : port + 1;
            if (!taken.contains(port) && canBind(port)) {
                return port;
            }
        }
        throw ProviderException.retryable("no port is free from %d to %d".formatted(first, last));
    }

    private boolean canBind(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, host)) {
            return socket.isBound();
        } catch (BindException e) {
            return false;
        } catch (IOException e) {
            throw noPort(e);
        }
    }

    private int any(Set<Integer> taken) {
        List<ServerSocket> refused = new ArrayList<>();
        try {
            while (true) {
                ServerSocket socket = new ServerSocket(0, 1, host);
                // Kept open until there is one that suits, or the system could offer the same again.
                refused.add(socket);
                if (!taken.contains(socket.getLocalPort())) {
                    return socket.getLocalPort();
                }
            }
        } catch (IOException e) {
            throw noPort(e);
        } finally {
            refused.forEach(Ports::close);
        }
    }

    private static void close(ServerSocket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw noPort(e);
        }
    }

    private static ProviderException noPort(IOException e) {
        return ProviderException.retryable("cannot get a free port: " + e, e);
    }
}
