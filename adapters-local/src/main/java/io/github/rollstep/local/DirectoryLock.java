package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Keeps a directory to one live provider. The system gives it back when its process dies, however it does. */
final class DirectoryLock implements AutoCloseable {

    /** A second channel must not even be opened here: closing it would give the lock of the first back. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;

    private DirectoryLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** @throws ProviderException permanent if another holds it */
    static DirectoryLock acquire(Path file) {
        if (!HELD.add(file)) {
            throw inUse(file, "this process");
        }
        boolean locked = false;
        try {
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                if (channel.tryLock() == null) {
                    throw inUse(file, "process " + holder(channel));
                }
                channel.truncate(0);
                channel.write(
                        ByteBuffer.wrap(
                                bytes(Long.toString(ProcessHandle.current().pid()))),
                        0);
                locked = true;
                return new DirectoryLock(file, channel);
            } finally {
                if (!locked) {
                    channel.close();
                }
            }
        } catch (OverlappingFileLockException e) {
            throw inUse(file, "this process, by another class loader");
        } catch (IOException e) {
            throw ProviderException.retryable("cannot lock " + file + ": " + e, e);
        } finally {
            if (!locked) {
                HELD.remove(file);
            }
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw ProviderException.retryable("cannot unlock " + file + ": " + e, e);
        } finally {
            HELD.remove(file);
        }
    }

    private static String holder(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(20);
        channel.read(text, 0);
        return new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).strip();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static ProviderException inUse(Path file, String holder) {
        return ProviderException.permanent(
                "%s is in use by a provider of %s; only one at a time may use it".formatted(file.getParent(), holder));
    }
}
