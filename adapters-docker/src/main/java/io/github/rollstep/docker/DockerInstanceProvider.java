package io.github.rollstep.docker;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.exception.ConflictException;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Event;
import io.github.rollstep.FleetId;
import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Require;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.Watchable;
import io.github.rollstep.spi.Watchers;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Containers of one Docker Engine as the instances of one fleet.
 *
 * <pre>{@code
 * try (DockerEngine engine = DockerEngine.connect();
 *         DockerInstanceProvider provider = DockerInstanceProvider.builder(engine, FleetId.of("shop"))
 *                 .template(revision -> ContainerTemplate.builder("shop:" + revision.id()).build())
 *                 .port(8080)
 *                 .build()) {
 *     ...
 * }
 * }</pre>
 *
 * <p><b>A container</b> is named after fleet and launch token, so that the engine itself refuses a second one, and carries
 * fleet, rollout, revision with its attributes, and token as labels {@code io.github.rollstep.*}: whoever may inspect it reads
 * them, so no attribute should be a secret. Its instance id is the short id that {@code docker ps} prints, also when someone
 * renames it. It is {@code RUNNING} once it is started; whether it is ready is for a health checker to say. One that exits is
 * {@code FAILED}, with exit code, lack of memory and the end of its log as the detail, and stays until it is terminated. One that
 * its restart policy starts again is listed as {@code STARTING} at least once, so that it is not serving without a break.
 *
 * <p><b>The fleet</b> is what carries its labels, whoever started it: one list call shows it, whatever its size. What does not
 * carry them is never touched. {@link #terminate} sends the stop signal, SIGKILL follows after the container's own grace, and
 * then it is removed together with its anonymous volumes.
 *
 * <p><b>The controller may die</b> at any time: the engine keeps all that is known. A container that was created and not started
 * is not listed, as its launch is still open: a repeat starts it.
 *
 * <p>All methods may be called from any thread. Daemon threads; {@link #close} leaves the containers alone.
 */
public final class DockerInstanceProvider implements InstanceProvider, Watchable, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(DockerInstanceProvider.class);

    /** Less than the engine's call time-out: a pull that takes longer shows its progress as the reason of the wait. */
    private static final Duration PULL_PATIENCE = Duration.ofSeconds(5);

    /** Events after which a list shows something else; others come in between, and each list costs. */
    private static final Set<String> TELLING =
            Set.of("start", "die", "destroy", "pause", "unpause", "rename", "health_status");

    /** Whoever waits for slow starts holds up the rest of the step; what fails at once is told at once. */
    private static final Duration START_PATIENCE = Duration.ofMillis(100);

    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** No launch is asked for again after so long. */
    private static final Duration ABANDONED = Duration.ofMinutes(10);

    /** Stopping costs a connection for as long as a container takes to stop, and nothing else. */
    private static final int MOST_STOPS = 100;

    /** From a step's list to its actions; the engine refuses what was done meanwhile, and a repeat sees it. */
    private static final Duration STEP = Duration.ofSeconds(1);

    /** @param nanos before it was asked for */
    private record Listing(List<ListedContainer> containers, long nanos) {}

    private final DockerEngine engine;
    private final FleetId fleet;
    private final Map<String, String> selector;
    private final Function<Revision, ContainerTemplate> template;
    private final Addressing addressing;
    private final Images images;
    private final Workers creations;
    private final Workers starts;
    private final Workers stops;
    private final LastWords lastWords;
    private final Restarts restarts;
    private final EngineEvents events;
    private final Watchers watchers = new Watchers();
    private final Set<String> starting = ConcurrentHashMap.newKeySet();
    private final Map<String, ProviderException> unstarted = new ConcurrentHashMap<>();
    private final Set<String> stopping = ConcurrentHashMap.newKeySet();
    private final Map<String, String> restarted = new ConcurrentHashMap<>();
    private final AtomicReference<@Nullable Listing> listing = new AtomicReference<>();
    private final AtomicReference<@Nullable Map<InstanceId, Health>> health = new AtomicReference<>();

    private DockerInstanceProvider(
            Builder builder, Function<Revision, ContainerTemplate> template, Addressing addressing) {
        this.engine = builder.engine;
        this.fleet = builder.fleet;
        this.selector = builder.selector;
        this.template = template;
        this.addressing = addressing;
        this.images = new Images(engine);
        this.creations = new Workers("rollstep-docker-create", builder.parallelism);
        this.starts = new Workers("rollstep-docker-start", builder.parallelism);
        this.stops = new Workers("rollstep-docker-stop", MOST_STOPS);
        this.lastWords = new LastWords(engine, creations);
        this.restarts = new Restarts(engine, creations);
        this.events = new EngineEvents(engine, selector, this::happened, this::connected).open();
    }

    public static Builder builder(DockerEngine engine, FleetId fleet) {
        return new Builder(engine, fleet);
    }

    /**
     * {@inheritDoc}
     *
     * <p>One call of the engine; for each container one more once if it was created before its events were watched, and at most
     * three more each time it exits.
     */
    @Override
    public List<Instance> list() {
        // Before the list: one that is started meanwhile must not be missing.
        Set<String> begun = Set.copyOf(starting);
        List<ListedContainer> containers = containers();
        Set<String> ids = containers.stream().map(ListedContainer::id).collect(Collectors.toSet());
        stopping.retainAll(ids);
        unstarted.keySet().retainAll(ids);
        lastWords.learn(containers.stream()
                .filter(container -> container.hasExited() && !stopping.contains(container.id()))
                .toList());
        restarts.learn(containers);
        health.set(containers.stream().collect(Collectors.toMap(ListedContainer::instance, ListedContainer::health)));
        return containers.stream()
                .filter(container ->
                        !container.isOpenLaunch() || begun.contains(container.id()) || isUnstarted(container))
                .map(container -> observe(container).toBuilder()
                        .restarts(restarts.of(container.id()))
                        .build())
                .toList();
    }

    private List<ListedContainer> containers() {
        long now = System.nanoTime();
        List<ListedContainer> containers = EngineErrors.translate(
                "list the containers of fleet " + fleet,
                () -> engine.calls().listContainersCmd().withShowAll(true).withLabelFilter(selector).exec().stream()
                        .map(ListedContainer::of)
                        .toList());
        listing.set(new Listing(containers, now));
        return containers;
    }

    /** Those of the list that the same step began with, if it holds all that is asked for; else of a new one. */
    private List<ListedContainer> containersWith(Set<InstanceId> ids) {
        @Nullable Listing last = listing.get();
        boolean serves = last != null
                && System.nanoTime() - last.nanos() < STEP.toNanos()
                && last.containers().stream()
                        .map(ListedContainer::instance)
                        .collect(Collectors.toSet())
                        .containsAll(ids);
        return last != null && serves ? last.containers() : containers();
    }

    private Instance observe(ListedContainer container) {
        @Nullable String restart = container.isRunning() ? restarted.remove(container.id()) : null;
        Optional<InetSocketAddress> address = addressing.of(container);
        if (stopping.contains(container.id()) || container.state().equals("removing")) {
            return container.toInstance(Instance.State.STOPPING, "told to stop", address);
        }
        if (restart != null) {
            return container.toInstance(
                    Instance.State.STARTING, "restarted by the engine after exit code " + restart, address);
        }
        return switch (container.state()) {
            case "running" -> container.toInstance(Instance.State.RUNNING, addressing.complaint(container), address);
            case "paused" -> container.toInstance(Instance.State.RUNNING, "paused", address);
            case "restarting" -> container.toInstance(Instance.State.STARTING, container.status(), address);
            case "created" ->
                container.isOpenLaunch() && !isUnstarted(container)
                        ? container.toInstance(Instance.State.STARTING, "being started", address)
                        : container.toInstance(Instance.State.FAILED, neverStarted(container), address);
            default -> container.toInstance(Instance.State.FAILED, lastWords.of(container), address);
        };
    }

    private boolean isUnstarted(ListedContainer container) {
        return unstarted.containsKey(container.id());
    }

    private String neverStarted(ListedContainer container) {
        @Nullable ProviderException reason = unstarted.get(container.id());
        return reason == null ? "created, and never started" : String.valueOf(reason.getMessage());
    }

    /**
     * {@inheritDoc}
     *
     * <p>An image that the engine has is used as it is; another one is pulled, and the launch fails with the progress as its
     * message until it is there. It returns when the containers are created; so many of them as {@link Builder#parallelism} says
     * are started at the same time. What the engine says against a start at once is thrown; what it says later makes the instance a failed one.
     *
     * @throws ProviderException not retryable if the template or the engine refuses the container, the image does not exist, the
     *     name is taken by a container that is not of this launch, the request is of another fleet, or the provider is closed
     */
    @Override
    public void launch(List<LaunchRequest> open) {
        Map<LaunchToken, ListedContainer> present = new HashMap<>();
        List<ListedContainer> abandoned = new ArrayList<>();
        Set<LaunchToken> asked = open.stream().map(LaunchRequest::token).collect(Collectors.toSet());
        for (ListedContainer container : containersWith(Set.of())) {
            container.token().ifPresent(token -> present.put(token, container));
            if (container.isOpenLaunch()
                    && container.isOlderThan(ABANDONED)
                    && !asked.contains(container.token().orElseThrow())) {
                abandoned.add(container);
            }
        }
        Map<String, Future<?>> begun = new ConcurrentHashMap<>();
        try {
            creations.forEach(
                    open,
                    request -> create(request, Optional.ofNullable(present.get(request.token())))
                            .ifPresent(id -> begun.put(id, starts.begin(() -> start(id, request)))));
        } finally {
            Workers.await(begun.values(), START_PATIENCE);
        }
        creations.forEach(begun.keySet(), this::removeIfImpossible);
        creations.forEach(abandoned, container -> remove(container.id()));
    }

    /** The container to start; empty if it is started already. */
    private Optional<String> create(LaunchRequest request, Optional<ListedContainer> present) {
        if (!request.fleet().equals(fleet)) {
            throw ProviderException.permanent(
                    "the launch %s is of fleet %s, not of %s".formatted(request.token(), request.fleet(), fleet));
        }
        present.ifPresent(container -> removeIfImpossible(container.id()));
        Optional<String> id = present.isPresent()
                ? present.filter(ListedContainer::isCreated).map(ListedContainer::id)
                : create(request);
        return id.filter(starting::add);
    }

    private Optional<String> create(LaunchRequest request) {
        ContainerTemplate shape = shape(request.revision());
        images.require(shape.image(), PULL_PATIENCE);
        return create(shape, request);
    }

    private ContainerTemplate shape(Revision revision) {
        try {
            return template.apply(revision);
        } catch (IllegalArgumentException e) {
            throw ProviderException.permanent("revision %s: %s".formatted(revision, e.getMessage()), e);
        }
    }

    /** The container to start; empty if it was started before. */
    private Optional<String> create(ContainerTemplate shape, LaunchRequest request) {
        String name = fleet + "." + request.token();
        Map<String, String> labels = new HashMap<>(shape.labels());
        labels.putAll(selector);
        labels.putAll(FleetLabels.of(request));
        try (CreateContainerCmd create = engine.calls().createContainerCmd(shape.image())) {
            shape.applyTo(create, addressing.network());
            String id = create.withName(name).withLabels(labels).exec().getId();
            for (String network : shape.networks()) {
                engine.calls()
                        .connectToNetworkCmd()
                        .withContainerId(id)
                        .withNetworkId(network)
                        .exec();
            }
            return Optional.of(id);
        } catch (ConflictException e) {
            return notStarted(name, request);
        } catch (RuntimeException e) {
            throw EngineErrors.of("create container " + name, e);
        }
    }

    /** Someone was faster, an earlier call that was given up for example. */
    private Optional<String> notStarted(String name, LaunchRequest request) {
        try {
            InspectContainerResponse container =
                    engine.calls().inspectContainerCmd(name).exec();
            Map<String, String> labels = container.getConfig().getLabels();
            if (labels == null || !FleetLabels.isOf(labels, request)) {
                throw ProviderException.permanent("the name %s is taken by a container that is not of this launch: %s"
                        .formatted(name, container.getId()));
            }
            return "created".equals(container.getState().getStatus())
                    ? Optional.of(container.getId())
                    : Optional.empty();
        } catch (NotFoundException e) {
            throw ProviderException.retryable("container " + name + " is being created or removed by someone else", e);
        } catch (RuntimeException e) {
            throw EngineErrors.of("inspect container " + name, e);
        }
    }

    /** Until the engine has started it, or says that it never can. */
    private void start(String id, LaunchRequest request) {
        try {
            boolean again = true;
            while (again) {
                again = !startedOrImpossible(id, request) && Workers.pause(AGAIN);
            }
        } finally {
            starting.remove(id);
        }
    }

    private boolean startedOrImpossible(String id, LaunchRequest request) {
        try {
            EngineErrors.runUnlessGone(
                    "start container " + request.token(),
                    () -> engine.streams().startContainerCmd(id).exec());
            return true;
        } catch (ProviderException e) {
            LOG.debug("Container {} was not started", id, e);
            if (!e.isRetryable()) {
                unstarted.put(id, e);
                watchers.hint();
            }
            return !e.isRetryable();
        }
    }

    /** @throws ProviderException why it never can be started */
    private void removeIfImpossible(String id) {
        @Nullable ProviderException reason = unstarted.get(id);
        if (reason != null) {
            remove(id);
            unstarted.remove(id);
            throw reason;
        }
    }

    private void remove(String id) {
        EngineErrors.runUnlessGone("remove container " + id, () -> {
            try {
                engine.calls()
                        .removeContainerCmd(id)
                        .withForce(true)
                        .withRemoveVolumes(true)
                        .exec();
            } catch (ConflictException e) {
                LOG.debug("Someone else is removing {}", id, e);
            }
        });
    }

    @Override
    public void terminate(InstanceId id) {
        terminateAll(List.of(id));
    }

    /**
     * {@inheritDoc}
     *
     * <p>An engine that then fails to stop one, as it is restarted for example, is told so again until the container is gone. If it
     * refuses, that is logged, and the container is listed as running again.
     */
    @Override
    public void terminateAll(Collection<InstanceId> ids) {
        Set<InstanceId> wanted = Set.copyOf(ids);
        for (ListedContainer container : containersWith(wanted)) {
            if (wanted.contains(container.instance()) && stopping.add(container.id())) {
                stops.submit(() -> stopAndRemove(container));
            }
        }
    }

    /** Until it is gone, or the engine says that it never will be: also one that a restart of the engine has brought back. */
    private void stopAndRemove(ListedContainer container) {
        boolean again = true;
        while (again) {
            again = !goneOrRefused(container) && Workers.pause(AGAIN);
        }
    }

    private boolean goneOrRefused(ListedContainer container) {
        try {
            EngineErrors.runUnlessGone(
                    "stop container " + container.name(),
                    () -> engine.streams().stopContainerCmd(container.id()).exec());
            remove(container.id());
            return true;
        } catch (ProviderException e) {
            LOG.warn("Container {} ({}) was not stopped", container.instance(), container.name(), e);
            if (!e.isRetryable()) {
                stopping.remove(container.id());
                watchers.hint();
            }
            return !e.isRetryable();
        }
    }

    private void happened(Event event) {
        @Nullable String action = event.getAction();
        if (action == null) {
            return;
        }
        if (event.getActor() != null && event.getActor().getId() != null) {
            happened(
                    action,
                    event.getActor().getId(),
                    Optional.ofNullable(event.getActor().getAttributes()).orElse(Map.of()));
        }
        if (TELLING.contains(action.split(":")[0])) {
            watchers.hint();
        }
    }

    private void happened(String action, String id, Map<String, String> attributes) {
        switch (action) {
            case "create" -> restarts.created(id);
            case "die" -> {
                restarted.put(id, attributes.getOrDefault("exitCode", "unknown"));
                if (!stopping.contains(id)) {
                    restarts.ended(id);
                }
            }
            case "destroy" -> {
                restarted.remove(id);
                restarts.forget(id);
            }
            default -> {}
        }
    }

    /** For the first time or again. */
    private void connected() {
        restarts.missed();
        watchers.hint();
    }

    /** {@inheritDoc} The engine's event stream; after a gap in it the watchers are told once. */
    @Override
    public Subscription watch(Runnable changed) {
        return watchers.add(changed);
    }

    /**
     * Pulls the image of a revision ahead of its rollout; returns when the engine has it.
     *
     * @throws ProviderException retryable, with the progress as its message, if that takes longer
     */
    public void pull(Revision revision, Duration patience) {
        images.require(shape(revision).image(), patience);
    }

    /** Of the last list if nobody had it yet, else of a new one. */
    Map<InstanceId, Health> engineHealth() {
        @Nullable Map<InstanceId, Health> listed = health.getAndSet(null);
        return listed != null
                ? listed
                : containers().stream().collect(Collectors.toMap(ListedContainer::instance, ListedContainer::health));
    }

    /** Leaves the containers as they are; the engine goes on stopping those that were told to. A repeat is fine. */
    @Override
    public void close() {
        events.close();
        creations.close();
        starts.close();
        stops.close();
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private final DockerEngine engine;
        private final FleetId fleet;
        private Map<String, String> selector;
        private @Nullable Function<Revision, ContainerTemplate> template;
        private Optional<String> network = Optional.empty();
        private int port;
        private boolean published;
        private int parallelism = Math.max(4, 2 * Runtime.getRuntime().availableProcessors());

        private Builder(DockerEngine engine, FleetId fleet) {
            this.engine = engine;
            this.fleet = fleet;
            this.selector = FleetLabels.selecting(fleet);
        }

        /** What the containers of a revision look like; called for each launch. Required. */
        public Builder template(Function<Revision, ContainerTemplate> template) {
            this.template = template;
            return this;
        }

        /** The network of the containers, in which their addresses are; the default is the engine's default bridge. */
        public Builder network(String network) {
            this.network = Optional.of(Require.matches("network", "[A-Za-z0-9][A-Za-z0-9_.-]*", network));
            return this;
        }

        /** Requests go to this port at the container's own address, which is reached from the engine's host and its networks. */
        public Builder port(int port) {
            return port(port, false);
        }

        /**
         * Requests go to the host's port at which the engine has published this port of the container. Check such instances by
         * HTTP: the engine accepts connections before the container does.
         */
        public Builder publishedPort(int port) {
            return port(port, true);
        }

        private Builder port(int value, boolean isPublished) {
            Require.that(value >= 1 && value <= 65_535, "port must be 1 to 65535, was %s", value);
            this.port = value;
            this.published = isPublished;
            return this;
        }

        /**
         * The fleet is what carries these labels, instead of {@code io.github.rollstep.fleet}: containers that another tool
         * has started become part of it. What is launched gets them too.
         */
        public Builder adopting(Map<String, String> labels) {
            Require.that(!labels.isEmpty(), "adopted labels must not be empty, were %s", labels);
            this.selector = Map.copyOf(labels);
            return this;
        }

        /**
         * How many containers are created and started at the same time; twice the processors of this machine by default and at
         * least 4. Starts are bound by the CPU of the engine's host: more than four times its processors gain nothing.
         */
        public Builder parallelism(int parallelism) {
            Require.that(parallelism >= 1 && parallelism <= 100, "parallelism must be 1 to 100, was %s", parallelism);
            this.parallelism = parallelism;
            return this;
        }

        /**
         * @throws IllegalArgumentException if there is no template
         */
        public DockerInstanceProvider build() {
            @Nullable Function<Revision, ContainerTemplate> given = template;
            if (given == null) {
                throw new IllegalArgumentException("template must be given, was none");
            }
            return new DockerInstanceProvider(
                    this, given, new Addressing(network, port, published, engine.publishedHost()));
        }
    }
}
