package io.github.rollstep.gate;

import static io.github.rollstep.gate.Contexts.V1;
import static io.github.rollstep.gate.Contexts.V2;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.Verdict;
import io.github.rollstep.run.HandClock;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.ProviderException;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.core.instrument.logging.LoggingMeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Verdicts by counters of a host that a test counts up. */
class MetricGateTest {

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final HandClock clock = new HandClock();

    private MetricGate.Builder gate() {
        return MetricGate.builder("errors", registry)
                .bad("requests", "outcome", "error")
                .total("requests")
                .window(Duration.ofMinutes(5))
                .minSamples(100)
                .clock(clock);
    }

    private void served(Revision revision, int good, int bad) {
        served(registry, Tags.of("revision", revision.id()), good, bad);
    }

    private static void served(MeterRegistry registry, Tags tags, int good, int bad) {
        registry.counter("requests", tags.and("outcome", "ok", "uri", "/")).increment(good);
        registry.counter("requests", tags.and("outcome", "error", "uri", "/")).increment(bad);
    }

    private Verdict judge(Gate gate) {
        return judge(gate, Contexts.shop());
    }

    private Verdict judge(Gate gate, Gate.Context context) {
        clock.advance(Duration.ofSeconds(30));
        return gate.judge(context);
    }

    @Test
    void waitsForEnoughSamplesOfTheNewRevision() {
        Gate gate = gate().maxRatio(0.05).build();

        assertThat(judge(gate)).as("no counter yet").isEqualTo(Verdict.waits("0 of 100 samples of v2 within PT5M"));
        served(V1, 1000, 0);
        served(V2, 0, 99);
        assertThat(judge(gate)).isEqualTo(Verdict.waits("99 of 100 samples of v2 within PT5M"));
        served(V2, 0, 1);
        assertThat(judge(gate).fails()).isTrue();
    }

    @Test
    void passesUpToTheAbsoluteBoundAndFailsAboveWithTheNumbers() {
        Gate gate = gate().maxRatio(0.05).build();
        judge(gate);

        served(V2, 190, 10);
        assertThat(judge(gate)).isEqualTo(Verdict.pass("v2: 10 of 200 bad (5 %)"));
        served(V2, 0, 1);
        assertThat(judge(gate)).isEqualTo(Verdict.fail("v2: 11 of 201 bad (5.473 %), more than 5 %"));
    }

    @Test
    void comparesWithTheBaseline() {
        Gate gate = gate().maxIncrease(0.1).build();
        judge(gate);

        served(V1, 300, 700);
        served(V2, 200, 800);
        assertThat(judge(gate))
                .as("0.7 + 0.1 is less than 0.8 in binary")
                .isEqualTo(Verdict.pass("v2: 800 of 1000 bad (80 %); v1: 700 of 1000 bad (70 %)"));
        served(V2, 0, 1);
        assertThat(judge(gate))
                .isEqualTo(Verdict.fail(
                        "v2: 801 of 1001 bad (80.02 %); v1: 700 of 1000 bad (70 %): more than 10 % points above"));
    }

    @Test
    void bothBoundsHold() {
        Gate gate = gate().maxRatio(0.05).maxIncrease(0.01).build();
        judge(gate);

        served(V1, 1000, 0);
        served(V2, 196, 4);
        assertThat(judge(gate).reason()).as("within 5 %, above v1").endsWith("more than 1 % points above");
        served(V1, 0, 100);
        assertThat(judge(gate).passes()).isTrue();
        served(V2, 0, 10);
        assertThat(judge(gate).reason()).as("not far above v1, above 5 %").endsWith("more than 5 %");
    }

    @Test
    void withTooFewSamplesOfTheBaselineOnlyTheAbsoluteBoundCounts() {
        Gate both = gate().maxRatio(0.05).maxIncrease(0).build();
        Gate relative = gate().maxIncrease(0).build();
        judge(both);
        judge(relative);

        served(V1, 12, 0);
        served(V2, 199, 1);
        assertThat(judge(both))
                .isEqualTo(
                        Verdict.pass("v2: 1 of 200 bad (0.5 %); not compared: 12 of 100 samples of the baseline v1"));
        assertThat(judge(relative))
                .isEqualTo(Verdict.waits("v2: 1 of 200 bad (0.5 %); 12 of 100 samples of the baseline v1"));
        served(V2, 0, 100);
        assertThat(judge(both).fails()).isTrue();
        assertThat(judge(relative).fails()).isFalse();
    }

    @Test
    void aBaselineThatHasNoTrafficLeftIsJudgedByTheWholeRollout() {
        Gate gate = gate().maxIncrease(0.01).build();
        judge(gate);
        served(V1, 980, 20);
        judge(gate);

        for (int minute = 0; minute < 30; minute++) {
            clock.advance(Duration.ofMinutes(1));
            served(V2, 100, 0);
            judge(gate);
        }
        served(V2, 0, 30);

        assertThat(judge(gate).reason()).endsWith("v1: 20 of 1000 bad (2 %): more than 1 % points above");
    }

    @Test
    void aFirstRolloutHasNothingToCompareWith() {
        Gate gate = gate().maxIncrease(0).build();
        Gate.Context first = Contexts.of("shop", "r-1", V2, Optional.empty());
        judge(gate, first);

        served(V2, 50, 50);
        assertThat(judge(gate, first)).isEqualTo(Verdict.pass("v2: 50 of 100 bad (50 %); no baseline to compare with"));
    }

    @Test
    void onlyWhatIsWithinTheWindowCounts() {
        Gate gate = gate().maxRatio(0.05).build();
        judge(gate);
        served(V2, 0, 100);
        assertThat(judge(gate).fails()).isTrue();

        for (int i = 0; i < 9; i++) {
            served(V2, 10, 0);
            assertThat(judge(gate).fails()).as("still within").isTrue();
        }
        served(V2, 10, 0);
        assertThat(judge(gate)).isEqualTo(Verdict.pass("v2: 0 of 100 bad (0 %)"));
        clock.advance(Duration.ofHours(1));
        assertThat(judge(gate)).isEqualTo(Verdict.waits("0 of 100 samples of v2 within PT5M"));
    }

    @Test
    void whatWasCountedBeforeTheRolloutIsNotJudged() {
        Gate gate = gate().maxIncrease(0).build();
        served(V1, 0, 1000);
        served(V2, 0, 1000);

        assertThat(judge(gate)).isEqualTo(Verdict.waits("0 of 100 samples of v2 within PT5M"));
        served(V1, 99, 0);
        served(V2, 100, 0);
        assertThat(judge(gate).reason()).endsWith("; 99 of 100 samples of the baseline v1");
        served(V1, 1, 0);
        assertThat(judge(gate).passes()).isTrue();
    }

    /** Micrometer creates the counter of errors with the first error. */
    @Test
    void aCounterThatAppearsHasCountedFromZero() {
        Gate gate = gate().maxRatio(0.05).build();
        Tags v2 = Tags.of("revision", "v2");
        registry.counter("requests", v2.and("outcome", "ok")).increment(100);
        judge(gate);
        registry.counter("requests", v2.and("outcome", "ok")).increment(100);
        assertThat(judge(gate).passes()).isTrue();

        registry.counter("requests", v2.and("outcome", "error")).increment(50);
        assertThat(judge(gate).fails()).isTrue();
    }

    @Test
    void aCounterThatStartsAnewOrGoesAwayForAWhileIsNotCountedTwice() {
        AtomicReference<Double> count = new AtomicReference<>(5000.0);
        FunctionCounter counter = FunctionCounter.builder("requests", count, AtomicReference::get)
                .tags("revision", "v2", "outcome", "ok")
                .register(registry);
        Gate gate = gate().maxRatio(0.05).minSamples(1000).build();
        judge(gate);

        count.set(5100.0);
        assertThat(judge(gate).reason()).startsWith("100 of 1000");
        count.set(20.0);
        assertThat(judge(gate).reason()).as("started anew").startsWith("120 of 1000");
        registry.remove(counter);
        assertThat(judge(gate).reason()).as("away").startsWith("120 of 1000");
        FunctionCounter.builder("requests", count, AtomicReference::get)
                .tags("revision", "v2", "outcome", "ok")
                .register(registry);
        assertThat(judge(gate).reason()).as("back").startsWith("120 of 1000");
        count.set(Double.NaN);
        assertThat(judge(gate).reason()).as("does not know").startsWith("120 of 1000");
        count.set(30.0);
        assertThat(judge(gate).reason()).startsWith("130 of 1000");
    }

    @Test
    void countsTimersSummariesAndFunctionsAndAddsUpSelections() {
        AtomicInteger functions = new AtomicInteger();
        Tags v2 = Tags.of("revision", "v2");
        registry.more().timer("function", v2, functions, AtomicInteger::get, value -> 0, TimeUnit.SECONDS);
        Gate gate = MetricGate.builder("errors", registry)
                .bad("requests", "outcome", "error")
                .bad("requests", "outcome", "error", "uri", "/")
                .bad("timeouts")
                .total("http", "method", "GET")
                .total("size")
                .total("function")
                .minSamples(1)
                .maxRatio(0.05)
                .clock(clock)
                .build();
        judge(gate);

        registry.timer("http", v2.and("method", "GET", "uri", "/")).record(Duration.ofSeconds(7));
        registry.timer("http", v2.and("method", "GET", "uri", "/a")).record(Duration.ofSeconds(7));
        registry.timer("http", v2.and("method", "PUT", "uri", "/")).record(Duration.ofSeconds(7));
        registry.summary("size", v2).record(17);
        functions.set(6);
        served(V2, 0, 2);
        registry.counter("timeouts", v2).increment();
        served(V1, 0, 9);

        assertThat(judge(gate).reason()).as("none counted twice").startsWith("v2: 3 of 9 bad");
    }

    @Test
    void aMeterThatDoesNotCountIsSaidToBeWrong() {
        registry.gauge("requests", Tags.of("revision", "v2"), 5);

        assertThatThrownBy(() -> judge(gate().maxRatio(0.05).build()))
                .isInstanceOf(ProviderException.class)
                .hasMessage("gate errors: meter requests must be a counter, a timer or a summary, is a gauge");
    }

    @Test
    void tooManyMetersAreSaidToBeTooMany() {
        for (int i = 0; i <= Series.MOST; i++) {
            registry.counter("requests", "revision", "v2", "outcome", "error", "user", "u" + i);
        }

        assertThatThrownBy(() -> judge(gate().maxRatio(0.05).build()))
                .isInstanceOf(ProviderException.class)
                .hasMessage("gate errors: more than 10000 meters match, the last is requests");
    }

    /** What one question counted must not be lost because another counter could not be read. */
    @Test
    void aQuestionThatFailsTakesNoSample() {
        AtomicReference<RuntimeException> broken = new AtomicReference<>();
        FunctionCounter.builder("requests", broken, state -> {
                    if (state.get() != null) {
                        throw state.get();
                    }
                    return 0;
                })
                .tags("revision", "v1")
                .register(registry);
        Gate gate = gate().maxRatio(0.05).build();
        judge(gate);

        served(V2, 0, 100);
        broken.set(new IllegalStateException("not now"));
        assertThatThrownBy(() -> judge(gate)).isSameAs(broken.get());
        broken.set(null);
        assertThat(judge(gate).reason()).startsWith("v2: 100 of 100 bad");
    }

    @Test
    void theHostSaysHowItTagsRevisionsAndFleets() {
        Gate gate = gate().revisionTag("version", revision -> "app-" + revision.id())
                .fleetTag("service")
                .maxRatio(0.05)
                .build();
        Gate.Context cart = Contexts.of("cart", "r-2", V2, Optional.of(V1));
        judge(gate);
        judge(gate, cart);

        served(registry, Tags.of("version", "app-v2", "service", "shop"), 0, 100);
        served(registry, Tags.of("version", "app-v2", "service", "cart"), 200, 0);
        assertThat(judge(gate).reason()).startsWith("v2: 100 of 100 bad");
        assertThat(judge(gate, cart)).isEqualTo(Verdict.pass("v2: 0 of 200 bad (0 %)"));
    }

    @Test
    void eachRolloutOfEachFleetHasItsOwnWindow() {
        Gate gate = gate().maxRatio(0.05).build();
        judge(gate);
        served(V2, 0, 100);

        assertThat(judge(gate, Contexts.of("cart", "r-1", V2, Optional.of(V1))).outcome())
                .as("another fleet")
                .isEqualTo(Verdict.Outcome.WAIT);
        assertThat(judge(gate).fails()).isTrue();
        assertThat(judge(gate, Contexts.of("shop", "r-2", V2, Optional.of(V1))).outcome())
                .as("the next rollout")
                .isEqualTo(Verdict.Outcome.WAIT);
        served(V2, 100, 0);
        assertThat(judge(gate, Contexts.of("shop", "r-2", V2, Optional.of(V1))).passes())
                .isTrue();
        assertThat(judge(gate, Contexts.of("shop", "r-2", Revision.of("v3"), Optional.of(V1)))
                        .outcome())
                .as("another target of the same rollout")
                .isEqualTo(Verdict.Outcome.WAIT);
    }

    @Test
    void aClockThatIsSetBackLosesTheWindowAndNothingElse() {
        Gate gate = gate().maxRatio(0.05).build();
        judge(gate);
        served(V2, 100, 0);
        assertThat(judge(gate).passes()).isTrue();

        clock.advance(Duration.ofDays(-1));
        assertThat(judge(gate).outcome()).isEqualTo(Verdict.Outcome.WAIT);
        served(V2, 0, 100);
        assertThat(judge(gate).reason()).startsWith("v2: 100 of 100 bad");
    }

    /** Each event is in exactly one sample, however many ask at once. */
    @Test
    void mayBeAskedByManyThreads() throws Exception {
        Gate gate = gate().maxRatio(1).minSamples(1).build();
        judge(gate);
        Counter counter = registry.counter("requests", "revision", "v2");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        CountDownLatch done = new CountDownLatch(8);
        AtomicInteger unexpected = new AtomicInteger();
        for (int thread = 0; thread < 8; thread++) {
            String fleet = "fleet-" + thread;
            threads.execute(() -> {
                try {
                    for (int i = 0; i < 200; i++) {
                        counter.increment();
                        gate.judge(Contexts.shop());
                        gate.judge(Contexts.of(fleet, "r-1", V2, Optional.of(V1)));
                    }
                } catch (RuntimeException e) {
                    unexpected.incrementAndGet();
                } finally {
                    done.countDown();
                }
            });
        }
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        threads.shutdownNow();

        assertThat(unexpected).hasValue(0);
        assertThat(gate.judge(Contexts.shop()).reason()).isEqualTo("v2: 0 of 1600 bad (0 %)");
    }

    @Test
    void forgetsWhatWasNotAskedForLongest() {
        Map<FleetId, Integer> recent = new Recent<>(2);
        recent.put(FleetId.of("a"), 1);
        recent.put(FleetId.of("b"), 2);
        recent.get(FleetId.of("a"));
        recent.put(FleetId.of("c"), 3);

        assertThat(recent).containsOnlyKeys(FleetId.of("a"), FleetId.of("c"));
    }

    @Test
    void rejectsRegistriesWhoseCountsDoNotGoOn() {
        CompositeMeterRegistry composite = new CompositeMeterRegistry();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder("errors", composite))
                .withMessage("registry must be a single one, was a composite, whose counts are those of any one of its"
                        + " registries");
        LoggingMeterRegistry steps = new LoggingMeterRegistry(key -> null, Clock.SYSTEM);
        steps.close();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder("errors", steps))
                .withMessage("registry must count for ever, was LoggingMeterRegistry, which counts each step from 0");
    }

    @Test
    void rejectsSettingsThatMakeNoSense() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder(" ", registry))
                .withMessage("name must have 1 to 100 characters, not all blank and none of control, was \" \"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder("a\nb", registry))
                .withMessageStartingWith("name must have");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().bad(""))
                .withMessage("bad must name a meter, was \"\"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().total("requests", "outcome"))
                .withMessage("tags of total must be pairs of key and value, were 1 strings");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().revisionTag(" "))
                .withMessage("revisionTag must name a tag, was \" \"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().fleetTag(""))
                .withMessage("fleetTag must name a tag, was \"\"");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().window(Duration.ZERO))
                .withMessage("window must be within PT1S to PT24H, was PT0S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().minSamples(0))
                .withMessage("minSamples must be >= 1, was 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().maxRatio(5))
                .withMessage("maxRatio must be within 0 to 1, was 5.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().maxIncrease(Double.NaN))
                .withMessage("maxIncrease must be within 0 to 1, was NaN");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gate().build())
                .withMessage("maxRatio or maxIncrease must be set, or nothing could ever fail; neither was");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder("errors", registry)
                        .total("a")
                        .maxRatio(0)
                        .build())
                .withMessage("bad must name at least one meter, was not set");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetricGate.builder("errors", registry)
                        .bad("a")
                        .maxRatio(0)
                        .build())
                .withMessage("total must name at least one meter, was not set");
    }
}
