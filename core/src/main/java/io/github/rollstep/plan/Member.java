package io.github.rollstep.plan;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.plan.InstanceRecord.Intent;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An instance in one run of the planner: what is remembered of it together with what is seen. Never leaves the package. */
final class Member {

    /** By token, then id: the order of persisted records. */
    static final Comparator<Member> ORDER = Comparator.comparing((Member member) -> member.tokenOrNone)
            .thenComparing(member -> member.id.map(InstanceId::value).orElse(""));

    final Optional<LaunchToken> token;
    private final String tokenOrNone;
    private final @Nullable InstanceRecord before;
    final Revision revision;
    final int attempt;
    final boolean early;
    Optional<InstanceId> id;
    Place place;
    Instant since;
    Intent intent;
    Instant intentSince;
    Optional<Instant> sentAt;
    Optional<Instant> readySince;
    Optional<Instant> sickSince;
    boolean served;
    int restarts;
    boolean failed;
    Optional<Instant> admitSentAt;
    int admits;
    Optional<Instant> drainSentAt;
    int drains;
    Optional<Instant> absentSince;
    Optional<Instant> absentAt;

    /** What is seen of it now; null while it is not in the list. */
    @Nullable
    Observed seen;

    /** Whether it is serving now, whatever we are about to do with it. */
    boolean ready;

    Member(InstanceRecord record) {
        before = record;
        token = record.token();
        tokenOrNone = token.map(LaunchToken::value).orElse("");
        id = record.id();
        revision = record.revision();
        place = record.place();
        attempt = record.attempt();
        early = record.early();
        since = record.since();
        intent = record.intent();
        intentSince = record.intentSince();
        sentAt = record.sentAt();
        readySince = record.readySince();
        sickSince = record.sickSince();
        served = record.served();
        restarts = record.restarts();
        failed = record.failed();
        admitSentAt = record.admitSentAt();
        admits = record.admits();
        drainSentAt = record.drainSentAt();
        drains = record.drains();
        absentSince = record.absentSince();
        absentAt = record.absentAt();
    }

    private Member(
            Optional<LaunchToken> token,
            Optional<InstanceId> id,
            Revision revision,
            Place place,
            int attempt,
            boolean early,
            Intent intent,
            Instant now) {
        before = null;
        this.token = token;
        tokenOrNone = token.map(LaunchToken::value).orElse("");
        this.id = id;
        this.revision = revision;
        this.place = place;
        this.attempt = attempt;
        this.early = early;
        this.intent = intent;
        since = now;
        intentSince = now;
        sentAt = Optional.empty();
        readySince = Optional.empty();
        sickSince = Optional.empty();
        admitSentAt = Optional.empty();
        drainSentAt = Optional.empty();
        absentSince = Optional.empty();
        absentAt = Optional.empty();
    }

    /** A launch that is intended now. */
    static Member launch(LaunchToken token, Revision revision, Place place, int attempt, Instant now) {
        return new Member(Optional.of(token), Optional.empty(), revision, place, attempt, false, Intent.LAUNCH, now);
    }

    /** An instance that is in the list and in no record. */
    static Member found(Instance instance, boolean early, Instant now) {
        return new Member(
                instance.token(),
                Optional.of(instance.id()),
                instance.revision(),
                Place.anywhere(),
                1,
                early,
                Intent.NONE,
                now);
    }

    /** The same as before if nothing changed: most of a large fleet does not, and is found equal at once. */
    InstanceRecord record() {
        InstanceRecord record = toRecord();
        return record.equals(before) ? before : record;
    }

    private InstanceRecord toRecord() {
        return new InstanceRecord(
                token,
                id,
                revision,
                place,
                attempt,
                early,
                since,
                intent,
                intentSince,
                sentAt,
                readySince,
                sickSince,
                served,
                restarts,
                failed,
                admitSentAt,
                admits,
                drainSentAt,
                drains,
                absentSince,
                absentAt);
    }

    /** The record after a hold: what was measured against it is moved on by its length, but not into the future. */
    static InstanceRecord afterHold(InstanceRecord record, Duration held, Instant now) {
        Member member = new Member(record);
        member.since = earlier(member.since.plus(held), now);
        member.sickSince = member.sickSince.map(sick -> earlier(sick.plus(held), now));
        return member.record();
    }

    /**
     * The record as the next rollout begins with it: its deadlines are measured anew, and what was kept because it failed is not kept
     * any longer.
     *
     * @param unwatchedSince when the rollout before had ended; what is ready now is taken to have been so from then on. Empty if it is
     *     superseded: it has been watched all the time
     */
    static InstanceRecord carriedOver(InstanceRecord record, Instant now, Optional<Instant> unwatchedSince) {
        boolean keptFailed = record.failed() && record.intent() == Intent.KEEP;
        return new InstanceRecord(
                record.token(),
                record.id(),
                record.revision(),
                record.place(),
                1,
                true,
                now,
                keptFailed ? Intent.NONE : record.intent(),
                record.intentSince(),
                record.sentAt(),
                record.readySince().or(() -> unwatchedSince),
                Optional.empty(),
                record.served(),
                record.restarts(),
                record.failed(),
                record.admitSentAt(),
                record.admits(),
                record.drainSentAt(),
                record.drains(),
                record.absentSince(),
                record.absentAt());
    }

    private static Instant earlier(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }

    void intend(Intent intent, Instant now) {
        this.intent = intent;
        intentSince = now;
        sentAt = Optional.empty();
    }

    /** The intended launch, not yet seen. */
    boolean isOpenLaunch() {
        return intent == Intent.LAUNCH;
    }

    boolean isStopping() {
        return intent == Intent.TERMINATE || is(Instance.State.STOPPING);
    }

    boolean isKept() {
        return intent == Intent.KEEP && !is(Instance.State.STOPPING);
    }

    /** On its way out, or out and kept. */
    boolean isLeaving() {
        return intent == Intent.DRAIN || intent == Intent.KEEP || isStopping();
    }

    /** Serving and staying: counts for availability. */
    boolean isServing() {
        return ready && intent == Intent.NONE;
    }

    /** Exited: it will never serve again by itself. */
    boolean isDead() {
        return is(Instance.State.FAILED);
    }

    private boolean is(Instance.State state) {
        return seen != null && seen.instance().state() == state;
    }

    boolean isRunning() {
        return is(Instance.State.RUNNING);
    }

    Health health() {
        return seen == null ? Health.unknown("not seen in the list") : seen.health();
    }

    Routing routing() {
        return seen == null ? Routing.out() : seen.routing();
    }

    boolean isHealthy() {
        return isRunning() && health().isHealthy();
    }

    /** Whether it may be answering requests now, soaked or not: so may one whose health cannot be told. */
    boolean mayAnswer(boolean routed) {
        return isRunning() && !health().isUnhealthy() && (!routed || routing().takesRequests());
    }

    /**
     * Certain not to serve, so that nothing is lost if it goes: dead, ill, or not yet let in. One that a stale list shows starting may
     * have been let in since.
     */
    boolean isUseless(boolean routed) {
        return seen != null
                && (isDead()
                        || health().isUnhealthy()
                        || (is(Instance.State.STARTING) && !(routed && routing().takesRequests()))
                        || (routed && !routing().takesRequests() && !health().isHealthy()));
    }

    /** Where it is, or will be. */
    Optional<String> zone() {
        return seen == null ? place.zone() : seen.instance().zone().or(place::zone);
    }

    /** When it came to be; for an order by age. */
    Instant age() {
        return seen == null ? since : seen.instance().createdAt().orElse(since);
    }

    String name() {
        return id.map(InstanceId::value)
                .orElseGet(() -> token.map(LaunchToken::value).orElse("?"));
    }
}
