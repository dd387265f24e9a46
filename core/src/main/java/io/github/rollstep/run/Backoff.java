package io.github.rollstep.run;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Which calls failed of late and are not made again before a time: 1 s, doubled with each failure, 30 s at most. */
final class Backoff {

    private static final Duration LEAST = Duration.ofSeconds(1);
    private static final int MOST_DOUBLINGS = 5;
    private static final Duration MOST = Duration.ofSeconds(30);

    private final Map<String, Failure> failures = new ConcurrentHashMap<>();

    record Failure(int times, Instant until, String message) {}

    void failed(String call, Instant now, ProviderException e) {
        failures.compute(call, (key, before) -> {
            int times = before == null ? 1 : before.times + 1;
            Duration delay = LEAST.multipliedBy(1L << Math.min(times - 1, MOST_DOUBLINGS));
            return new Failure(
                    times, now.plus(delay.compareTo(MOST) > 0 ? MOST : delay), String.valueOf(e.getMessage()));
        });
    }

    void succeeded(String call) {
        failures.remove(call);
    }

    /** The failures after which a call is not made again yet. */
    List<Failure> holding(Instant now) {
        if (failures.isEmpty()) {
            return List.of();
        }
        return failures.values().stream()
                .filter(failure -> now.isBefore(failure.until))
                .sorted(Comparator.comparing(Failure::message))
                .toList();
    }

    /** What failed last, while the call is not to be made again. */
    Optional<Failure> holds(String call, Instant now) {
        return Optional.ofNullable(failures.get(call)).filter(failure -> now.isBefore(failure.until));
    }
}
