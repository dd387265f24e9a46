package io.github.rollstep.plan;

import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import java.time.Instant;
import java.util.Optional;

/**
 * What is remembered of one instance, from the intent to launch it until it is believed gone.
 *
 * @param token the launch it came from, if it is ours or carries one
 * @param id empty while the launch is open: intended, and not yet seen in a list
 * @param revision what it runs or will run
 * @param place where it was launched to
 * @param attempt the how manieth launch for its part of the fleet, counted from 1
 * @param early whether it was there when the rollout began
 * @param since when its launch was intended, or when it was first seen
 * @param intent what we are about to do with it; persisted before it is asked for
 * @param intentSince since when
 * @param sentAt when the request for the intent was last decided; it is sent at most a request's life later
 * @param readySince since when it is healthy and in the router without a break
 * @param sickSince since when it is unhealthy or failed without a break
 * @param served whether it was ever serving
 * @param restarts how often the platform had started it again when it was first serving
 * @param failed whether it has failed, which is counted unless it was there when the rollout began; never taken back
 * @param admitSentAt when an admit was last decided whose effect may still come
 * @param admits how many admits were decided since the last one was seen to take effect
 * @param drainSentAt when a drain was last decided whose effect may still come
 * @param drains how many drains were decided since the last one was seen to take effect
 * @param absentSince the time of the first of the lists in a row in which it is missing
 * @param absentAt the time of the last of these
 */
public record InstanceRecord(
        Optional<LaunchToken> token,
        Optional<InstanceId> id,
        Revision revision,
        Place place,
        int attempt,
        boolean early,
        Instant since,
        Intent intent,
        Instant intentSince,
        Optional<Instant> sentAt,
        Optional<Instant> readySince,
        Optional<Instant> sickSince,
        boolean served,
        int restarts,
        boolean failed,
        Optional<Instant> admitSentAt,
        int admits,
        Optional<Instant> drainSentAt,
        int drains,
        Optional<Instant> absentSince,
        Optional<Instant> absentAt) {

    /** What we are about to do with an instance. */
    public enum Intent {
        /** It stays. */
        NONE,
        /** To be launched. */
        LAUNCH,
        /** To leave: no new requests. */
        DRAIN,
        /** Out of traffic, and left there: a replaced one for a roll-back, a failed one for whoever wants to know why. */
        KEEP,
        /** To leave: stop. */
        TERMINATE
    }
}
