package io.github.rollstep.run;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Waits on a condition. */
final class Await {

    private Await() {}

    static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited in vain for " + what);
            }
            Thread.sleep(2);
        }
    }
}
