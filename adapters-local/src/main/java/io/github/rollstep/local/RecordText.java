package io.github.rollstep.local;

import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file of ours as text: a line with its kind, lines of {@code key=value}, and a last line, without which it is torn. It is
 * read strictly, since processes are stopped by what it says: each key has to be taken, once.
 */
final class RecordText {

    private static final String END = "end";

    private final Path file;
    private final Map<String, String> fields = new LinkedHashMap<>();

    private RecordText(Path file) {
        this.file = file;
    }

    static String write(String kind, Map<String, String> fields) {
        StringBuilder text = new StringBuilder(kind).append('\n');
        fields.forEach((key, value) ->
                text.append(escaped(key)).append('=').append(escaped(value)).append('\n'));
        return text.append(END).append('\n').toString();
    }

    /** @throws ProviderException permanent if it is torn or of another kind, retryable if it cannot be read at all */
    static RecordText read(Path file, String kind) {
        RecordText text = new RecordText(file);
        String[] lines = text.lines();
        int last = lines.length - 2;
        if (!lines[0].equals(kind)) {
            throw text.broken("it must begin with \"" + kind + "\"");
        }
        if (last < 1 || !lines[last].equals(END) || !lines[last + 1].isEmpty()) {
            throw text.broken("its end is missing");
        }
        for (int i = 1; i < last; i++) {
            int equals = lines[i].indexOf('=');
            if (equals < 0
                    || text.fields.put(
                                    text.unescaped(lines[i].substring(0, equals)),
                                    text.unescaped(lines[i].substring(equals + 1)))
                            != null) {
                throw text.broken("line " + (i + 1) + " is not the only one of its key=value");
            }
        }
        return text;
    }

    String take(String key) {
        return takeIfAny(key).orElseThrow(() -> broken(key + " is missing"));
    }

    Optional<String> takeIfAny(String key) {
        return Optional.ofNullable(fields.remove(key));
    }

    /** All fields whose key begins so, without that beginning. */
    Map<String, String> takeAll(String prefix) {
        Map<String, String> taken = new LinkedHashMap<>();
        fields.forEach((key, value) -> {
            if (key.startsWith(prefix)) {
                taken.put(key.substring(prefix.length()), value);
            }
        });
        fields.keySet().removeIf(key -> key.startsWith(prefix));
        return taken;
    }

    /** @throws ProviderException if anything has not been taken */
    void takenWhole() {
        if (!fields.isEmpty()) {
            throw broken("unknown " + fields.keySet());
        }
    }

    ProviderException broken(String why) {
        return broken(why, null);
    }

    ProviderException broken(String why, @Nullable Exception cause) {
        String message = "%s is not a file that Rollstep wrote, or not whole: %s".formatted(file, why);
        return cause == null ? ProviderException.permanent(message) : ProviderException.permanent(message, cause);
    }

    private String[] lines() {
        try {
            return Files.readString(file).split("\n", -1);
        } catch (CharacterCodingException e) {
            throw broken("it is not text", e);
        } catch (IOException e) {
            throw ProviderException.retryable("cannot read " + file + ": " + e, e);
        }
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\")
                .replace("\n", "\\n")
                .replace("\r", "\\r")
                .replace("=", "\\e");
    }

    private String unescaped(String text) {
        StringBuilder plain = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\') {
                i++;
                c = switch (i < text.length() ? text.charAt(i) : ' ') {
                    case '\\' -> '\\';
                    case 'n' -> '\n';
                    case 'r' -> '\r';
                    case 'e' -> '=';
                    default -> throw broken("unknown escape in \"" + text + "\"");
                };
            }
            plain.append(c);
        }
        return plain.toString();
    }
}
