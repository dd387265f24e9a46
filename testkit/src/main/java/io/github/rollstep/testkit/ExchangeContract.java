package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.Exchange.RollCall;
import io.github.rollstep.spi.Exchange.Unfinished;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.RolloutStore.Lease;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What every store does that is an {@link Exchange}, too. Extend it beside {@link RolloutStoreContract}, supply {@link #store}, and
 * clean up after each test.
 */
public abstract class ExchangeContract {

    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final FleetId FLEET = FleetId.of("contract");
    private static final FleetId OTHER = FleetId.of("other");
    private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");
    private static final Revision V2 =
            Revision.of("v2", Map.of("image", "registry/v2", "note", "two\nlines = \\ ünïcode"));

    private final ManualClock clock = new ManualClock(START);

    /**
     * A store with no record that implements {@link Exchange}; asked for once a test.
     *
     * @param clock by which leases and controllers expire
     */
    protected abstract RolloutStore store(InstantSource clock);

    private Exchange exchange(RolloutStore store) {
        assertThat(store).isInstanceOf(Exchange.class);
        return (Exchange) store;
    }

    private static void save(RolloutStore store, FleetId fleet, String owner, boolean ended) {
        Lease lease = store.acquire(fleet, owner, LEASE).orElseThrow();
        RolloutState state = RolloutState.begin(
                fleet, RolloutId.of("r-1"), V2, Limits.resolve(RolloutPolicy.defaults(), 3), START, Optional.empty());
        long version = store.load(fleet).map(RolloutStore.Stored::version).orElse(0L);
        store.save(lease, version, ended ? state.abort(START, Reason.of(Reason.Code.BY_HAND, "enough")) : state);
    }

    @Test
    protected void requestsComeInTheOrderTheyWereLeftIn() {
        Exchange exchange = exchange(store(clock));
        List<Command> commands = List.of(
                new Command.Start(V2, false, true),
                new Command.Pause(),
                new Command.Resume(),
                new Command.Approve(),
                new Command.RollBack("two\nlines", Optional.of(RolloutId.of("r-1"))),
                new Command.Resize(12),
                new Command.Abort());

        List<Long> numbers = commands.stream()
                .map(command -> exchange.ask(FLEET, command, "ann"))
                .toList();

        assertThat(exchange.requests()).extracting(Request::number).containsExactlyElementsOf(numbers);
        assertThat(exchange.requests()).extracting(Request::command).containsExactlyElementsOf(commands);
        assertThat(exchange.requests()).allSatisfy(request -> {
            assertThat(request.fleet()).isEqualTo(FLEET);
            assertThat(request.by()).isEqualTo("ann");
        });
        assertThat(numbers).isSorted().doesNotHaveDuplicates().allMatch(number -> number > 0);
    }

    @Test
    protected void forgetsWhatIsAnsweredOfThatFleetOnly() {
        Exchange exchange = exchange(store(clock));
        long first = exchange.ask(FLEET, new Command.Pause(), "ann");
        long second = exchange.ask(OTHER, new Command.Pause(), "ann");
        long third = exchange.ask(FLEET, new Command.Resume(), "bob");

        exchange.forget(FLEET, first);
        exchange.forget(FLEET, first);

        assertThat(exchange.requests())
                .extracting(Request::fleet, Request::number)
                .containsExactlyInAnyOrder(tuple(OTHER, second), tuple(FLEET, third));
    }

    @Test
    protected void tellsHowLongAgoEachWasAsked() {
        Exchange exchange = exchange(store(clock));
        exchange.ask(FLEET, new Command.Pause(), "ann");
        clock.advance(Duration.ofHours(2));
        exchange.ask(FLEET, new Command.Resume(), "ann");
        clock.advance(Duration.ofHours(4));

        assertThat(exchange.requests())
                .extracting(Request::age)
                .satisfiesExactlyInAnyOrder(
                        first -> assertThat(first).isBetween(Duration.ofHours(6), Duration.ofHours(7)),
                        second -> assertThat(second).isBetween(Duration.ofHours(4), Duration.ofHours(5)));
    }

    @Test
    protected void neverGivesANumberTwice() {
        Exchange exchange = exchange(store(clock));
        long first = exchange.ask(FLEET, new Command.Pause(), "ann");
        exchange.forget(FLEET, first);

        assertThat(exchange.ask(FLEET, new Command.Resume(), "ann")).isGreaterThan(first);
    }

    @Test
    protected void thoseWhoAskAtTheSameTimeAllGetNumbersOfTheirOwn() {
        Exchange exchange = exchange(store(clock));
        List<Callable<Long>> askers = IntStream.range(0, 8)
                .<Callable<Long>>mapToObj(i -> () -> exchange.ask(FLEET, new Command.Pause(), "asker " + i))
                .toList();

        List<Long> numbers = Together.call(askers);

        assertThat(exchange.requests())
                .extracting(Request::number)
                .containsExactlyInAnyOrderElementsOf(numbers)
                .doesNotHaveDuplicates();
    }

    @Test
    protected void aControllerIsThereUntilItsTimeIsOver() {
        Exchange exchange = exchange(store(clock));
        exchange.rollCall("a", Duration.ofSeconds(10));
        clock.advance(Duration.ofSeconds(6));

        assertThat(exchange.rollCall("b", Duration.ofSeconds(10)).controllers()).containsExactlyInAnyOrder("a", "b");
        clock.advance(Duration.ofSeconds(5));
        assertThat(exchange.rollCall("b", Duration.ofSeconds(10)).controllers()).containsExactly("b");
    }

    @Test
    protected void aControllerSaysThatItGoes() {
        Exchange exchange = exchange(store(clock));
        exchange.rollCall("a", Duration.ofSeconds(10));

        assertThat(exchange.rollCall("a", Duration.ZERO).controllers()).isEmpty();
        assertThat(exchange.rollCall("b", Duration.ofSeconds(10)).controllers()).containsExactly("b");
    }

    @Test
    protected void theRollCallNamesWhatIsUnfinishedAndWhoHoldsIt() {
        RolloutStore store = store(clock);
        Exchange exchange = exchange(store);
        save(store, FLEET, "a/1", false);
        save(store, OTHER, "b/1", true);
        store.acquire(FleetId.of("no-record"), "a/2", LEASE);

        RollCall call = exchange.rollCall("a", LEASE);

        assertThat(call.unfinished()).containsExactly(new Unfinished(FLEET, Optional.of("a/1")));
    }

    @Test
    protected void anExpiredOrReleasedLeaseHasNoOwner() {
        RolloutStore store = store(clock);
        Exchange exchange = exchange(store);
        save(store, FLEET, "a/1", false);
        save(store, OTHER, "b/1", false);
        clock.advance(LEASE.plusMillis(1));

        assertThat(exchange.rollCall("c", LEASE).unfinished()).contains(new Unfinished(FLEET, Optional.empty()));
        Lease lease = store.acquire(OTHER, "c/1", LEASE).orElseThrow();
        store.release(lease);
        assertThat(exchange.rollCall("c", LEASE).unfinished()).contains(new Unfinished(OTHER, Optional.empty()));
    }
}
