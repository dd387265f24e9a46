package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Stores with one defect each: every rule of the contract is seen failing. */
class BrokenStoresTest {

    private enum Defect {
        INVENTS_A_RECORD("hasNoRecordAtFirst"),
        KEEPS_THE_FIRST_RECORD("loadsWhatWasSavedLast"),
        IGNORES_THE_VERSION("savesNothingOverAnotherVersion"),
        MIXES_FLEETS("keepsFleetsApart"),
        LEASES_TO_ANYBODY("oneOwnerHoldsTheLease"),
        NEVER_LETS_A_LEASE_EXPIRE("aLeaseExpires"),
        RENEWS_WITH_ANOTHER_FENCE("renewingKeepsTheFenceAndProlongsTheLease"),
        IGNORES_THE_FENCE("anEarlierOwnerSavesNothing"),
        DROPS_AN_EXPIRED_LEASE("anExpiredLeaseThatNobodyTookStillSaves"),
        USES_A_FENCE_AGAIN("aReleasedLeaseCanBeAcquiredAtOnceWithAnotherFence"),
        RELEASES_FOR_ANYBODY("releasingALostLeaseChangesNothing"),
        LETS_ALL_SAVERS_WIN("ofSaversAtTheSameTimeOneWins"),
        TAKES_ANY_OWNER("rejectsAnOwnerThatCannotBeWrittenDown"),
        FORGETS_AT_A_RESTART("aRestartFindsTheRecordAndNoEarlierFence");

        private final String rule;

        Defect(String rule) {
            this.rule = rule;
        }
    }

    private static final class Broken implements RolloutStore {

        private final Defect defect;
        private final InMemoryRolloutStore real;
        private Optional<Stored> first = Optional.empty();
        private Optional<Lease> last = Optional.empty();

        Broken(Defect defect, InstantSource clock) {
            this.defect = defect;
            // By a clock that stands still no lease ever expires.
            real = new InMemoryRolloutStore(defect == Defect.NEVER_LETS_A_LEASE_EXPIRE ? fixed(clock) : clock);
        }

        private static InstantSource fixed(InstantSource clock) {
            return InstantSource.fixed(clock.instant());
        }

        private FleetId key(FleetId fleet) {
            return defect == Defect.MIXES_FLEETS ? FleetId.of("all") : fleet;
        }

        private Lease key(Lease lease) {
            return new Lease(key(lease.fleet()), lease.owner(), lease.fence());
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            Optional<Stored> stored = real.load(key(fleet));
            return switch (defect) {
                case KEEPS_THE_FIRST_RECORD -> first.or(() -> stored);
                case INVENTS_A_RECORD -> stored.or(() -> Optional.of(new Stored(1, state(fleet))));
                default -> stored;
            };
        }

        private static RolloutState state(FleetId fleet) {
            return RolloutState.begin(
                    fleet,
                    RolloutId.of("invented"),
                    Revision.of("v1"),
                    Limits.resolve(RolloutPolicy.defaults(), 1),
                    Instant.EPOCH,
                    Optional.empty());
        }

        @Override
        public boolean save(Lease lease, long expectedVersion, RolloutState next) {
            Lease by = key(lease);
            long expected = expectedVersion;
            if (defect == Defect.IGNORES_THE_VERSION || defect == Defect.LETS_ALL_SAVERS_WIN) {
                return saveSomehow(by, next);
            }
            if (defect == Defect.IGNORES_THE_FENCE) {
                by = last.orElse(by);
            }
            if (defect == Defect.DROPS_AN_EXPIRED_LEASE
                    && real.acquire(by.fleet(), "somebody", Duration.ofSeconds(1))
                            .isPresent()) {
                return false;
            }
            boolean saved = real.save(by, expected, next);
            first = first.or(() -> real.load(lease.fleet()));
            return saved;
        }

        private synchronized boolean saveSomehow(Lease by, RolloutState next) {
            return real.save(by, real.load(by.fleet()).map(Stored::version).orElse(0L), next);
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            String by = owner;
            if (defect == Defect.TAKES_ANY_OWNER) {
                by = "x";
            }
            if (defect == Defect.LEASES_TO_ANYBODY || defect == Defect.RENEWS_WITH_ANOTHER_FENCE) {
                last.filter(lease -> defect == Defect.LEASES_TO_ANYBODY
                                || lease.owner().equals(owner))
                        .ifPresent(real::release);
            }
            Optional<Lease> lease = real.acquire(key(fleet), by, duration);
            last = lease.or(() -> last);
            return lease.map(one -> new Lease(fleet, owner, defect == Defect.USES_A_FENCE_AGAIN ? 1 : one.fence()));
        }

        @Override
        public void release(Lease lease) {
            real.release(defect == Defect.RELEASES_FOR_ANYBODY ? last.orElse(lease) : key(lease));
        }
    }

    private static final class Contract extends RolloutStoreContract {

        private final Defect defect;

        Contract(Defect defect) {
            this.defect = defect;
        }

        @Override
        protected RolloutStore store(InstantSource clock) {
            return new Broken(defect, clock);
        }

        @Override
        protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
            return Optional.of(defect == Defect.FORGETS_AT_A_RESTART ? store(clock) : store);
        }
    }

    @ParameterizedTest
    @EnumSource
    void isSeen(Defect defect) {
        assertThat(ContractRun.fails(RolloutStoreContract.class, defect.rule, () -> new Contract(defect)))
                .isTrue();
    }

    @Test
    void eachRuleHasADefect() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rule))
                .containsExactlyInAnyOrderElementsOf(ContractRun.rules(RolloutStoreContract.class));
    }
}
