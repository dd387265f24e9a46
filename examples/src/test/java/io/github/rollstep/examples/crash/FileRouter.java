package io.github.rollstep.examples.crash;

import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Routing;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.TrafficRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** A router that outlives its controllers: a file with the ids of those that take requests. What is drained is quiet at once. */
final class FileRouter implements TrafficRouter {

    private final Path file;

    FileRouter(Path file) {
        this.file = file;
    }

    synchronized Set<String> admitted() {
        try {
            return Files.exists(file) ? new TreeSet<>(Files.readAllLines(file)) : new TreeSet<>();
        } catch (IOException e) {
            throw ProviderException.retryable("the router cannot be asked: " + e, e);
        }
    }

    @Override
    public Map<InstanceId, Routing> routes(Collection<Instance> instances) {
        return admitted().stream().collect(Collectors.toMap(InstanceId::of, id -> Routing.in()));
    }

    @Override
    public void admit(Instance instance) {
        change(ids -> ids.add(instance.id().value()));
    }

    @Override
    public void drain(Instance instance) {
        change(ids -> ids.remove(instance.id().value()));
    }

    private synchronized void change(Consumer<Set<String>> change) {
        Set<String> ids = admitted();
        change.accept(ids);
        Path beside = file.resolveSibling(file.getFileName() + ".tmp");
        try {
            Files.write(beside, ids);
            Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw ProviderException.retryable("the router cannot be changed: " + e, e);
        }
    }
}
