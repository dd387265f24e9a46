package io.github.rollstep.examples.crash;

import io.github.rollstep.FleetId;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.local.LocalProcessProvider;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.run.RolloutEvent;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.InstanceProvider;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.testkit.InvariantMonitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * A controller that finishes the rollout which it finds, or begins it: {@code STORE ADDRESS DIRECTORY SCENARIO}. It says
 * {@code LAUNCH token} for each launch that is asked for, {@code EXIST n} for how many processes there are after it, {@code BROKEN}
 * for each broken promise, and at the end {@code CALLS} and their names. With {@code DIE_AT=17:after} in its environment it says {@code DIE} and which call it is
 * after its 17th call of adapters or store, and stands still to be killed.
 */
final class CrashController {

    static final FleetId FLEET = FleetId.of("crash");

    /** On a shared store a successor waits for the end of it. */
    private static final Duration LEASE = Duration.ofSeconds(2);

    /** A launch that was recorded, and may or may not have been asked for, is waited for twice as long when its deadline is over. */
    private static final Duration CALL_TIMEOUT = Duration.ofSeconds(10);

    private final StoreKind kind;
    private final String address;
    private final Path directory;
    private final Scenario scenario;
    private final Consumer<String> out;
    private final InvariantMonitor monitor;
    private final AtomicInteger said = new AtomicInteger();
    private final Fuse fuse;

    /** @param address of the store */
    CrashController(
            StoreKind kind,
            String address,
            Path directory,
            Scenario scenario,
            Optional<Point> death,
            Consumer<String> out) {
        this.kind = kind;
        this.address = address;
        this.directory = directory;
        this.scenario = scenario;
        this.out = out;
        monitor = InvariantMonitor.of(FLEET, scenario.policy());
        fuse = new Fuse(death, point -> {
            sayBroken();
            out.accept("DIE " + point);
        });
    }

    public static void main(String[] args) throws Exception {
        Thread parent = new Thread(CrashController::endWithParent);
        parent.setDaemon(true);
        parent.start();
        new CrashController(
                        StoreKind.valueOf(args[0]),
                        args[1],
                        Path.of(args[2]),
                        Scenario.valueOf(args[3]),
                        Optional.ofNullable(System.getenv("DIE_AT")).map(Point::parse),
                        System.out::println)
                .run();
    }

    /** One that stands still and whom nobody is left to kill. */
    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) {
                // Nothing is said to it.
            }
        } catch (IOException e) {
            // As good as the end.
        }
        Runtime.getRuntime().halt(1);
    }

    void run() throws InterruptedException {
        try (LocalProcessProvider processes = processes(directory);
                StoreKind.Opened store = kind.open(address);
                RollingUpdate update = update(processes, store.store())) {
            Optional<Rollout> found = isShared(store.store()) ? update.rollout() : update.resume();
            boolean over = found.isEmpty()
                    && store.store()
                            .load(FLEET)
                            .filter(record -> isOver(record.state()))
                            .isPresent();
            if (!over) {
                Rollout rollout = found.orElseGet(() -> update.start(scenario.revision));
                Optional<Progress> end = rollout.await(Duration.ofMinutes(1));
                if (end.isEmpty()) {
                    out.accept("BROKEN it has not ended: " + rollout.progress());
                }
            }
            sayBroken();
            out.accept("CALLS " + String.join(" ", fuse.calls()));
        }
    }

    /** On a shared store it goes by itself on with what another left, as soon as it may. */
    private RollingUpdate update(LocalProcessProvider processes, RolloutStore store) {
        RollingUpdate.Builder builder = monitor.around(
                        new Mortal.Provider(new Reporting(processes), fuse),
                        new Mortal.Checker(scenario::health, fuse),
                        new Mortal.Router(router(directory), fuse),
                        Mortal.store(store, fuse))
                .desired(Scenario.DESIRED)
                .pollInterval(scenario.pollInterval())
                .callTimeout(CALL_TIMEOUT)
                .listener(new RolloutListener() {
                    @Override
                    public void actionTaken(RolloutEvent.ActionTaken event) {
                        sayBroken();
                    }
                });
        return isShared(store) ? builder.lease(LEASE).shared().build() : builder.build();
    }

    private static boolean isShared(RolloutStore store) {
        return store instanceof Exchange;
    }

    private boolean isOver(RolloutState state) {
        return state.target().equals(scenario.revision) && state.phase().isFinal();
    }

    private void sayBroken() {
        List<?> broken = monitor.violations();
        while (said.get() < broken.size()) {
            out.accept("BROKEN "
                    + String.valueOf(broken.get(said.getAndIncrement())).replace('\n', '|'));
        }
    }

    static FileRouter router(Path directory) {
        return new FileRouter(directory.resolve("routes"));
    }

    /** A program that is everywhere, and whose arguments tell whose it is. */
    static LocalProcessProvider processes(Path directory) {
        return LocalProcessProvider.builder(FLEET, directory.resolve("fleet"))
                .command(List.of("tail", "-f", mark(directory).toString()))
                .build();
    }

    private static Path mark(Path directory) {
        Path file = directory.resolve("alive");
        try {
            return Files.exists(file) ? file : Files.createFile(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The processes of the fleet, by the operating system's own list. */
    static List<ProcessHandle> running(Path directory) {
        String mark = mark(directory).toString();
        return ProcessHandle.allProcesses()
                .filter(process -> List.of(process.info().arguments().orElse(new String[0]))
                        .contains(mark))
                .toList();
    }

    /** Says what is launched, and what exists then: only a launch makes it more. */
    private final class Reporting implements InstanceProvider {

        private final InstanceProvider provider;

        Reporting(InstanceProvider provider) {
            this.provider = provider;
        }

        @Override
        public List<Instance> list() {
            return provider.list();
        }

        @Override
        public void launch(List<LaunchRequest> open) {
            open.forEach(request -> out.accept("LAUNCH " + request.token()));
            provider.launch(open);
            out.accept("EXIST " + running(directory).size());
        }

        @Override
        public void terminate(InstanceId id) {
            provider.terminate(id);
        }
    }
}
