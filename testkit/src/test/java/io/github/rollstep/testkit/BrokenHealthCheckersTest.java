package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Health checkers with one defect each: every rule of the contract is seen failing, if possible alone. */
class BrokenHealthCheckersTest {

    private enum Defect {
        NEVER_SURE_THAT_ONE_IS_WELL(
                "saysWhatIsHealthy",
                "neverKeepsAVerdict",
                "judgesOneOfManyAsItWouldAlone",
                "aCheckerThatCannotTellAccusesNobody",
                "anInterruptedCheckEndsSoonAndAccusesNobody",
                "answersSeveralThreads"),
        GIVES_NO_REASON("saysWhatIsUnhealthyAndWhy"),
        KEEPS_THE_FIRST_VERDICT("neverKeepsAVerdict"),
        FORGETS_ONE_OF_MANY("hasAVerdictForEachOfMany"),
        MIXES_UP_MANY("judgesOneOfManyAsItWouldAlone"),
        NEEDS_ONE("noneIsFine"),
        THROWS_WITHOUT_AN_ADDRESS("anInstanceWithoutAnAddressIsUnknown"),
        IS_UNSURE_OF_THE_SILENT("oneThatDoesNotAnswerIsUnhealthyAndNotUnknown"),
        LETS_ONE_HIDE_THE_OTHERS("oneThatDoesNotAnswerHidesNoOther"),
        ACCUSES_WHOM_IT_CANNOT_ASK("aCheckerThatCannotTellAccusesNobody"),
        ACCUSES_WHEN_INTERRUPTED("anInterruptedCheckEndsSoonAndAccusesNobody"),
        SWALLOWS_AN_INTERRUPT("anInterruptedCheckEndsSoonAndAccusesNobody"),
        ANSWERS_ONE_THREAD("answersSeveralThreads");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    /** The simulated checker, with a defect. */
    private static final class Broken implements HealthChecker {

        private final Optional<Defect> defect;
        private final HealthChecker real;
        private final Map<InstanceId, Health> first = new ConcurrentHashMap<>();
        private final AtomicInteger asking = new AtomicInteger();

        Broken(Optional<Defect> defect, HealthChecker real) {
            this.defect = defect;
            this.real = real;
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        public Health check(Instance instance) {
            if (has(Defect.THROWS_WITHOUT_AN_ADDRESS) && instance.address().isEmpty()) {
                throw new IllegalArgumentException("no address");
            }
            if (has(Defect.SWALLOWS_AN_INTERRUPT) && Thread.interrupted()) {
                throw ProviderException.retryable("interrupted");
            }
            Health health = has(Defect.ANSWERS_ONE_THREAD) ? oneByOne(instance) : asked(instance);
            boolean accused = has(Defect.ACCUSES_WHEN_INTERRUPTED)
                    && Thread.currentThread().isInterrupted();
            boolean unsure = has(Defect.NEVER_SURE_THAT_ONE_IS_WELL) && health.isHealthy()
                    || has(Defect.IS_UNSURE_OF_THE_SILENT)
                            && instance.token().filter(SILENT::owns).isPresent();
            if (has(Defect.KEEPS_THE_FIRST_VERDICT)) {
                return first.computeIfAbsent(instance.id(), id -> health);
            }
            return accused
                    ? Health.unhealthy("no answer")
                    : unsure ? Health.unknown("who knows") : has(Defect.GIVES_NO_REASON) ? silently(health) : health;
        }

        private static Health silently(Health health) {
            return new Health(health.status(), "");
        }

        private Health asked(Instance instance) {
            try {
                return real.check(instance);
            } catch (ProviderException e) {
                if (has(Defect.ACCUSES_WHOM_IT_CANNOT_ASK)) {
                    return Health.unhealthy(String.valueOf(e.getMessage()));
                }
                throw e;
            }
        }

        private Health oneByOne(Instance instance) {
            try {
                if (asking.incrementAndGet() > 1) {
                    throw ProviderException.retryable("busy");
                }
                if (!Thread.currentThread().isInterrupted()) {
                    Thread.sleep(20);
                }
                return asked(instance);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                asking.decrementAndGet();
            }
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            Map<InstanceId, Health> verdicts = new HashMap<>(real.checkAll(instances));
            List<InstanceId> ids = instances.stream().map(Instance::id).toList();
            boolean silent = instances.stream()
                    .anyMatch(instance -> instance.token().filter(SILENT::owns).isPresent());
            if (has(Defect.NEEDS_ONE) && instances.isEmpty()) {
                throw new IllegalArgumentException("nothing to check");
            }
            if (has(Defect.LETS_ONE_HIDE_THE_OTHERS) && silent) {
                verdicts.replaceAll((id, health) -> Health.unhealthy("timed out"));
            }
            if (has(Defect.FORGETS_ONE_OF_MANY)
                    && ids.size() > 1
                    && verdicts.get(ids.get(0)).isHealthy()) {
                verdicts.remove(ids.get(0));
            }
            if (has(Defect.MIXES_UP_MANY)
                    && ids.size() > 1
                    && !silent
                    && !verdicts.get(ids.get(0)).isHealthy()) {
                verdicts.put(ids.get(1), verdicts.get(ids.get(0)));
            }
            return verdicts;
        }
    }

    private static final RolloutId SILENT = RolloutId.of("silent");

    private static final class Contract extends HealthCheckerContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Optional<Defect> defect;

        Contract(Optional<Defect> defect) {
            this.defect = defect;
        }

        @Override
        protected HealthChecker checker() {
            return new Broken(defect, platform.fleet().healthChecker());
        }

        @Override
        protected Instance healthy(String name) {
            return platform.instance(name);
        }

        @Override
        protected void turn(Instance instance, boolean healthy) {
            if (healthy) {
                platform.fleet().makeHealthy(instance.id());
            } else {
                platform.fleet().makeUnhealthy(instance.id());
            }
        }

        @Override
        protected Optional<Instance> silent() {
            Instance silent = healthy(SILENT.value());
            turn(silent, false);
            return Optional.of(silent);
        }

        @Override
        protected Optional<Runnable> outage() {
            return platform.outage();
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(500);
        }
    }

    @ParameterizedTest
    @EnumSource
    void breaksExactlyItsRules(Defect defect) {
        assertThat(ContractRun.failing(HealthCheckerContract.class, () -> new Contract(Optional.of(defect))))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectEachRuleHolds() {
        assertThat(ContractRun.failing(HealthCheckerContract.class, () -> new Contract(Optional.empty())))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectThatBreaksIt() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(HealthCheckerContract.class));
    }
}
