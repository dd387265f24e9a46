package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.spi.Watchers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Processes of this machine as the instances of one fleet.
 *
 * <pre>{@code
 * try (LocalProcessProvider provider = LocalProcessProvider.builder(FleetId.of("web"), Path.of("/var/lib/web"))
 *         .command(List.of("node", "{attribute.server}", "--port", "{port}"))
 *         .environment("REVISION", "{revision}")
 *         .build()) {
 *     ...
 * }
 * }</pre>
 *
 * <p><b>A process</b> gets a free port, a working directory, a log file for both its outputs, nothing to read, and the
 * environment of this process with what the builder adds. Its id is the token of its launch. It is {@code RUNNING} at once,
 * whether it listens is for a health checker to say; {@code FAILED} when it exits by itself. {@link #terminate} sends SIGTERM;
 * SIGKILL follows after {@link Builder#stopGrace}, to what it started as well. When an instance that was told to stop has
 * exited, what it left running is killed. A port is free when the process is started; should another program take it before
 * the process does, the instance fails.
 *
 * <p><b>It outlives this process.</b> Each launch is recorded on disk before its process is started. A provider that is built
 * later on the same directory, also after a crash, lists the same instances and goes on stopping those that were told to. It
 * knows a process by its id together with its start time: one that was given the id again is never touched. On Linux a
 * process whose start could not be recorded before the crash is found by its environment, {@code ROLLSTEP_INSTANCE} and
 * {@code ROLLSTEP_DIRECTORY}; elsewhere it is not. Where there is {@code /usr/bin/setsid}, processes run in a session of
 * their own and a Ctrl-C meant for this process does not reach them. Whoever kills whole groups does: {@code
 * KillMode=control-group} of systemd, or the end of a container.
 *
 * <p><b>The directory</b> holds {@code instances/ID/work} and {@code instances/ID/log}, for this user only. The working
 * directory is deleted when its instance is gone; the log stays until a later rollout launches, and so does the record that
 * keeps the token from being launched again. One live provider at a time may use a directory.
 *
 * <p>For Linux and macOS. One daemon thread. All methods may be called from any thread.
 */
public final class LocalProcessProvider implements InstanceProvider, Watchable, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LocalProcessProvider.class);

    /** The system tells of the exit of children only; others have to be looked at. */
    private static final long LOOK_MILLIS = 250;

    /** What SIGKILL, and the deletion of a working directory, may take beyond the grace. */
    private static final Duration ALLOWANCE = Duration.ofSeconds(5);

    private final ProcessSettings settings;
    private final FleetDirectory directory;
    private final Launches launches;
    private final Ports ports;
    private final Map<InstanceId, LocalInstance> instances = new ConcurrentHashMap<>();
    private final Watchers watchers = new Watchers();
    private final ReentrantLock launching = new ReentrantLock();
    private final ScheduledThreadPoolExecutor timer;
    private volatile boolean closed;
    private boolean ended;

    private LocalProcessProvider(ProcessSettings settings, FleetDirectory directory, Ports ports) {
        this.settings = settings;
        this.directory = directory;
        this.launches = new Launches(directory);
        this.ports = ports;
        // What is still to be done when it closes is done by the next provider.
        this.timer = new ScheduledThreadPoolExecutor(
                1, LocalProcessProvider::daemon, new ThreadPoolExecutor.DiscardPolicy());
    }

    /**
     * @param directory for this fleet only; it is made if need be, and has to be on a local disk
     */
    public static Builder builder(FleetId fleet, Path directory) {
        return new Builder(fleet, directory);
    }

    @Override
    public List<Instance> list() {
        requireOpen();
        return instances.values().stream()
                .map(LocalInstance::observe)
                .flatMap(Optional::stream)
                .toList();
    }

    /**
     * {@inheritDoc}
     *
     * <p>A token is launched once, also if its instance was terminated since, until another rollout launches.
     *
     * @throws ProviderException not retryable if the program cannot be executed, the revision lacks an attribute that the
     *     command needs, the request is of another fleet, or the fleet was ended or the provider closed; retryable if there is no free port, no
     *     disk space, or the system starts no more processes
     */
    @Override
    public void launch(List<LaunchRequest> open) {
        lock();
        try {
            requireOpen();
            if (ended) {
                throw ProviderException.permanent("the fleet %s was stopped".formatted(settings.fleet()));
            }
            forgetRolloutsBut(open.stream().map(LaunchRequest::rollout).collect(Collectors.toSet()));
            List<ProviderException> failures = new ArrayList<>();
            for (LaunchRequest request : open) {
                if (Thread.currentThread().isInterrupted()) {
                    failures.add(ProviderException.retryable("interrupted before the launch of " + request.token()));
                    break;
                }
                try {
                    launch(request);
                } catch (ProviderException e) {
                    failures.add(e);
                }
            }
            throwWorst(failures);
        } finally {
            launching.unlock();
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws ProviderException never retryable: this user may not stop the process, or the provider is closed
     */
    @Override
    public void terminate(InstanceId id) {
        requireOpen();
        Optional.ofNullable(instances.get(id)).ifPresent(this::terminate);
    }

    /** {@inheritDoc} The exit of a process is told of within a second, also if an earlier provider has started it. */
    @Override
    public Subscription watch(Runnable changed) {
        return watchers.add(changed);
    }

    /**
     * Ends the fleet: launches nothing any more, terminates all instances, waits until they are gone, and deletes all that is kept of
     * them, also that their tokens were launched. Meant for examples and tests. Blocks for at most the grace and 5 seconds.
     *
     * @throws ProviderException retryable if an instance is not gone by then, or the thread was interrupted
     */
    public void stopFleet() {
        lock();
        try {
            requireOpen();
            ended = true;
            terminateAll(List.copyOf(instances.keySet()));
            awaitExits();
            List<InstanceId> left = list().stream().map(Instance::id).toList();
            if (!left.isEmpty()) {
                throw ProviderException.retryable(
                        "not gone after %s and SIGKILL: %s".formatted(settings.stopGrace(), left));
            }
            instances.values().removeIf(this::isForgotten);
        } finally {
            launching.unlock();
        }
    }

    /** Leaves the instances as they are, running or stopping, and the directory to another provider. A repeat is fine. */
    @Override
    public void close() {
        launching.lock();
        try {
            if (!closed) {
                closed = true;
                timer.shutdownNow();
                awaitTimer();
                directory.close();
            }
        } finally {
            launching.unlock();
        }
    }

    private void launch(LaunchRequest request) {
        if (!request.fleet().equals(settings.fleet())) {
            throw ProviderException.permanent("the launch %s is of fleet %s, not of %s"
                    .formatted(request.token(), request.fleet(), settings.fleet()));
        }
        if (instances.containsKey(InstanceId.of(request.token().value()))) {
            return;
        }
        int port = ports.free(takenPorts());
        ProcessBuilder prepared = settings.command(request, port)
                .prepare(directory.work(request.token()), directory.log(request.token()));
        prepared.environment().putAll(directory.mark(request.token()).environment());
        add(launches.start(LaunchRecord.intended(request, settings.labels(), settings.host(), port, now()), prepared));
    }

    private Set<Integer> takenPorts() {
        return instances.values().stream()
                .filter(instance -> !instance.isGone())
                .map(LocalInstance::port)
                .collect(Collectors.toSet());
    }

    private void add(LocalInstance instance) {
        instances.put(instance.id(), instance);
        if (!instance.isGone()) {
            instance.exit().thenRunAsync(() -> exited(instance), timer);
            instance.stoppingSince().ifPresent(since -> killAt(since.plus(settings.stopGrace()), instance));
        }
    }

    private void addFound(LocalInstance instance) {
        add(instance);
        if (!instance.isGone()) {
            lookUntilExit(instance);
        }
    }

    private void lookUntilExit(LocalInstance instance) {
        if (instance.look()) {
            timer.schedule(() -> lookUntilExit(instance), LOOK_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private void exited(LocalInstance instance) {
        instance.observe();
        watchers.hint();
    }

    private void terminate(LocalInstance instance) {
        Instant now = now();
        if (instance.terminate(now)) {
            killAt(now.plus(settings.stopGrace()), instance);
        }
    }

    private void killAt(Instant due, LocalInstance instance) {
        long delay = Math.min(
                Duration.between(Instant.now(), due).toMillis(),
                settings.stopGrace().toMillis());
        timer.schedule(instance::kill, delay, TimeUnit.MILLISECONDS);
    }

    private void forgetRolloutsBut(Set<RolloutId> rollouts) {
        instances
                .values()
                .removeIf(instance ->
                        instance.isGone() && !rollouts.contains(instance.rollout()) && isForgotten(instance));
    }

    private boolean isForgotten(LocalInstance instance) {
        try {
            instance.forget();
            return true;
        } catch (IOException e) {
            LOG.warn("What is kept of {} could not be deleted", instance.id(), e);
            return false;
        }
    }

    private void awaitExits() {
        CompletableFuture<?>[] exits = instances.values().stream()
                .filter(instance -> !instance.isGone())
                .map(LocalInstance::exit)
                .toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(exits)
                    .get(settings.stopGrace().plus(ALLOWANCE).toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw interrupted();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            LOG.debug("Some processes have not exited in time");
        }
    }

    private void awaitTimer() {
        try {
            timer.awaitTermination(ALLOWANCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void lock() {
        try {
            launching.lockInterruptibly();
        } catch (InterruptedException e) {
            throw interrupted();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw ProviderException.permanent("the provider of fleet " + settings.fleet() + " is closed");
        }
    }

    private static ProviderException interrupted() {
        Thread.currentThread().interrupt();
        return ProviderException.retryable("interrupted");
    }

    /** If possible a permanent one: the others may go away by themselves. */
    private static void throwWorst(List<ProviderException> failures) {
        failures.stream()
                .min(Comparator.comparing(ProviderException::isRetryable))
                .ifPresent(worst -> {
                    failures.stream().filter(failure -> failure != worst).forEach(worst::addSuppressed);
                    throw worst;
                });
    }

    /** As precise as a record on disk. */
    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "rollstep-processes");
        thread.setDaemon(true);
        return thread;
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private static final Duration LONGEST_GRACE = Duration.ofDays(1);
        private static final int LAST_PORT = 65_535;
        private static final String HOST_RULE = "be one address of this machine";

        private final FleetId fleet;
        private final Path directory;
        private List<Template> command = List.of();
        private final Map<String, Template> environment = new LinkedHashMap<>();
        private final Map<String, String> labels = new LinkedHashMap<>();
        private InetAddress host = local("127.0.0.1");
        private int firstPort;
        private int lastPort;
        private Duration stopGrace = Duration.ofSeconds(10);

        private Builder(FleetId fleet, Path directory) {
            this.fleet = fleet;
            this.directory = directory;
        }

        /**
         * The program and its arguments. {@code {port}}, {@code {revision}} (its id), {@code {instance}} and {@code
         * {attribute.X}}, X being a key of {@link io.github.rollstep.Revision#attributes()}, are replaced; no shell sees them.
         *
         * @param arguments first an absolute path, or a name that is found in PATH
         */
        public Builder command(List<String> arguments) {
            require(!arguments.isEmpty(), "command", "not be empty", arguments);
            command = arguments.stream()
                    .map(text -> new Template("command", text))
                    .toList();
            return this;
        }

        /** Adds a variable, or replaces one that is inherited from this process; placeholders as in {@link #command}. */
        public Builder environment(String name, String template) {
            require(name.matches("[^=\\x00]+"), "environment", "have names without = and NUL", name);
            require(
                    !Set.of(Mark.INSTANCE, Mark.DIRECTORY).contains(name),
                    "environment",
                    "leave " + Mark.INSTANCE + " and " + Mark.DIRECTORY + " to Rollstep",
                    name);
            environment.put(name, new Template("environment " + name, template));
            return this;
        }

        /** The address of this machine at which processes listen and are reached. The default is 127.0.0.1. */
        public Builder host(String host) {
            this.host = local(host);
            return this;
        }

        /** Ports for processes, both inclusive, taken in turns. The default is whatever the system has free. */
        public Builder ports(int first, int last) {
            require(
                    first >= 1 && first <= last && last <= LAST_PORT,
                    "ports",
                    "be within 1 to 65535, in order",
                    first + "-" + last);
            firstPort = first;
            lastPort = last;
            return this;
        }

        /** How long a process may take to stop before it is killed. The default is 10 seconds; at most a day. */
        public Builder stopGrace(Duration stopGrace) {
            require(
                    !stopGrace.isNegative() && stopGrace.compareTo(LONGEST_GRACE) <= 0,
                    "stopGrace",
                    "be within 0 to 1 day",
                    stopGrace);
            this.stopGrace = stopGrace;
            return this;
        }

        /** A label for each instance that is launched, beside {@code fleet}, {@code rollout}, {@code revision}, {@code token}. */
        public Builder label(String name, String value) {
            require(
                    !Set.of("fleet", "rollout", "revision", "token").contains(name),
                    "label",
                    "leave fleet, rollout, revision and token to Rollstep",
                    name);
            labels.put(name, value);
            return this;
        }

        /**
         * Opens the directory and finds again what an earlier provider has left running there.
         *
         * @throws IllegalArgumentException if there is no command
         * @throws ProviderException not retryable if the directory is in use, is of another fleet, or holds a record that is
         *     torn or foreign; the message names the file
         */
        public LocalProcessProvider build() {
            require(!command.isEmpty(), "command", "be given", command);
            ProcessSettings settings = new ProcessSettings(
                    fleet, command, Map.copyOf(environment), Map.copyOf(labels), host.getHostAddress(), stopGrace);
            LocalProcessProvider provider = new LocalProcessProvider(
                    settings, FleetDirectory.open(fleet, directory), new Ports(host, firstPort, lastPort));
            try {
                provider.launches.recover().forEach(provider::addFound);
            } catch (RuntimeException e) {
                provider.close();
                throw e;
            }
            return provider;
        }

        private static InetAddress local(String host) {
            try {
                InetAddress address = InetAddress.getByName(host);
                require(!host.isBlank() && !address.isAnyLocalAddress(), "host", HOST_RULE, host);
                new ServerSocket(0, 1, address).close();
                return address;
            } catch (IOException e) {
                throw new IllegalArgumentException("host must %s, was %s".formatted(HOST_RULE, host), e);
            }
        }

        private static void require(boolean holds, String name, String rule, Object value) {
            if (!holds) {
                throw new IllegalArgumentException("%s must %s, was %s".formatted(name, rule, value));
            }
        }
    }
}
