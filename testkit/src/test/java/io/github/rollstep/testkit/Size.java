package io.github.rollstep.testkit;

import java.util.SplittableRandom;

/** How large simulated fleets are, and how many of a thousand are so large. */
enum Size {
    ONE_TO_TEN(1, 10, 930),
    TEN_TO_THIRTY(10, 30, 60),
    FIFTY_TO_HUNDRED(50, 100, 9),
    TWO_HUNDRED(200, 200, 1);

    private final int least;
    private final int most;
    private final int perMille;

    Size(int least, int most, int perMille) {
        this.least = least;
        this.most = most;
        this.perMille = perMille;
    }

    static Size of(long seed) {
        int drawn = new SplittableRandom(seed).nextInt(1000);
        for (Size size : values()) {
            drawn -= size.perMille;
            if (drawn < 0) {
                return size;
            }
        }
        throw new IllegalStateException("the shares must add up to 1000");
    }

    /** The desired count that this seed has. */
    static int desired(long seed) {
        Size size = of(seed);
        return size.least + new SplittableRandom(~seed).nextInt(size.most - size.least + 1);
    }

    @Override
    public String toString() {
        return least == most ? "desired " + least : "desired %d to %d".formatted(least, most);
    }
}
