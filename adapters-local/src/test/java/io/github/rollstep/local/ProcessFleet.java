package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A fleet in a directory of a test, with one provider at a time. Nothing of it runs on after it was closed. */
final class ProcessFleet implements AutoCloseable {

    static final FleetId ID = FleetId.of("web");
    static final RolloutId ROLLOUT = RolloutId.of("web-1");
    static final Revision REVISION = Revision.of("v2");

    private final Path directory;
    private @Nullable LocalProcessProvider provider;

    ProcessFleet(Path directory) {
        this.directory = directory;
    }

    static LaunchRequest request(int ordinal) {
        return request(ordinal, REVISION);
    }

    static LaunchRequest request(int ordinal, Revision revision) {
        return new LaunchRequest(ID, ROLLOUT, ROLLOUT.token(ordinal), revision);
    }

    static List<LaunchRequest> requests(int count) {
        return IntStream.rangeClosed(1, count).mapToObj(ProcessFleet::request).toList();
    }

    static InstanceId id(int ordinal) {
        return InstanceId.of(ROLLOUT.token(ordinal).value());
    }

    /** A shell that runs the script; what follows is {@code $1}, {@code $2}. */
    static List<String> shell(String script, String... arguments) {
        return Stream.concat(Stream.of("/bin/sh", "-c", script, "sh"), Stream.of(arguments))
                .toList();
    }

    LocalProcessProvider open(String... command) {
        return open(builder -> builder.command(List.of(command)));
    }

    LocalProcessProvider open(List<String> command) {
        return open(builder -> builder.command(command));
    }

    /** Of what a new process would find; an earlier provider is closed, the processes are not touched. */
    LocalProcessProvider open(UnaryOperator<LocalProcessProvider.Builder> settings) {
        leave();
        provider = settings.apply(LocalProcessProvider.builder(ID, directory)
                        .command(List.of("sleep", "1000"))
                        .stopGrace(Duration.ofSeconds(30)))
                .build();
        return provider;
    }

    void leave() {
        if (provider != null) {
            provider.close();
            provider = null;
        }
    }

    Path home(int ordinal) {
        return directory.resolve("instances").resolve(id(ordinal).value());
    }

    Path record(int ordinal) {
        return home(ordinal).resolve("record");
    }

    String log(int ordinal) throws IOException {
        return Files.readString(home(ordinal).resolve("log"));
    }

    void awaitLog(int ordinal, String text) throws Exception {
        Until.holds("\"" + text + "\" in the log", () -> log(ordinal).contains(text));
    }

    ProcessHandle process(int ordinal) {
        return LaunchRecord.read(record(ordinal))
                .process()
                .flatMap(ProcessKey::handle)
                .orElseThrow();
    }

    static Instance only(LocalProcessProvider provider) {
        List<Instance> all = provider.list();
        if (all.size() != 1) {
            throw new AssertionError("not one instance: " + all);
        }
        return all.get(0);
    }

    static void awaitState(LocalProcessProvider provider, Instance.State state) throws Exception {
        Until.holds("an instance that is " + state, () -> only(provider).state() == state);
    }

    static void awaitGone(LocalProcessProvider provider) throws Exception {
        Until.holds("the end of all instances", () -> provider.list().isEmpty());
    }

    @Override
    public void close() {
        if (Files.isDirectory(directory.resolve("instances"))) {
            open(builder -> builder.stopGrace(Duration.ZERO)).stopFleet();
        }
        leave();
    }
}
