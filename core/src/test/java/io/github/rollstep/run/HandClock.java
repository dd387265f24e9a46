package io.github.rollstep.run;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** A clock that a test moves. */
public final class HandClock implements InstantSource {

    private volatile Instant now = Instant.parse("2026-11-24T02:15:30Z");

    @Override
    public Instant instant() {
        return now;
    }

    public void advance(Duration time) {
        now = now.plus(time);
    }
}
