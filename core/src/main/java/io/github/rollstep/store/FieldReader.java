package io.github.rollstep.store;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads what {@link FieldWriter} wrote, strictly: each key once, each value as it must be, and nothing left over. Every error is
 * an {@link IllegalArgumentException} that names the key.
 */
final class FieldReader {

    private final Map<String, String> fields;
    private final String prefix;

    private FieldReader(Map<String, String> fields, String prefix) {
        this.fields = fields;
        this.prefix = prefix;
    }

    static FieldReader of(String text) {
        Map<String, String> fields = new HashMap<>();
        text.lines().forEach(line -> {
            int equals = line.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("a line must be key=value, was \"" + line + "\"");
            }
            if (fields.put(line.substring(0, equals), unescape(line.substring(equals + 1))) != null) {
                throw new IllegalArgumentException(line.substring(0, equals) + " must be there once, was there twice");
            }
        });
        return new FieldReader(fields, "");
    }

    private static String unescape(String value) {
        StringBuilder text = new StringBuilder(value.length());
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            i++;
            char escaped = i < value.length() ? value.charAt(i) : ' ';
            switch (escaped) {
                case 'n' -> text.append('\n');
                case 'r' -> text.append('\r');
                case '0' -> text.append('\0');
                case '\\' -> text.append('\\');
                default ->
                    throw new IllegalArgumentException("an escape must be \\n, \\r, \\0 or \\\\, was in " + value);
            }
        }
        return text.toString();
    }

    FieldReader in(String key) {
        return new FieldReader(fields, prefix + key + ".");
    }

    String text(String key) {
        return find(key).orElseThrow(() -> new IllegalArgumentException(prefix + key + " is missing"));
    }

    Optional<String> find(String key) {
        return Optional.ofNullable(fields.remove(prefix + key));
    }

    <T> Optional<T> find(String key, Function<String, T> parse) {
        return find(key).map(value -> parse(key, value, parse));
    }

    <T> T get(String key, Function<String, T> parse) {
        return parse(key, text(key), parse);
    }

    int number(String key) {
        return get(key, Integer::parseInt);
    }

    boolean flag(String key) {
        return get(key, value -> {
            if (!value.equals("true") && !value.equals("false")) {
                throw new IllegalArgumentException("not true or false");
            }
            return value.equals("true");
        });
    }

    Instant time(String key) {
        return get(key, Instant::parse);
    }

    Optional<Instant> findTime(String key) {
        return find(key, Instant::parse);
    }

    <T> List<T> all(String key, Function<FieldReader, T> read) {
        int count = number(key);
        List<T> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            items.add(read.apply(in(key + "." + i)));
        }
        return items;
    }

    void requireNothingLeft() {
        fields.keySet().stream().sorted().findFirst().ifPresent(key -> {
            throw new IllegalArgumentException(key + " is not known");
        });
    }

    private <T> T parse(String key, String value, Function<String, T> parse) {
        try {
            return parse.apply(value);
        } catch (IllegalArgumentException | DateTimeException e) {
            throw new IllegalArgumentException(
                    "%s%s cannot be read, was \"%s\": %s".formatted(prefix, key, value, e.getMessage()), e);
        }
    }
}
