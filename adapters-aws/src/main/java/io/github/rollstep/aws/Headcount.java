package io.github.rollstep.aws;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The arithmetic of a group, that takes a number: the desired capacity with which each open launch gets its instance, and the group never
 * has to choose who goes. It is told what was seen and done, and when, and does nothing itself; for one thread at a time.
 *
 * <p>What is in doubt counts in the direction that does no harm. Of the desired capacity the upper bound is known, and nothing less is set:
 * there may be so many that the group would stop some. Who is there is known as of the list that the engine plans from, to which its open
 * launches belong; of those that were told to go or to come since, a list is believed again when it is newer by the staleness.
 */
final class Headcount {

    /** How long a group may take until it lists what it was asked for. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    /**
     * What an answer of the group says.
     *
     * @param counting who is part of its desired capacity
     * @param asked when it was asked for
     */
    record Look(Set<String> counting, int desired, Instant asked) {

        Look {
            counting = Set.copyOf(counting);
        }
    }

    /** What one was told that lists do not show yet. */
    enum Told {
        /** It stops, which was accepted. */
        STOPS,
        /** It stands by, which was accepted. */
        STANDS,
        /** It may be part of the desired capacity, or may not. */
        UNKNOWN
    }

    private record Word(Instant at, Told told) {}

    private final Duration staleness;
    private final Map<String, Word> words = new HashMap<>();

    /** Of the last list: who is there and was told nothing since. */
    private final Set<String> staying = new HashSet<>();

    private Instant listedAt = Instant.MIN;

    /** How many launches are open beyond that list. */
    private int open;

    /** The desired capacity, at most, and when it was last changed by us. */
    private int most;

    private Instant changedAt = Instant.MIN;

    /** When somebody else may have changed anything for the last time. */
    private Instant othersAt = Instant.MIN;

    /** By how many the desired capacity was ahead of who was there, when that was seen last; and since when nobody has come. */
    private int ahead;

    private Set<String> there = Set.of();
    private Instant seenAt = Instant.MIN;
    private Instant aheadSince = Instant.MIN;

    Headcount(Duration staleness) {
        this.staleness = staleness;
    }

    // ---- what was seen

    /** The list that the engine plans from: the launches that it will hand over as open are not in it. */
    void list(Look look) {
        look(look);
        words.values().removeIf(word -> isNewer(look.asked, word.at));
        staying.clear();
        staying.addAll(look.counting);
        staying.removeAll(words.keySet());
        open = 0;
        listedAt = look.asked;
    }

    /** Any other look. */
    void look(Look look) {
        int now = look.desired - look.counting.size();
        boolean comes = !there.containsAll(look.counting);
        boolean wasWatched = !seenAt.plus(PATIENCE).isBefore(look.asked);
        if (now > ahead || comes || !wasWatched) {
            aheadSince = look.asked;
        }
        ahead = now;
        there = look.counting;
        seenAt = look.asked;
        if (isNewer(look.asked, changedAt)) {
            most = mayCome(look) ? look.desired : look.counting.size();
        }
    }

    private boolean isNewer(Instant asked, Instant change) {
        return !asked.isBefore(change.plus(staleness));
    }

    boolean isListed() {
        return !listedAt.equals(Instant.MIN);
    }

    // ---- what somebody else may have done

    /** Somebody else may have been in charge until now. */
    void others(Instant now) {
        othersAt = now;
    }

    /** From when on lists show all that somebody else did. */
    Instant othersShownAt() {
        return othersAt.plus(staleness);
    }

    /** Whether the list does. */
    boolean showsOthers() {
        return isNewer(listedAt, othersAt);
    }

    /** From when on looks show all that anybody did. */
    Instant allShownAt() {
        return (changedAt.isAfter(othersAt) ? changedAt : othersAt).plus(staleness);
    }

    // ---- launches

    /**
     * @param leaving who is to stop, whether or not it was told so
     * @return what to set; empty if it cannot be set before some of those that leave are known to have left
     */
    OptionalInt launch(int launches, Collection<String> leaving) {
        staying.removeAll(leaving);
        open = launches;
        return wanted() >= most ? OptionalInt.of(wanted()) : OptionalInt.empty();
    }

    /** What to set now: for launches that had to wait, and where fewer are desired than are there, as after a decrement made twice. */
    OptionalInt owed() {
        return showsOthers() && wanted() > most ? OptionalInt.of(wanted()) : OptionalInt.empty();
    }

    private int wanted() {
        return staying.size() + open;
    }

    /** It may take effect though the call fails. */
    void setting(int capacity, Instant now) {
        most = Math.max(most, capacity);
        changedAt = now;
    }

    void set(int capacity, Instant now) {
        most = capacity;
        changedAt = now;
    }

    // ---- who goes, and who comes back

    /** They stop, which was accepted; {@code counted} of them were part of the desired capacity, and took their part along. */
    void stop(Collection<String> ids, int counted, Instant now) {
        tell(ids, Told.STOPS, now);
        most -= counted;
    }

    /** They stand by, which was accepted. */
    void standBy(Collection<String> ids, Instant now) {
        tell(ids, Told.STANDS, now);
        most -= ids.size();
    }

    /** They were told to go; whether they do is not known. */
    void mayGo(Collection<String> ids, Instant now) {
        tell(ids, Told.UNKNOWN, now);
    }

    /** They were told to come back; whether they do is not known before a list shows it. */
    void mayComeBack(Collection<String> ids, Instant now) {
        tell(ids, Told.UNKNOWN, now);
        most += ids.size();
    }

    private void tell(Collection<String> ids, Told told, Instant now) {
        ids.forEach(id -> words.put(id, new Word(now, told)));
        staying.removeAll(ids);
        changedAt = now;
    }

    /** What one was told and what a look does not show yet, that was asked for at this time. */
    Optional<Told> told(String id, Instant asked) {
        return Optional.ofNullable(words.get(id))
                .filter(word -> !isNewer(asked, word.at))
                .map(Word::told);
    }

    // ---- who is desired and not there

    /** Whether more are desired than are there. */
    static boolean isAhead(Look look) {
        return look.desired > look.counting.size();
    }

    /** Whether those may still come: as long as they were waited for in vain, they never will. */
    boolean mayCome(Look look) {
        return !isAhead(look) || look.asked.isBefore(patientUntil());
    }

    Instant patientUntil() {
        return aheadSince.plus(PATIENCE);
    }

    /** What the desired capacity may be by now, and who may be there, at most. */
    int most(Look look) {
        return Math.max(most, Math.max(look.desired, look.counting.size()));
    }

    /** The desired capacity with nothing open: what is there, or as much as was desired before if the group is on its way there. */
    static int fitting(Look look, int before) {
        int there = look.counting.size();
        return isAhead(look) ? Math.min(look.desired, Math.max(there, before)) : there;
    }
}
