package io.github.rollstep.testkit;

import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.PriorityQueue;

/** What will happen to simulated instances, and when. What an instance has crossed out or put off does not happen. */
final class Agenda {

    enum Change {
        RUNNING,
        WARM,
        EXIT,
        SICK,
        RECOVERED,
        ADMITTED,
        REQUEST_ENDED,
        GONE
    }

    record Event(Instant at, long ordinal, SimulatedInstance instance, Change change) {

        private boolean isPending() {
            return instance.pending.get(change) == this;
        }
    }

    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparing(Event::at).thenComparing(Event::ordinal));
    private long ordinal;

    Event add(SimulatedInstance instance, Change change, Instant at) {
        Event event = new Event(at, ordinal++, instance, change);
        events.add(event);
        return event;
    }

    /** Lets everything happen that is due by now. */
    void settle(Instant now) {
        for (Event next = events.peek(); next != null && !next.at.isAfter(now); next = events.peek()) {
            events.poll();
            if (next.instance.pending.remove(next.change, next)) {
                next.instance.happen(next.change, next.at);
            }
        }
    }

    /** When something happens next. */
    Optional<Instant> next() {
        Event next = events.peek();
        while (next != null && !next.isPending()) {
            events.poll();
            next = events.peek();
        }
        return Optional.ofNullable(next).map(Event::at);
    }
}
