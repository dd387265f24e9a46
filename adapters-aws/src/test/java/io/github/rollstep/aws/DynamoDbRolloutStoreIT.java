package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.InstanceRecord;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.RecordText;
import io.github.rollstep.testkit.ManualClock;
import io.github.rollstep.testkit.RolloutStoreContract;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkRequest;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.DescribeTableResponse;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.TableStatus;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;

/** Against an emulator; what that never does, a network between does. */
class DynamoDbRolloutStoreIT extends RolloutStoreContract {

    private static final String TABLE = "rollouts";
    private static final FleetId SHOP = FleetId.of("shop");
    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final Duration SKEW = Duration.ofSeconds(5);
    private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");
    private static final int THREADS = 8;

    private final ManualClock clock = new ManualClock(START);
    private final CallCounter calls = new CallCounter();
    private final UnreliableHttp http = new UnreliableHttp();
    private final ConcurrentLinkedQueue<SdkRequest> requests = new ConcurrentLinkedQueue<>();
    private DynamoDbClient client;

    @BeforeEach
    void start() {
        Moto.reset();
        client = client(5);
        store().createTable();
        requests.clear();
        calls.reset();
    }

    @AfterEach
    void stop() {
        if (client != null) {
            client.close();
        }
        http.close();
    }

    private DynamoDbClient client(int attempts) {
        return Moto.client(DynamoDbClient.builder(), calls, http, configuration -> {
            configuration.addExecutionInterceptor(new ExecutionInterceptor() {
                @Override
                public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) {
                    requests.add(context.request());
                }
            });
            configuration.retryStrategy(strategy -> strategy.maxAttempts(attempts));
        });
    }

    private DynamoDbRolloutStore.Builder builder() {
        return DynamoDbRolloutStore.builder(client, TABLE).clock(clock);
    }

    private DynamoDbRolloutStore store() {
        return builder().build();
    }

    @Override
    protected RolloutStore store(InstantSource clock) {
        return DynamoDbRolloutStore.builder(client, TABLE)
                .clock(clock)
                .clockSkew(Duration.ZERO)
                .build();
    }

    @Override
    protected Optional<RolloutStore> reopened(RolloutStore store, InstantSource clock) {
        return Optional.of(store(clock));
    }

    private static RolloutState state(Revision revision) {
        return RolloutState.begin(
                SHOP,
                RolloutId.of("r-1"),
                revision,
                Limits.resolve(RolloutPolicy.defaults(), 3),
                START,
                Optional.empty());
    }

    private static RolloutState state(String revision) {
        return state(Revision.of(revision));
    }

    private static RolloutStore.Lease acquire(RolloutStore store, String owner) {
        return store.acquire(SHOP, owner, LEASE).orElseThrow();
    }

    private Map<String, AttributeValue> item() {
        return client.getItem(request -> request.tableName(TABLE)
                        .key(Map.of("fleet", AttributeValue.fromS("shop")))
                        .consistentRead(true))
                .item();
    }

    private void change(String attribute, AttributeValue value) {
        Map<String, AttributeValue> item = new HashMap<>(item());
        item.put(attribute, value);
        client.putItem(request -> request.tableName(TABLE).item(item));
    }

    private static void assertFails(Runnable call, boolean retryable, String... messages) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable())
                                .as("%s is retryable", e)
                                .isEqualTo(retryable))
                .hasMessageContainingAll(messages);
    }

    /** Calls on as many threads at once. */
    private static <T> List<T> together(IntFunction<Callable<T>> call) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<T> results = new ArrayList<>();
            for (Future<T> result :
                    threads.invokeAll(IntStream.range(0, THREADS).mapToObj(call).toList())) {
                results.add(result.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    // ---- several at once

    @Test
    void countsEverySaveOfThreadsThatCompete() throws Exception {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v0"));

        List<Integer> saved = together(writer -> () -> {
            int successes = 0;
            for (int attempt = 0; successes < 5 && attempt < 1_000; attempt++) {
                long version = store.load(SHOP).orElseThrow().version();
                successes += store.save(lease, version, state("the-same")) ? 1 : 0;
            }
            return successes;
        });

        assertThat(saved).containsOnly(5);
        assertThat(store.load(SHOP).orElseThrow().version()).isEqualTo(1 + 5L * THREADS);
    }

    @Test
    void oneOfManyOwnersHoldsTheLeaseAndNoFenceComesTwice() throws Exception {
        DynamoDbRolloutStore store = store();
        AtomicInteger holders = new AtomicInteger();

        List<List<Long>> fences = together(owner -> () -> {
            List<Long> held = new ArrayList<>();
            for (int attempt = 0; held.size() < 2 && attempt < 10_000; attempt++) {
                Optional<RolloutStore.Lease> lease = store.acquire(SHOP, "owner-" + owner, LEASE);
                if (lease.isPresent()) {
                    assertThat(holders.incrementAndGet()).as("who holds it").isOne();
                    long version =
                            store.load(SHOP).map(RolloutStore.Stored::version).orElse(0L);
                    assertThat(store.save(lease.get(), version, state("v" + owner)))
                            .as("saved by who holds it")
                            .isTrue();
                    held.add(lease.get().fence());
                    holders.decrementAndGet();
                    store.release(lease.get());
                }
            }
            return held;
        });

        List<Long> all = fences.stream().flatMap(List::stream).toList();
        assertThat(all).hasSize(2 * THREADS).doesNotHaveDuplicates();
        assertThat(fences).allSatisfy(held -> assertThat(held).isSorted());
        assertThat(store.load(SHOP).orElseThrow().version()).isEqualTo(2L * THREADS);
    }

    // ---- leases

    @Test
    void theFenceGrowsByOneWithEachChangeOfOwnerAndOutlivesTheLease() {
        DynamoDbRolloutStore store = store();
        long first = acquire(store, "a").fence();
        assertThat(acquire(store, "a").fence()).as("renewed").isEqualTo(first);
        store.release(acquire(store, "a"));

        assertThat(item()).containsKey("fence").doesNotContainKeys("owner", "leaseUntil");
        assertThat(acquire(store, "b").fence()).isEqualTo(first + 1);
        clock.advance(LEASE.plus(SKEW).plusMillis(1));
        assertThat(acquire(store, "a").fence()).isEqualTo(first + 2);
    }

    @Test
    void theFenceGrowsAlsoIfTheItemExpiredMeanwhile() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease first = acquire(store, "a");
        client.deleteItem(request -> request.tableName(TABLE).key(Map.of("fleet", AttributeValue.fromS("shop"))));
        clock.advance(Duration.ofDays(30));

        RolloutStore.Lease second = acquire(store, "b");

        assertThat(second.fence()).isGreaterThan(first.fence());
        assertThat(store.save(first, 0, state("v1"))).as("by the one before").isFalse();
        assertThat(store.save(second, 0, state("v1"))).isTrue();
    }

    @Test
    void aLeaseIsTakenOverOnlyWhenItHasEndedByEveryClockThatMayBe() {
        DynamoDbRolloutStore store = store();
        acquire(store, "a");

        clock.advance(LEASE.plus(SKEW));
        assertThat(store.acquire(SHOP, "b", LEASE)).isEmpty();
        clock.advance(Duration.ofMillis(1));
        assertThat(store.acquire(SHOP, "b", LEASE)).isPresent();
    }

    @Test
    void aReleasedLeaseIsTakenAtOnceWhateverTheClockSkew() {
        DynamoDbRolloutStore store = store();
        store.release(acquire(store, "a"));

        assertThat(store.acquire(SHOP, "b", LEASE)).isPresent();
    }

    @Test
    void whoRenewsCallsOnceAndWhoTakesTwice() {
        DynamoDbRolloutStore store = store();
        acquire(store, "a");
        assertThat(calls.total()).as("taken").isEqualTo(2);

        acquire(store, "a");
        assertThat(calls.total()).as("renewed").isEqualTo(3);
        store.acquire(SHOP, "b", LEASE);
        assertThat(calls.total()).as("held by another").isEqualTo(4);
    }

    // ---- answers that were lost

    @Test
    void aSaveWhoseAnswerWasLostIsKnownByItsRepeat() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        http.next(UnreliableHttp.losesTheAnswer());

        assertThat(store.save(lease, 0, state("v1"))).isTrue();

        assertThat(store.load(SHOP).orElseThrow().version()).isEqualTo(1);
    }

    @Test
    void theRepeatOfASaveIsNotTakenForThatOfAnother() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));

        assertThat(store.save(lease, 0, state("v1"))).isFalse();
    }

    @Test
    void loadFindsOutWhatASaveDidWhoseAnswerNeverCame() {
        client.close();
        client = client(1);
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        http.next(UnreliableHttp.losesTheAnswer());

        assertFails(() -> store.save(lease, 0, state("v1")), true, "save shop in table rollouts");

        RolloutStore.Stored stored = store.load(SHOP).orElseThrow();
        assertThat(stored.version()).isEqualTo(1);
        assertThat(stored.state().target()).isEqualTo(Revision.of("v1"));
        assertThat(store.save(lease, 1, state("v2"))).isTrue();
    }

    @Test
    void anAcquireWhoseAnswerWasLostIsKnownByItsRepeatWithTheSameFence() {
        DynamoDbRolloutStore store = store();
        long first = acquire(store, "a").fence();
        store.release(acquire(store, "a"));
        http.next(request -> request.call(), UnreliableHttp.losesTheAnswer());

        assertThat(acquire(store, "b").fence()).isEqualTo(first + 1);
        assertThat(acquire(store, "b").fence()).isEqualTo(first + 1);
    }

    @Test
    void aReleaseWhoseAnswerWasLostIsRepeatedWithoutHarm() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        http.next(UnreliableHttp.losesTheAnswer());

        store.release(lease);

        assertThat(acquire(store, "b").fence()).isEqualTo(lease.fence() + 1);
    }

    // ---- refusals

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ProvisionedThroughputExceededException",
                "RequestLimitExceeded",
                "ThrottlingException",
                "TransactionConflictException",
                "InternalServerError"
            })
    void whatPassesIsRetryable(String code) {
        client.close();
        client = client(1);
        http.next(UnreliableHttp.refuses(code));

        assertFails(() -> store().load(SHOP), true, "load shop in table rollouts", code);
    }

    @Test
    void aThrottledCallIsRepeatedByTheClient() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        http.next(
                UnreliableHttp.refuses("ProvisionedThroughputExceededException"),
                UnreliableHttp.refuses("ThrottlingException"));

        assertThat(store.save(lease, 0, state("v1"))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"AccessDeniedException", "ValidationException"})
    void whatIsDeniedOrMalformedIsNot(String code) {
        http.next(UnreliableHttp.refuses(code));

        assertFails(() -> store().acquire(SHOP, "a", LEASE), false, "renew the lease of shop in table rollouts", code);
    }

    @Test
    void aMissingTableIsNamed() {
        DynamoDbRolloutStore store =
                DynamoDbRolloutStore.builder(client, "elsewhere").build();

        assertFails(() -> store.load(SHOP), false, "load shop: there is no table elsewhere", "createTable()");
        assertFails(() -> store.acquire(SHOP, "a", LEASE), false, "there is no table elsewhere");
    }

    // ---- the record

    @Test
    void readsConsistentlyAndWritesOnConditionOnly() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        store.load(SHOP);
        store.release(lease);

        assertThat(requests).hasSize(5).allSatisfy(request -> {
            if (request instanceof GetItemRequest get) {
                assertThat(get.consistentRead()).isTrue();
            } else {
                UpdateItemRequest update = (UpdateItemRequest) request;
                assertThat(update.conditionExpression()).isNotEmpty();
                assertThat(update.returnValuesOnConditionCheckFailure())
                        .isEqualTo(ReturnValuesOnConditionCheckFailure.ALL_OLD);
            }
        });
    }

    /** The worst case: no two times are the same, to the nanosecond; in a rollout, a step has one for all. */
    private static RolloutState of(int instances) {
        Random random = new Random(1);
        RolloutState some = state("v1");
        List<InstanceRecord> records = IntStream.range(0, instances)
                .mapToObj(i -> {
                    Instant at = START.plusNanos(random.nextLong(3_600_000_000_000L));
                    return new InstanceRecord(
                            Optional.of(some.rollout().token(i + 1)),
                            Optional.of(InstanceId.of("i-%08x%09x".formatted(random.nextInt(), random.nextInt()))),
                            some.target(),
                            Place.inZone("eu-west-1" + "abc".charAt(i % 3)),
                            1,
                            i % 2 == 0,
                            at,
                            InstanceRecord.Intent.NONE,
                            at.plusNanos(random.nextLong(60_000_000_000L)),
                            Optional.of(at.plusNanos(random.nextLong(60_000_000_000L))),
                            Optional.of(at.plusNanos(random.nextLong(60_000_000_000L))),
                            Optional.empty(),
                            true,
                            0,
                            false,
                            Optional.of(at.plusNanos(random.nextLong(60_000_000_000L))),
                            1,
                            Optional.empty(),
                            0,
                            Optional.empty(),
                            Optional.empty());
                })
                .toList();
        return new RolloutState(
                some.fleet(),
                some.rollout(),
                some.target(),
                some.startedBy(),
                some.restart(),
                some.baseline(),
                some.limits(),
                some.plannedDesired(),
                some.surveyed(),
                some.back(),
                some.phase(),
                some.phaseSince(),
                some.phaseReason(),
                some.clocks(),
                some.batch(),
                some.failures(),
                some.extremes(),
                instances,
                records,
                some.vacated(),
                some.zones(),
                some.failingBefore(),
                some.observed(),
                some.held(),
                some.answers(),
                some.history());
    }

    @Test
    void aThousandInstancesFit() {
        DynamoDbRolloutStore store = store();
        RolloutState thousand = of(1_000);
        assertThat(RecordText.of(thousand).length()).as("bytes of text").isGreaterThan(600_000);
        RolloutStore.Lease lease = acquire(store, "a");

        assertThat(store.save(lease, 0, thousand)).isTrue();

        RolloutState loaded = store.load(SHOP).orElseThrow().state();
        assertThat(RecordText.of(loaded)).isEqualTo(RecordText.of(thousand));
        assertThat(item().get("state").b().asByteArray().length)
                .as("bytes of the attribute")
                .isLessThan(200_000);
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeItIsSent() {
        DynamoDbRolloutStore store = store();
        RolloutStore.Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        Random random = new Random(1);
        Map<String, String> attributes = new HashMap<>();
        for (int i = 0; i < 250; i++) {
            byte[] noise = new byte[2_048];
            random.nextBytes(noise);
            attributes.put("noise-" + i, HexFormat.of().formatHex(noise));
        }
        long before = calls.total();

        assertFails(
                () -> store.save(lease, 1, state(Revision.of("v2", attributes))),
                false,
                "save shop: its record has 10",
                "compressed; an item of DynamoDB holds 408576");

        assertThat(calls.total()).isEqualTo(before);
        assertThat(store.load(SHOP).orElseThrow().version()).isEqualTo(1);
    }

    @Test
    void aDamagedRecordIsRefusedByFleetAndTable() {
        DynamoDbRolloutStore store = store();
        store.save(acquire(store, "a"), 0, state("v1"));
        Map<String, AttributeValue> whole = item();
        byte[] bytes = whole.get("state").b().asByteArray();
        Set<String> said = new HashSet<>();
        for (int length = 0; length < bytes.length; length += 20) {
            change("state", AttributeValue.fromB(SdkBytes.fromByteArray(Arrays.copyOf(bytes, length))));
            assertFails(() -> store.load(SHOP), false, "the record of fleet shop in table rollouts is refused: ");
            byte[] flipped = bytes.clone();
            flipped[length] ^= 0x10;
            change("state", AttributeValue.fromB(SdkBytes.fromByteArray(flipped)));
            try { // a byte of gzip's head means nothing
                assertThat(store.load(SHOP).orElseThrow().state())
                        .usingRecursiveComparison()
                        .isEqualTo(state("v1"));
                said.add("read");
            } catch (ProviderException e) {
                assertThat(e.isRetryable()).isFalse();
                said.add("refused");
            }
        }
        assertThat(said).contains("refused");
    }

    @Test
    void aRecordOfANewerKindIsRefused() {
        DynamoDbRolloutStore store = store();
        store.save(acquire(store, "a"), 0, state("v1"));
        change("encoding", AttributeValue.fromS("zstd"));

        assertFails(() -> store.load(SHOP), false, "refused: its encoding is \"zstd\", this version reads \"gzip\"");
    }

    @Test
    void anItemWithoutAWholeNumberAsVersionIsRefused() {
        DynamoDbRolloutStore store = store();
        store.save(acquire(store, "a"), 0, state("v1"));
        change("version", AttributeValue.fromS("one"));

        assertFails(() -> store.load(SHOP), false, "fleet shop in table rollouts is refused: version must be");
    }

    // ---- expiry

    @Test
    void theRecordExpiresOnceTheRolloutHasEndedAndNoMoreWhenTheNextBegins() {
        DynamoDbRolloutStore store = builder().expireAfter(Duration.ofDays(30)).build();
        RolloutStore.Lease lease = acquire(store, "a");
        store.save(lease, 0, state("v1"));
        assertThat(item()).doesNotContainKey("expiresAt");
        clock.advance(Duration.ofHours(1));

        RolloutState ended = state("v1").abort(clock.instant(), Reason.of(Reason.Code.BY_HAND, "ended"));
        store.save(lease, 1, ended);
        store.release(lease);
        assertThat(item().get("expiresAt").n())
                .isEqualTo(Long.toString(START.plus(Duration.ofHours(1))
                        .plus(Duration.ofDays(30))
                        .getEpochSecond()));

        store.save(acquire(store, "b"), 2, state("v2"));
        assertThat(item()).doesNotContainKey("expiresAt");
    }

    @Test
    void byDefaultNothingExpires() {
        DynamoDbRolloutStore store = store();
        store.save(acquire(store, "a"), 0, state("v1").abort(START, Reason.of(Reason.Code.BY_HAND, "ended")));

        assertThat(item()).doesNotContainKey("expiresAt");
    }

    // ---- the table

    @Test
    void theTableIsBilledByRequestAndExpiresItems() {
        assertThat(client.describeTable(request -> request.tableName(TABLE)).table())
                .satisfies(table -> {
                    assertThat(table.tableStatus()).isEqualTo(TableStatus.ACTIVE);
                    assertThat(table.billingModeSummary().billingMode()).isEqualTo(BillingMode.PAY_PER_REQUEST);
                });
        assertThat(client.describeTimeToLive(request -> request.tableName(TABLE))
                        .timeToLiveDescription())
                .satisfies(ttl -> {
                    assertThat(ttl.timeToLiveStatus()).isEqualTo(TimeToLiveStatus.ENABLED);
                    assertThat(ttl.attributeName()).isEqualTo("expiresAt");
                });
    }

    @Test
    void theTableCanBeCreatedAgain() {
        DynamoDbRolloutStore store = store();
        store.save(acquire(store, "a"), 0, state("v1"));

        store.createTable();

        assertThat(store.load(SHOP)).isPresent();
    }

    @Test
    void severalControllersMayCreateItAtOnce() throws Exception {
        client.deleteTable(request -> request.tableName(TABLE));

        assertThat(together(controller -> () -> {
                    store().createTable();
                    return true;
                }))
                .containsOnly(true);
        assertThat(store().load(SHOP)).isEmpty();
    }

    private void createTable(String name, String key) {
        client.createTable(request -> request.tableName(name)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .attributeDefinitions(List.of(AttributeDefinition.builder()
                        .attributeName(key)
                        .attributeType(ScalarAttributeType.S)
                        .build()))
                .keySchema(List.of(KeySchemaElement.builder()
                        .attributeName(key)
                        .keyType(KeyType.HASH)
                        .build())));
    }

    @Test
    void aTableOfSomethingElseIsRefused() {
        createTable("orders", "order");

        assertFails(
                () -> DynamoDbRolloutStore.builder(client, "orders").build().createTable(),
                false,
                "create table orders: its key must be fleet, was [order]");
    }

    /** It would remove records by the time of something else, or never. */
    @Test
    void aTableThatExpiresItemsByAnotherAttributeIsRefused() {
        createTable("shared", "fleet");
        client.updateTimeToLive(request -> request.tableName("shared")
                .timeToLiveSpecification(ttl -> ttl.attributeName("until").enabled(true)));

        assertFails(
                () -> DynamoDbRolloutStore.builder(client, "shared").build().createTable(),
                false,
                "create table shared: its items must expire by expiresAt, do by until");
    }

    /** As one does to which an index or a replica is added; it takes reads and writes meanwhile. */
    @Test
    void aTableThatIsBeingUpdatedIsReady() {
        try (DynamoDbClient updating = Moto.client(
                DynamoDbClient.builder(),
                calls,
                http,
                configuration -> configuration.addExecutionInterceptor(new ExecutionInterceptor() {
                    @Override
                    public SdkResponse modifyResponse(Context.ModifyResponse context, ExecutionAttributes attributes) {
                        return context.response() instanceof DescribeTableResponse described
                                ? described.toBuilder()
                                        .table(described.table().toBuilder()
                                                .tableStatus(TableStatus.UPDATING)
                                                .build())
                                        .build()
                                : context.response();
                    }
                }))) {
            DynamoDbRolloutStore.builder(updating, TABLE).build().createTable();
        }
        assertThat(store().load(SHOP)).isEmpty();
    }

    // ---- settings

    @Test
    void rejectsSettingsThatCannotBe() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DynamoDbRolloutStore.builder(client, "a b"))
                .withMessageStartingWith("table must be a name or ARN");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().clockSkew(Duration.ofSeconds(-1)))
                .withMessage("clockSkew must be within PT0S to PT10M, was PT-1S");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder().expireAfter(Duration.ZERO))
                .withMessage("expireAfter must be within PT1H to PT87600H, was PT0S");
    }
}
