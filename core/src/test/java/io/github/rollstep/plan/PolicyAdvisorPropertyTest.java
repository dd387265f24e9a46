package io.github.rollstep.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.PolicyAdvisor.Advice;
import io.github.rollstep.plan.PolicyAdvisor.Choice;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Whatever the limits are, what is advised keeps them; and nothing that is searched for by force is faster. */
class PolicyAdvisorPropertyTest {

    @Property(tries = 50)
    void neverAdvisesWhatBreaksALimit(
            @ForAll @IntRange(min = 1, max = 12) int desired,
            @ForAll @IntRange(max = 3) int unavailable,
            @ForAll @IntRange(min = -1, max = 8) int room,
            @ForAll @IntRange(min = 1, max = 9) int perInstance,
            @ForAll @IntRange(min = 1, max = 12) int maxFirstBatch,
            @ForAll @IntRange(max = 40) int start,
            @ForAll @IntRange(max = 40) int spread,
            @ForAll @IntRange(max = 20) int drain,
            @ForAll @IntRange(max = 40) int stop) {
        int minServing = Math.max(0, desired - unavailable);
        int maxInstances = Math.max(1, desired + room);
        ResourceBudget budget = ResourceBudget.of("db connections", 100, perInstance, 3);

        Advice advice = PolicyAdvisor.builder(desired, timings(start, spread, drain, stop))
                .minServing(minServing)
                .maxInstances(maxInstances)
                .budget(budget)
                .maxFirstBatch(maxFirstBatch)
                .build()
                .advise();

        int most = Math.min(maxInstances, budget.instances());
        boolean possible = most > desired || (most == desired && minServing < desired);
        assertThat(advice.best().isPresent()).isEqualTo(possible);
        assertThat(advice.impossible().isPresent()).isEqualTo(!possible);
        Stream.concat(advice.best().stream(), advice.runnersUp().stream()).forEach(choice -> {
            assertThat(choice.policy().batches().size(0, desired)).isLessThanOrEqualTo(maxFirstBatch);
            assertThat(choice.forecast().succeeds()).isTrue();
            assertThat(choice.badRelease().phase()).contains(RolloutPhase.ROLLED_BACK);
            assertThat(choice.badRelease().bad()).isLessThanOrEqualTo(maxFirstBatch);
            for (Forecast forecast : List.of(choice.forecast(), choice.badRelease())) {
                assertThat(forecast.peak()).isLessThanOrEqualTo(most);
                assertThat(forecast.fewestServing()).isGreaterThanOrEqualTo(minServing);
                assertThat(forecast.usages().get(0).peak()).isLessThanOrEqualTo(97);
            }
        });
    }

    @Property(tries = 20, edgeCases = EdgeCasesMode.NONE)
    void nothingFasterIsFoundByForce(
            @ForAll @IntRange(min = 1, max = 5) int desired,
            @ForAll @IntRange(max = 2) int unavailable,
            @ForAll @IntRange(min = 1, max = 4) int room,
            @ForAll @IntRange(min = 1, max = 5) int maxFirstBatch,
            @ForAll @IntRange(min = 1, max = 40) int start,
            @ForAll @IntRange(max = 20) int drain,
            @ForAll @IntRange(max = 40) int stop) {
        int minServing = Math.max(0, desired - unavailable);
        Timings timings = timings(start, 0, drain, stop);

        Choice best = PolicyAdvisor.builder(desired, timings)
                .minServing(minServing)
                .maxInstances(desired + room)
                .maxFirstBatch(maxFirstBatch)
                .build()
                .advise()
                .best()
                .orElseThrow();

        Duration fastest = everyPolicy(desired, desired - minServing, room, maxFirstBatch)
                .map(policy -> Forecast.of(policy, desired, timings))
                .filter(Forecast::succeeds)
                .map(Forecast::duration)
                .min(Duration::compareTo)
                .orElseThrow();
        assertThat(best.forecast().duration()).isEqualTo(fastest);
    }

    private static Stream<RolloutPolicy> everyPolicy(int desired, int unavailable, int surge, int maxFirstBatch) {
        return IntStream.rangeClosed(0, unavailable)
                .boxed()
                .flatMap(u -> IntStream.rangeClosed(u == 0 ? 1 : 0, surge)
                        .boxed()
                        .flatMap(s -> IntStream.rangeClosed(1, Math.min(desired, maxFirstBatch))
                                .mapToObj(Quota::of)
                                .flatMap(first -> IntStream.rangeClosed(1, desired)
                                        .mapToObj(Quota::of)
                                        .map(size -> Batches.ramp(first, size))
                                        .flatMap(whole -> Stream.of(whole, whole.thenSliding(), Batches.sliding(first)))
                                        .map(batches -> RolloutPolicy.builder()
                                                .batches(batches)
                                                .maxSurge(s)
                                                .maxUnavailable(u)
                                                .build()))));
    }

    private static Timings timings(int start, int spread, int drain, int stop) {
        return Timings.start(Duration.ofSeconds(start), Duration.ofSeconds(start + spread))
                .drain(Duration.ofSeconds(drain))
                .stop(Duration.ofSeconds(stop));
    }
}
