package io.github.rollstep.examples;

import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import java.util.Locale;

/** What one rollout came to, and what the clients saw of it, if there were any. */
public record Outcome(String from, Progress end, RolloutPhase expected, long requests, long failed) {

    /** It ended as it should, within all limits, and no request failed. */
    public boolean isGood() {
        return end.phase() == expected
                && failed == 0
                && end.counts().updated() == end.limits().desired()
                && end.peak() <= end.limits().footprint()
                && end.fewestServing().orElse(0) >= end.limits().floor();
    }

    @Override
    public String toString() {
        String fleet = String.format(
                Locale.ROOT,
                "%s %s -> %s: %d of %d serving, %.1f s, peak %d instances, fewest serving %d",
                end.phase(),
                from,
                end.to(),
                end.counts().serving(),
                end.limits().desired(),
                end.elapsed().toMillis() / 1000.0,
                end.peak(),
                end.fewestServing().orElse(0));
        return requests == 0 ? fleet : fleet + ", %d requests, %d failed".formatted(requests, failed);
    }
}
