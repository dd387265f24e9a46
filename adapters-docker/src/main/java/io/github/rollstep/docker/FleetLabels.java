package io.github.rollstep.docker;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.LaunchRequest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a container carries of its launch: nothing is known of it but what the engine keeps. */
final class FleetLabels {

    static final String PREFIX = "io.github.rollstep.";

    private static final String FLEET = PREFIX + "fleet";
    private static final String ROLLOUT = PREFIX + "rollout";
    private static final String REVISION = PREFIX + "revision";
    private static final String TOKEN = PREFIX + "token";
    private static final String ATTRIBUTE = PREFIX + "attribute.";

    private FleetLabels() {}

    static Map<String, String> selecting(FleetId fleet) {
        return Map.of(FLEET, fleet.value());
    }

    static Map<String, String> of(LaunchRequest request) {
        Map<String, String> labels = new HashMap<>();
        labels.put(FLEET, request.fleet().value());
        labels.put(ROLLOUT, request.rollout().value());
        labels.put(REVISION, request.revision().id());
        labels.put(TOKEN, request.token().value());
        request.revision().attributes().forEach((key, value) -> labels.put(ATTRIBUTE + key, value));
        return labels;
    }

    static Optional<LaunchToken> token(Map<String, String> labels) {
        return Optional.ofNullable(labels.get(TOKEN)).map(LaunchToken::of);
    }

    /** A container that someone else started runs the revision that its image names. */
    static Revision revision(Map<String, String> labels, String image) {
        @Nullable String id = labels.get(REVISION);
        if (id == null) {
            return Revision.of(image.replaceAll("[^A-Za-z0-9._:/@+-]", "_"), Map.of("image", image));
        }
        return Revision.of(
                id,
                labels.entrySet().stream()
                        .filter(label -> label.getKey().startsWith(ATTRIBUTE))
                        .collect(Collectors.toMap(
                                label -> label.getKey().substring(ATTRIBUTE.length()), Map.Entry::getValue)));
    }

    static boolean isOf(Map<String, String> labels, LaunchRequest request) {
        return request.fleet().value().equals(labels.get(FLEET))
                && request.token().value().equals(labels.get(TOKEN));
    }
}
