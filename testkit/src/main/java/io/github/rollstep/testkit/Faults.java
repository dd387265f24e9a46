package io.github.rollstep.testkit;

import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.testkit.SimulatedFleet.Call;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** Which calls fail: those a test asked for first, then by chance. */
final class Faults {

    private final SplittableRandom random;
    private final Map<Call, Deque<Fault>> scripted = new EnumMap<>(Call.class);
    private double failRate;
    private double loseRate;

    Faults(SplittableRandom random) {
        this.random = random;
    }

    /** @param afterEffect whether the call takes effect, and its answer is lost */
    record Fault(ProviderException exception, boolean afterEffect) {
        /** A new one for each throw: a bulk call adds one to the other. */
        ProviderException fresh() {
            String message = String.valueOf(exception.getMessage());
            return exception.isRetryable()
                    ? ProviderException.retryable(message, exception)
                    : ProviderException.permanent(message, exception);
        }
    }

    void script(Call call, int count, Fault fault) {
        Deque<Fault> faults = scripted.computeIfAbsent(call, key -> new ArrayDeque<>());
        for (int i = 0; i < count; i++) {
            faults.addLast(fault);
        }
    }

    void rate(double beforeEffect, double afterEffect) {
        failRate = beforeEffect;
        loseRate = afterEffect;
    }

    /** Of the call as a whole; each launch of one call has its own chance, see {@link #draw}. */
    Optional<Fault> next(Call call) {
        Deque<Fault> faults = scripted.get(call);
        if (faults != null && !faults.isEmpty()) {
            return Optional.of(faults.removeFirst());
        }
        return call == Call.LAUNCH ? Optional.empty() : draw(call);
    }

    Optional<Fault> draw(Call call) {
        if (failRate + loseRate == 0) {
            return Optional.empty();
        }
        double drawn = random.nextDouble();
        if (drawn < failRate) {
            return Optional.of(new Fault(ProviderException.retryable("simulated: " + call + " did not arrive"), false));
        }
        return drawn < failRate + loseRate
                ? Optional.of(
                        new Fault(ProviderException.retryable("simulated: the answer to " + call + " was lost"), true))
                : Optional.empty();
    }
}
