package io.github.rollstep.testkit.explore;

/** Small numbers, packed one after the other into a word of 64 bits. */
final class Bits {

    private long word;
    private int used;

    Bits(long word) {
        this.word = word;
    }

    long word() {
        return word;
    }

    void put(int value, int width) {
        if (value < 0 || value >= 1 << width || used + width > Long.SIZE) {
            throw new IllegalArgumentException(
                    "value must be within %d bits after %d of 64, was %d".formatted(width, used, value));
        }
        word |= (long) value << used;
        used += width;
    }

    void put(boolean value) {
        put(value ? 1 : 0, 1);
    }

    int take(int width) {
        int value = (int) (word >>> used) & ((1 << width) - 1);
        used += width;
        return value;
    }

    boolean take() {
        return take(1) == 1;
    }
}
