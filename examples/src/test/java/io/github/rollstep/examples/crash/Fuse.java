package io.github.rollstep.examples.crash;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Counts the calls of a controller, and stands still for ever at one point, for the controller to be killed there. */
final class Fuse {

    private final List<String> calls = new ArrayList<>();
    private final Optional<Point> point;
    private final Consumer<String> reached;

    /** @param reached is told the point and the call before it stands still */
    Fuse(Optional<Point> point, Consumer<String> reached) {
        this.point = point;
        this.reached = reached;
    }

    /** The names of those that were begun, in their order. */
    synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    /** The call that begins, among all and among those of its name. */
    private record Numbers(int ofAll, String name, int ofName) {

        boolean are(Point point, Point.Side side) {
            return point.equals(new Point(ofAll, side)) || point.equals(new Point(name, ofName, side));
        }
    }

    private synchronized Numbers begin(String name) {
        calls.add(name);
        return new Numbers(calls.size(), name, Collections.frequency(calls, name));
    }

    <T> T call(String name, Supplier<T> call) {
        Numbers numbers = begin(name);
        standStillAt(numbers, Point.Side.BEFORE);
        T result = call.get();
        standStillAt(numbers, Point.Side.AFTER);
        return result;
    }

    void run(String name, Runnable call) {
        call(name, () -> {
            call.run();
            return true;
        });
    }

    private void standStillAt(Numbers here, Point.Side side) {
        if (point.filter(one -> here.are(one, side)).isEmpty()) {
            return;
        }
        reached.accept(point.get() + " " + here.name());
        while (true) {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                // Whoever gives the call up does not get it back: only the death ends it.
            }
        }
    }
}
