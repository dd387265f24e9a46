package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Stores with one defect each: every rule of the contract is seen failing, if possible alone. */
class BrokenStoresTest {

    private enum Defect {
        INVENTS_A_RECORD("hasNoRecordAtFirst"),
        CACHES_THE_RECORD("loadsWhatWasSavedLast", "writersAtTheSameTimeLoseNoUpdate"),
        TAKES_ZERO_FOR_ANY_VERSION("savesNothingOverAnotherVersion"),
        TAKES_THE_VERSION_OF_ANOTHER_FLEET("keepsFleetsApart"),
        TAKES_ANY_STATE("refusesTheStateOfAnotherFleet"),
        LETS_A_LEASE_EXPIRE_BEFORE_ITS_TIME("oneOwnerHoldsTheLease"),
        NEVER_LETS_A_LEASE_EXPIRE(
                "aLeaseExpires",
                "anEarlierOwnerSavesNothing",
                "releasingALostLeaseChangesNothing",
                "aRestartFindsTheRecordAndNoEarlierFence"),
        GIVES_A_LOST_LEASE_BACK("aLeaseExpires"),
        LEASES_TO_ALL_WHO_ASK_AT_ONCE("ofOwnersAtTheSameTimeOneGetsTheLease"),
        RENEWS_WITH_ANOTHER_FENCE(
                "renewingKeepsTheFenceAndProlongsTheLease", "anInterruptedSaveIsThereWholeOrNotAtAll"),
        RENEWS_FOR_NO_TIME("renewingKeepsTheFenceAndProlongsTheLease"),
        IGNORES_THE_FENCE("anEarlierOwnerSavesNothing"),
        DROPS_AN_EXPIRED_LEASE("anExpiredLeaseThatNobodyTookStillSaves"),
        USES_A_FENCE_AGAIN("aReleasedLeaseCanBeAcquiredAtOnceWithAnotherFence"),
        RELEASES_FOR_ANYBODY("releasingALostLeaseChangesNothing"),
        LETS_ALL_SAVERS_WIN("ofSaversAtTheSameTimeOneWins", "writersAtTheSameTimeLoseNoUpdate"),
        MIXES_OLD_AND_NEW("writersAtTheSameTimeLoseNoUpdate"),
        READS_WHAT_IS_TORN("aTornWriteIsNeverReadAsAnotherStateOrAsNone"),
        TAKES_A_TORN_RECORD_FOR_NONE("aTornWriteIsNeverReadAsAnotherStateOrAsNone"),
        SAVES_HALF_WHEN_INTERRUPTED("anInterruptedSaveIsThereWholeOrNotAtAll"),
        SWALLOWS_AN_INTERRUPT("anInterruptedSaveIsThereWholeOrNotAtAll"),
        TAKES_ANY_OWNER("rejectsAnOwnerThatCannotBeWrittenDown"),
        FORGETS_AT_A_RESTART("aRestartFindsTheRecordAndNoEarlierFence");

        private final String[] rules;

        /** @param rules that it breaks, the one that it is there for first */
        Defect(String... rules) {
            this.rules = rules;
        }
    }

    /** A store of core, with a defect. */
    private static final class Broken implements RolloutStore {

        private final Optional<Defect> defect;
        private final RolloutStore real;
        private final Thread maker = Thread.currentThread();
        private final AtomicInteger entered = new AtomicInteger();
        private final Map<FleetId, Long> versions = new ConcurrentHashMap<>();
        private final Map<FleetId, Stored> cache = new ConcurrentHashMap<>();
        private final Map<String, Lease> lost = new HashMap<>();
        private final Set<Long> released = ConcurrentHashMap.newKeySet();
        private volatile Optional<RolloutState> before = Optional.empty();
        private volatile Optional<Lease> last = Optional.empty();
        private volatile Optional<Lease> shown = Optional.empty();

        Broken(Optional<Defect> defect, RolloutStore real) {
            this.defect = defect;
            this.real = real;
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        public Optional<Stored> load(FleetId fleet) {
            if (has(Defect.INVENTS_A_RECORD) && last.isEmpty()) {
                return Optional.of(new Stored(1, invented(fleet)));
            }
            if (has(Defect.CACHES_THE_RECORD)) {
                return Optional.ofNullable(
                        cache.computeIfAbsent(fleet, key -> real.load(key).orElse(null)));
            }
            if (has(Defect.MIXES_OLD_AND_NEW) && Thread.currentThread() != maker && before.isPresent()) {
                return real.load(fleet).map(stored -> new Stored(stored.version(), before.get()));
            }
            try {
                return real.load(fleet);
            } catch (ProviderException e) {
                if (has(Defect.READS_WHAT_IS_TORN)) {
                    return Optional.of(new Stored(2, invented(fleet)));
                }
                if (has(Defect.TAKES_A_TORN_RECORD_FOR_NONE)) {
                    return Optional.empty();
                }
                throw e;
            }
        }

        private static RolloutState invented(FleetId fleet) {
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
            if (has(Defect.SWALLOWS_AN_INTERRUPT) && Thread.interrupted()) {
                return false;
            }
            boolean half = has(Defect.SAVES_HALF_WHEN_INTERRUPTED)
                    && Thread.currentThread().isInterrupted();
            if (has(Defect.DROPS_AN_EXPIRED_LEASE)
                    && real.acquire(lease.fleet(), "somebody", Duration.ofSeconds(1))
                            .isPresent()) {
                return false;
            }
            long version = versions.getOrDefault(lease.fleet(), 0L);
            boolean forced = has(Defect.LETS_ALL_SAVERS_WIN) && isOneOfMany()
                    || has(Defect.TAKES_ZERO_FOR_ANY_VERSION) && expectedVersion == 0 && version > 1
                    || has(Defect.TAKES_THE_VERSION_OF_ANOTHER_FLEET)
                            && version == 0
                            && versions.containsValue(expectedVersion);
            try {
                return forced
                        ? saveOver(lease, next)
                        : save(acting(lease), lease, expectedVersion, half ? invented(lease.fleet()) : next);
            } catch (IllegalArgumentException e) {
                if (has(Defect.TAKES_ANY_STATE)) {
                    return false;
                }
                throw e;
            }
        }

        private Lease acting(Lease lease) {
            boolean asLast = has(Defect.IGNORES_THE_FENCE) && !released.contains(lease.fence())
                    || has(Defect.USES_A_FENCE_AGAIN)
                            && shown.filter(one -> one.fence() == lease.fence()).isPresent();
            return last.filter(one -> asLast && one.fleet().equals(lease.fleet()))
                    .orElse(lease);
        }

        private boolean save(Lease acting, Lease lease, long expectedVersion, RolloutState next) {
            Optional<RolloutState> old =
                    has(Defect.MIXES_OLD_AND_NEW) ? real.load(lease.fleet()).map(Stored::state) : Optional.empty();
            boolean saved = real.save(acting, expectedVersion, next);
            if (saved) {
                before = old;
                versions.put(lease.fleet(), expectedVersion + 1);
            }
            return saved;
        }

        private synchronized boolean saveOver(Lease lease, RolloutState next) {
            return save(
                    lease, lease, real.load(lease.fleet()).map(Stored::version).orElse(0L), next);
        }

        /** Whether others are in the same call. */
        private boolean isOneOfMany() {
            int most = entered.incrementAndGet();
            try {
                TimeUnit.MILLISECONDS.sleep(5);
                most = Math.max(most, entered.get());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            entered.decrementAndGet();
            return most > 1;
        }

        @Override
        public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
            Optional<Lease> known = last;
            boolean own = known.filter(lease -> lease.owner().equals(owner)).isPresent();
            boolean together = has(Defect.LEASES_TO_ALL_WHO_ASK_AT_ONCE) && isOneOfMany();
            if (has(Defect.RENEWS_FOR_NO_TIME)
                    && own
                    && known.filter(lease -> released.contains(lease.fence())).isEmpty()) {
                return known;
            }
            if (has(Defect.RENEWS_WITH_ANOTHER_FENCE) && own) {
                known.ifPresent(real::release);
            }
            Optional<Lease> acquired = real.acquire(
                    fleet,
                    has(Defect.TAKES_ANY_OWNER) && !owner.matches("[a-z0-9-]{1,128}") ? "x" : owner,
                    has(Defect.LETS_A_LEASE_EXPIRE_BEFORE_ITS_TIME) ? duration.minusSeconds(1) : duration);
            if (acquired.isEmpty()) {
                return together
                        ? last
                        : Optional.ofNullable(lost.get(owner)).filter(lease -> has(Defect.GIVES_A_LOST_LEASE_BACK));
            }
            known.filter(lease -> !own && !released.contains(lease.fence()))
                    .ifPresent(lease -> lost.put(lease.owner(), lease));
            shown = known.filter(lease -> has(Defect.USES_A_FENCE_AGAIN) && released.contains(lease.fence()))
                    .map(lease -> new Lease(fleet, owner, lease.fence()))
                    .or(() -> acquired);
            last = acquired;
            return shown;
        }

        @Override
        public void release(Lease lease) {
            released.add(lease.fence());
            real.release(has(Defect.RELEASES_FOR_ANYBODY) ? last.orElse(lease) : lease);
        }
    }

    private static final class Contract extends RolloutStoreContract {

        private final Optional<Defect> defect;
        private final Path directory;
        private Optional<Path> records = Optional.empty();

        Contract(Optional<Defect> defect, Path directory) {
            this.defect = defect;
            this.directory = directory;
        }

        private boolean has(Defect what) {
            return defect.equals(Optional.of(what));
        }

        @Override
        protected RolloutStore store(InstantSource clock) {
            if (has(Defect.READS_WHAT_IS_TORN) || has(Defect.TAKES_A_TORN_RECORD_FOR_NONE)) {
                records = Optional.of(emptyDirectory());
                return new Broken(defect, FileRolloutStore.open(records.get(), clock));
            }
            // By a clock that stands still no lease ever expires.
            boolean still = has(Defect.NEVER_LETS_A_LEASE_EXPIRE);
            return new Broken(defect, new InMemoryRolloutStore(still ? InstantSource.fixed(clock.instant()) : clock));
        }

        private Path emptyDirectory() {
            try {
                return Files.createTempDirectory(directory, "store-");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
            return Optional.of(has(Defect.FORGETS_AT_A_RESTART) ? store(clock) : store);
        }

        @Override
        protected Optional<Path> file(FleetId fleet) {
            return records.map(kept -> kept.resolve(fleet + ".rollout"));
        }

        @Override
        protected Duration patience() {
            return Duration.ofMillis(500);
        }
    }

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void breaksExactlyItsRules(Defect defect) {
        assertThat(ContractRun.failing(RolloutStoreContract.class, () -> new Contract(Optional.of(defect), directory)))
                .containsExactlyInAnyOrder(defect.rules);
    }

    @Test
    void withoutADefectEachRuleHolds() {
        assertThat(ContractRun.failing(RolloutStoreContract.class, () -> new Contract(Optional.empty(), directory)))
                .isEmpty();
    }

    @Test
    void eachRuleHasADefectThatBreaksIt() {
        assertThat(Arrays.stream(Defect.values()).map(defect -> defect.rules[0]).collect(Collectors.toSet()))
                .isEqualTo(ContractRun.rules(RolloutStoreContract.class));
    }
}
