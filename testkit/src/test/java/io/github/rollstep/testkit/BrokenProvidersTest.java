package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Providers with one defect each: every rule of the contract is seen failing, and no other with it. */
class BrokenProvidersTest {

    private enum Defect {
        LISTS_A_GHOST("listsNothingBeforeTheFirstLaunch"),
        LISTS_ANOTHER_REVISION("startsAnInstanceForEachOpenLaunch"),
        FORGETS_TOKENS("listsTheTokenOfEachLaunch"),
        LISTS_WHAT_HAS_A_TOKEN_ALONE("listsAndTerminatesWhatWasStartedByHand"),
        LISTS_LATER_THAN_IT_SAYS("listsALaunchWithinTheStatedStaleness"),
        STARTS_AGAIN_ON_A_REPEAT("aRepeatStartsNothingTwice"),
        STARTS_ONLY_WHEN_ALL_ARE_NEW("aRepeatWithANewLaunchStartsTheNewOneAlone"),
        STARTS_THOSE_OF_ONE_ROLLOUT_ALONE("whatAnEarlierRolloutLeftOpenIsStartedBesideTheRest"),
        LOOKS_BEFORE_IT_LEAPS("aRepeatAtTheSameTimeStartsNothingTwice"),
        REPLACES_WHAT_FAILED("aRepeatStartsNothingForAnInstanceThatFailed"),
        KEEPS_WHAT_FAILED("whatExitedIsListedAsFailedUntilItIsTerminated"),
        STOPS_THE_OTHERS_TOO("terminatesTheOneAndNoOther"),
        LISTS_WHAT_IS_STOPPING_AS_FAILED("whatWasTerminatedIsListedAsStoppingUntilItIsGone"),
        LISTS_WHAT_IS_GONE("whatIsGoneNeverComesBack"),
        COMPLAINS_OF_THE_UNKNOWN("terminatingAgainOrTheUnknownChangesNothing"),
        TERMINATES_TWO_AT_MOST("terminatesMany"),
        STOPS_AT_THE_FIRST_ERROR("terminatesTheOthersOfManyThoughOneFailsOrIsGone"),
        LISTS_OTHER_FLEETS("neitherListsNorTerminatesWhatBelongsToAnotherFleet"),
        TERMINATES_IN_OTHER_FLEETS("neitherListsNorTerminatesWhatBelongsToAnotherFleet"),
        LAUNCHES_FOR_ANY_FLEET("aLaunchForAnotherFleetIsAPermanentErrorAndStartsNothing"),
        FORGETS_ADDRESSES_AT_A_RESTART("theNextControllerFindsTheSameFleet"),
        FORGETS_LAUNCHES_AT_A_RESTART("aRepeatByTheNextControllerStartsNothingTwice"),
        TAKES_THE_IMPOSSIBLE_FOR_A_HICCUP("aLaunchThatIsImpossibleIsAPermanentErrorAndHindersNoOther"),
        GIVES_UP_AT_THE_FIRST_THAT_IS_IMPOSSIBLE("aLaunchThatIsImpossibleIsAPermanentErrorAndHindersNoOther"),
        TAKES_SILENCE_FOR_AN_EMPTY_FLEET("aPlatformThatIsAwayIsARetryableErrorAndNothingIsLost"),
        GIVES_UP_WHEN_THE_PLATFORM_IS_AWAY("aPlatformThatIsAwayIsARetryableErrorAndNothingIsLost"),
        SWALLOWS_AN_INTERRUPT("anInterruptedCallEndsSoonAndNothingIsLost"),
        SLEEPS_ON("anInterruptedCallEndsSoonAndNothingIsLost"),
        DROPS_A_TERMINATE_DURING_A_LAUNCH("launchesAndTerminatesAtTheSameTime"),
        NEVER_TELLS("aWatchTellsOfAChange"),
        NEVER_ENDS_A_WATCH("aWatchThatWasClosedTellsOnceMoreAtMost"),
        HAS_LISTS_OF_THE_FUTURE("saysHowStaleAListMayBe");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    /** The simulated provider, with a defect. */
    private static final class Broken implements InstanceProvider, Watchable {

        private final Optional<Defect> defect;
        private final SimulatedPlatform platform;
        private final SimulatedFleet fleet;
        private final InstanceProvider real;
        private final boolean restarted;
        private final Thread maker = Thread.currentThread();
        private final Set<LaunchToken> late = new HashSet<>();
        private final Map<InstanceId, Instance> seen = new HashMap<>();
        private final Map<InstanceId, Integer> terminated = new HashMap<>();
        private final AtomicInteger launching = new AtomicInteger();
        private int extra = 1000;

        Broken(Optional<Defect> defect, SimulatedPlatform platform, FleetId id, boolean restarted) {
            this.defect = defect;
            this.platform = platform;
            this.fleet = platform.fleet(id);
            this.real = fleet.provider();
            this.restarted = restarted;
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        public synchronized List<Instance> list() {
            List<Instance> listed = new ArrayList<>(listed());
            Set<InstanceId> ids = listed.stream().map(Instance::id).collect(Collectors.toSet());
            if (has(Defect.LISTS_A_GHOST) && seen.isEmpty() && listed.isEmpty()) {
                listed.add(Instance.builder(InstanceId.of("ghost"), Revision.of("v1"), Instance.State.RUNNING)
                        .build());
            }
            if (has(Defect.LISTS_WHAT_HAS_A_TOKEN_ALONE)) {
                listed.removeIf(instance -> instance.token().isEmpty());
            }
            if (has(Defect.LISTS_LATER_THAN_IT_SAYS)) {
                listed.removeIf(
                        instance -> instance.token().filter(late::remove).isPresent());
            }
            if (has(Defect.LISTS_OTHER_FLEETS)) {
                listed.addAll(platform.others(fleet).provider().list());
            }
            terminated.forEach((id, times) -> {
                int lists = terminated.merge(id, 10, Integer::sum) / 10;
                boolean repeated = times % 10 > 1;
                if (has(Defect.LISTS_WHAT_IS_STOPPING_AS_FAILED) && lists == 1 && !ids.contains(id)
                        || has(Defect.LISTS_WHAT_IS_GONE) && lists == 3 && !ids.contains(id) && !repeated) {
                    listed.add(seen.get(id).toBuilder()
                            .state(Instance.State.FAILED)
                            .build());
                }
            });
            return listed.stream().map(this::distorted).toList();
        }

        private List<Instance> listed() {
            try {
                List<Instance> listed = real.list();
                listed.forEach(instance -> seen.put(instance.id(), instance));
                return listed;
            } catch (ProviderException e) {
                if (has(Defect.TAKES_SILENCE_FOR_AN_EMPTY_FLEET)) {
                    return List.of();
                }
                throw has(Defect.GIVES_UP_WHEN_THE_PLATFORM_IS_AWAY) ? ProviderException.permanent("away", e) : e;
            }
        }

        private Instance distorted(Instance real) {
            Instance.Builder listed = Instance.builder(
                            real.id(),
                            has(Defect.LISTS_ANOTHER_REVISION) ? Revision.of("v0") : real.revision(),
                            has(Defect.STOPS_THE_OTHERS_TOO) && !terminated.isEmpty()
                                    ? Instance.State.STOPPING
                                    : real.state())
                    .labels(real.labels());
            real.token().filter(token -> !has(Defect.FORGETS_TOKENS)).ifPresent(listed::token);
            real.address()
                    .filter(address -> !(restarted && has(Defect.FORGETS_ADDRESSES_AT_A_RESTART)))
                    .ifPresent(listed::address);
            return listed.build();
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            if (has(Defect.SWALLOWS_AN_INTERRUPT) && Thread.interrupted()) {
                return;
            }
            if (has(Defect.SLEEPS_ON) && Thread.currentThread().isInterrupted()) {
                sleepOn();
            }
            if (has(Defect.LOOKS_BEFORE_IT_LEAPS)) {
                launching.incrementAndGet();
                pause();
                if (launching.getAndDecrement() > 1) {
                    launchAnew(open.get(0));
                }
            }
            launchOneByOne(open);
        }

        private synchronized void launchOneByOne(List<LaunchRequest> open) {
            listed();
            Map<LaunchToken, Instance> known = seen.values().stream()
                    .filter(instance -> instance.token().isPresent())
                    .collect(Collectors.toMap(instance -> instance.token().orElseThrow(), instance -> instance));
            Predicate<LaunchRequest> repeats = request -> known.containsKey(request.token());
            boolean failed = seen.values().stream().anyMatch(instance -> instance.state() == Instance.State.FAILED);
            boolean own = open.stream().allMatch(request -> request.fleet().equals(fleet.id()));
            if (has(Defect.STARTS_AGAIN_ON_A_REPEAT) && open.size() == 1 && repeats.test(open.get(0)) && !failed
                    || has(Defect.REPLACES_WHAT_FAILED) && failed
                    || has(Defect.FORGETS_LAUNCHES_AT_A_RESTART) && restarted) {
                launchAnew(open.get(0));
            }
            if (has(Defect.STARTS_ONLY_WHEN_ALL_ARE_NEW) && open.stream().anyMatch(repeats)) {
                return;
            }
            RolloutId rollout = open.get(0).rollout();
            if (has(Defect.STARTS_THOSE_OF_ONE_ROLLOUT_ALONE)
                    && !open.stream().allMatch(request -> request.rollout().equals(rollout))) {
                launchOneByOne(open.subList(0, 1));
                return;
            }
            if (has(Defect.LAUNCHES_FOR_ANY_FLEET) && !own) {
                launchAnew(open.get(0));
                return;
            }
            open.stream()
                    .map(LaunchRequest::token)
                    .filter(token -> !known.containsKey(token))
                    .forEach(late::add);
            if (has(Defect.GIVES_UP_AT_THE_FIRST_THAT_IS_IMPOSSIBLE)) {
                open.forEach(request -> real.launch(List.of(request)));
                return;
            }
            try {
                real.launch(open);
            } catch (ProviderException e) {
                throw own && has(Defect.TAKES_THE_IMPOSSIBLE_FOR_A_HICCUP)
                        ? ProviderException.retryable("try again", e)
                        : e;
            }
        }

        private void launchAnew(LaunchRequest request) {
            RolloutId rollout = request.rollout();
            real.launch(List.of(new LaunchRequest(fleet.id(), rollout, rollout.token(extra++), Revision.of("v1"))));
        }

        private static void pause() {
            try {
                TimeUnit.MILLISECONDS.sleep(60);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static void sleepOn() {
            boolean interrupted = false;
            for (int i = 0; i < 100; i++) {
                try {
                    TimeUnit.MILLISECONDS.sleep(100);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public synchronized void terminate(InstanceId id) {
            boolean failed = Optional.ofNullable(seen.get(id))
                    .filter(instance -> instance.state() == Instance.State.FAILED)
                    .isPresent();
            boolean foreign = platform.others(fleet).observe().stream()
                    .anyMatch(other -> other.instance().id().equals(id));
            if (has(Defect.COMPLAINS_OF_THE_UNKNOWN) && !seen.containsKey(id) && !foreign) {
                throw ProviderException.permanent("no such instance: " + id);
            }
            if (has(Defect.KEEPS_WHAT_FAILED) && failed
                    || has(Defect.DROPS_A_TERMINATE_DURING_A_LAUNCH) && Thread.currentThread() != maker) {
                return;
            }
            if (has(Defect.TERMINATES_IN_OTHER_FLEETS) && foreign) {
                platform.others(fleet).vanish(id);
                return;
            }
            if (seen.containsKey(id)) {
                terminated.merge(id, 1, Integer::sum);
            }
            real.terminate(id);
        }

        @Override
        public void terminateAll(Collection<InstanceId> ids) {
            if (has(Defect.TERMINATES_TWO_AT_MOST)) {
                InstanceProvider.super.terminateAll(List.copyOf(ids).subList(0, Math.min(2, ids.size())));
            } else if (has(Defect.STOPS_AT_THE_FIRST_ERROR)) {
                ids.forEach(this::terminate);
            } else {
                InstanceProvider.super.terminateAll(ids);
            }
        }

        @Override
        public Duration staleness() {
            return has(Defect.HAS_LISTS_OF_THE_FUTURE) ? Duration.ofMillis(-1) : Duration.ZERO;
        }

        @Override
        public Subscription watch(Runnable changed) {
            if (has(Defect.NEVER_TELLS)) {
                return () -> {};
            }
            Subscription watch = ((Watchable) real).watch(changed);
            return has(Defect.NEVER_ENDS_A_WATCH) ? () -> {} : watch;
        }
    }

    private static final class Contract extends InstanceProviderContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Optional<Defect> defect;

        Contract(Optional<Defect> defect) {
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
        protected Optional<InstanceId> startByHand(FleetId fleet) {
            return platform.startByHand(fleet);
        }

        @Override
        protected Optional<Runnable> outage() {
            return platform.outage();
        }

        @Override
        protected boolean failNextTerminate() {
            return platform.failNextTerminate();
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(500);
        }
    }

    @ParameterizedTest
    @EnumSource
    void breaksExactlyItsRules(Defect defect) {
        assertThat(ContractRun.failing(InstanceProviderContract.class, () -> new Contract(Optional.of(defect))))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectEachRuleHolds() {
        assertThat(ContractRun.failing(InstanceProviderContract.class, () -> new Contract(Optional.empty())))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectThatBreaksIt() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(InstanceProviderContract.class));
    }
}
