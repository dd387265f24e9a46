package io.github.rollstep.store;

import io.github.rollstep.FleetId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Keeps records in files of a directory, one a fleet, for one process at a time. A lock held until {@link #close}, or until
 * the process dies, keeps others out; so a lease from before counts no more.
 *
 * <p>A file is replaced as a whole: written beside, forced to the disk, renamed, and the directory forced too. When
 * {@link #save} has returned, the state is found again after a crash of the machine. A file that is torn, foreign or of a
 * newer format is refused, never repaired. Safe for use by several threads.
 */
public final class FileRolloutStore implements RolloutStore, AutoCloseable {

    private static final String FORMAT = "rollstep-record ";
    private static final String CHECKSUM = "crc32=";

    private final Path directory;
    private final InstantSource clock;
    private final FileChannel lockFile;
    private final FileLock lock;

    /** Leases of an earlier process carry another one, and are void. */
    private final String session = UUID.randomUUID().toString();

    private FileRolloutStore(Path directory, InstantSource clock, FileChannel lockFile, FileLock lock) {
        this.directory = directory;
        this.clock = clock;
        this.lockFile = lockFile;
        this.lock = lock;
    }

    /** {@link #open(Path, InstantSource)} with the system's clock. */
    public static FileRolloutStore open(Path directory) {
        return open(directory, InstantSource.system());
    }

    /**
     * Opens the directory, or creates it.
     *
     * @param clock by which leases expire
     * @throws IllegalStateException if a store has it open already, in this process or another
     * @throws UncheckedIOException if it cannot be created or written
     */
    public static FileRolloutStore open(Path directory, InstantSource clock) {
        try {
            Files.createDirectories(directory);
            FileChannel lockFile =
                    FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            @Nullable FileLock lock = tryLock(lockFile);
            if (lock == null) {
                lockFile.close();
                throw new IllegalStateException("directory %s is in use by another store".formatted(directory));
            }
            return new FileRolloutStore(directory, clock, lockFile, lock);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open %s: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel file) throws IOException {
        try {
            return file.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    @Override
    public synchronized Optional<Stored> load(FleetId fleet) {
        return read(fleet).stored();
    }

    @Override
    public synchronized boolean save(Lease lease, long expectedVersion, RolloutState next) {
        Optional<Entry> saved = read(lease.fleet()).save(lease, expectedVersion, next);
        saved.ifPresent(entry -> write(lease.fleet(), entry));
        return saved.isPresent();
    }

    @Override
    public synchronized Optional<Lease> acquire(FleetId fleet, String owner, Duration duration) {
        Optional<Entry> acquired = read(fleet).acquire(new Lease(fleet, owner, 0), duration, clock.instant());
        acquired.ifPresent(entry -> write(fleet, entry));
        return acquired.map(entry -> entry.lease(fleet));
    }

    @Override
    public synchronized void release(Lease lease) {
        Entry entry = read(lease.fleet());
        Entry released = entry.release(lease);
        if (!released.equals(entry)) {
            write(lease.fleet(), released);
        }
    }

    /** Lets another process open the directory. A repeat changes nothing. */
    @Override
    public synchronized void close() {
        try {
            lockFile.close(); // with it the lock
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close " + directory, e);
        }
    }

    private Path file(FleetId fleet) {
        return directory.resolve(fleet.value() + ".rollout");
    }

    private Entry read(FleetId fleet) {
        requireOpen();
        Path file = file(fleet);
        if (!Files.exists(file)) {
            return Entry.EMPTY;
        }
        try {
            return parse(fleet, Files.readString(file));
        } catch (CharacterCodingException e) {
            throw ProviderException.permanent("%s is refused: it is torn, or no text".formatted(file), e);
        } catch (IOException e) {
            throw ProviderException.retryable("%s cannot be read: %s".formatted(file, e), e);
        } catch (IllegalArgumentException e) {
            throw ProviderException.permanent("%s is refused: %s".formatted(file, e.getMessage()), e);
        }
    }

    private Entry parse(FleetId fleet, String text) {
        int format = RecordText.version(FORMAT, text);
        int tail = text.lastIndexOf(CHECKSUM);
        if (tail < 0 || !text.substring(tail).equals(checksum(text.substring(0, tail)))) {
            throw new IllegalArgumentException("it is torn, or was changed: the checksum does not match");
        }
        FieldReader in = RecordText.body(text.substring(0, tail));
        long fence = in.get("fence", Long::parseLong);
        Optional<String> owner = in.find("owner");
        Instant until = in.time("until");
        boolean ours = in.text("session").equals(session);
        long version = in.get("version", Long::parseLong);
        Optional<Stored> stored = version == 0
                ? Optional.empty()
                : Optional.of(new Stored(version, StateFormat.read(in.in("state"), format)));
        in.requireNothingLeft();
        stored.map(record -> record.state().fleet())
                .filter(other -> !other.equals(fleet))
                .ifPresent(other -> {
                    throw new IllegalArgumentException("it belongs to fleet " + other);
                });
        Entry entry = new Entry(stored, fence, owner, until);
        return ours ? entry : entry.abandoned();
    }

    private String format(Entry entry) {
        FieldWriter out = new FieldWriter();
        out.put("fence", entry.fence())
                .put("owner", entry.owner())
                .put("until", entry.until())
                .put("session", session)
                .put("version", entry.stored().map(Stored::version).orElse(0L));
        entry.stored().ifPresent(stored -> StateFormat.write(out.in("state"), stored.state()));
        String text = FORMAT + RecordText.VERSION + "\n" + out;
        return text + checksum(text);
    }

    private static String checksum(String text) {
        CRC32 crc = new CRC32();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return "%s%08x\n".formatted(CHECKSUM, crc.getValue());
    }

    private void write(FleetId fleet, Entry entry) {
        Path file = file(fleet);
        Path beside = directory.resolve(fleet.value() + ".tmp");
        try {
            try (FileChannel channel = FileChannel.open(
                    beside,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE)) {
                ByteBuffer bytes = StandardCharsets.UTF_8.encode(format(entry));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            try (FileChannel parent = FileChannel.open(directory, StandardOpenOption.READ)) {
                parent.force(true);
            }
        } catch (IOException e) {
            throw ProviderException.retryable("%s cannot be written: %s".formatted(file, e), e);
        }
    }

    private void requireOpen() {
        if (!lock.isValid()) {
            throw new IllegalStateException("the store of directory %s is closed".formatted(directory));
        }
    }
}
