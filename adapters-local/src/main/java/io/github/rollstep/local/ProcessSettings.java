package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What one provider was told, as checked by its builder. */
record ProcessSettings(
        FleetId fleet,
        List<Template> command,
        Map<String, Template> environment,
        Map<String, String> labels,
        String host,
        Duration stopGrace) {

    /** @throws ProviderException never retryable: the revision lacks what the command needs */
    Command command(LaunchRequest request, int port) {
        return new Command(
                command.stream().map(template -> template.fill(request, port)).toList(),
                environment.entrySet().stream()
                        .collect(Collectors.toMap(
                                Map.Entry::getKey, entry -> entry.getValue().fill(request, port))));
    }
}
