package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Exchanges with one defect each: every rule of the contract is seen failing, if possible alone. */
class BrokenExchangesTest {

    private enum Defect {
        READS_BACKWARDS("requestsComeInTheOrderTheyWereLeftIn"),
        FORGETS_OF_ALL_FLEETS("forgetsWhatIsAnsweredOfThatFleetOnly"),
        TAKES_ALL_FOR_NEW("tellsHowLongAgoEachWasAsked"),
        GIVES_A_NUMBER_AGAIN("neverGivesANumberTwice"),
        GIVES_ONE_NUMBER_TO_ALL(
                "thoseWhoAskAtTheSameTimeAllGetNumbersOfTheirOwn",
                "requestsComeInTheOrderTheyWereLeftIn",
                "forgetsWhatIsAnsweredOfThatFleetOnly",
                "neverGivesANumberTwice"),
        REMEMBERS_THE_DEAD("aControllerIsThereUntilItsTimeIsOver"),
        KEEPS_WHO_GOES("aControllerSaysThatItGoes"),
        NAMES_WHAT_HAS_ENDED("theRollCallNamesWhatIsUnfinishedAndWhoHoldsIt"),
        NAMES_OWNERS_OF_OLD("anExpiredOrReleasedLeaseHasNoOwner");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    private static final class Broken implements RolloutStore, Exchange {

        private final Optional<Defect> defect;
        private final InMemoryRolloutStore store;
        private final Set<String> seen = new HashSet<>();
        private final List<FleetId> fleets = new ArrayList<>();
        private Optional<String> lastOwner = Optional.empty();
        private long back;

        Broken(Optional<Defect> defect, InstantSource clock) {
            this.defect = defect;
            store = new InMemoryRolloutStore(clock);
        }

        private boolean has(Defect one) {
            return defect.filter(one::equals).isPresent();
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            return store.load(fleet);
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            fleets.add(lease.fleet());
            return store.save(lease, expectedVersion, next);
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            lastOwner = Optional.of(owner);
            return store.acquire(fleet, owner, duration);
        }

        @Override
        public void release(Lease lease) {
            store.release(lease);
        }

        @Override
        public synchronized long ask(FleetId fleet, Command command, String by) {
            long number = store.ask(fleet, command, by);
            return has(Defect.GIVES_ONE_NUMBER_TO_ALL) ? 1 : number - back;
        }

        @Override
        public synchronized List<Request> requests() {
            List<Request> requests = new ArrayList<>(store.requests());
            if (has(Defect.READS_BACKWARDS)) {
                Collections.reverse(requests);
            }
            if (has(Defect.TAKES_ALL_FOR_NEW)) {
                requests.replaceAll(
                        one -> new Request(one.number(), one.fleet(), one.command(), one.by(), Duration.ZERO));
            }
            return requests;
        }

        @Override
        public synchronized void forget(FleetId fleet, long upTo) {
            store.forget(fleet, upTo);
            if (has(Defect.FORGETS_OF_ALL_FLEETS)) {
                store.requests().stream()
                        .map(Request::fleet)
                        .distinct()
                        .forEach(other -> store.forget(other, upTo + 1));
            }
            if (has(Defect.GIVES_A_NUMBER_AGAIN) && store.requests().isEmpty()) {
                back = upTo;
            }
        }

        @Override
        public RollCall rollCall(String controller, Duration alive) {
            RollCall call = store.rollCall(controller, alive);
            Set<String> controllers = new HashSet<>(call.controllers());
            seen.add(controller);
            if (has(Defect.REMEMBERS_THE_DEAD) && !alive.isZero()) {
                controllers.addAll(seen);
            }
            if (alive.isZero()) {
                seen.remove(controller);
                if (has(Defect.KEEPS_WHO_GOES)) {
                    controllers.add(controller);
                }
            }
            List<Unfinished> unfinished = new ArrayList<>(call.unfinished());
            if (has(Defect.NAMES_WHAT_HAS_ENDED)) {
                fleets.stream()
                        .filter(fleet ->
                                unfinished.stream().noneMatch(one -> one.fleet().equals(fleet)))
                        .forEach(fleet -> unfinished.add(new Unfinished(fleet, lastOwner)));
            }
            if (has(Defect.NAMES_OWNERS_OF_OLD)) {
                unfinished.replaceAll(
                        one -> new Unfinished(one.fleet(), one.owner().or(() -> lastOwner)));
            }
            return new RollCall(controllers, unfinished);
        }
    }

    private static final class Contract extends ExchangeContract {

        private final Optional<Defect> defect;

        Contract(Optional<Defect> defect) {
            this.defect = defect;
        }

        @Override
        protected RolloutStore store(InstantSource clock) {
            return new Broken(defect, clock);
        }
    }

    @ParameterizedTest
    @EnumSource(Defect.class)
    void theDefectIsSeenByItsRules(Defect defect) {
        assertThat(ContractRun.failing(ExchangeContract.class, () -> new Contract(Optional.of(defect))))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectNoRuleFails() {
        assertThat(ContractRun.failing(ExchangeContract.class, () -> new Contract(Optional.empty())))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectOfItsOwn() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(ExchangeContract.class));
    }
}
