package io.github.rollstep.local;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.spi.ProviderException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The files of one fleet, held by one provider:
 *
 * <pre>
 * lock                      held while a provider lives
 * fleet                     whose directory this is
 * instances/TOKEN/record    what is known of a launch
 * instances/TOKEN/work/     where its process works
 * instances/TOKEN/log       what its process writes
 * </pre>
 *
 * <p>A record is there before anything else of its launch, and goes last. It is forced to the disk before it takes its name, so
 * that it is whole or not there; the name itself is not, since no process lives through a failure of power either.
 */
final class FleetDirectory implements AutoCloseable {

    private static final String KIND = "rollstep-fleet 1";
    private static final String TEMPORARY = ".tmp";
    private static final int TAIL = 4096;

    private final FleetId fleet;
    private final Path instances;
    private final String id;
    private final DirectoryLock lock;

    private FleetDirectory(FleetId fleet, Path instances, String id, DirectoryLock lock) {
        this.fleet = fleet;
        this.instances = instances;
        this.id = id;
        this.lock = lock;
    }

    /**
     * Opens the directory, which is made if need be.
     *
     * @throws ProviderException permanent if it is in use or of another fleet
     */
    static FleetDirectory open(FleetId fleet, Path directory) {
        @Nullable DirectoryLock lock = null;
        try {
            Path root = Files.createDirectories(directory).toRealPath();
            lock = DirectoryLock.acquire(root.resolve("lock"));
            FleetDirectory opened = new FleetDirectory(
                    fleet, root.resolve("instances"), identified(fleet, root.resolve("fleet")), lock);
            opened.makeInstances();
            lock = null;
            return opened;
        } catch (IOException e) {
            throw ProviderException.retryable("cannot use " + directory + ": " + e, e);
        } finally {
            if (lock != null) {
                lock.close();
            }
        }
    }

    Mark mark(LaunchToken token) {
        return new Mark(fleet, id, token);
    }

    Path work(LaunchToken token) {
        return home(token).resolve("work");
    }

    Path log(LaunchToken token) {
        return home(token).resolve("log");
    }

    /** All records; what a crash left before a record was there is cleared away. */
    List<LaunchRecord> records() {
        List<LaunchRecord> records = new ArrayList<>();
        try (DirectoryStream<Path> homes = Files.newDirectoryStream(instances, Files::isDirectory)) {
            for (Path home : homes) {
                Path file = home.resolve("record");
                Files.deleteIfExists(temporary(file));
                if (Files.exists(file)) {
                    records.add(read(file));
                } else {
                    clear(home);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw ProviderException.retryable("cannot read " + instances + ": " + e, e);
        }
        return records;
    }

    /** Makes the launch's directories too. Not interruptible: a process was or will be started. */
    void write(LaunchRecord record) throws IOException {
        Path home = Files.createDirectories(home(record.token()));
        write(home.resolve("record"), record.text());
    }

    void makeWork(LaunchToken token) throws IOException {
        Files.createDirectories(work(token));
    }

    void deleteWork(LaunchToken token) throws IOException {
        delete(work(token));
    }

    /** Deletes all of a launch, the record last. */
    void forget(LaunchToken token) throws IOException {
        Path home = home(token);
        Path record = home.resolve("record");
        if (Files.isDirectory(home)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(home, entry -> !entry.equals(record))) {
                for (Path entry : entries) {
                    delete(entry);
                }
            }
            Files.deleteIfExists(record);
            Files.delete(home);
        }
    }

    /** The last line in the log that is not blank, of at most {@code limit} characters; empty if there is none. */
    Optional<String> lastLine(LaunchToken token, int limit) {
        try (RandomAccessFile log = new RandomAccessFile(log(token).toFile(), "r")) {
            long from = Math.max(0, log.length() - TAIL);
            byte[] tail = new byte[(int) (log.length() - from)];
            log.seek(from);
            log.readFully(tail);
            return new String(tail, StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.replaceAll("\\p{Cntrl}", " ").strip())
                    .filter(line -> !line.isEmpty())
                    .reduce((earlier, later) -> later)
                    .map(line -> line.substring(0, Math.min(limit, line.length())));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    @Override
    public void close() {
        lock.close();
    }

    private Path home(LaunchToken token) {
        return instances.resolve(token.value());
    }

    private LaunchRecord read(Path file) {
        LaunchRecord record = LaunchRecord.read(file);
        if (!record.request().fleet().equals(fleet) || !home(record.token()).equals(file.getParent())) {
            throw ProviderException.permanent("%s is of launch %s of fleet %s, and does not belong here"
                    .formatted(file, record.token(), record.request().fleet()));
        }
        return record;
    }

    private static void clear(Path home) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(home)) {
            if (entries.iterator().hasNext()) {
                throw ProviderException.permanent(home + " has no record: it is not of Rollstep, or was tampered with");
            }
        }
        Files.delete(home);
    }

    private void makeInstances() throws IOException {
        if (Files.isDirectory(instances)) {
            return;
        }
        // Records hold the attributes of revisions, logs hold anything: for nobody else.
        if (Files.getFileStore(instances.getParent()).supportsFileAttributeView("posix")) {
            Files.createDirectory(
                    instances, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } else {
            Files.createDirectory(instances);
        }
    }

    private static String identified(FleetId fleet, Path file) throws IOException {
        if (!Files.exists(file)) {
            if (Files.exists(file.resolveSibling("instances"))) {
                throw ProviderException.permanent(file + " is missing, though there are instances beside it");
            }
            write(
                    file,
                    RecordText.write(
                            KIND,
                            Map.of(
                                    "fleet",
                                    fleet.value(),
                                    "id",
                                    UUID.randomUUID().toString())));
        }
        RecordText text = RecordText.read(file, KIND);
        String owner = text.take("fleet");
        String id = text.take("id");
        text.takenWhole();
        if (!owner.equals(fleet.value())) {
            throw ProviderException.permanent(
                    "%s says that the directory is of fleet %s, not of %s".formatted(file, owner, fleet));
        }
        return id;
    }

    private static void write(Path file, String text) throws IOException {
        Path temporary = temporary(file);
        // A channel would be closed by an interrupt, in the middle.
        try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.getFD().sync();
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static Path temporary(Path file) {
        return file.resolveSibling(file.getFileName() + TEMPORARY);
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
                if (e != null) {
                    throw e;
                }
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
