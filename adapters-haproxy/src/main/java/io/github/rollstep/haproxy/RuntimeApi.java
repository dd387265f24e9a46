package io.github.rollstep.haproxy;

import io.github.rollstep.Require;
import io.github.rollstep.spi.ProviderException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The commands of HAProxy's runtime API that concern one backend.
 *
 * <p>HAProxy has no error codes, and what a command says when it worked differs from version to version of HAProxy as little as
 * anything does: a reply that is not exactly the one of success is a failure. What enters a command are names that match
 * {@link #NAME}, addresses that were parsed, and numbers, so that none can end it and begin another.
 */
final class RuntimeApi {

    /** What a server or a backend may be called. */
    static final String NAME = "[A-Za-z0-9_.:-]{1,64}";

    private static final Pattern LITERAL = Pattern.compile("[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*");

    // Bits of srv_admin_state and values of srv_op_state: include/haproxy/server-t.h of HAProxy 2.6. 0x04 says only
    // that the
    // configuration disabled the server, whatever it is now.
    private static final int MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40;
    private static final int DRAIN = 0x08 | 0x10;
    private static final int STOPPED = 0;
    private static final int STOPPING = 3;

    private final Endpoint endpoint;
    private final String backend;

    RuntimeApi(Endpoint endpoint, String backend) {
        this.endpoint = endpoint;
        this.backend = Require.matches("backend", NAME, backend);
    }

    /**
     * What one process says at one time.
     *
     * @param servers of the backend by their names
     * @param process another one after each restart and reload; in a container all of them may have the same id
     */
    record View(Map<String, Server> servers, Incarnation process) {}

    /**
     * By one connection: during a reload the next one may be taken by another process, which has other servers. The sessions are read
     * after the states: what was draining before has no others.
     */
    View view() {
        String command = "show servers state %1$s; show stat %1$s 4 -1; show info".formatted(backend);
        String all = endpoint.ask(command);
        String[] replies = all.split("\n\n");
        if (all.startsWith("Can't find backend")) {
            throw ProviderException.permanent("%s has no backend %s".formatted(this, backend));
        }
        if (replies.length != 3) {
            throw unexpected(command, all);
        }
        return new View(servers(replies[0], openRequests(replies[1])), incarnation(replies[2]));
    }

    private Incarnation incarnation(String info) {
        int pid = number("show info", info, "Pid: ");
        long uptime = number("show info", info, "Uptime_sec: ");
        return new Incarnation(pid, TimeUnit.NANOSECONDS.toSeconds(System.nanoTime()) - uptime);
    }

    /** @param startedAt in seconds of this machine's own count, a second more or less */
    record Incarnation(int pid, long startedAt) {

        private static final int INEXACT_SECONDS = 2;

        boolean isOther(Incarnation before) {
            return pid != before.pid || startedAt > before.startedAt + INEXACT_SECONDS;
        }
    }

    private int number(String command, String reply, String prefix) {
        return reply.lines()
                .filter(line -> line.startsWith(prefix))
                .map(line -> line.substring(prefix.length()).strip())
                .filter(value -> value.matches("[0-9]{1,9}"))
                .mapToInt(Integer::parseInt)
                .findFirst()
                .orElseThrow(() -> unexpected(command, reply));
    }

    /** Each server of the backend by its name. */
    Map<String, Server> servers() {
        return view().servers();
    }

    private Map<String, Server> servers(String states, Map<String, Integer> open) {
        if (!states.startsWith("1\n# ")) {
            throw unexpected("show servers state", states);
        }
        Map<String, Server> servers = new HashMap<>();
        for (Map<String, String> row : rows(states.substring(2), " ")) {
            String name = field(row, "srv_name");
            int admin = number(row, "srv_admin_state");
            int operation = number(row, "srv_op_state");
            servers.put(
                    name,
                    new Server(
                            name,
                            address(field(row, "srv_addr"), number(row, "srv_port")),
                            (admin & MAINTENANCE) != 0,
                            (admin & DRAIN) != 0 || operation == STOPPING,
                            operation != STOPPED,
                            open.getOrDefault(name, 0)));
        }
        return servers;
    }

    private Map<String, Integer> openRequests(String statistics) {
        if (!statistics.startsWith("# ")) {
            throw unexpected("show stat", statistics);
        }
        Map<String, Integer> open = new HashMap<>();
        for (Map<String, String> row : rows(statistics, ",")) {
            open.put(field(row, "svname"), number(row, "scur") + number(row, "qcur"));
        }
        return open;
    }

    /** A new server, out of traffic until it is made {@link #ready}. */
    void add(String name, InetSocketAddress address, String options) {
        expect(
                "New server registered.\n\n",
                "add server %s %s %s"
                        .formatted(server(name), literal(address), options)
                        .strip());
    }

    void enableCheck(String name) {
        expect("\n", "enable health " + server(name));
    }

    void ready(String name) {
        expect("\n", "set server " + server(name) + " state ready");
    }

    void drain(String name) {
        expect("\n", "set server " + server(name) + " state drain");
    }

    void maintain(String name) {
        expect("\n", "set server " + server(name) + " state maint");
    }

    /** Another address for a server that is out. What HAProxy says is prose: it is asked what it has then. */
    void move(String name, InetSocketAddress address) {
        InetAddress ip = address.getAddress();
        String reply = endpoint.ask(
                "set server %s addr %s port %d".formatted(server(name), ip.getHostAddress(), address.getPort()));
        Server moved = servers().get(name);
        if (moved == null || !moved.isAt(address)) {
            throw unexpected("set server addr", reply);
        }
    }

    /** @return false if connections are still attached: to be tried again later */
    boolean delete(String name) {
        String command = "del server " + server(name);
        String reply = endpoint.ask(command);
        if (reply.contains("still has connections")) {
            return false;
        }
        if (!reply.equals("Server deleted.\n") && !reply.startsWith("No such server.")) {
            throw unexpected(command, reply);
        }
        return true;
    }

    /** Of all backends, in the format of HAProxy's server-state file. */
    String state() {
        String state = endpoint.ask("show servers state");
        if (!state.startsWith("1\n# ")) {
            throw unexpected("show servers state", state);
        }
        return state;
    }

    /** The entries of a map that the configuration uses. */
    Map<String, String> map(String file) {
        Map<String, String> entries = new HashMap<>();
        known(file, endpoint.ask("show map " + file))
                .lines()
                .map(line -> line.split(" "))
                .forEach(parts -> {
                    if (parts.length == 3) {
                        entries.put(parts[1], parts[2]);
                    }
                });
        return entries;
    }

    /** Exchanges all entries at once. Keys and values hold neither spaces nor ends of lines. */
    void replaceMap(String file, Map<String, String> entries) {
        String prepared = known(file, endpoint.ask("prepare map " + file));
        Matcher version = Pattern.compile("New version created: ([0-9]+)\\s*").matcher(prepared);
        if (!version.matches()) {
            throw unexpected("prepare map " + file, prepared);
        }
        String next = "@" + version.group(1) + " " + file;
        if (!entries.isEmpty()) {
            StringBuilder payload = new StringBuilder("add map " + next + " <<\n");
            entries.forEach((key, value) ->
                    payload.append(key).append(' ').append(value).append('\n'));
            expect("\n", payload.toString());
        }
        expect("\n", "commit map " + next);
    }

    private String known(String file, String reply) {
        if (reply.startsWith("Unknown map")) {
            throw ProviderException.permanent("%s has no map %s".formatted(this, file));
        }
        return reply;
    }

    private void expect(String success, String command) {
        String reply = endpoint.ask(command);
        if (!reply.equals(success)) {
            throw unexpected(command, reply);
        }
    }

    private ProviderException unexpected(String command, String reply) {
        return ProviderException.retryable("%s answered \"%s\" to \"%s\"".formatted(this, excerpt(reply), command));
    }

    private static String excerpt(String reply) {
        String text = reply.strip().replaceAll("[^\\x20-\\x7e]+", " ");
        return text.length() <= 200 ? text : text.substring(0, 200) + "...";
    }

    private String server(String name) {
        return backend + "/" + Require.matches("server", NAME, name);
    }

    /** IP and port as HAProxy reads them. */
    private static String literal(InetSocketAddress address) {
        String ip = address.getAddress().getHostAddress();
        Require.that(LITERAL.matcher(ip).matches(), "address must be an IP address without a zone, was %s", ip);
        return (ip.contains(":") ? "[" + ip + "]" : ip) + ":" + address.getPort();
    }

    private static Optional<InetSocketAddress> address(String ip, int port) {
        if (!LITERAL.matcher(ip).matches()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new InetSocketAddress(InetAddress.getByName(ip), port));
        } catch (UnknownHostException e) {
            return Optional.empty();
        }
    }

    /** Rows by the names of a header that begins with "# ". */
    private static List<Map<String, String>> rows(String table, String separator) {
        List<String> lines =
                table.lines().filter(line -> !line.isBlank()).map(String::strip).toList();
        List<String> names = Arrays.asList(lines.get(0).substring(2).split(separator));
        List<Map<String, String>> rows = new ArrayList<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] values = line.split(separator, -1);
            Map<String, String> row = new HashMap<>();
            for (int i = 0; i < Math.min(values.length, names.size()); i++) {
                row.put(names.get(i), values[i]);
            }
            rows.add(row);
        }
        return rows;
    }

    private String field(Map<String, String> row, String name) {
        @Nullable String value = row.get(name);
        if (value == null) {
            throw ProviderException.permanent(
                    "%s says nothing of %s: HAProxy 2.6 or newer is needed".formatted(this, name));
        }
        return value;
    }

    private int number(Map<String, String> row, String name) {
        String value = field(row, name);
        try {
            return value.isEmpty() ? 0 : Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw ProviderException.retryable("%s says %s is \"%s\"".formatted(this, name, value), e);
        }
    }

    @Override
    public String toString() {
        return "HAProxy at " + endpoint;
    }
}
