package io.github.rollstep.benchmarks.shared;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A fleet that outlives its controllers and that several processes see: an instance is a file, named by its revision and its id. */
record FilesFleet(Path directory) implements InstanceProvider, HealthChecker {

    private static final String BETWEEN = "~";

    @Override
    public List<Instance> list() {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> instance(file.getFileName().toString().split(BETWEEN, 2)))
                    .toList();
        } catch (IOException e) {
            throw ProviderException.retryable(e.toString(), e);
        }
    }

    private static Instance instance(String[] name) {
        return Instance.builder(InstanceId.of(name[1]), Revision.of(name[0]), Instance.State.RUNNING)
                .token(LaunchToken.of(name[1]))
                .build();
    }

    @Override
    public void launch(List<LaunchRequest> open) {
        open.forEach(request -> start(request.revision(), request.token()));
    }

    void start(Revision revision, LaunchToken token) {
        try {
            Files.createFile(directory.resolve(revision.id() + BETWEEN + token.value()));
        } catch (FileAlreadyExistsException e) {
            // It is there already.
        } catch (IOException e) {
            throw ProviderException.retryable(e.toString(), e);
        }
    }

    @Override
    public void terminate(InstanceId id) {
        try {
            for (Instance instance : list()) {
                if (instance.id().equals(id)) {
                    Files.deleteIfExists(directory.resolve(instance.revision().id() + BETWEEN + id.value()));
                }
            }
        } catch (IOException e) {
            throw ProviderException.retryable(e.toString(), e);
        }
    }

    @Override
    public Health check(Instance instance) {
        return Health.healthy();
    }
}
