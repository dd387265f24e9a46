package io.github.rollstep.examples.arena;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The client of an invented platform: an arena with bays in which matches are played. It opens and closes matches, and its lobby
 * sends players to them; both take a moment. Safe for use by several threads.
 */
final class Arena {

    /** What a match is doing. */
    enum Stage {
        LOADING,
        PLAYING,
        CLOSING,
        CRASHED
    }

    /**
     * A match.
     *
     * @param name given by whoever opened it; no two matches have the same
     * @param labels kept for whoever opened it
     * @param joinable whether the lobby sends players to it
     */
    record Match(
            String name,
            Map<String, String> labels,
            String map,
            Stage stage,
            boolean joinable,
            int players,
            long since) {

        Optional<InetSocketAddress> address() {
            return stage == Stage.LOADING
                    ? Optional.empty()
                    : Optional.of(InetSocketAddress.createUnresolved(name + ".arena", 7777));
        }

        private Match in(Stage stage) {
            boolean plays = stage == Stage.PLAYING;
            return new Match(name, labels, map, stage, plays && joinable, plays ? players : 0, System.nanoTime());
        }

        private Match with(boolean joinable, int players) {
            return new Match(name, labels, map, stage, joinable, players, since);
        }
    }

    /** The arena said no, as HTTP does: below 500 it always will, from 500 on it may not next time. */
    static final class Refused extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final int status;

        Refused(int status, String message) {
            super(message);
            this.status = status;
        }

        int status() {
            return status;
        }
    }

    private final int bays;
    private final Duration moment;
    private final Map<String, Match> matches = new TreeMap<>();
    private boolean away;
    private boolean busy;
    private int turn;
    private int thrownOut;

    /** @param moment how long a match loads its map, and how long it takes to close */
    Arena(int bays, Duration moment) {
        this.bays = bays;
        this.moment = moment;
    }

    /** All matches, whoever opened them. */
    synchronized List<Match> matches() {
        answer();
        return List.copyOf(matches.values());
    }

    /** Opens a match; the one of that name if there is one. */
    synchronized Match open(String name, Map<String, String> labels, String map) {
        answer();
        if (!map.matches("[a-z]+(-world)?|v[0-9]+")) {
            throw new Refused(404, "there is no map " + map);
        }
        if (!matches.containsKey(name) && matches.size() == bays) {
            throw new Refused(503, "all %d bays are taken".formatted(bays));
        }
        return matches.computeIfAbsent(
                name, key -> new Match(key, labels, map, Stage.LOADING, false, 0, System.nanoTime()));
    }

    /** Closes a match, if there is one; who plays is thrown out. */
    synchronized Optional<Match> close(String name) {
        answer();
        if (busy) {
            busy = false;
            throw new Refused(500, "the arena is busy");
        }
        return Optional.ofNullable(matches.computeIfPresent(name, (key, match) -> {
            thrownOut += match.players();
            return match.stage() == Stage.CLOSING ? match : match.in(Stage.CLOSING);
        }));
    }

    /** Whether the lobby sends players to a match, if there is one. Whoever plays goes on. */
    synchronized Optional<Match> joinable(String name, boolean joinable) {
        answer();
        return Optional.ofNullable(matches.computeIfPresent(
                name, (key, match) -> match.with(joinable && match.stage() == Stage.PLAYING, match.players())));
    }

    // What players do, and what befalls an arena.

    /** A player comes to the lobby and is sent to a match: the matches take turns. */
    synchronized Optional<String> join() {
        settle();
        List<Match> open = matches.values().stream().filter(Match::joinable).toList();
        if (open.isEmpty()) {
            return Optional.empty();
        }
        Match match = open.get(turn++ % open.size());
        matches.put(match.name(), match.with(true, match.players() + 1));
        return Optional.of(match.name());
    }

    /** The player has played to the end; false if the match ended before. */
    synchronized boolean leave(String name) {
        settle();
        Match match = matches.get(name);
        if (match == null || match.players() == 0) {
            return false;
        }
        matches.put(name, match.with(match.joinable(), match.players() - 1));
        return true;
    }

    synchronized int thrownOut() {
        return thrownOut;
    }

    synchronized void crash(String name) {
        matches.computeIfPresent(name, (key, match) -> match.in(Stage.CRASHED));
    }

    synchronized void away(boolean away) {
        this.away = away;
    }

    /** It refuses to close the next match. */
    synchronized void busy() {
        busy = true;
    }

    private void answer() {
        if (away) {
            throw new Refused(503, "the arena does not answer");
        }
        settle();
    }

    private void settle() {
        for (Match match : new ArrayList<>(matches.values())) {
            boolean over = System.nanoTime() - match.since() >= moment.toNanos();
            if (over && match.stage() == Stage.CLOSING) {
                matches.remove(match.name());
            } else if (over && match.stage() == Stage.LOADING) {
                matches.put(match.name(), match.in(match.map().startsWith("crash") ? Stage.CRASHED : Stage.PLAYING));
            }
        }
    }

    @Override
    public synchronized String toString() {
        return matches.values().stream().map(Match::map).toList().toString();
    }
}
