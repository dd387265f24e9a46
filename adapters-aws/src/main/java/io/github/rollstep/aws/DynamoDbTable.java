package io.github.rollstep.aws;

import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ResourceInUseException;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.TableDescription;
import software.amazon.awssdk.services.dynamodb.model.TableStatus;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveDescription;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;

/** The table of a store, made ready whatever is there of it. */
final class DynamoDbTable {

    static final String KEY = "fleet";

    /** By it DynamoDB removes items; in seconds since 1970. */
    static final String EXPIRES = "expiresAt";

    private static final Set<TimeToLiveStatus> EXPIRING = Set.of(TimeToLiveStatus.ENABLED, TimeToLiveStatus.ENABLING);

    /** One that is being updated takes reads and writes. */
    private static final Set<TableStatus> USABLE = Set.of(TableStatus.ACTIVE, TableStatus.UPDATING);

    /** A new one takes some 10 s. */
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static final Duration PAUSE = Duration.ofMillis(500);

    private final DynamoDbClient client;
    private final String name;
    private final String what;

    DynamoDbTable(DynamoDbClient client, String name) {
        this.client = client;
        this.name = name;
        what = "create table " + name;
    }

    void create() {
        AwsErrors.run(what, this::createIfMissing);
        List<KeySchemaElement> keys = usable().keySchema();
        if (keys.size() != 1 || !keys.get(0).attributeName().equals(KEY)) {
            throw ProviderException.permanent("%s: its key must be %s, was %s"
                    .formatted(
                            what,
                            KEY,
                            keys.stream().map(KeySchemaElement::attributeName).toList()));
        }
        AwsErrors.run(what, this::expireItems);
    }

    private void createIfMissing() {
        if (described().isPresent()) {
            return;
        }
        try {
            client.createTable(request -> request.tableName(name)
                    .billingMode(BillingMode.PAY_PER_REQUEST)
                    .attributeDefinitions(AttributeDefinition.builder()
                            .attributeName(KEY)
                            .attributeType(ScalarAttributeType.S)
                            .build())
                    .keySchema(KeySchemaElement.builder()
                            .attributeName(KEY)
                            .keyType(KeyType.HASH)
                            .build()));
        } catch (ResourceInUseException e) {
            // Somebody else has just done it, or it was our own call before a repeat.
        }
    }

    private Optional<TableDescription> described() {
        try {
            return Optional.of(
                    client.describeTable(request -> request.tableName(name)).table());
        } catch (ResourceNotFoundException e) {
            return Optional.empty();
        }
    }

    /** It may be unknown for some time after it was created. */
    private TableDescription usable() {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            Optional<TableDescription> table = AwsErrors.call(what, this::described);
            if (table.filter(known -> USABLE.contains(known.tableStatus())).isPresent()) {
                return table.get();
            }
            if (System.nanoTime() > end) {
                throw ProviderException.retryable("%s: it is %s after %s"
                        .formatted(
                                what,
                                table.map(TableDescription::tableStatusAsString).orElse("not there"),
                                PATIENCE));
            }
            pause();
        }
    }

    private void pause() {
        try {
            Thread.sleep(PAUSE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable(what + " was interrupted", e);
        }
    }

    private void expireItems() {
        if (expiresItems()) {
            return;
        }
        try {
            client.updateTimeToLive(request -> request.tableName(name)
                    .timeToLiveSpecification(ttl -> ttl.attributeName(EXPIRES).enabled(true)));
        } catch (DynamoDbException e) { // of several at once all but one are refused
            if (!expiresItems()) {
                throw e;
            }
        }
    }

    /** Whether DynamoDB does already; never by the time of something else. */
    private boolean expiresItems() {
        TimeToLiveDescription ttl =
                client.describeTimeToLive(request -> request.tableName(name)).timeToLiveDescription();
        if (!EXPIRING.contains(ttl.timeToLiveStatus())) {
            return false;
        }
        if (!EXPIRES.equals(ttl.attributeName())) {
            throw ProviderException.permanent(
                    "%s: its items must expire by %s, do by %s".formatted(what, EXPIRES, ttl.attributeName()));
        }
        return true;
    }
}
