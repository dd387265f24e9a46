package io.github.rollstep.examples.docker;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What a rollout does, as seen by those it does it to: the engine's own event stream, by the docker command, and HAProxy's own
 * statistics. It shares no code with the adapters. Whatever is against a limit is a {@link #breaches() breach}.
 */
public final class OutsideView implements AutoCloseable {

    private static final int LOOK_MILLIS = 20;

    private final HaProxy haproxy;
    private final int footprint;
    private final int floor;
    private final Process events;
    private final Set<String> existing = new HashSet<>();
    private final Set<String> running = new HashSet<>();
    private final List<String> breaches = new CopyOnWriteArrayList<>();
    private final Thread listening = new Thread(this::listen, "outside-events");
    private final Thread looking = new Thread(this::look, "outside-statistics");
    private volatile boolean closed;
    private volatile int peak;
    private volatile int fewest = Integer.MAX_VALUE;
    private volatile int stopped;
    private volatile int fewestWhenStopped = Integer.MAX_VALUE;

    /**
     * @param footprint how many containers of the fleet may exist
     * @param floor how many servers HAProxy must at least send requests to
     */
    public OutsideView(String fleet, HaProxy haproxy, int footprint, int floor)
            throws IOException, InterruptedException {
        this.haproxy = haproxy;
        this.footprint = footprint;
        this.floor = floor;
        Instant since = Instant.now();
        String label = "label=io.github.rollstep.fleet=" + fleet;
        Commands.run("docker", "ps", "-aq", "--no-trunc", "--filter", label)
                .lines()
                .forEach(existing::add);
        Commands.run("docker", "ps", "-q", "--no-trunc", "--filter", label)
                .lines()
                .forEach(running::add);
        events = new ProcessBuilder(
                        "docker",
                        "events",
                        "--since",
                        since.toString(), // Also what happens before it listens.
                        "--filter",
                        "type=container",
                        "--filter",
                        label,
                        "--format",
                        "{{.Action}} {{.ID}}")
                .redirectErrorStream(true)
                .start();
        events.getOutputStream().close();
        for (Thread thread : List.of(listening, looking)) {
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void listen() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(events.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] event = line.split(" ");
                happened(event[0], event[event.length - 1]);
            }
        } catch (IOException e) {
            if (!closed) {
                breaches.add("the event stream ended: " + e.getMessage());
            }
        }
    }

    private void happened(String action, String container) {
        switch (action) {
            case "create" -> {
                existing.add(container);
                peak = Math.max(peak, existing.size());
                if (existing.size() > footprint) {
                    breaches.add("%d containers exist, at most %d may".formatted(existing.size(), footprint));
                }
            }
            case "start" -> running.add(container);
            case "die" -> running.remove(container);
            case "destroy" -> existing.remove(container);
            case "kill" -> {
                stopped++;
                mustBeOut(container);
            }
            default -> {}
        }
    }

    /** What is told to stop has no request, and gets none. */
    private void mustBeOut(String container) {
        String id = shortId(container);
        try {
            List<String[]> servers = servers();
            fewestWhenStopped = Math.min(fewestWhenStopped, serving(servers));
            for (String[] server : servers) {
                boolean takes = server[1].startsWith("UP") || server[1].equals("no check");
                if (server[0].endsWith(id) && (takes || !server[2].equals("0"))) {
                    breaches.add("%s was told to stop while HAProxy had it %s with %s requests open"
                            .formatted(id, server[1], server[2]));
                }
            }
        } catch (IOException e) {
            breaches.add("HAProxy could not be asked when " + id + " was told to stop: " + e.getMessage());
        }
    }

    /** What HAProxy sends requests to and what runs, whatever HAProxy has noticed of it. */
    private int serving(List<String[]> servers) {
        return (int) running.stream()
                .map(OutsideView::shortId)
                .filter(id -> servers.stream().anyMatch(server -> server[0].endsWith(id) && server[1].startsWith("UP")))
                .count();
    }

    private static String shortId(String container) {
        return container.substring(0, 12);
    }

    private void look() {
        try {
            while (!closed) {
                long up = servers().stream()
                        .filter(server -> server[1].startsWith("UP"))
                        .count();
                fewest = Math.min(fewest, (int) up);
                if (up < floor) {
                    breaches.add("HAProxy sends requests to %d servers, at least %d must serve".formatted(up, floor));
                }
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (IOException e) {
            breaches.add("HAProxy could not be asked: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Name, status and sessions of each server. */
    private List<String[]> servers() throws IOException {
        return haproxy.ask("show stat " + HaProxy.BACKEND + " 4 -1")
                .lines()
                .filter(line -> line.startsWith(HaProxy.BACKEND + ","))
                .map(line -> line.split(","))
                .map(fields -> new String[] {fields[1], fields[17], fields[4]})
                .toList();
    }

    /** The most containers that existed at once, since this began to look. */
    public int peak() {
        return peak;
    }

    /** The fewest servers that HAProxy sent requests to. */
    public int fewest() {
        return fewest;
    }

    /** The fewest that served, each time that a container had been told to stop: it itself not among them. */
    public int fewestWhenStopped() {
        return fewestWhenStopped;
    }

    /** How many signals to stop containers got. */
    public int stopped() {
        return stopped;
    }

    public List<String> breaches() {
        return List.copyOf(breaches);
    }

    @Override
    public void close() {
        closed = true;
        events.destroy();
        try {
            listening.join(5_000);
            looking.join(5_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
