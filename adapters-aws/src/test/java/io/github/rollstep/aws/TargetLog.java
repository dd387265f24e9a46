package io.github.rollstep.aws;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Since when, and until when, something was registered in target groups. */
final class TargetLog {

    /** {@code until} is when it was deregistered. */
    record Span(Instant since, @Nullable Instant until, int port) {

        boolean isOpen() {
            return until == null;
        }
    }

    private final Map<String, Map<String, List<Span>>> groups = new LinkedHashMap<>();

    /** Nothing if it is registered already. */
    void open(String targetGroup, String id, int port, Instant since) {
        List<Span> spans = groups.computeIfAbsent(targetGroup, arn -> new LinkedHashMap<>())
                .computeIfAbsent(id, target -> new ArrayList<>());
        if (spans.isEmpty() || !spans.get(spans.size() - 1).isOpen()) {
            spans.add(new Span(since, null, port));
        }
    }

    /** What was to be registered only later never is; nothing if it is not registered. */
    void close(String targetGroup, String id, Instant at) {
        List<Span> spans = spans(targetGroup, id);
        if (spans.isEmpty() || !spans.get(spans.size() - 1).isOpen()) {
            return;
        }
        Span last = spans.remove(spans.size() - 1);
        if (!last.since().isAfter(at)) {
            spans.add(new Span(last.since(), at, last.port()));
        }
    }

    /** Whether a target of it has to drain now. */
    boolean closeAll(String id, Instant at) {
        boolean drains = false;
        for (String targetGroup : groups.keySet()) {
            drains |= at(targetGroup, id, at).filter(Span::isOpen).isPresent();
            close(targetGroup, id, at);
        }
        return drains;
    }

    Set<String> targets(String targetGroup) {
        return new LinkedHashSet<>(groups.getOrDefault(targetGroup, Map.of()).keySet());
    }

    /** When the last of its targets was deregistered, of those that were by then. */
    Optional<Instant> lastClosed(String id, Instant by) {
        return groups.values().stream()
                .flatMap(targets -> targets.getOrDefault(id, List.of()).stream())
                .map(Span::until)
                .filter(until -> until != null && !until.isAfter(by))
                .max(Instant::compareTo);
    }

    /** As it was known at a time. */
    Optional<Span> at(String targetGroup, String id, Instant at) {
        List<Span> spans = spans(targetGroup, id);
        for (int i = spans.size() - 1; i >= 0; i--) {
            Span span = spans.get(i);
            if (!span.since().isAfter(at)) {
                boolean closed = span.until() != null && !span.until().isAfter(at);
                return Optional.of(closed ? span : new Span(span.since(), null, span.port()));
            }
        }
        return Optional.empty();
    }

    private List<Span> spans(String targetGroup, String id) {
        return groups.getOrDefault(targetGroup, Map.of()).getOrDefault(id, new ArrayList<>());
    }
}
