package io.github.rollstep.examples.arena;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.Bulk;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** The matches of an arena as the instances of one fleet. */
final class ArenaProvider implements InstanceProvider {

    private final Arena arena;
    private final FleetId fleet;

    ArenaProvider(Arena arena, FleetId fleet) {
        this.arena = arena;
        this.fleet = fleet;
    }

    @Override
    public List<Instance> list() {
        return ask(arena::matches).stream()
                .filter(match -> fleet.value().equals(match.labels().get("fleet")))
                .map(ArenaProvider::instance)
                .toList();
    }

    private static Instance instance(Arena.Match match) {
        Instance.Builder instance = Instance.builder(
                        InstanceId.of(match.name()), Revision.of(match.map()), state(match.stage()))
                .labels(match.labels());
        Optional.ofNullable(match.labels().get("token")).map(LaunchToken::of).ifPresent(instance::token);
        match.address().ifPresent(instance::address);
        return instance.build();
    }

    private static Instance.State state(Arena.Stage stage) {
        return switch (stage) {
            case LOADING -> Instance.State.STARTING;
            case PLAYING -> Instance.State.RUNNING;
            case CLOSING -> Instance.State.STOPPING;
            case CRASHED -> Instance.State.FAILED;
        };
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        Bulk.forEach(open, this::launch);
    }

    private void launch(LaunchRequest request) {
        if (!request.fleet().equals(fleet)) {
            throw ProviderException.permanent("this is fleet %s, not %s".formatted(fleet, request.fleet()));
        }
        String token = request.token().value();
        Map<String, String> labels = Map.of("fleet", fleet.value(), "token", token);
        ask(() -> arena.open(fleet + "." + token, labels, request.revision().id()));
    }

    @Override
    public void terminate(InstanceId id) {
        if (list().stream().anyMatch(instance -> instance.id().equals(id))) {
            ask(() -> arena.close(id.value()));
        }
    }

    /** One call of the arena. */
    static <T> T ask(Supplier<T> call) {
        try {
            return call.get();
        } catch (Arena.Refused e) {
            throw e.status() >= 500
                    ? ProviderException.retryable(e.getMessage(), e)
                    : ProviderException.permanent(e.getMessage(), e);
        }
    }
}
