package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Health checkers with one defect each: every rule of the contract is seen failing. */
class BrokenHealthCheckersTest {

    private enum Defect {
        NEVER_SURE("saysWhatIsHealthy"),
        GIVES_NO_REASON("saysWhatIsUnhealthyAndWhy"),
        KEEPS_THE_FIRST_VERDICT("neverKeepsAVerdict"),
        FORGETS_ONE_OF_MANY("hasAVerdictForEachOfMany"),
        NEEDS_ONE("noneIsFine"),
        THROWS_WITHOUT_AN_ADDRESS("anInstanceWithoutAnAddressIsUnknown"),
        LETS_ONE_HIDE_THE_OTHERS("oneThatDoesNotAnswerHidesNoOther"),
        ANSWERS_ONE_THREAD("answersSeveralThreads");

        private final String rule;

        Defect(String rule) {
            this.rule = rule;
        }
    }

    private record Broken(Defect defect, HealthChecker real, Map<InstanceId, Health> first, AtomicInteger asking)
            implements HealthChecker {

        @Override
        public Health check(Instance instance) {
            if (instance.address().isEmpty() && defect == Defect.THROWS_WITHOUT_AN_ADDRESS) {
                throw new IllegalArgumentException("no address");
            }
            Health health = real.check(instance);
            return switch (defect) {
                case NEVER_SURE -> Health.unknown("who knows");
                case GIVES_NO_REASON -> new Health(health.status(), "");
                case KEEPS_THE_FIRST_VERDICT -> first.computeIfAbsent(instance.id(), id -> health);
                case ANSWERS_ONE_THREAD -> oneByOne(health);
                default -> health;
            };
        }

        private Health oneByOne(Health health) {
            try {
                if (asking.incrementAndGet() > 1) {
                    throw ProviderException.retryable("busy");
                }
                Thread.sleep(20);
                return health;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                asking.decrementAndGet();
            }
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            Map<InstanceId, Health> verdicts = new HashMap<>(HealthChecker.super.checkAll(instances));
            if (defect == Defect.NEEDS_ONE && instances.isEmpty()) {
                throw new IllegalArgumentException("nothing to check");
            }
            if (defect == Defect.FORGETS_ONE_OF_MANY && verdicts.size() > 1) {
                verdicts.remove(instances.iterator().next().id());
            }
            if (defect == Defect.LETS_ONE_HIDE_THE_OTHERS
                    && verdicts.values().stream().anyMatch(Health::isUnhealthy)) {
                verdicts.replaceAll((id, health) -> Health.unhealthy("timed out"));
            }
            return verdicts;
        }
    }

    private static final class Contract extends HealthCheckerContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Defect defect;

        Contract(Defect defect) {
            this.defect = defect;
        }

        @Override
        protected HealthChecker checker() {
            return new Broken(defect, platform.fleet().healthChecker(), new HashMap<>(), new AtomicInteger());
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
            Instance silent = healthy("silent");
            turn(silent, false);
            return Optional.of(silent);
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(300);
        }
    }

    @ParameterizedTest
    @EnumSource
    void isSeen(Defect defect) {
        assertThat(ContractRun.fails(HealthCheckerContract.class, defect.rule, () -> new Contract(defect)))
                .isTrue();
    }

    @Test
    void eachRuleHasADefect() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rule))
                .containsExactlyInAnyOrderElementsOf(ContractRun.rules(HealthCheckerContract.class));
    }
}
