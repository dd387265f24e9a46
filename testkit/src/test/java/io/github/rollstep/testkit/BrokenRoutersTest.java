package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import io.github.rollstep.spi.Watchable;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Routers with one defect each: every rule of the contract is seen failing, if possible alone. */
class BrokenRoutersTest {

    private enum Defect {
        BELIEVES_ALL_IS_IN_AT_FIRST("whatWasNeverAdmittedIsOut"),
        SENDS_ALL_TO_THE_FIRST("requestsReachWhatIsInAndNothingElse"),
        A_SECOND_ADMIT_IS_A_DRAIN("admittingAgainChangesNothing", "anInterruptedCallEndsSoonAndNothingIsLost"),
        SAYS_DRAINED_AND_SENDS_ON(
                "whatIsDrainedGetsNoNewRequest",
                "drainingAgainOrTheUnknownIsFine",
                "whatDiedCanBeDrained",
                "aRouterThatIsAwayIsARetryableErrorAndNothingIsLost",
                "theNextControllerSeesWhatTheRouterDoes"),
        CUTS_OPEN_REQUESTS("openRequestsAreCountedAndMayEnd", "whatDrainsCanBeAdmittedAgain"),
        A_DRAIN_IS_FOR_EVER("whatDrainsCanBeAdmittedAgain"),
        COMPLAINS_OF_THE_UNKNOWN("drainingAgainOrTheUnknownIsFine"),
        CANNOT_DRAIN_THE_DEAD("whatDiedCanBeDrained"),
        FORGETS_WHAT_A_LIST_DOES_NOT_SHOW("whatIsMissingFromAListStaysIn"),
        DRAINS_ONE_OF_MANY("drainsMany"),
        DROPS_A_DRAIN_DURING_AN_ADMIT("admitsAndDrainsAtTheSameTime"),
        STOPS_AT_THE_FIRST_ERROR("anInstanceWithoutAnAddressCannotBeAdmittedAndHindersNoOther"),
        TAKES_SILENCE_FOR_OUT("aRouterThatIsAwayIsARetryableErrorAndNothingIsLost"),
        GIVES_UP_WHEN_THE_ROUTER_IS_AWAY("aRouterThatIsAwayIsARetryableErrorAndNothingIsLost"),
        SWALLOWS_AN_INTERRUPT("anInterruptedCallEndsSoonAndNothingIsLost"),
        TELLS_WHAT_IT_REMEMBERS("theNextControllerSeesWhatTheRouterDoes"),
        NEVER_TELLS("aWatchTellsWhenADrainedInstanceIsQuiet"),
        NEVER_ENDS_A_WATCH("aWatchThatWasClosedTellsOnceMoreAtMost");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    /** The simulated router, with a defect. */
    private static final class Broken implements TrafficRouter, Watchable {

        private final Optional<Defect> defect;
        private final SimulatedPlatform platform;
        private final TrafficRouter real;
        private final Thread maker = Thread.currentThread();
        private final Set<InstanceId> admitted = new HashSet<>();
        private final Set<InstanceId> drained = new HashSet<>();

        Broken(Optional<Defect> defect, SimulatedPlatform platform) {
            this.defect = defect;
            this.platform = platform;
            this.real = platform.fleet().router();
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        public synchronized Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            Map<InstanceId, Routing> routes = new HashMap<>(observed(instances));
            if (has(Defect.BELIEVES_ALL_IS_IN_AT_FIRST) && routes.isEmpty() && admitted.isEmpty()) {
                instances.forEach(instance -> routes.put(instance.id(), Routing.in()));
            }
            if (has(Defect.SAYS_DRAINED_AND_SENDS_ON) && admitted.size() == 2) {
                drained.forEach(routes::remove);
            }
            if (has(Defect.FORGETS_WHAT_A_LIST_DOES_NOT_SHOW) && instances.isEmpty()) {
                admitted.forEach(id -> real.drain(instance(id)));
            }
            if (has(Defect.TELLS_WHAT_IT_REMEMBERS)) {
                routes.keySet().retainAll(admitted);
            }
            return routes;
        }

        private Map<InstanceId, Routing> observed(Collection<Instance> instances) {
            try {
                return real.routes(instances);
            } catch (ProviderException e) {
                if (has(Defect.TAKES_SILENCE_FOR_OUT)) {
                    return Map.of();
                }
                throw has(Defect.GIVES_UP_WHEN_THE_ROUTER_IS_AWAY) ? ProviderException.permanent("away", e) : e;
            }
        }

        private Instance instance(InstanceId id) {
            return platform.fleet().observe().stream()
                    .map(observed -> observed.instance())
                    .filter(instance -> instance.id().equals(id))
                    .findFirst()
                    .orElseThrow();
        }

        @Override
        public synchronized void admit(Instance instance) {
            boolean isNew = admitted.add(instance.id());
            if (has(Defect.A_SECOND_ADMIT_IS_A_DRAIN)
                    && !isNew
                    && admitted.size() == 1
                    && !drained.contains(instance.id())) {
                real.drain(instance);
            } else if (!(has(Defect.A_DRAIN_IS_FOR_EVER) && drained.contains(instance.id()))) {
                real.admit(instance);
            }
        }

        @Override
        public synchronized void drain(Instance instance) {
            boolean known = admitted.contains(instance.id());
            drained.add(instance.id());
            if (has(Defect.SWALLOWS_AN_INTERRUPT) && Thread.interrupted()) {
                return;
            }
            if (has(Defect.COMPLAINS_OF_THE_UNKNOWN) && !known) {
                throw ProviderException.permanent("unknown: " + instance.id());
            }
            if (has(Defect.CANNOT_DRAIN_THE_DEAD) && instance.state() == Instance.State.FAILED) {
                throw ProviderException.retryable("no answer from " + instance.id());
            }
            boolean byMaker = Thread.currentThread() == maker;
            boolean dropped = has(Defect.DROPS_A_DRAIN_DURING_AN_ADMIT)
                    && !byMaker
                    && !Thread.currentThread().isInterrupted();
            if (has(Defect.CUTS_OPEN_REQUESTS)) {
                platform.cutRequests();
            }
            if (!dropped && !(has(Defect.SAYS_DRAINED_AND_SENDS_ON) && admitted.size() == 2 && byMaker)) {
                real.drain(instance);
            }
        }

        @Override
        public void admitAll(Collection<Instance> instances) {
            if (has(Defect.STOPS_AT_THE_FIRST_ERROR)) {
                instances.forEach(this::admit);
            } else {
                TrafficRouter.super.admitAll(instances);
            }
        }

        @Override
        public void drainAll(Collection<Instance> instances) {
            if (has(Defect.DRAINS_ONE_OF_MANY)) {
                drain(instances.iterator().next());
            } else {
                TrafficRouter.super.drainAll(instances);
            }
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

    private static final class Contract extends TrafficRouterContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Optional<Defect> defect;

        Contract(Optional<Defect> defect) {
            this.defect = defect;
        }

        @Override
        protected TrafficRouter router() {
            return new Broken(defect, platform);
        }

        @Override
        protected TrafficRouter reopened(TrafficRouter died) {
            return router();
        }

        @Override
        protected Instance instance(String name) {
            return platform.instance(name);
        }

        @Override
        protected String request() {
            String answer = platform.request();
            boolean toTheFirst =
                    defect.equals(Optional.of(Defect.SENDS_ALL_TO_THE_FIRST)) && answer.equals("contract-3");
            return toTheFirst ? platform.in().get(0) : answer;
        }

        @Override
        protected OpenRequest open() {
            return platform.open();
        }

        @Override
        protected void kill(Instance instance) {
            platform.fleet().kill(instance.id());
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
        assertThat(ContractRun.failing(TrafficRouterContract.class, () -> new Contract(Optional.of(defect))))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectEachRuleHolds() {
        assertThat(ContractRun.failing(TrafficRouterContract.class, () -> new Contract(Optional.empty())))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectThatBreaksIt() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(TrafficRouterContract.class));
    }
}
