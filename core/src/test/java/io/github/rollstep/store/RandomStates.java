package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.plan.Timings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;

/** States with every field filled or left out by chance, and texts that are hard to write down. */
final class RandomStates {

    private static final List<String> TEXTS =
            List.of("", "plain", "a=b", "two\nlines", "c:\\new\r\n", "\\", "ünïcode ✓", "fence=9\ncrc32=00000000", " ");

    private final Random random;

    RandomStates(long seed) {
        random = new Random(seed);
    }

    RolloutState next() {
        RolloutId rollout = RolloutId.of("r" + random.nextInt(1000));
        List<InstanceRecord> instances = new ArrayList<>();
        for (int i = random.nextInt(5); i > 0; i--) {
            instances.add(instance(rollout, i));
        }
        return new RolloutState(
                FleetId.of("shop"),
                rollout,
                revision(),
                text(),
                random.nextBoolean(),
                maybe(this::revision),
                limits(),
                random.nextInt(9),
                random.nextBoolean(),
                random.nextBoolean(),
                any(RolloutPhase.values()),
                time(),
                Reason.of(any(Reason.Code.values()), text()),
                new RolloutState.Clocks(time(), time(), time(), count()),
                new RolloutState.BatchPosition(
                        random.nextInt(4), random.nextInt(9), maybe(this::time), random.nextBoolean()),
                new RolloutState.FailureLedger(
                        random.nextInt(4),
                        random.nextInt(4),
                        random.nextInt(4),
                        random.nextBoolean() ? List.of() : List.of(2, 3),
                        maybe(this::time)),
                new RolloutState.Extremes(random.nextInt(9), count()),
                random.nextInt(99),
                instances,
                random.nextBoolean() ? List.of() : List.of(place(), place()),
                random.nextBoolean() ? Map.of() : Map.of("zone=a", 3, "b", 4),
                random.nextBoolean() ? Set.of() : Set.of("errors", "a=b\n"),
                maybe(this::timings),
                maybe(this::text),
                new RolloutState.Answers(
                        random.nextInt(9), random.nextBoolean() ? Map.of() : Map.of(7L, text(), 9L, text())),
                new RolloutState.History(
                        maybe(this::revision),
                        random.nextBoolean() ? Set.of() : new LinkedHashSet<>(List.of("v8", "v7", "v9")),
                        maybe(this::timings),
                        random.nextBoolean() ? List.of() : List.of(past(), past())));
    }

    private Limits limits() {
        return new Limits(1 + random.nextInt(9), 20, text(), random.nextInt(3), random.nextInt(3), random.nextInt(3));
    }

    private PastRollout past() {
        return new PastRollout(
                RolloutId.of("r" + random.nextInt(1000)),
                maybe(this::revision),
                revision(),
                random.nextBoolean(),
                any(RolloutPhase.values()),
                Reason.of(any(Reason.Code.values()), text()),
                text(),
                time(),
                time(),
                limits(),
                random.nextInt(9),
                random.nextInt(9),
                random.nextInt(9),
                count());
    }

    private InstanceRecord instance(RolloutId rollout, int ordinal) {
        return new InstanceRecord(
                maybe(() -> rollout.token(ordinal)),
                maybe(() -> InstanceId.of("i-" + ordinal)),
                revision(),
                place(),
                1 + random.nextInt(3),
                random.nextBoolean(),
                time(),
                any(InstanceRecord.Intent.values()),
                time(),
                maybe(this::time),
                maybe(this::time),
                maybe(this::time),
                random.nextBoolean(),
                random.nextInt(3),
                random.nextBoolean(),
                maybe(this::time),
                random.nextInt(4),
                maybe(this::time),
                random.nextInt(4),
                maybe(this::time),
                maybe(this::time));
    }

    private Timings timings() {
        return Timings.start(Duration.ofMillis(random.nextInt(1000)), Duration.ofMillis(1000 + random.nextInt(1000)))
                .admit(Duration.ofSeconds(random.nextInt(3)))
                .drain(Duration.ofSeconds(random.nextInt(99)))
                .stop(Duration.ofNanos(random.nextInt() & 0xffff));
    }

    private Place place() {
        return new Place(
                maybe(() -> InstanceId.of("i-0")),
                maybe(this::text),
                maybe(this::text),
                random.nextBoolean() ? Map.of() : Map.of("key=1", text()));
    }

    private Revision revision() {
        Map<String, String> attributes = new HashMap<>();
        for (String key : new HashSet<>(List.of("image", "cmd"))) {
            if (random.nextBoolean()) {
                attributes.put(key, text());
            }
        }
        return Revision.of("v" + random.nextInt(5), attributes);
    }

    private Instant time() {
        return Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000));
    }

    private OptionalInt count() {
        return random.nextBoolean() ? OptionalInt.empty() : OptionalInt.of(random.nextInt(9) - 4);
    }

    private String text() {
        return TEXTS.get(random.nextInt(TEXTS.size()));
    }

    private <T> T any(T[] values) {
        return values[random.nextInt(values.length)];
    }

    private <T> Optional<T> maybe(Supplier<T> value) {
        return random.nextBoolean() ? Optional.empty() : Optional.of(value.get());
    }
}
