package io.github.rollstep.aws;

import io.github.rollstep.FleetId;
import io.github.rollstep.Require;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;

/**
 * Keeps the records of many fleets in a table of DynamoDB, for several controllers: one item a fleet, changed by conditional writes
 * and read consistently. Safe for use by several threads; of two stores on one table none is preferred.
 *
 * <p><b>Clocks.</b> DynamoDB has none that a condition could use: a lease ends by the clocks of the controllers, which must agree within
 * {@link Builder#clockSkew}; for so long nobody takes over a lease of another owner that has ended. Clocks that differ by more may let
 * two controllers believe for a while that they hold a fleet; the record is safe also then, since every save is checked against the
 * fence.
 *
 * <p><b>Size.</b> An item has at most 400 KB; the record is compressed. One of 1,000 instances takes some 120 KB at most; one that would not
 * fit is refused. A write costs a unit for each KB of the item, renewing a lease included.
 *
 * <p><b>Answers that were lost.</b> The client repeats a call whose answer did not arrive. Each save carries a mark of its own, so that
 * the repeat of one that took effect is known for what it is.
 *
 * <p>The table is that of {@link #createTable}, or any with {@code fleet}, a string, as its partition key and without a sort key. It
 * must not be a global table with eventual consistency: of writes in two regions one would be lost. Needs {@code dynamodb:GetItem} and
 * {@code dynamodb:UpdateItem} on the table. A save is as durable as a write to DynamoDB: acknowledged by several zones. The client is the
 * host's, and is closed by it; see {@link AwsClients} for one that ends in time.
 */
public final class DynamoDbRolloutStore implements RolloutStore {

    /** Of an item, names of attributes included. */
    private static final int MOST_BYTES = 400 * 1024;
    /** For all that is not the record: names, numbers, an owner of 128 characters of 4 bytes. */
    private static final int OTHER_BYTES = 1024;

    private static final String FENCE = "fence";
    private static final String OWNER = "owner";
    private static final String UNTIL = "leaseUntil";
    private static final String VERSION = "version";
    private static final String STATE = "state";
    private static final String ENCODING = "encoding";
    private static final String SAVE = "saveId";
    private static final String EXPIRES = DynamoDbTable.EXPIRES;

    private final DynamoDbClient client;
    private final String table;
    private final InstantSource clock;
    private final Duration clockSkew;
    private final Optional<Duration> expireAfter;

    private DynamoDbRolloutStore(Builder builder) {
        client = builder.client;
        table = builder.table;
        clock = builder.clock;
        clockSkew = builder.clockSkew;
        expireAfter = builder.expireAfter;
    }

    /**
     * @param client of the table's region
     * @param table its name or ARN
     */
    public static Builder builder(DynamoDbClient client, String table) {
        return new Builder(client, table);
    }

    /**
     * Creates the table if it is not there, billed by request and with time to live switched on, and returns when it can be used. Several
     * may do so at once, and again. Needs {@code dynamodb:CreateTable}, {@code DescribeTable}, {@code UpdateTimeToLive} and
     * {@code DescribeTimeToLive}. Blocks for up to 2 min.
     *
     * @throws ProviderException if AWS refuses, or if there is a table of this name with another key, or whose items expire by another
     *     attribute than {@code expiresAt}
     */
    public void createTable() {
        new DynamoDbTable(client, table).create();
    }

    /**
     * {@inheritDoc}
     *
     * @throws ProviderException not retryable if there is no such table, access is denied, or the record is damaged or was written by a
     *     newer version
     */
    @Override
    public Optional<Stored> load(FleetId fleet) {
        Map<String, AttributeValue> item = call(
                        "load " + fleet,
                        () -> client.getItem(request ->
                                request.tableName(table).key(key(fleet)).consistentRead(true)))
                .item();
        return item.containsKey(VERSION)
                ? Optional.of(new Stored(number(fleet, item, VERSION), state(fleet, item)))
                : Optional.empty();
    }

    private RolloutState state(FleetId fleet, Map<String, AttributeValue> item) {
        RolloutState state;
        try {
            state = CompressedRecord.toState(
                    text(item, ENCODING), Optional.ofNullable(item.get(STATE)).map(AttributeValue::b));
        } catch (IllegalArgumentException e) {
            throw refused(fleet, e.getMessage(), e);
        }
        if (!state.fleet().equals(fleet)) {
            throw refused(fleet, "it belongs to fleet " + state.fleet(), null);
        }
        return state;
    }

    /**
     * {@inheritDoc}
     *
     * @throws ProviderException not retryable if the record does not fit into an item, there is no such table, or access is denied
     */
    @Override
    public boolean save(Lease lease, long expectedVersion, RolloutState next) {
        FleetId fleet = lease.fleet();
        if (!next.fleet().equals(fleet)) {
            throw new IllegalArgumentException(
                    "state must be of the lease's fleet %s, was of %s".formatted(fleet, next.fleet()));
        }
        CompressedRecord record = CompressedRecord.of(next);
        if (record.bytes() > MOST_BYTES - OTHER_BYTES) {
            throw ProviderException.permanent(
                    "save %s: its record has %d bytes, %d compressed; an item of DynamoDB holds %d"
                            .formatted(fleet, record.textBytes(), record.bytes(), MOST_BYTES - OTHER_BYTES));
        }
        String mark = UUID.randomUUID().toString();
        Map<String, AttributeValue> values = new HashMap<>(Map.of(
                ":fence", number(lease.fence()),
                ":next", number(expectedVersion + 1),
                ":state", AttributeValue.fromB(record.content()),
                ":encoding", AttributeValue.fromS(CompressedRecord.ENCODING),
                ":mark", AttributeValue.fromS(mark)));
        Map<String, String> names = new HashMap<>(
                Map.of("#fence", FENCE, "#version", VERSION, "#state", STATE, "#encoding", ENCODING, "#save", SAVE));
        names.put("#expires", EXPIRES);
        String change = "SET #version = :next, #state = :state, #encoding = :encoding, #save = :mark";
        Optional<Instant> end = expireAfter
                .filter(after -> next.isOver())
                .map(after -> clock.instant().plus(after));
        end.ifPresent(at -> values.put(":expires", number(at.getEpochSecond())));
        String known = "attribute_not_exists(#version)";
        if (expectedVersion != 0) {
            known = "#version = :version";
            values.put(":version", number(expectedVersion));
        }
        Answer answer = update(
                "save " + fleet,
                UpdateItemRequest.builder()
                        .key(key(fleet))
                        .updateExpression(change + (end.isPresent() ? ", #expires = :expires" : " REMOVE #expires"))
                        .conditionExpression("#fence = :fence AND " + known)
                        .expressionAttributeNames(names)
                        .expressionAttributeValues(values));
        return answer.done() || text(answer.item(), SAVE).filter(mark::equals).isPresent();
    }

    /**
     * {@inheritDoc}
     *
     * <p>One call to renew, or to see that another owner holds it; two to take it.
     */
    @Override
    public Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Lease wanted = new Lease(fleet, owner, 0);
        Instant now = clock.instant();
        AttributeValue until = number(now.plus(duration).toEpochMilli());
        Answer renewed = update(
                "renew the lease of " + fleet,
                UpdateItemRequest.builder()
                        .key(key(fleet))
                        .updateExpression("SET #until = :until")
                        .conditionExpression("#owner = :owner")
                        .expressionAttributeNames(Map.of("#until", UNTIL, "#owner", OWNER))
                        .expressionAttributeValues(
                                Map.of(":until", until, ":owner", AttributeValue.fromS(wanted.owner())))
                        .returnValues(ReturnValue.ALL_NEW));
        if (renewed.done()) {
            return Optional.of(lease(wanted, renewed.item()));
        }
        long dead = now.minus(clockSkew).toEpochMilli();
        if (renewed.item().containsKey(OWNER) && number(fleet, renewed.item(), UNTIL) >= dead) {
            return Optional.empty();
        }
        return take(wanted, now, until, dead);
    }

    /**
     * The fence of an item that was not there, or was removed when it expired, begins at the time in milliseconds: so it is larger than
     * any that was given before, unless owners changed more often than once in each of them.
     */
    private Optional<Lease> take(Lease wanted, Instant now, AttributeValue until, long dead) {
        FleetId fleet = wanted.fleet();
        Answer taken = update(
                "acquire the lease of " + fleet,
                UpdateItemRequest.builder()
                        .key(key(fleet))
                        .updateExpression(
                                "SET #owner = :owner, #until = :until, #fence = if_not_exists(#fence, :first) + :one")
                        .conditionExpression("attribute_not_exists(#owner) OR #until < :dead")
                        .expressionAttributeNames(Map.of("#until", UNTIL, "#owner", OWNER, "#fence", FENCE))
                        .expressionAttributeValues(Map.of(
                                ":until", until,
                                ":owner", AttributeValue.fromS(wanted.owner()),
                                ":first", number(Math.max(0, now.toEpochMilli())),
                                ":one", number(1),
                                ":dead", number(dead)))
                        .returnValues(ReturnValue.ALL_NEW));
        // Not done, and yet ours: the client has repeated a call that had taken effect.
        return taken.done()
                        || text(taken.item(), OWNER)
                                .filter(wanted.owner()::equals)
                                .isPresent()
                ? Optional.of(lease(wanted, taken.item()))
                : Optional.empty();
    }

    private Lease lease(Lease wanted, Map<String, AttributeValue> item) {
        return new Lease(wanted.fleet(), wanted.owner(), number(wanted.fleet(), item, FENCE));
    }

    @Override
    public void release(Lease lease) {
        update(
                "release the lease of " + lease.fleet(),
                UpdateItemRequest.builder()
                        .key(key(lease.fleet()))
                        .updateExpression("REMOVE #owner, #until")
                        .conditionExpression("#fence = :fence")
                        .expressionAttributeNames(Map.of("#owner", OWNER, "#until", UNTIL, "#fence", FENCE))
                        .expressionAttributeValues(Map.of(":fence", number(lease.fence()))));
    }

    /**
     * What came of a conditional write.
     *
     * @param done whether the condition held
     * @param item if it held, what was asked to be returned; if not, the item as it is, empty if there is none
     */
    private record Answer(boolean done, Map<String, AttributeValue> item) {}

    private Answer update(String what, UpdateItemRequest.Builder request) {
        UpdateItemRequest whole = request.tableName(table)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)
                .build();
        return call(what, () -> {
            try {
                return new Answer(true, client.updateItem(whole).attributes());
            } catch (ConditionalCheckFailedException e) {
                return new Answer(false, e.item());
            }
        });
    }

    private <T> T call(String what, Supplier<T> call) {
        return AwsErrors.call("%s in table %s".formatted(what, table), () -> {
            try {
                return call.get();
            } catch (ResourceNotFoundException e) {
                throw ProviderException.permanent(
                        "%s: there is no table %s; createTable() creates it".formatted(what, table), e);
            }
        });
    }

    private static Map<String, AttributeValue> key(FleetId fleet) {
        return Map.of(DynamoDbTable.KEY, AttributeValue.fromS(fleet.value()));
    }

    private static AttributeValue number(long value) {
        return AttributeValue.fromN(Long.toString(value));
    }

    private static Optional<String> text(Map<String, AttributeValue> item, String name) {
        return Optional.ofNullable(item.get(name)).map(AttributeValue::s);
    }

    private long number(FleetId fleet, Map<String, AttributeValue> item, String name) {
        String digits =
                Optional.ofNullable(item.get(name)).map(AttributeValue::n).orElse("");
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw refused(fleet, "%s must be a whole number, was \"%s\"".formatted(name, digits), e);
        }
    }

    private ProviderException refused(FleetId fleet, String why, @Nullable Throwable cause) {
        String text = "the record of fleet %s in table %s is refused: %s".formatted(fleet, table, why);
        return cause == null ? ProviderException.permanent(text) : ProviderException.permanent(text, cause);
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private static final Pattern TABLE = Pattern.compile("[a-zA-Z0-9_.:/-]{3,1024}");

        private final DynamoDbClient client;
        private final String table;
        private InstantSource clock = InstantSource.system();
        private Duration clockSkew = Duration.ofSeconds(5);
        private Optional<Duration> expireAfter = Optional.empty();

        private Builder(DynamoDbClient client, String table) {
            Require.that(
                    TABLE.matcher(table).matches(),
                    "table must be a name or ARN of 3 to 1024 characters of [a-zA-Z0-9_.:/-], was \"%s\""
                            .formatted(table));
            this.client = client;
            this.table = table;
        }

        /**
         * By how much the clocks of controllers may differ: for so long after its end, a lease of another owner is not taken over; 0 to
         * 10 min; default: 5 s. All controllers have the same one.
         */
        public Builder clockSkew(Duration skew) {
            clockSkew = Require.within("clockSkew", Duration.ZERO, Duration.ofMinutes(10), skew);
            return this;
        }

        /**
         * How long the record of a fleet is kept after its last rollout has ended; 1 h to 3,650 days; default: for ever. DynamoDB
         * removes it then, with the fleet's history, some hours late (within two days, mostly); if time to live is switched on for
         * {@code expiresAt}, as {@link #createTable} does. Until it has, the record is there as before. A rollout that starts in the
         * moment of the removal ends as if another controller had saved, and may be started again.
         */
        public Builder expireAfter(Duration age) {
            expireAfter = Optional.of(Require.within("expireAfter", Duration.ofHours(1), Duration.ofDays(3_650), age));
            return this;
        }

        /** By which leases begin and end, and records expire; default: the system's. */
        public Builder clock(InstantSource clock) {
            this.clock = clock;
            return this;
        }

        public DynamoDbRolloutStore build() {
            return new DynamoDbRolloutStore(this);
        }
    }
}
