package io.github.rollstep.testkit;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits on conditions, never on the clock alone. */
public final class Eventually {

    private static final long PAUSE_MILLIS = 10;

    /** A machine that stood still for the whole time has shown nothing. */
    private static final int FEWEST_LOOKS = 5;

    private Eventually() {}

    /** Asks again until no assertion fails; the last failure if it never happens. */
    public static <T> T get(Duration patience, Callable<T> attempt) {
        long end = System.nanoTime() + patience.toNanos();
        for (int looks = 1; ; looks++) {
            try {
                return attempt.call();
            } catch (AssertionError e) {
                if (looks >= FEWEST_LOOKS && System.nanoTime() > end) {
                    throw new AssertionError("not within %s: %s".formatted(patience, e.getMessage()), e);
                }
                pause();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }

    /** Runs the assertion again until it does not fail; throws its last failure if it never holds. */
    public static void holds(Duration patience, Runnable assertion) {
        get(patience, () -> {
            assertion.run();
            return true;
        });
    }

    static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
