package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What is kept on disk of one launch, from before its process is started until its token cannot come again.
 *
 * @param process empty until it was started; if it is so after a crash, nobody knows whether it was
 * @param stoppingSince when it was told to stop
 * @param gone only its token is kept, so that it is not launched again
 */
record LaunchRecord(
        LaunchRequest request,
        Map<String, String> labels,
        String host,
        int port,
        Instant createdAt,
        Optional<ProcessKey> process,
        Optional<Instant> stoppingSince,
        boolean gone) {

    private static final String KIND = "rollstep-process 1";
    private static final String ATTRIBUTE = "attribute.";
    private static final String LABEL = "label.";

    static LaunchRecord intended(
            LaunchRequest request, Map<String, String> labels, String host, int port, Instant createdAt) {
        return new LaunchRecord(request, labels, host, port, createdAt, Optional.empty(), Optional.empty(), false);
    }

    /** @throws ProviderException permanent if it is torn or foreign */
    static LaunchRecord read(Path file) {
        RecordText text = RecordText.read(file, KIND);
        try {
            LaunchRequest request = new LaunchRequest(
                    FleetId.of(text.take("fleet")),
                    RolloutId.of(text.take("rollout")),
                    LaunchToken.of(text.take("token")),
                    Revision.of(text.take("revision"), text.takeAll(ATTRIBUTE)));
            LaunchRecord record = new LaunchRecord(
                    request,
                    text.takeAll(LABEL),
                    text.take("host"),
                    Integer.parseInt(text.take("port")),
                    Instant.parse(text.take("created")),
                    text.takeIfAny("process").map(ProcessKey::parse),
                    text.takeIfAny("stopping").map(Instant::parse),
                    text.takeIfAny("gone").isPresent());
            text.takenWhole();
            return record;
        } catch (IllegalArgumentException | DateTimeException e) {
            throw text.broken(String.valueOf(e.getMessage()), e);
        }
    }

    String text() {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("fleet", request.fleet().value());
        fields.put("rollout", request.rollout().value());
        fields.put("token", token().value());
        fields.put("revision", request.revision().id());
        request.revision().attributes().forEach((key, value) -> fields.put(ATTRIBUTE + key, value));
        labels.forEach((key, value) -> fields.put(LABEL + key, value));
        fields.put("host", host);
        fields.put("port", Integer.toString(port));
        fields.put("created", createdAt.toString());
        process.ifPresent(key -> fields.put("process", key.toString()));
        stoppingSince.ifPresent(since -> fields.put("stopping", since.toString()));
        if (gone) {
            fields.put("gone", "yes");
        }
        return RecordText.write(KIND, fields);
    }

    LaunchToken token() {
        return request.token();
    }

    InstanceId id() {
        return InstanceId.of(token().value());
    }

    LaunchRecord started(ProcessKey key) {
        return new LaunchRecord(request, labels, host, port, createdAt, Optional.of(key), stoppingSince, gone);
    }

    LaunchRecord stopping(Instant since) {
        return new LaunchRecord(request, labels, host, port, createdAt, process, Optional.of(since), gone);
    }

    LaunchRecord ended() {
        return new LaunchRecord(request, labels, host, port, createdAt, process, stoppingSince, true);
    }

    Instance instance(Instance.State state, String detail) {
        Map<String, String> all = new LinkedHashMap<>(labels);
        all.put("fleet", request.fleet().value());
        all.put("rollout", request.rollout().value());
        all.put("revision", request.revision().id());
        all.put("token", token().value());
        return Instance.builder(id(), request.revision(), state)
                .token(token())
                .address(new InetSocketAddress(host, port))
                .createdAt(createdAt)
                .labels(all)
                .detail(detail)
                .build();
    }
}
