package io.github.rollstep.examples.quickstart;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.local.EmbeddedRouter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.stream.Collectors;

/**
 * The embedded router in a process of its own, so that it outlives controllers. Prints the ports for requests and for
 * commands, takes one command a connection, and ends with its standard input.
 */
final class RouterProcess {

    private RouterProcess() {}

    public static void main(String[] args) throws IOException {
        try (EmbeddedRouter router = EmbeddedRouter.builder().retries(false).start();
                ServerSocket commands = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread serving = new Thread(() -> serve(router, commands));
            serving.setDaemon(true);
            serving.start();
            System.out.println(router.port() + " " + commands.getLocalPort());
            while (System.in.read() >= 0) {
                // Until the test ends.
            }
        }
    }

    private static void serve(EmbeddedRouter router, ServerSocket commands) {
        while (!commands.isClosed()) {
            try (Socket socket = commands.accept();
                    BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                    PrintWriter out = new PrintWriter(socket.getOutputStream(), true)) {
                String command = in.readLine();
                if (command != null) {
                    out.println(answer(router, command.split(" ")));
                }
            } catch (IOException | RuntimeException e) {
                // The controller died, perhaps in the middle of a command; the next one connects anew.
            }
        }
    }

    private static String answer(EmbeddedRouter router, String[] command) {
        switch (command[0]) {
            case "routes" -> {
                return router.routes().entrySet().stream()
                        .map(entry -> "%s=%s=%d"
                                .formatted(
                                        entry.getKey(),
                                        entry.getValue().state(),
                                        entry.getValue().openRequests()))
                        .collect(Collectors.joining(" "));
            }
            case "admit" -> router.admit(instance(command));
            case "drain" -> router.drain(instance(command));
            default -> throw new IllegalArgumentException(command[0]);
        }
        return "done";
    }

    private static Instance instance(String[] command) {
        return Instance.builder(InstanceId.of(command[1]), Revision.of("any"), Instance.State.RUNNING)
                .address(new InetSocketAddress(command[2], Integer.parseInt(command[3])))
                .build();
    }
}
