package io.github.rollstep;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * How a rollout may proceed: its pace, its limits, who judges it and what to do when it fails. Immutable.
 *
 * <p>What can be seen to never finish is rejected by {@link Builder#build()}; what depends on the desired count, when the
 * rollout is started. The message names the limit, the rule and the value. Each setting is explained at its method of the
 * {@link Builder}.
 */
public final class RolloutPolicy {

    private static final RolloutPolicy DEFAULTS = builder().build();

    /** Never changed after {@link Builder#build()}. */
    private final Builder settings;

    private RolloutPolicy(Builder settings) {
        this.settings = new Builder(settings);
    }

    public static RolloutPolicy defaults() {
        return DEFAULTS;
    }

    public static Builder builder() {
        return new Builder();
    }

    public Builder toBuilder() {
        return new Builder(settings);
    }

    /** With the canary, if there is one, as the first batch. */
    public Batches batches() {
        return settings.canary.map(settings.batches::after).orElse(settings.batches);
    }

    public Batches rollbackBatches() {
        return settings.rollbackBatches;
    }

    public Duration bake() {
        return settings.bake;
    }

    public Optional<Quota> canary() {
        return settings.canary;
    }

    public Quota partition() {
        return settings.partition;
    }

    /** Whether somebody must approve after this batch, counted from 1. */
    public boolean approvesAfter(int batch) {
        return settings.approvals.contains(batch) || (batch == 1 && settings.canary.isPresent());
    }

    /** Whether the rollout is paused after this batch, counted from 1. */
    public boolean pausesAfter(int batch) {
        return settings.pauses.contains(batch);
    }

    public boolean heedsGatesFailingBefore() {
        return settings.heedsGatesFailingBefore;
    }

    public Quota maxSurge() {
        return settings.maxSurge;
    }

    public Quota maxUnavailable() {
        return settings.maxUnavailable;
    }

    public OptionalInt maxInstances() {
        return settings.maxInstances;
    }

    public List<ResourceBudget> budgets() {
        return List.copyOf(settings.budgets);
    }

    public ZoneOrder zoneOrder() {
        return settings.zoneOrder;
    }

    public Optional<Quota> maxSurgePerZone() {
        return settings.maxSurgePerZone;
    }

    public Optional<Quota> maxUnavailablePerZone() {
        return settings.maxUnavailablePerZone;
    }

    /** Whether a launch is told in which zone. */
    public boolean choosesZones() {
        return zoneOrder() != ZoneOrder.ANY
                || maxSurgePerZone().isPresent()
                || maxUnavailablePerZone().isPresent();
    }

    public boolean ordered() {
        return settings.ordered;
    }

    public Optional<Comparator<Instance>> order() {
        return settings.order;
    }

    public String deletionCostLabel() {
        return settings.deletionCostLabel;
    }

    public Quota maxFailedInstances() {
        return settings.maxFailedInstances;
    }

    public int retries() {
        return settings.retries;
    }

    public int maxRestarts() {
        return settings.maxRestarts;
    }

    public int keepFailed() {
        return settings.keepFailed;
    }

    public FailurePolicy onFailure() {
        return settings.onFailure;
    }

    /** Whether there is no way back once this many batches are done. */
    public boolean isForwardOnly(int batchesDone) {
        return settings.forwardOnlyAfter.isPresent() && batchesDone >= settings.forwardOnlyAfter.getAsInt();
    }

    public Duration retainOld() {
        return settings.retainOld;
    }

    public Duration minReady() {
        return settings.minReady;
    }

    public Duration unhealthyGrace() {
        return settings.unhealthyGrace;
    }

    public Duration startDeadline() {
        return settings.startDeadline;
    }

    public Duration drainDeadline() {
        return settings.drainDeadline;
    }

    public Duration stopDeadline() {
        return settings.stopDeadline;
    }

    public Duration stallDeadline() {
        return settings.stallDeadline;
    }

    public Optional<Duration> totalDeadline() {
        return settings.totalDeadline;
    }

    @Override
    public String toString() {
        return settings.toString();
    }

    /** Collects the settings; not safe for use by several threads. No duration may exceed 366 days. */
    public static final class Builder {
        private Batches batches = Batches.ramp(Quota.of(1), Quota.percent(25)).thenSliding();
        private Batches rollbackBatches = Batches.sliding(Quota.percent(100));
        private Duration bake = Duration.ZERO;
        private Optional<Quota> canary = Optional.empty();
        private Quota partition = Quota.of(0);
        private final Set<Integer> approvals = new TreeSet<>();
        private final Set<Integer> pauses = new TreeSet<>();
        private boolean heedsGatesFailingBefore;
        private Quota maxSurge = Quota.percent(25);
        private Quota maxUnavailable = Quota.of(0);
        private OptionalInt maxInstances = OptionalInt.empty();
        private final List<ResourceBudget> budgets = new ArrayList<>();
        private ZoneOrder zoneOrder = ZoneOrder.ANY;
        private Optional<Quota> maxSurgePerZone = Optional.empty();
        private Optional<Quota> maxUnavailablePerZone = Optional.empty();
        private boolean ordered;
        private Optional<Comparator<Instance>> order = Optional.empty();
        private String deletionCostLabel = "rollstep.deletion-cost";
        private Quota maxFailedInstances = Quota.of(0);
        private int retries;
        private int maxRestarts = 2;
        private int keepFailed;
        private FailurePolicy onFailure = FailurePolicy.ROLL_BACK;
        private OptionalInt forwardOnlyAfter = OptionalInt.empty();
        private Duration retainOld = Duration.ZERO;
        private Duration minReady = Duration.ofSeconds(10);
        private Duration unhealthyGrace = Duration.ofSeconds(30);
        private Duration startDeadline = Duration.ofMinutes(5);
        private Duration drainDeadline = Duration.ofSeconds(30);
        private Duration stopDeadline = Duration.ofMinutes(2);
        private Duration stallDeadline = Duration.ofMinutes(10);
        private Optional<Duration> totalDeadline = Optional.empty();

        private Builder() {}

        private Builder(Builder other) {
            batches = other.batches;
            rollbackBatches = other.rollbackBatches;
            bake = other.bake;
            canary = other.canary;
            partition = other.partition;
            approvals.addAll(other.approvals);
            pauses.addAll(other.pauses);
            heedsGatesFailingBefore = other.heedsGatesFailingBefore;
            maxSurge = other.maxSurge;
            maxUnavailable = other.maxUnavailable;
            maxInstances = other.maxInstances;
            budgets.addAll(other.budgets);
            zoneOrder = other.zoneOrder;
            maxSurgePerZone = other.maxSurgePerZone;
            maxUnavailablePerZone = other.maxUnavailablePerZone;
            ordered = other.ordered;
            order = other.order;
            deletionCostLabel = other.deletionCostLabel;
            maxFailedInstances = other.maxFailedInstances;
            retries = other.retries;
            maxRestarts = other.maxRestarts;
            keepFailed = other.keepFailed;
            onFailure = other.onFailure;
            forwardOnlyAfter = other.forwardOnlyAfter;
            retainOld = other.retainOld;
            minReady = other.minReady;
            unhealthyGrace = other.unhealthyGrace;
            startDeadline = other.startDeadline;
            drainDeadline = other.drainDeadline;
            stopDeadline = other.stopDeadline;
            stallDeadline = other.stallDeadline;
            totalDeadline = other.totalDeadline;
        }

        // Pace

        /**
         * How many are replaced together; default: one, and once it is healthy, a sliding 25 %. So a revision that is never
         * healthy costs one instance, whatever the size of the fleet.
         */
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
         * How long the whole fleet is watched after the last batch, before the rollout has succeeded; a failure in it is one of the
         * rollout; default: 0.
         */
        public Builder bake(Duration bake) {
            this.bake = Require.notNegative("bake", bake);
            return this;
        }

        /**
         * Rolls this many first, a percentage rounds up, and then waits until somebody approves; what follows are the
         * {@link #batches}. Default: none.
         */
        public Builder canary(Quota canary) {
            Require.that(!canary.isZero(), "canary must be > 0, was %s", canary);
            this.canary = Optional.of(canary);
            return this;
        }

        public Builder canary(int canary) {
            return canary(Quota.of(Require.atLeast("canary", 1, canary)));
        }

        /**
         * Keeps this many on what they run, on purpose, as the partition of Kubernetes' StatefulSet; the rollout then ends SUCCEEDED
         * and says so. A percentage rounds up; default: 0. One that is dead or unhealthy for good is not kept, and replaced by the new
         * revision. A roll-back knows no partition.
         */
        public Builder partition(Quota partition) {
            this.partition = partition;
            return this;
        }

        public Builder partition(int partition) {
            return partition(count("partition", partition));
        }

        /** Adds batches, counted from 1, after which the rollout waits until somebody approves. */
        public Builder approveAfter(int... batches) {
            for (int batch : batches) {
                approvals.add(Require.atLeast("approveAfter", 1, batch));
            }
            return this;
        }

        /** Adds batches, counted from 1, after which the rollout is paused until somebody resumes it. */
        public Builder pauseAfter(int... batches) {
            for (int batch : batches) {
                pauses.add(Require.atLeast("pauseAfter", 1, batch));
            }
            return this;
        }

        /**
         * Heeds also what a gate says that failed already before the rollout began. By default it blocks nothing until it has passed
         * once: or the alarm that a bad revision has set off would keep its fix out.
         */
        public Builder heedGatesFailingBefore() {
            this.heedsGatesFailingBefore = true;
            return this;
        }

        // Limits

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

        // Who goes next

        /** How it goes through the zones; default: it does not look at them. */
        public Builder zoneOrder(ZoneOrder zoneOrder) {
            this.zoneOrder = zoneOrder;
            return this;
        }

        /**
         * How many instances may exist in a zone by a launch of ours beyond its share, which is what it had when the rollout began,
         * in proportion to the desired count; a percentage rounds up; default: no such limit.
         */
        public Builder maxSurgePerZone(Quota maxSurgePerZone) {
            this.maxSurgePerZone = Optional.of(maxSurgePerZone);
            return this;
        }

        /**
         * How far serving may be taken below the share of a zone; a percentage rounds down, but to 1 where nothing can be started
         * beside what it replaces; default: no such limit. It binds no longer once the whole desired count serves the new revision. A
         * fleet without room for a zone's share, as another zone has more than its own, waits, says so, and ends by the stall deadline.
         */
        public Builder maxUnavailablePerZone(Quota maxUnavailablePerZone) {
            this.maxUnavailablePerZone = Optional.of(maxUnavailablePerZone);
            return this;
        }

        /**
         * Strictly by the number at the end of the slot, the highest first; if that one may not go yet, none does. As Kubernetes'
         * StatefulSet rolls.
         */
        public Builder ordered() {
            this.ordered = true;
            return this;
        }

        /**
         * Who goes first, of those that cost the same: instead of by zone, deletion cost and age. It must say the same whenever it is
         * asked; a tie is broken by id.
         */
        public Builder order(Comparator<Instance> order) {
            this.order = Optional.of(order);
            return this;
        }

        /**
         * The label whose number says what it costs to stop an instance; the cheaper goes first; without one it is 0. As Kubernetes'
         * {@code pod-deletion-cost}; default: {@code rollstep.deletion-cost}.
         */
        public Builder deletionCostLabel(String deletionCostLabel) {
            this.deletionCostLabel = deletionCostLabel;
            return this;
        }

        // Failure

        /**
         * How many instances of the new revision may fail before {@link #onFailure}; a percentage rounds down; default: 0. Those that
         * were there when the rollout began do not count: a rollout to what runs already replaces what is broken of it.
         */
        public Builder maxFailedInstances(Quota maxFailedInstances) {
            this.maxFailedInstances = maxFailedInstances;
            return this;
        }

        public Builder maxFailedInstances(int maxFailedInstances) {
            return maxFailedInstances(count("maxFailedInstances", maxFailedInstances));
        }

        /**
         * How often an instance that failed is launched again, each time after a longer delay, before it counts in
         * {@link #maxFailedInstances}; default: 0.
         */
        public Builder retries(int retries) {
            this.retries = Require.atLeast("retries", 0, retries);
            return this;
        }

        /**
         * How often the platform may start an instance again by itself before it serves, or it has failed, whatever is left of its
         * start deadline; default: 2. One that was started again after it had served has failed at once.
         */
        public Builder maxRestarts(int maxRestarts) {
            this.maxRestarts = Require.atLeast("maxRestarts", 0, maxRestarts);
            return this;
        }

        /**
         * How many failed instances are left for whoever wants to know why: out of traffic, also after the end. They count in the
         * footprint, and go when their room is needed; the next rollout removes them. Default: 0.
         */
        public Builder keepFailed(int keepFailed) {
            this.keepFailed = Require.atLeast("keepFailed", 0, keepFailed);
            return this;
        }

        /** What to do when more than {@link #maxFailedInstances} failed or a deadline passed; default: roll back. */
        public Builder onFailure(FailurePolicy onFailure) {
            this.onFailure = onFailure;
            return this;
        }

        /** Never goes back: a failure pauses instead. */
        public Builder forwardOnly() {
            this.forwardOnlyAfter = OptionalInt.of(0);
            return this;
        }

        /** The point of no return: once this many batches are done a failure pauses instead of rolling back. */
        public Builder forwardOnlyAfter(int batches) {
            this.forwardOnlyAfter = OptionalInt.of(Require.atLeast("forwardOnlyAfter", 1, batches));
            return this;
        }

        /**
         * How long a replaced instance is kept, drained but running, so that a roll-back has it back at once. It counts in the
         * footprint, and goes when its room is needed. The rollout has succeeded when the last one is gone. Needs a router that
         * drains. Default: 0.
         */
        public Builder retainOld(Duration retainOld) {
            this.retainOld = Require.notNegative("retainOld", retainOld);
            return this;
        }

        // Time

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
         * It stands still while paused, while waiting for an approval, and during pauses between batches and the bake. A rollout that
         * only a gate holds up is paused then, whatever {@link #onFailure} says: not to be able to tell is no verdict.
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
                    !(isZero(maxSurgePerZone) && isZero(maxUnavailablePerZone)),
                    "maxSurgePerZone and maxUnavailablePerZone must not both be 0: nothing could ever be replaced");
            Require.that(
                    !(maxSurge.isZero() && isZero(maxUnavailablePerZone)),
                    "maxSurge and maxUnavailablePerZone must not both be 0: nothing could ever be replaced");
            Require.that(
                    !(maxUnavailable.isZero() && isZero(maxSurgePerZone)),
                    "maxUnavailable and maxSurgePerZone must not both be 0: nothing could ever be replaced");
            Require.that(
                    !(ordered && order.isPresent()), "ordered and order must not both be given: each says who is next");
            Require.that(
                    !(ordered && zoneOrder != ZoneOrder.ANY),
                    "ordered must be without zoneOrder, was with %s: each says who is next",
                    zoneOrder);
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
            Duration least = minReady.plus(bake);
            totalDeadline.ifPresent(total -> Require.that(
                    total.compareTo(least) > 0,
                    "totalDeadline must be > minReady + bake (%s), was %s",
                    Require.text(least),
                    Require.text(total)));
            Duration retained = minReady.plus(retainOld);
            totalDeadline.ifPresent(total -> Require.that(
                    total.compareTo(retained) > 0,
                    "totalDeadline must be > minReady + retainOld (%s), was %s",
                    Require.text(retained),
                    Require.text(total)));
            return new RolloutPolicy(this);
        }

        private static boolean isZero(Optional<Quota> quota) {
            return quota.filter(Quota::isZero).isPresent();
        }

        private static Quota count(String name, int value) {
            return Quota.of(Require.atLeast(name, 0, value));
        }

        @Override
        public String toString() {
            return ("batches %s, rollbackBatches %s, bake %s, canary %s, partition %s, approveAfter %s, pauseAfter %s, "
                            + "heedGatesFailingBefore %b, maxSurge %s, maxUnavailable %s, maxInstances %s, budgets %s, "
                            + "zoneOrder %s, maxSurgePerZone %s, maxUnavailablePerZone %s, ordered %b, order %s, "
                            + "deletionCostLabel %s, maxFailedInstances %s, retries %d, maxRestarts %d, keepFailed %d, "
                            + "onFailure %s, forwardOnlyAfter %s, retainOld %s, minReady %s, unhealthyGrace %s, "
                            + "startDeadline %s, drainDeadline %s, stopDeadline %s, stallDeadline %s, totalDeadline %s")
                    .formatted(
                            batches,
                            rollbackBatches,
                            Require.text(bake),
                            text(canary),
                            partition,
                            approvals,
                            pauses,
                            heedsGatesFailingBefore,
                            maxSurge,
                            maxUnavailable,
                            text(maxInstances),
                            budgets,
                            zoneOrder,
                            text(maxSurgePerZone),
                            text(maxUnavailablePerZone),
                            ordered,
                            order.isPresent() ? "given" : "none",
                            deletionCostLabel,
                            maxFailedInstances,
                            retries,
                            maxRestarts,
                            keepFailed,
                            onFailure,
                            text(forwardOnlyAfter),
                            Require.text(retainOld),
                            Require.text(minReady),
                            Require.text(unhealthyGrace),
                            Require.text(startDeadline),
                            Require.text(drainDeadline),
                            Require.text(stopDeadline),
                            Require.text(stallDeadline),
                            text(totalDeadline.map(Require::text)));
        }

        private static String text(Optional<?> value) {
            return value.map(Object::toString).orElse("none");
        }

        private static String text(OptionalInt value) {
            return value.isPresent() ? Integer.toString(value.getAsInt()) : "none";
        }
    }
}
