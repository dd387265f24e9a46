package io.github.rollstep.examples.quickstart;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * The service that is rolled: {@code Server PORT REVISION HEALTHY}. Answers {@code /} at once, {@code /slow} after 300 ms,
 * and {@code /health} with 200 or, if it is to be a bad revision, 503. Further arguments tell it from others in a list of processes.
 */
public final class Server {

    private static final long SLOW_MILLIS = 300;

    private Server() {}

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        String revision = args[1];
        int health = Boolean.parseBoolean(args[2]) ? 200 : 503;
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 256);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> answer(exchange, 200, "hello from " + revision));
        server.createContext("/slow", exchange -> {
            sleep();
            answer(exchange, 200, "hello from " + revision + ", at last");
        });
        server.createContext("/health", exchange -> answer(exchange, health, revision));
        server.start();
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static void sleep() {
        try {
            Thread.sleep(SLOW_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
