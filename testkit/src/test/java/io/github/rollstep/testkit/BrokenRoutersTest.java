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
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Routers with one defect each: every rule of the contract is seen failing. */
class BrokenRoutersTest {

    private enum Defect {
        BELIEVES_ALL_IS_IN("anInstanceThatWasNeverAdmittedIsOut"),
        ADMITS_THE_FIRST_ALONE("requestsReachWhatIsInAndNothingElse"),
        A_SECOND_ADMIT_IS_A_DRAIN("admittingAgainChangesNothing"),
        SAYS_DRAINED_AND_SENDS_ON("whatIsDrainedGetsNoNewRequest"),
        CUTS_OPEN_REQUESTS("openRequestsAreCountedAndMayEnd"),
        A_DRAIN_IS_FOR_EVER("whatDrainsCanBeAdmittedAgain"),
        COMPLAINS_OF_THE_UNKNOWN("drainingAgainOrTheUnknownIsFine"),
        DRAINS_ONE_OF_MANY("drainsMany"),
        STOPS_AT_THE_FIRST_ERROR("anInstanceWithoutAnAddressCannotBeAdmittedAndHindersNoOther"),
        NEVER_TELLS("aWatchTellsWhenADrainedInstanceIsQuiet");

        private final String rule;

        Defect(String rule) {
            this.rule = rule;
        }
    }

    private static final class Broken implements TrafficRouter, Watchable {

        private final Defect defect;
        private final SimulatedPlatform platform;
        private final TrafficRouter real;
        private final Set<InstanceId> admitted = new HashSet<>();
        private final Set<InstanceId> drained = new HashSet<>();

        Broken(Defect defect, SimulatedPlatform platform) {
            this.defect = defect;
            this.platform = platform;
            this.real = platform.fleet().router();
        }

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            Map<InstanceId, Routing> routes = new HashMap<>(real.routes(instances));
            if (defect == Defect.BELIEVES_ALL_IS_IN) {
                platform.fleet().provider().list().forEach(instance -> routes.put(instance.id(), Routing.in()));
            }
            if (defect == Defect.SAYS_DRAINED_AND_SENDS_ON) {
                drained.forEach(routes::remove);
            }
            if (defect == Defect.ADMITS_THE_FIRST_ALONE) {
                admitted.forEach(id -> routes.put(id, Routing.in()));
            }
            return routes;
        }

        @Override
        public void admit(Instance instance) {
            boolean first = admitted.isEmpty();
            boolean isNew = admitted.add(instance.id());
            if (defect == Defect.A_SECOND_ADMIT_IS_A_DRAIN && !isNew) {
                real.drain(instance);
            } else if (!(defect == Defect.ADMITS_THE_FIRST_ALONE && !first)
                    && !(defect == Defect.A_DRAIN_IS_FOR_EVER && drained.contains(instance.id()))) {
                real.admit(instance);
            }
        }

        @Override
        public void drain(Instance instance) {
            boolean known = admitted.contains(instance.id());
            drained.add(instance.id());
            if (defect == Defect.COMPLAINS_OF_THE_UNKNOWN && !known) {
                throw ProviderException.permanent("unknown: " + instance.id());
            }
            if (defect == Defect.CUTS_OPEN_REQUESTS) {
                platform.fleet().vanish(instance.id());
            } else if (defect != Defect.SAYS_DRAINED_AND_SENDS_ON) {
                real.drain(instance);
            }
        }

        @Override
        public void admitAll(Collection<Instance> instances) {
            if (defect == Defect.STOPS_AT_THE_FIRST_ERROR) {
                instances.forEach(this::admit);
            } else {
                TrafficRouter.super.admitAll(instances);
            }
        }

        @Override
        public void drainAll(Collection<Instance> instances) {
            if (defect == Defect.DRAINS_ONE_OF_MANY) {
                drain(instances.iterator().next());
            } else {
                TrafficRouter.super.drainAll(instances);
            }
        }

        @Override
        public Subscription watch(Runnable changed) {
            return defect == Defect.NEVER_TELLS ? () -> {} : ((Watchable) real).watch(changed);
        }
    }

    private static final class Contract extends TrafficRouterContract {

        private final SimulatedPlatform platform = new SimulatedPlatform();
        private final Defect defect;

        Contract(Defect defect) {
            this.defect = defect;
        }

        @Override
        protected TrafficRouter router() {
            return new Broken(defect, platform);
        }

        @Override
        protected Instance instance(String name) {
            return platform.instance(name);
        }

        @Override
        protected String request() {
            return platform.request();
        }

        @Override
        protected OpenRequest open() {
            return platform.open();
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(300);
        }
    }

    @ParameterizedTest
    @EnumSource
    void isSeen(Defect defect) {
        assertThat(ContractRun.fails(TrafficRouterContract.class, defect.rule, () -> new Contract(defect)))
                .isTrue();
    }

    @Test
    void eachRuleHasADefect() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rule))
                .containsExactlyInAnyOrderElementsOf(ContractRun.rules(TrafficRouterContract.class));
    }
}
