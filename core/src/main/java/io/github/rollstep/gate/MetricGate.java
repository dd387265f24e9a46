package io.github.rollstep.gate;

import io.github.rollstep.FleetId;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.Verdict;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.core.instrument.step.StepMeterRegistry;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * Judges the new revision by the share of bad events among all, as the host's own Micrometer counters tell: requests that failed, by
 * itself or against the revision before.
 *
 * <p>Each question takes one sample of the counters, so a window fills by the questions of one rollout, and anew after a restart of
 * the controller; what was counted before the first question does not matter. Waits until {@link Builder#minSamples} events of the
 * new revision are within the window; then fails if a bound is exceeded and passes otherwise, with the numbers as the reason. A counter
 * that does not exist yet has counted nothing. The window covers what was counted between two questions as a whole, if the former
 * is not older than twice its length: it should not be shorter than the engine's gate interval.
 *
 * <p>The baseline is judged within the same window, or over the whole rollout once too little of its traffic is left. As long as there
 * is too little in all, only {@link Builder#maxRatio} counts, and the gate waits if that is not set. If nothing served before the
 * rollout there is nothing to compare with, and {@link Builder#maxIncrease} holds.
 *
 * <p>May be shared by several fleets if their meters differ by {@link Builder#fleetTag}. Keeps about 200 samples for each of the
 * 10,000 fleets that were judged last. Safe for use by several threads.
 */
public final class MetricGate implements Gate {

    private static final int MOST_FLEETS = 10_000;

    /** Bounds are inclusive, whatever binary fractions make of 0.7 + 0.1. */
    private static final double ROUNDING = 1e-9;

    private final String name;
    private final MeterRegistry registry;
    private final List<Selection> bad;
    private final List<Selection> total;
    private final String revisionTag;
    private final Function<Revision, String> revisionValue;
    private final Optional<String> fleetTag;
    private final Duration window;
    private final long minSamples;
    private final OptionalDouble maxRatio;
    private final OptionalDouble maxIncrease;
    private final InstantSource clock;
    private final Map<FleetId, Track> tracks = new Recent<>(MOST_FLEETS);

    private record Selection(String meter, Tags tags) {}

    private MetricGate(Builder builder) {
        name = builder.name;
        registry = builder.registry;
        bad = List.copyOf(builder.bad);
        total = List.copyOf(builder.total);
        revisionTag = builder.revisionTag;
        revisionValue = builder.revisionValue;
        fleetTag = builder.fleetTag;
        window = builder.window;
        minSamples = builder.minSamples;
        maxRatio = builder.maxRatio;
        maxIncrease = builder.maxIncrease;
        clock = builder.clock;
    }

    /**
     * @param name of the gate
     * @param registry with the counters to judge by. Its counts must go on for ever, as those of a {@code SimpleMeterRegistry} or a
     *     {@code PrometheusMeterRegistry} do: one that counts each step from 0 is rejected, and so is a composite, whose counts are those
     *     of any one of its registries
     */
    public static Builder builder(String name, MeterRegistry registry) {
        return new Builder(name, registry);
    }

    @Override
    public String name() {
        return name;
    }

    /** @throws ProviderException if a meter is none that counts, or if more than 10,000 match */
    @Override
    public Verdict judge(Context context) {
        Track track = track(context);
        synchronized (track) {
            track.sample(context);
            return verdict(context, track);
        }
    }

    /** What is kept of the fleet's rollout; nothing of the one before. */
    private Track track(Context context) {
        synchronized (tracks) {
            Track track = tracks.get(context.fleet());
            if (track == null || !track.isOf(context)) {
                track = new Track(context);
                tracks.put(context.fleet(), track);
            }
            return track;
        }
    }

    private final class Track {

        private final RolloutId rollout;
        private final Revision target;
        private final Optional<Revision> baseline;
        private final Side ofTarget = new Side();
        private final Side ofBaseline = new Side();

        private Track(Context context) {
            rollout = context.rollout();
            target = context.target();
            baseline = context.baseline();
        }

        private boolean isOf(Context context) {
            return rollout.equals(context.rollout())
                    && target.equals(context.target())
                    && baseline.equals(context.baseline());
        }

        /** All or nothing: reads everything before it changes anything. */
        private void sample(Context context) {
            Reading target = read(context.fleet(), context.target());
            Optional<Reading> baseline = context.baseline().map(revision -> read(context.fleet(), revision));
            Instant now = clock.instant();
            ofTarget.add(now, target);
            baseline.ifPresent(reading -> ofBaseline.add(now, reading));
        }
    }

    private final class Side {

        private final Series bad = new Series();
        private final Series total = new Series();
        private final Window counted = new Window(window);

        private void add(Instant now, Reading reading) {
            counted.add(now, new Share(bad.grown(reading.bad()), total.grown(reading.total())));
        }
    }

    private record Reading(Map<Meter.Id, Double> bad, Map<Meter.Id, Double> total) {}

    /** The bad ones first: one that comes in between must not look like one of few. */
    private Reading read(FleetId fleet, Revision revision) {
        Map<Meter.Id, Double> ofBad = read(bad, fleet, revision);
        return new Reading(ofBad, read(total, fleet, revision));
    }

    private Map<Meter.Id, Double> read(List<Selection> selections, FleetId fleet, Revision revision) {
        Tags own = Tags.of(revisionTag, revisionValue.apply(revision))
                .and(fleetTag.map(key -> Tags.of(key, fleet.value())).orElse(Tags.empty()));
        Map<Meter.Id, Double> counts = new HashMap<>();
        for (Selection selection : selections) {
            for (Meter meter : registry.find(selection.meter())
                    .tags(selection.tags())
                    .tags(own)
                    .meters()) {
                double count = count(meter);
                if (Double.isFinite(count)) { // the function of a function counter may not know
                    counts.put(meter.getId(), count);
                }
                if (counts.size() > Series.MOST) {
                    throw ProviderException.permanent("gate %s: more than %d meters match, the last is %s"
                            .formatted(name, Series.MOST, selection.meter()));
                }
            }
        }
        return counts;
    }

    private double count(Meter meter) {
        return meter.match(
                this::cannotCount,
                Counter::count,
                timer -> (double) timer.count(),
                summary -> (double) summary.count(),
                this::cannotCount,
                this::cannotCount,
                FunctionCounter::count,
                FunctionTimer::count,
                this::cannotCount);
    }

    private double cannotCount(Meter meter) {
        throw ProviderException.permanent("gate %s: meter %s must be a counter, a timer or a summary, is a %s"
                .formatted(
                        name,
                        meter.getId().getName(),
                        meter.getId().getType().name().toLowerCase(Locale.ROOT)));
    }

    private Verdict verdict(Context context, Track track) {
        Share seen = track.ofTarget.counted.recent();
        if (seen.total() < minSamples) {
            return Verdict.waits("%s of %d samples of %s within %s"
                    .formatted(number(seen.total()), minSamples, context.target(), window));
        }
        String numbers = numbers(context.target(), seen);
        if (maxRatio.isPresent() && exceeds(seen.ratio(), maxRatio.getAsDouble())) {
            return Verdict.fail("%s, more than %s".formatted(numbers, percent(maxRatio.getAsDouble())));
        }
        if (maxIncrease.isEmpty()) {
            return Verdict.pass(numbers);
        }
        return context.baseline()
                .map(baseline -> compared(seen, numbers, baseline, track))
                .orElseGet(() -> Verdict.pass(numbers + "; no baseline to compare with"));
    }

    private Verdict compared(Share seen, String numbers, Revision baseline, Track track) {
        Window counted = track.ofBaseline.counted;
        Share before = counted.recent().total() >= minSamples ? counted.recent() : counted.overall();
        if (before.total() < minSamples) {
            String few = "%s of %d samples of the baseline %s".formatted(number(before.total()), minSamples, baseline);
            return maxRatio.isPresent()
                    ? Verdict.pass("%s; not compared: %s".formatted(numbers, few))
                    : Verdict.waits("%s; %s".formatted(numbers, few));
        }
        String both = "%s; %s".formatted(numbers, numbers(baseline, before));
        return exceeds(seen.ratio(), before.ratio() + maxIncrease.getAsDouble())
                ? Verdict.fail("%s: more than %s points above".formatted(both, percent(maxIncrease.getAsDouble())))
                : Verdict.pass(both);
    }

    private static boolean exceeds(double ratio, double bound) {
        return ratio > bound + ROUNDING;
    }

    private static String numbers(Revision revision, Share share) {
        return "%s: %s of %s bad (%s)"
                .formatted(revision, number(share.bad()), number(share.total()), percent(share.ratio()));
    }

    private static String number(double value) {
        return format("0.##", value);
    }

    private static String percent(double ratio) {
        return format("0.###", ratio * 100) + " %";
    }

    private static String format(String pattern, double value) {
        return new DecimalFormat(pattern, DecimalFormatSymbols.getInstance(Locale.ROOT)).format(value);
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private final String name;
        private final MeterRegistry registry;
        private final List<Selection> bad = new ArrayList<>();
        private final List<Selection> total = new ArrayList<>();
        private String revisionTag = "revision";
        private Function<Revision, String> revisionValue = Revision::id;
        private Optional<String> fleetTag = Optional.empty();
        private Duration window = Duration.ofMinutes(5);
        private long minSamples = 100;
        private OptionalDouble maxRatio = OptionalDouble.empty();
        private OptionalDouble maxIncrease = OptionalDouble.empty();
        private InstantSource clock = InstantSource.system();

        private Builder(String name, MeterRegistry registry) {
            this.name = Settings.name(name);
            Require.that(
                    !(registry instanceof CompositeMeterRegistry),
                    "registry must be a single one, was a composite, whose counts are those of any one of its registries");
            Require.that(
                    !(registry instanceof StepMeterRegistry),
                    "registry must count for ever, was %s, which counts each step from 0",
                    registry.getClass().getSimpleName());
            this.registry = registry;
        }

        /**
         * Which counters, timers or summaries count the bad events: all of this name that have these tags, whatever others they have.
         * A repeat adds to them. They have to count some of what {@link #total} counts.
         *
         * @param tags key, value, key, value
         */
        public Builder bad(String meter, String... tags) {
            bad.add(selection("bad", meter, tags));
            return this;
        }

        /** Which counters, timers or summaries count all events, good and bad; as {@link #bad}. */
        public Builder total(String meter, String... tags) {
            total.add(selection("total", meter, tags));
            return this;
        }

        private static Selection selection(String what, String meter, String... tags) {
            Require.that(!meter.isBlank(), "%s must name a meter, was \"%s\"", what, meter);
            Require.that(
                    tags.length % 2 == 0,
                    "tags of %s must be pairs of key and value, were %d strings",
                    what,
                    tags.length);
            return new Selection(meter, Tags.of(tags));
        }

        /** By which tag the host tells revisions apart, its value being the revision's id; default: {@code revision}. */
        public Builder revisionTag(String key) {
            return revisionTag(key, Revision::id);
        }

        /** By which tag the host tells revisions apart, and which value it has for one. */
        public Builder revisionTag(String key, Function<Revision, String> value) {
            revisionTag = key("revisionTag", key);
            revisionValue = value;
            return this;
        }

        /** By which tag the host tells fleets apart, its value being the fleet's id; default: not at all. */
        public Builder fleetTag(String key) {
            fleetTag = Optional.of(key("fleetTag", key));
            return this;
        }

        private static String key(String what, String key) {
            Require.that(!key.isBlank(), "%s must name a tag, was \"%s\"", what, key);
            return key;
        }

        /** How far back events count; 1 s to 24 h, and not shorter than the engine's gate interval; default: 5 min. */
        public Builder window(Duration window) {
            this.window = Require.within("window", Duration.ofSeconds(1), Duration.ofHours(24), window);
            return this;
        }

        /** How many events within the window a verdict takes, of the new revision as of the baseline; at least 1; default: 100. */
        public Builder minSamples(long samples) {
            Require.that(samples >= 1, "minSamples must be >= 1, was %d", samples);
            minSamples = samples;
            return this;
        }

        /** The largest share of bad events that passes; 0 to 1; default: no such bound. */
        public Builder maxRatio(double ratio) {
            maxRatio = OptionalDouble.of(share("maxRatio", ratio));
            return this;
        }

        /**
         * By how much the share of bad events may be larger than the baseline's; 0 to 1; default: no such bound. A difference, so that
         * 0.01 is one percentage point more: of a multiple, a baseline without errors would allow none.
         */
        public Builder maxIncrease(double difference) {
            maxIncrease = OptionalDouble.of(share("maxIncrease", difference));
            return this;
        }

        private static double share(String what, double value) {
            Require.that(value >= 0 && value <= 1, "%s must be within 0 to 1, was %s", what, value);
            return value;
        }

        /** For tests; default: the system's. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        /** @throws IllegalArgumentException if {@link #bad} or {@link #total} or both bounds are missing */
        public MetricGate build() {
            Require.that(!bad.isEmpty(), "bad must name at least one meter, was not set");
            Require.that(!total.isEmpty(), "total must name at least one meter, was not set");
            Require.that(
                    maxRatio.isPresent() || maxIncrease.isPresent(),
                    "maxRatio or maxIncrease must be set, or nothing could ever fail; neither was");
            return new MetricGate(this);
        }
    }
}
