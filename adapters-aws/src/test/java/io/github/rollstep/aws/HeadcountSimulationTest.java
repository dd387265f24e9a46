package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.aws.Headcount.Look;
import io.github.rollstep.aws.Headcount.Told;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A group with stale lists, whose answers and requests get lost, and an engine that launches, stops, and has members stand by and come
 * back: the group never chooses who goes, and launches none too many.
 */
class HeadcountSimulationTest {

    private static final Duration STALENESS = Duration.ofSeconds(5);
    private static final int STEPS = 60;

    /** {@code -Drollstep.aws.simulations=100000} plays more. */
    static LongStream seeds() {
        return LongStream.rangeClosed(1, Long.getLong("rollstep.aws.simulations", 500));
    }

    private final Headcount headcount = new Headcount(STALENESS);
    private Random random = new Random(0);
    private Instant now = Instant.parse("2026-06-01T12:00:00Z");

    // The truth, and what it was.
    private final Set<String> counting = new TreeSet<>();
    private final Set<String> standing = new TreeSet<>();
    private int desired;
    private int born;
    private final List<Look> history = new ArrayList<>();

    // What the engine knows.
    private int intended;
    private final Set<String> known = new HashSet<>();
    private final Set<String> leaving = new LinkedHashSet<>();
    private Look list = new Look(Set.of(), 0, now);
    private Instant asked = now;

    private void keep() {
        history.add(new Look(counting, desired, now));
    }

    private void fill() {
        assertThat(counting).as("the group chooses nobody").hasSizeLessThanOrEqualTo(desired);
        while (counting.size() < desired) {
            born++;
            counting.add("i-" + born);
        }
        assertThat(born).as("none too many").isLessThanOrEqualTo(intended);
        keep();
    }

    /** As of any time that is not older than the staleness. */
    private void look(Duration age) {
        Instant of = now.minus(age);
        Look seen = history.get(0);
        for (Look one : history) {
            seen = one.asked().isAfter(of) ? seen : one;
        }
        asked = now;
        list = new Look(seen.counting(), seen.desired(), now);
        headcount.list(list);
        known.addAll(seen.counting());
    }

    private void set(OptionalInt capacity) {
        if (capacity.isEmpty()) {
            return;
        }
        int fate = random.nextInt(4);
        if (fate != 0) {
            desired = capacity.getAsInt();
            fill();
        }
        if (fate <= 1) {
            headcount.setting(capacity.getAsInt(), now);
        } else {
            headcount.set(capacity.getAsInt(), now);
        }
    }

    private void launch() {
        int open = intended - known.size();
        if (open > 0) {
            set(headcount.launch(open, leaving));
        }
    }

    private boolean is(String id, Optional<Told> told) {
        return headcount.told(id, asked).equals(told);
    }

    private void stop(String id) {
        leaving.add(id);
        boolean listed = list.counting().contains(id);
        if (is(id, Optional.of(Told.STOPS)) || is(id, Optional.of(Told.UNKNOWN))) {
            return;
        }
        boolean decrements = listed && is(id, Optional.empty());
        int fate = random.nextInt(4);
        if (fate != 0 && (counting.remove(id) || standing.remove(id))) {
            desired -= decrements ? 1 : 0;
            fill();
        }
        if (fate <= 1) {
            headcount.mayGo(List.of(id), now);
        } else {
            headcount.stop(List.of(id), decrements ? 1 : 0, now);
        }
        set(headcount.owed());
    }

    private void standBy(String id) {
        if (!is(id, Optional.empty()) || !counting.contains(id)) {
            return; // The group would refuse it.
        }
        int fate = random.nextInt(4);
        if (fate != 0) {
            counting.remove(id);
            standing.add(id);
            desired--;
            fill();
        }
        if (fate <= 1) {
            headcount.mayGo(List.of(id), now);
        } else {
            headcount.standBy(List.of(id), now);
        }
        set(headcount.owed());
    }

    private void comeBack(String id) {
        if (!is(id, Optional.empty()) || list.counting().contains(id)) {
            return;
        }
        if (random.nextInt(4) != 0 && standing.remove(id)) {
            counting.add(id);
            desired++;
            fill();
        }
        headcount.mayComeBack(List.of(id), now);
    }

    private Optional<String> any(Set<String> ids) {
        List<String> all = ids.stream().filter(id -> !leaving.contains(id)).toList();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.get(random.nextInt(all.size())));
    }

    private void step() {
        look(Duration.ofSeconds(random.nextInt(6)));
        if (random.nextInt(3) == 0) {
            intended += random.nextInt(3);
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            now = now.plusMillis(random.nextInt(1_500));
            switch (random.nextInt(4)) {
                case 0 -> any(list.counting()).ifPresent(this::stop);
                case 1 -> any(list.counting()).ifPresent(this::standBy);
                case 2 -> any(standing).ifPresent(this::comeBack);
                default -> launch();
            }
        }
        now = now.plusSeconds(random.nextInt(8));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void nobodyIsChosenAndNoneIsLaunchedTooMany(long seed) {
        random = new Random(seed);
        intended = 4;
        desired = 4;
        keep();
        fill();
        look(Duration.ZERO);
        for (int i = 0; i < STEPS; i++) {
            step();
        }

        for (int quiet = 0; quiet < 40; quiet++) {
            now = now.plus(STALENESS);
            look(Duration.ZERO);
            leaving.stream().filter(list.counting()::contains).forEach(this::stop);
            launch();
        }
        assertThat(born).as("all that were intended").isEqualTo(intended);
        assertThat(desired).isEqualTo(counting.size());
    }
}
