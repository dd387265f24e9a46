package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Providers with one defect each: every rule of the contract is seen failing. */
class BrokenProvidersTest {

    private enum Defect {
        LISTS_A_GHOST("listsNothingBeforeTheFirstLaunch"),
        GIVES_TWO_THE_SAME_ID("startsAnInstanceForEachOpenLaunch"),
        FORGETS_TOKENS("listsTheTokenOfEachLaunch"),
        STARTS_AGAIN_ON_A_REPEAT("aRepeatStartsNothingTwice"),
        STARTS_ONLY_WHEN_ALL_ARE_NEW("aRepeatWithANewLaunchStartsTheNewOneAlone"),
        REPLACES_WHAT_FAILED("aRepeatStartsNothingForAnInstanceThatFailed"),
        HIDES_WHAT_FAILED("whatExitedIsListedAsFailedUntilItIsTerminated"),
        TERMINATES_ALL("terminatesTheOneAndNoOther"),
        LISTS_WHAT_IS_STOPPING_AS_FAILED("whatWasTerminatedIsNeverListedAsFailed"),
        COMPLAINS_OF_THE_UNKNOWN("terminatingAgainOrTheUnknownChangesNothing"),
        TERMINATES_ONE_OF_MANY("terminatesMany"),
        TOUCHES_OTHER_FLEETS("neitherListsNorTerminatesWhatBelongsToAnotherFleet"),
        FORGETS_AT_A_RESTART("theNextControllerFindsTheSameFleet"),
        TAKES_THE_IMPOSSIBLE_FOR_A_HICCUP("aLaunchThatIsImpossibleIsAPermanentErrorAndHindersNoOther"),
        LAUNCHES_INSTEAD_OF_TERMINATING("launchesAndTerminatesAtTheSameTime"),
        NEVER_TELLS("aWatchTellsOfAChange"),
        IS_STALE_FOR_EVER("saysHowStaleAListMayBe");

        private final String rule;

        Defect(String rule) {
            this.rule = rule;
        }
    }

    /** The simulated provider, or one with a defect of it. */
    private static final class Broken implements InstanceProvider, Watchable {

        private final Defect defect;
        private final SimulatedPlatform platform;
        private final SimulatedFleet fleet;
        private final boolean restarted;
        private final Set<InstanceId> terminated = new HashSet<>();
        private int extra = 1000;

        Broken(Defect defect, SimulatedPlatform platform, FleetId id, boolean restarted) {
            this.defect = defect;
            this.platform = platform;
            this.fleet = platform.fleet(id);
            this.restarted = restarted;
        }

        @Override
        public synchronized List<Instance> list() {
            List<Instance> real = fleet.provider().list();
            return switch (defect) {
                case LISTS_A_GHOST -> real.isEmpty() ? List.of(ghost()) : real;
                case GIVES_TWO_THE_SAME_ID ->
                    real.stream()
                            .map(instance -> copy(instance, InstanceId.of("same"), instance.token()))
                            .toList();
                case FORGETS_TOKENS ->
                    real.stream()
                            .map(instance -> copy(instance, instance.id(), Optional.empty()))
                            .toList();
                case HIDES_WHAT_FAILED ->
                    real.stream()
                            .filter(instance -> instance.state() != Instance.State.FAILED)
                            .toList();
                case LISTS_WHAT_IS_STOPPING_AS_FAILED ->
                    terminated.isEmpty()
                            ? real
                            : List.of(ghost().toBuilder()
                                    .state(Instance.State.FAILED)
                                    .build());
                case TOUCHES_OTHER_FLEETS -> both(real);
                case FORGETS_AT_A_RESTART -> restarted ? List.of() : real;
                default -> real;
            };
        }

        private List<Instance> both(List<Instance> own) {
            List<Instance> both = new ArrayList<>(own);
            if (!fleet.id().equals(FleetId.of("other"))) {
                both.addAll(platform.fleet(FleetId.of("other")).provider().list());
            }
            return both;
        }

        private static Instance ghost() {
            return Instance.builder(InstanceId.of("ghost"), Revision.of("v1"), Instance.State.RUNNING)
                    .build();
        }

        private static Instance copy(Instance of, InstanceId id, Optional<LaunchToken> token) {
            Instance.Builder copy =
                    Instance.builder(id, of.revision(), of.state()).labels(of.labels());
            token.ifPresent(copy::token);
            of.address().ifPresent(copy::address);
            return copy.build();
        }

        @Override
        public synchronized void launch(List<LaunchRequest> open) {
            Set<LaunchToken> known = fleet.provider().list().stream()
                    .flatMap(instance -> instance.token().stream())
                    .collect(Collectors.toSet());
            boolean repeats = open.stream().anyMatch(request -> known.contains(request.token()));
            boolean failed =
                    fleet.provider().list().stream().anyMatch(instance -> instance.state() == Instance.State.FAILED);
            if (defect == Defect.STARTS_AGAIN_ON_A_REPEAT && repeats
                    || defect == Defect.REPLACES_WHAT_FAILED && failed) {
                fleet.provider().launch(List.of(anew(open.get(0))));
            }
            if (defect == Defect.STARTS_ONLY_WHEN_ALL_ARE_NEW && repeats) {
                return;
            }
            try {
                fleet.provider().launch(open);
            } catch (ProviderException e) {
                throw defect == Defect.TAKES_THE_IMPOSSIBLE_FOR_A_HICCUP ? ProviderException.retryable("try again") : e;
            }
        }

        private LaunchRequest anew(LaunchRequest request) {
            return new LaunchRequest(
                    request.fleet(), request.rollout(), request.rollout().token(extra++), Revision.of("v1"));
        }

        @Override
        public synchronized void terminate(InstanceId id) {
            List<InstanceId> ids = list().stream().map(Instance::id).toList();
            terminated.add(id);
            switch (defect) {
                case TERMINATES_ALL -> ids.forEach(fleet.provider()::terminate);
                case COMPLAINS_OF_THE_UNKNOWN -> {
                    if (!ids.contains(id)) {
                        throw ProviderException.permanent("no such instance: " + id);
                    }
                    fleet.provider().terminate(id);
                }
                case LAUNCHES_INSTEAD_OF_TERMINATING -> {
                    // It forgets the request.
                }
                default -> fleet.provider().terminate(id);
            }
        }

        @Override
        public void terminateAll(Collection<InstanceId> ids) {
            if (defect == Defect.TERMINATES_ONE_OF_MANY) {
                terminate(ids.iterator().next());
            } else {
                InstanceProvider.super.terminateAll(ids);
            }
        }

        @Override
        public Duration staleness() {
            return defect == Defect.IS_STALE_FOR_EVER ? Duration.ofDays(1) : Duration.ZERO;
        }

        @Override
        public Subscription watch(Runnable changed) {
            return defect == Defect.NEVER_TELLS ? () -> {} : ((Watchable) fleet.provider()).watch(changed);
        }
    }

    private static final class Contract extends InstanceProviderContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Defect defect;

        Contract(Defect defect) {
            this.defect = defect;
        }

        @Override
        protected InstanceProvider provider(FleetId fleet) {
            return new Broken(defect, platform, fleet, false);
        }

        @Override
        protected InstanceProvider reopened(FleetId fleet, InstanceProvider died) {
            return new Broken(defect, platform, fleet, true);
        }

        @Override
        protected Optional<Revision> exiting() {
            return Optional.of(SimulatedPlatform.EXITING);
        }

        @Override
        protected Optional<Revision> impossible() {
            return Optional.of(SimulatedPlatform.IMPOSSIBLE);
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(300);
        }
    }

    @ParameterizedTest
    @EnumSource
    void isSeen(Defect defect) {
        assertThat(ContractRun.fails(InstanceProviderContract.class, defect.rule, () -> new Contract(defect)))
                .isTrue();
    }

    @Test
    void eachRuleHasADefect() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rule))
                .containsExactlyInAnyOrderElementsOf(ContractRun.rules(InstanceProviderContract.class));
    }
}
