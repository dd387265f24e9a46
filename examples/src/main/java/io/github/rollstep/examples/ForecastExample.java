package io.github.rollstep.examples;

import io.github.rollstep.Batches;
import io.github.rollstep.Quota;
import io.github.rollstep.ResourceBudget;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Forecast;
import io.github.rollstep.plan.Forecast.Release;
import io.github.rollstep.plan.PolicyAdvisor;
import io.github.rollstep.plan.Timings;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What will a rollout over a thousand instances take, and what would a bad release cost? And which policy is the fastest
 * under given limits? Nothing is launched: the planner runs on a virtual clock.
 */
public final class ForecastExample {

    private static final int DESIRED = 1000;
    private static final Quota QUARTER = Quota.percent(25);

    private ForecastExample() {}

    public static void main(String[] args) {
        Timings timings =
                Timings.start(Duration.ofSeconds(25), Duration.ofSeconds(35)).stop(Duration.ofSeconds(30));
        RolloutPolicy.Builder full = RolloutPolicy.builder().maxSurge(QUARTER).maxUnavailable(0);
        Map<String, RolloutPolicy> policies = new LinkedHashMap<>();
        policies.put("Rollstep's default", RolloutPolicy.defaults());
        policies.put("sliding, 25 %", full.batches(Batches.sliding(QUARTER)).build());
        policies.put("fixed, 25 %", full.batches(Batches.fixed(QUARTER)).build());
        // As Kubernetes' Deployment: no batches, only the two limits.
        policies.put(
                "25 % surge, 25 % unavailable",
                RolloutPolicy.builder()
                        .batches(Batches.sliding(Quota.percent(100)))
                        .maxSurge(QUARTER)
                        .maxUnavailable(QUARTER)
                        .build());

        System.out.printf("%d instances; %s; healthy for 10s before one counts.%n", DESIRED, timings);
        for (Release release : Release.values()) {
            Map<String, Forecast> forecasts = new LinkedHashMap<>();
            policies.forEach((name, policy) -> forecasts.put(name, Forecast.of(policy, DESIRED, timings, release)));
            System.out.printf(
                    "%n%s%n%n%s",
                    release == Release.HEALTHY ? "A good release" : "A release that never gets healthy",
                    Forecast.compare(forecasts));
        }

        System.out.printf(
                "%nA good release by the default, in full%n%n%s",
                Forecast.of(policies.get("Rollstep's default"), DESIRED, timings)
                        .table());

        ResourceBudget connections = ResourceBudget.of("db connections", 100, 12);
        System.out.printf("%nThe fastest for 6 instances, none of them missing, with %s%n%n", connections);
        System.out.print(PolicyAdvisor.builder(6, timings)
                .budget(connections)
                .build()
                .advise()
                .table());
        System.out.printf("%nThe same, where the first batch risks one instance%n%n");
        System.out.print(PolicyAdvisor.builder(6, timings)
                .budget(connections)
                .maxFirstBatch(1)
                .build()
                .advise()
                .table());
        System.out.printf("%nThe same with 18 connections per instance%n%n");
        System.out.print(PolicyAdvisor.builder(6, timings)
                .budget(ResourceBudget.of("db connections", 100, 18))
                .build()
                .advise()
                .table());
    }
}
