package io.github.rollstep.examples.crash;

import java.util.List;
import java.util.stream.Stream;

/**
 * Where one controller after the other is killed.
 *
 * @param leased whether one was there before that died with the lease and left no record: the next asks for the rollout
 */
record Life(boolean leased, List<Point> deaths) {

    private static final String LEASED = "leased";

    static Life of(Point... deaths) {
        return new Life(false, List.of(deaths));
    }

    /** @param text as {@link #toString} writes it, {@code 17:after+3:before} or {@code leased+ask1:after} */
    static Life parse(String text) {
        List<String> parts = List.of(text.trim().split("\\+"));
        boolean leased = parts.get(0).equals(LEASED);
        return new Life(
                leased, parts.stream().skip(leased ? 1 : 0).map(Point::parse).toList());
    }

    @Override
    public String toString() {
        Stream<String> points = deaths.stream().map(Point::toString);
        return String.join(
                "+",
                Stream.concat(leased ? Stream.of(LEASED) : Stream.of(), points).toList());
    }
}
