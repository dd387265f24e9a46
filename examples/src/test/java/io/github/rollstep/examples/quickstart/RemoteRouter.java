package io.github.rollstep.examples.quickstart;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** The router of a {@link RouterProcess}. */
record RemoteRouter(int port) implements TrafficRouter {

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        Map<InstanceId, Routing> routes = new HashMap<>();
        for (String route : ask("routes").split(" ")) {
            String[] parts = route.split("=");
            if (parts.length == 3) {
                routes.put(
                        InstanceId.of(parts[0]),
                        new Routing(Routing.State.valueOf(parts[1]), Integer.parseInt(parts[2])));
            }
        }
        return routes;
    }

    @Override
    public void admit(Instance instance) {
        ask("admit " + target(instance));
    }

    @Override
    public void drain(Instance instance) {
        ask("drain " + target(instance));
    }

    private static String target(Instance instance) {
        InetSocketAddress address = instance.address().orElseThrow();
        return "%s %s %d".formatted(instance.id(), address.getHostString(), address.getPort());
    }

    private String ask(String command) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
                PrintWriter out = new PrintWriter(socket.getOutputStream(), true);
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()))) {
            out.println(command);
            String answer = in.readLine();
            if (answer == null) {
                throw new IOException("no answer to " + command);
            }
            return answer;
        } catch (IOException e) {
            throw ProviderException.retryable("the router cannot be asked: " + e.getMessage(), e);
        }
    }
}
