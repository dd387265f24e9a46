package io.github.rollstep.health;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Checkers made of others, or of nothing. */
public final class HealthCheckers {

    private HealthCheckers() {}

    /** Believes the provider: what it lists as running is healthy. */
    public static HealthChecker running() {
        return instance -> instance.state() == Instance.State.RUNNING
                ? Health.healthy()
                : Health.unhealthy("it is " + instance.state());
    }

    /**
     * Healthy if all of them say so; unhealthy if one does; else unknown. The details of those that do not agree are joined.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static HealthChecker all(HealthChecker... checkers) {
        if (checkers.length == 0) {
            throw new IllegalArgumentException("checkers must be >= 1, was 0");
        }
        return new All(List.of(checkers));
    }

    private record All(List<HealthChecker> checkers) implements HealthChecker {

        @Override
        public Health check(Instance instance) {
            return combine(
                    checkers.stream().map(checker -> checker.check(instance)).toList());
        }

        @Override
        public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
            List<Map<InstanceId, Health>> verdicts = checkers.stream()
                    .map(checker -> checker.checkAll(instances))
                    .toList();
            Map<InstanceId, Health> combined = new HashMap<>();
            for (Instance instance : instances) {
                combined.put(
                        instance.id(),
                        combine(verdicts.stream()
                                .map(one -> one.getOrDefault(instance.id(), Health.unknown("not checked")))
                                .toList()));
            }
            return combined;
        }

        private static Health combine(List<Health> verdicts) {
            Health.Status status = verdicts.stream().anyMatch(Health::isUnhealthy)
                    ? Health.Status.UNHEALTHY
                    : verdicts.stream().allMatch(Health::isHealthy) ? Health.Status.HEALTHY : Health.Status.UNKNOWN;
            String detail = verdicts.stream()
                    .filter(verdict -> !verdict.isHealthy() && !verdict.detail().isEmpty())
                    .map(Health::detail)
                    .collect(Collectors.joining("; "));
            return new Health(status, detail);
        }
    }
}
