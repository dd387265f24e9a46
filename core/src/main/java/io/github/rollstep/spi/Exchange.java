package io.github.rollstep.spi;

import io.github.rollstep.FleetId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What several controllers of one store need to know of each other: who is there, what is to be done, and what one of them asks of
 * the one that holds a fleet. A store that is shared implements this, too.
 *
 * <p>Blocks; whatever goes wrong is a {@link ProviderException}. Threads: safe for use by several. Held by
 * {@code ExchangeContract} of the testkit.
 */
public interface Exchange {

    /**
     * Leaves a request for whoever holds the fleet, now or next.
     *
     * @param by who asks, for the record
     * @return its number, larger than any that was given for this fleet before, also than of those that were forgotten; requests of a
     *     fleet appear in the order of their numbers
     */
    long ask(FleetId fleet, Command command, String by);

    /**
     * The requests of all fleets that nobody has forgotten, those of a fleet by number; what cannot be read is a
     * {@link Command.Unknown}, and hides none of the others. Cheap: it is asked four times a second.
     */
    List<Request> requests();

    /** Forgets the requests of this fleet up to this number: they are answered. A repeat changes nothing. */
    void forget(FleetId fleet, long upTo);

    /**
     * Says that this controller is there, and who and what else is. It counts as there for so long, or until it says so again; with a
     * duration of zero it is not there any more.
     *
     * @param controller 1 to 64 printable characters without a slash; the owner of each of its leases begins with it and a slash
     */
    RollCall rollCall(String controller, Duration alive);

    /**
     * @param number by which it is answered, see {@code RolloutState.Answers}
     * @param age how long ago it was asked, by the clock of the store. What nobody has answered for an hour is refused and forgotten by
     *     any controller that sees it
     */
    record Request(long number, FleetId fleet, Command command, String by, Duration age) {}

    /**
     * @param controllers all that are there, the one that called among them
     * @param unfinished the fleets with a rollout that has not ended
     */
    record RollCall(Set<String> controllers, List<Unfinished> unfinished) {

        public RollCall {
            controllers = Set.copyOf(controllers);
            unfinished = List.copyOf(unfinished);
        }
    }

    /** @param owner who holds the lease of the fleet; empty if nobody does, or it has expired */
    record Unfinished(FleetId fleet, Optional<String> owner) {}
}
