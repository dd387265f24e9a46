package io.github.rollstep.testkit;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Simulated fleets as the contracts want them. */
final class SimulatedPlatform {

    static final Revision EXITING = Revision.of("exiting");
    static final Revision IMPOSSIBLE = Revision.of("impossible");

    private final Map<FleetId, SimulatedFleet> fleets = new HashMap<>();
    private int turn;
    private boolean cut;

    SimulatedFleet fleet(FleetId id) {
        return fleets.computeIfAbsent(
                id,
                key -> SimulatedFleet.builder(id, InstantSource.system())
                        .behaviour(EXITING, Behaviour.builder().exitsAtStart().build())
                        .behaviour(IMPOSSIBLE, Behaviour.builder().impossible().build())
                        .build());
    }

    /** The other of the two fleets that a contract knows. */
    SimulatedFleet others(SimulatedFleet fleet) {
        return fleet(FleetId.of(fleet.id().equals(FleetId.of("contract")) ? "contract-2" : "contract"));
    }

    /** Every call fails before it takes effect, until it is over. */
    Optional<Runnable> outage() {
        fleet().failRate(1, 0);
        return Optional.of(() -> fleet().failRate(0, 0));
    }

    Optional<InstanceId> startByHand(FleetId id) {
        return Optional.of(fleet(id).start(1, Revision.of("v1")).get(0).id());
    }

    boolean failNextTerminate() {
        fleet().failNext(SimulatedFleet.Call.TERMINATE, 1, ProviderException.retryable("the platform is busy"));
        return true;
    }

    SimulatedFleet fleet() {
        return fleet(FleetId.of("contract"));
    }

    /** Launched, running, and not in the router. */
    Instance instance(String name) {
        RolloutId rollout = RolloutId.of(name);
        LaunchToken token = rollout.token(1);
        fleet().provider().launch(List.of(new LaunchRequest(fleet().id(), rollout, token, Revision.of("v1"))));
        return fleet().provider().list().stream()
                .filter(instance -> instance.token().filter(token::equals).isPresent())
                .findFirst()
                .orElseThrow();
    }

    /** One client request: the instances that are in take turns. */
    String request() {
        List<String> in = in();
        return in.isEmpty() ? "" : in.get(turn++ % in.size());
    }

    OpenRequest open() {
        String id = request();
        OpenRequest request = fleet().openRequest(InstanceId.of(id));
        return () -> request.finish() && !cut;
    }

    /** The answers to open requests are not whole. */
    void cutRequests() {
        cut = true;
    }

    List<String> in() {
        return fleet().router().routes(List.of()).entrySet().stream()
                .filter(entry -> entry.getValue().state() == Routing.State.IN)
                .map(entry -> entry.getKey().value())
                .sorted()
                .toList();
    }
}
