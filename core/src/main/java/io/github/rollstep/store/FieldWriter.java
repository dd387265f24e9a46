package io.github.rollstep.store;

import java.time.Instant;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Writes fields, one line each: {@code key=value}, with line breaks, backslashes and NUL of the value escaped. NUL, because not
 * every database takes it in a text.
 */
final class FieldWriter {

    private final StringBuilder text;
    private final String prefix;

    FieldWriter() {
        this(new StringBuilder(), "");
    }

    private FieldWriter(StringBuilder text, String prefix) {
        this.text = text;
        this.prefix = prefix;
    }

    /** Writes fields whose keys begin with this one. */
    FieldWriter in(String key) {
        return new FieldWriter(text, prefix + key + ".");
    }

    FieldWriter put(String key, Object value) {
        String escaped = value.toString()
                .replace("\\", "\\\\")
                .replace("\n", "\\n")
                .replace("\r", "\\r")
                .replace("\0", "\\0");
        text.append(prefix).append(key).append('=').append(escaped).append('\n');
        return this;
    }

    /** An empty one is left out. */
    FieldWriter put(String key, Optional<?> value) {
        value.ifPresent(present -> put(key, present));
        return this;
    }

    FieldWriter put(String key, Instant time) {
        return put(key, (Object) time);
    }

    /** How many there are, then each under its number. */
    <T> FieldWriter putAll(String key, Iterable<T> items, BiConsumer<FieldWriter, T> write) {
        int count = 0;
        for (T item : items) {
            write.accept(in(key + "." + count), item);
            count++;
        }
        return put(key, count);
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
