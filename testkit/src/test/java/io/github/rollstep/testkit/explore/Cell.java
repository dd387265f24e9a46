package io.github.rollstep.testkit.explore;

import io.github.rollstep.plan.InstanceRecord.Intent;

/**
 * One instance: what the state remembers of it, and what it really is. All times are ages in ticks, as far as they still
 * make a difference; instances whose cells are equal are interchangeable.
 */
final class Cell {

    /** Of an age: there is none. */
    static final int NONE = -1;

    /** What the platform really does with it. */
    enum Phase {
        /** Not there, or not any more. */
        ABSENT,
        STARTING,
        RUNNING,
        STOPPING,
        FAILED
    }

    enum Route {
        OUT,
        IN,
        DRAINING
    }

    /** Whose launch it came from. */
    enum Origin {
        NOBODY,
        THIS_ROLLOUT,
        EARLIER_ROLLOUT
    }

    static final Phase[] PHASES = Phase.values();
    private static final Route[] ROUTES = Route.values();
    private static final Origin[] ORIGINS = Origin.values();
    private static final Intent[] INTENTS = Intent.values();

    // what is remembered
    boolean known;
    boolean seen;
    boolean successor;
    boolean early;
    int since;
    Intent intent = Intent.NONE;
    int intentSince;
    int sent = NONE;
    int ready = NONE;
    int sick = NONE;
    boolean served;
    boolean failed;
    int admitSent = NONE;
    int admits;
    int drainSent = NONE;
    int drains;
    int absentSince = NONE;
    int absentAt = NONE;

    // what it is
    Origin origin = Origin.NOBODY;
    int revision;
    Phase phase = Phase.ABSENT;
    Phase listed = Phase.ABSENT;
    boolean ill;
    boolean slow;
    Route route = Route.OUT;
    boolean open;
    int age;
    int lateLaunch = NONE;
    int lateAdmit = NONE;
    int lateDrain = NONE;
    int lateStop = NONE;

    Cell() {}

    Cell(Cell other) {
        known = other.known;
        seen = other.seen;
        successor = other.successor;
        early = other.early;
        since = other.since;
        intent = other.intent;
        intentSince = other.intentSince;
        sent = other.sent;
        ready = other.ready;
        sick = other.sick;
        served = other.served;
        failed = other.failed;
        admitSent = other.admitSent;
        admits = other.admits;
        drainSent = other.drainSent;
        drains = other.drains;
        absentSince = other.absentSince;
        absentAt = other.absentAt;
        origin = other.origin;
        revision = other.revision;
        phase = other.phase;
        listed = other.listed;
        ill = other.ill;
        slow = other.slow;
        route = other.route;
        open = other.open;
        age = other.age;
        lateLaunch = other.lateLaunch;
        lateAdmit = other.lateAdmit;
        lateDrain = other.lateDrain;
        lateStop = other.lateStop;
    }

    void forget() {
        known = false;
        seen = false;
        successor = false;
        early = false;
        since = 0;
        intent = Intent.NONE;
        intentSince = 0;
        sent = NONE;
        ready = NONE;
        sick = NONE;
        served = false;
        failed = false;
        admitSent = NONE;
        admits = 0;
        drainSent = NONE;
        drains = 0;
        absentSince = NONE;
        absentAt = NONE;
    }

    /** All of it in one word. */
    long pack() {
        Bits bits = new Bits(0);
        bits.put(known);
        bits.put(seen);
        bits.put(successor);
        bits.put(early);
        bits.put(since, 3);
        bits.put(intent.ordinal(), 3);
        bits.put(intentSince, 3);
        bits.put(sent + 1, 3);
        bits.put(ready + 1, 2);
        bits.put(sick + 1, 2);
        bits.put(served);
        bits.put(failed);
        bits.put(admitSent + 1, 3);
        bits.put(admits, 2);
        bits.put(drainSent + 1, 3);
        bits.put(drains, 2);
        bits.put(absentAt + 1, 2);
        bits.put(absentSince + 1, 2);
        bits.put(origin.ordinal(), 2);
        bits.put(revision, 2);
        bits.put(phase.ordinal(), 3);
        bits.put(listed.ordinal(), 3);
        bits.put(ill);
        bits.put(slow);
        bits.put(route.ordinal(), 2);
        bits.put(open);
        bits.put(age, 3);
        bits.put(lateLaunch + 1, 2);
        bits.put(lateAdmit + 1, 2);
        bits.put(lateDrain + 1, 2);
        bits.put(lateStop + 1, 2);
        return bits.word();
    }

    static Cell unpack(long word) {
        Bits bits = new Bits(word);
        Cell cell = new Cell();
        cell.known = bits.take();
        cell.seen = bits.take();
        cell.successor = bits.take();
        cell.early = bits.take();
        cell.since = bits.take(3);
        cell.intent = INTENTS[bits.take(3)];
        cell.intentSince = bits.take(3);
        cell.sent = bits.take(3) - 1;
        cell.ready = bits.take(2) - 1;
        cell.sick = bits.take(2) - 1;
        cell.served = bits.take();
        cell.failed = bits.take();
        cell.admitSent = bits.take(3) - 1;
        cell.admits = bits.take(2);
        cell.drainSent = bits.take(3) - 1;
        cell.drains = bits.take(2);
        cell.absentAt = bits.take(2) - 1;
        cell.absentSince = bits.take(2) - 1;
        cell.origin = ORIGINS[bits.take(2)];
        cell.revision = bits.take(2);
        cell.phase = PHASES[bits.take(3)];
        cell.listed = PHASES[bits.take(3)];
        cell.ill = bits.take();
        cell.slow = bits.take();
        cell.route = ROUTES[bits.take(2)];
        cell.open = bits.take();
        cell.age = bits.take(3);
        cell.lateLaunch = bits.take(2) - 1;
        cell.lateAdmit = bits.take(2) - 1;
        cell.lateDrain = bits.take(2) - 1;
        cell.lateStop = bits.take(2) - 1;
        return cell;
    }

    /** Nothing is left of it, nor will anything come of it. */
    boolean isNothing() {
        return !known && phase == Phase.ABSENT && listed == Phase.ABSENT && lateLaunch == NONE;
    }

    boolean exists() {
        return phase != Phase.ABSENT;
    }

    boolean isLeaving() {
        return intent == Intent.DRAIN || intent == Intent.TERMINATE || intent == Intent.KEEP;
    }

    /** Answers requests, whatever we think of it. */
    boolean serves(boolean routed) {
        return phase == Phase.RUNNING && !ill && (!routed || route == Route.IN);
    }

    // ---- what a request does when it takes effect

    void launch() {
        if (phase == Phase.ABSENT) {
            phase = Phase.STARTING;
            age = 0;
        }
    }

    void admit() {
        if (phase == Phase.RUNNING) {
            route = Route.IN;
            open = false;
            age = 0;
        }
    }

    void drain() {
        if (route == Route.IN) {
            route = Route.DRAINING;
            open = phase == Phase.RUNNING;
            age = 0;
        }
    }

    void stop() {
        if (phase == Phase.FAILED) {
            vanish();
        } else if (phase == Phase.STARTING || phase == Phase.RUNNING) {
            phase = Phase.STOPPING;
            leaveRouter();
            ill = false;
            slow = false;
        }
    }

    void die() {
        phase = Phase.FAILED;
        open = false;
        ill = false;
        slow = false;
        age = 0;
    }

    void vanish() {
        phase = Phase.ABSENT;
        leaveRouter();
        ill = false;
        slow = false;
        lateAdmit = NONE;
        lateDrain = NONE;
        lateStop = NONE;
    }

    private void leaveRouter() {
        route = Route.OUT;
        open = false;
        age = 0;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("v" + (revision + 1));
        text.append(' ').append(phase);
        text.append(ill ? " ill" : "").append(slow ? " slow" : "");
        text.append(route == Route.OUT ? "" : " " + route).append(open ? " with requests" : "");
        text.append(lateLaunch >= 0 ? " (launch on its way)" : "").append(lateAdmit >= 0 ? " (admit on its way)" : "");
        text.append(lateDrain >= 0 ? " (drain on its way)" : "").append(lateStop >= 0 ? " (stop on its way)" : "");
        if (!known) {
            return text.append("; unknown").toString();
        }
        text.append("; ")
                .append(seen ? "" : "not seen, ")
                .append(intent)
                .append(' ')
                .append(intentSince);
        text.append(served ? ", served" : "").append(failed ? ", failed" : "");
        text.append(ready >= 0 ? ", ready " + ready : "").append(sick >= 0 ? ", sick " + sick : "");
        text.append(absentSince >= 0 ? ", missing for " + absentSince : "");
        return text.append(", since ").append(since).toString();
    }
}
