package io.github.rollstep;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a rollout may proceed: its pace, its limits and what to do when it fails. Immutable.
 *
 * <p>What can be seen to never finish is rejected by {@link Builder#build()}; what depends on the desired count, when the
 * rollout is started. The message names the limit, the rule and the value.
 */
public final class RolloutPolicy {

    private static final RolloutPolicy DEFAULTS = builder().build();

    private final Batches batches;
    private final Batches rollbackBatches;
    private final Quota maxSurge;
    private final Quota maxUnavailable;
    private final OptionalInt maxInstances;
    private final List<ResourceBudget> budgets;
    private final Quota maxFailedInstances;
    private final FailurePolicy onFailure;
    private final Duration minReady;
    private final Duration unhealthyGrace;
    private final Duration startDeadline;
    private final Duration drainDeadline;
    private final Duration stopDeadline;
    private final Duration stallDeadline;
    private final Optional<Duration> totalDeadline;

    private RolloutPolicy(Builder builder) {
        batches = builder.batches;
        rollbackBatches = builder.rollbackBatches;
        maxSurge = builder.maxSurge;
        maxUnavailable = builder.maxUnavailable;
        maxInstances = builder.maxInstances;
        budgets = List.copyOf(builder.budgets);
        maxFailedInstances = builder.maxFailedInstances;
        onFailure = builder.onFailure;
        minReady = builder.minReady;
        unhealthyGrace = builder.unhealthyGrace;
        startDeadline = builder.startDeadline;
        drainDeadline = builder.drainDeadline;
        stopDeadline = builder.stopDeadline;
        stallDeadline = builder.stallDeadline;
        totalDeadline = builder.totalDeadline;
    }

    public static RolloutPolicy defaults() {
        return DEFAULTS;
    }

    public static Builder builder() {
        return new Builder();
    }

    public Builder toBuilder() {
        Builder copy = new Builder();
        copy.batches = batches;
        copy.rollbackBatches = rollbackBatches;
        copy.maxSurge = maxSurge;
        copy.maxUnavailable = maxUnavailable;
        copy.maxInstances = maxInstances;
        copy.budgets.addAll(budgets);
        copy.maxFailedInstances = maxFailedInstances;
        copy.onFailure = onFailure;
        copy.minReady = minReady;
        copy.unhealthyGrace = unhealthyGrace;
        copy.startDeadline = startDeadline;
        copy.drainDeadline = drainDeadline;
        copy.stopDeadline = stopDeadline;
        copy.stallDeadline = stallDeadline;
        copy.totalDeadline = totalDeadline;
        return copy;
    }

    public Batches batches() {
        return batches;
    }

    public Batches rollbackBatches() {
        return rollbackBatches;
    }

    public Quota maxSurge() {
        return maxSurge;
    }

    public Quota maxUnavailable() {
        return maxUnavailable;
    }

    public OptionalInt maxInstances() {
        return maxInstances;
    }

    public List<ResourceBudget> budgets() {
        return budgets;
    }

    public Quota maxFailedInstances() {
        return maxFailedInstances;
    }

    public FailurePolicy onFailure() {
        return onFailure;
    }

    public Duration minReady() {
        return minReady;
    }

    public Duration unhealthyGrace() {
        return unhealthyGrace;
    }

    public Duration startDeadline() {
        return startDeadline;
    }

    public Duration drainDeadline() {
        return drainDeadline;
    }

    public Duration stopDeadline() {
        return stopDeadline;
    }

    public Duration stallDeadline() {
        return stallDeadline;
    }

    public Optional<Duration> totalDeadline() {
        return totalDeadline;
    }

    @Override
    public String toString() {
        return ("batches %s, rollbackBatches %s, maxSurge %s, maxUnavailable %s, maxInstances %s, budgets %s, "
                        + "maxFailedInstances %s, onFailure %s, minReady %s, unhealthyGrace %s, startDeadline %s, "
                        + "drainDeadline %s, stopDeadline %s, stallDeadline %s, totalDeadline %s")
                .formatted(
                        batches,
                        rollbackBatches,
                        maxSurge,
                        maxUnavailable,
                        maxInstances.isPresent() ? maxInstances.getAsInt() : "none",
                        budgets,
                        maxFailedInstances,
                        onFailure,
                        Require.text(minReady),
                        Require.text(unhealthyGrace),
                        Require.text(startDeadline),
                        Require.text(drainDeadline),
                        Require.text(stopDeadline),
                        Require.text(stallDeadline),
                        totalDeadline.map(Require::text).orElse("none"));
    }

    /** Collects the settings; not safe for use by several threads. No duration may exceed 366 days. */
    public static final class Builder {
        private Batches batches = Batches.sliding(Quota.percent(25));
        private Batches rollbackBatches = Batches.sliding(Quota.percent(100));
        private Quota maxSurge = Quota.percent(25);
        private Quota maxUnavailable = Quota.of(0);
        private OptionalInt maxInstances = OptionalInt.empty();
        private final List<ResourceBudget> budgets = new ArrayList<>();
        private Quota maxFailedInstances = Quota.of(0);
        private FailurePolicy onFailure = FailurePolicy.ROLL_BACK;
        private Duration minReady = Duration.ofSeconds(10);
        private Duration unhealthyGrace = Duration.ofSeconds(30);
        private Duration startDeadline = Duration.ofMinutes(5);
        private Duration drainDeadline = Duration.ofSeconds(30);
        private Duration stopDeadline = Duration.ofMinutes(2);
        private Duration stallDeadline = Duration.ofMinutes(10);
        private Optional<Duration> totalDeadline = Optional.empty();

        private Builder() {}

        /** How many are replaced together; default: sliding, 25 %. */
        public Builder batches(Batches batches) {
            this.batches = batches;
            return this;
        }

        /**
         * The pace of a roll-back; default: sliding, 100 %. It is still bound by footprint and availability, which the
         * batch size is not meant to repeat: a bad revision should be gone as fast as they allow.
         */
        public Builder rollbackBatches(Batches batches) {
            this.rollbackBatches = batches;
            return this;
        }

        /**
         * How many instances may exist beyond the desired count, those that start, drain and stop included; a percentage
         * rounds up; default: 25 %, as Kubernetes' Deployment has it.
         */
        public Builder maxSurge(Quota maxSurge) {
            this.maxSurge = maxSurge;
            return this;
        }

        public Builder maxSurge(int maxSurge) {
            return maxSurge(count("maxSurge", maxSurge));
        }

        /** How far serving may be taken below the desired count; a percentage rounds down; default: 0. */
        public Builder maxUnavailable(Quota maxUnavailable) {
            this.maxUnavailable = maxUnavailable;
            return this;
        }

        public Builder maxUnavailable(int maxUnavailable) {
            return maxUnavailable(count("maxUnavailable", maxUnavailable));
        }

        /** How many instances may exist at once, whatever the surge; default: no such limit. */
        public Builder maxInstances(int maxInstances) {
            this.maxInstances = OptionalInt.of(Require.atLeast("maxInstances", 1, maxInstances));
            return this;
        }

        /** Adds a resource that all existing instances share. */
        public Builder budget(ResourceBudget budget) {
            budgets.add(budget);
            return this;
        }

        /** How many instances of the new revision may fail before {@link #onFailure}; a percentage rounds down; default: 0. */
        public Builder maxFailedInstances(Quota maxFailedInstances) {
            this.maxFailedInstances = maxFailedInstances;
            return this;
        }

        public Builder maxFailedInstances(int maxFailedInstances) {
            return maxFailedInstances(count("maxFailedInstances", maxFailedInstances));
        }

        /** What to do when more than {@link #maxFailedInstances} failed or a deadline passed; default: roll back. */
        public Builder onFailure(FailurePolicy onFailure) {
            this.onFailure = onFailure;
            return this;
        }

        /**
         * How long an instance must be healthy and in the router, without a break, before it counts as serving; default:
         * 10 s, as Nomad's {@code min_healthy_time}.
         */
        public Builder minReady(Duration minReady) {
            this.minReady = Require.notNegative("minReady", minReady);
            return this;
        }

        /** How long an instance that has served may be unhealthy before it has failed; default: 30 s. */
        public Builder unhealthyGrace(Duration unhealthyGrace) {
            this.unhealthyGrace = Require.notNegative("unhealthyGrace", unhealthyGrace);
            return this;
        }

        /** By when a launched instance must serve, soaking included; default: 5 min, as Nomad's {@code healthy_deadline}. */
        public Builder startDeadline(Duration startDeadline) {
            this.startDeadline = Require.positive("startDeadline", startDeadline);
            return this;
        }

        /**
         * How long the open requests of a draining instance may take; it is terminated after that, whatever is open;
         * default: 30 s.
         */
        public Builder drainDeadline(Duration drainDeadline) {
            this.drainDeadline = Require.notNegative("drainDeadline", drainDeadline);
            return this;
        }

        /**
         * How long a terminated instance may take to be gone. After that it holds up no other instance any more, but
         * still counts in the footprint; default: 2 min.
         */
        public Builder stopDeadline(Duration stopDeadline) {
            this.stopDeadline = Require.positive("stopDeadline", stopDeadline);
            return this;
        }

        /**
         * How long the rollout may go without progress; default: 10 min, as Kubernetes' {@code progressDeadlineSeconds}.
         * It stands still while paused.
         */
        public Builder stallDeadline(Duration stallDeadline) {
            this.stallDeadline = Require.positive("stallDeadline", stallDeadline);
            return this;
        }

        /** How long the rollout may take in all; a roll-back has the same time again; default: no such limit. */
        public Builder totalDeadline(Duration totalDeadline) {
            this.totalDeadline = Optional.of(Require.positive("totalDeadline", totalDeadline));
            return this;
        }

        /** @throws IllegalArgumentException if a rollout under this policy could never finish, or only by luck */
        public RolloutPolicy build() {
            Require.that(
                    !(maxSurge.isZero() && maxUnavailable.isZero()),
                    "maxSurge and maxUnavailable must not both be 0: nothing could ever be replaced");
            Require.that(
                    startDeadline.compareTo(minReady) > 0,
                    "startDeadline must be > minReady (%s), was %s",
                    Require.text(minReady),
                    Require.text(startDeadline));
            Require.that(
                    stallDeadline.compareTo(startDeadline) >= 0,
                    "stallDeadline must be >= startDeadline (%s), was %s",
                    Require.text(startDeadline),
                    Require.text(stallDeadline));
            Duration leaving = drainDeadline.plus(stopDeadline);
            Require.that(
                    stallDeadline.compareTo(leaving) >= 0,
                    "stallDeadline must be >= drainDeadline + stopDeadline (%s), was %s",
                    Require.text(leaving),
                    Require.text(stallDeadline));
            totalDeadline.ifPresent(total -> Require.that(
                    total.compareTo(minReady) > 0,
                    "totalDeadline must be > minReady (%s), was %s",
                    Require.text(minReady),
                    Require.text(total)));
            return new RolloutPolicy(this);
        }

        private static Quota count(String name, int value) {
            return Quota.of(Require.atLeast(name, 0, value));
        }
    }
}
