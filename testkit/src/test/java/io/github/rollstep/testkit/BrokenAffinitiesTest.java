package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.RevisionAffinity;
import io.github.rollstep.spi.RevisionKey;
import io.github.rollstep.spi.TrafficRouter;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Routers whose affinity has one defect each: every rule of the contract is seen failing, if possible alone. */
class BrokenAffinitiesTest {

    private enum Defect {
        LOOKS_NOWHERE("saysWhereItLooks"),
        IGNORES_THE_NAME_AMONG_MANY("aRequestThatNamesARevisionReachesThatRevision"),
        REFUSES_THE_UNKNOWN("aRequestThatNamesNoneOrAnUnknownOneReachesAny"),
        STICKS_TO_WHAT_IS_DRAINED("onceTheRevisionServesNoMoreAnyOtherAnswers"),
        FORGETS_A_REVISION_FOR_EVER("aRevisionThatServesAgainGetsItsRequestsAgain");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    private static final class Router implements TrafficRouter, RevisionAffinity {

        private final Optional<Defect> defect;
        private final Map<InstanceId, Instance> in = new LinkedHashMap<>();
        private final Map<InstanceId, Instance> drained = new LinkedHashMap<>();
        private int turn;

        Router(Optional<Defect> defect) {
            this.defect = defect;
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        public Optional<RevisionKey> revisionKey() {
            return has(Defect.LOOKS_NOWHERE) ? Optional.empty() : Optional.of(RevisionKey.header("X-Revision"));
        }

        @Override
        public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
            return in.keySet().stream().collect(Collectors.toMap(id -> id, id -> Routing.in()));
        }

        @Override
        public void admit(Instance instance) {
            in.put(instance.id(), instance);
        }

        @Override
        public void drain(Instance instance) {
            in.remove(instance.id());
            drained.put(instance.id(), instance);
        }

        String request(Optional<String> revision) {
            List<Instance> named = of(revision, in.values());
            if (has(Defect.IGNORES_THE_NAME_AMONG_MANY) && in.size() > 2) {
                return next(in.values());
            }
            if (has(Defect.STICKS_TO_WHAT_IS_DRAINED) && named.isEmpty()) {
                named = of(revision, drained.values());
            }
            if (has(Defect.FORGETS_A_REVISION_FOR_EVER)
                    && !of(revision, drained.values()).isEmpty()) {
                named = List.of();
            }
            if (has(Defect.REFUSES_THE_UNKNOWN)
                    && revision.isPresent()
                    && named.isEmpty()
                    && of(revision, drained.values()).isEmpty()) {
                return "";
            }
            return next(named.isEmpty() ? in.values() : named);
        }

        private static List<Instance> of(Optional<String> revision, Collection<Instance> instances) {
            return instances.stream()
                    .filter(instance ->
                            revision.equals(Optional.of(instance.revision().id())))
                    .toList();
        }

        private String next(Collection<Instance> instances) {
            return List.copyOf(instances).get(turn++ % instances.size()).id().value();
        }
    }

    private static final class Contract extends RevisionAffinityContract {

        private final Router router;

        Contract(Optional<Defect> defect) {
            router = new Router(defect);
        }

        @Override
        protected TrafficRouter router() {
            return router;
        }

        @Override
        protected Instance instance(String name, Revision revision) {
            return Instance.builder(InstanceId.of(name), revision, Instance.State.RUNNING)
                    .build();
        }

        @Override
        protected String request(Optional<String> revision) {
            return router.request(revision);
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(300);
        }
    }

    @ParameterizedTest
    @EnumSource
    void breaksExactlyItsRules(Defect defect) {
        assertThat(ContractRun.failing(RevisionAffinityContract.class, () -> new Contract(Optional.of(defect))))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectEachRuleHolds() {
        assertThat(ContractRun.failing(RevisionAffinityContract.class, () -> new Contract(Optional.empty())))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectThatBreaksIt() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(RevisionAffinityContract.class));
    }
}
