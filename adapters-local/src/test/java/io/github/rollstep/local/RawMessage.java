package io.github.rollstep.local;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A message as it came over the wire, read with no help of the code under test. */
record RawMessage(String firstLine, List<String> fields, String body, boolean chunked) {

    /** Reads a message; one without a length has no body, unless {@code untilClose}. */
    static RawMessage read(InputStream in, boolean headOnly, boolean untilClose) throws IOException {
        RawMessage head = readHead(in);
        if (headOnly) {
            return head;
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        boolean chunked = head.field("Transfer-Encoding").equals("chunked");
        if (chunked) {
            for (byte[] chunk = chunk(in); chunk.length > 0; chunk = chunk(in)) {
                body.writeBytes(chunk);
            }
        } else if (!head.field("Content-Length").isEmpty()) {
            body.writeBytes(exactly(in, Integer.parseInt(head.field("Content-Length"))));
        } else if (untilClose) {
            body.writeBytes(in.readAllBytes());
        }
        return new RawMessage(head.firstLine, head.fields, body.toString(StandardCharsets.ISO_8859_1), chunked);
    }

    static RawMessage readHead(InputStream in) throws IOException {
        String first = line(in);
        List<String> fields = new ArrayList<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            fields.add(line);
        }
        return new RawMessage(first, List.copyOf(fields), "", false);
    }

    static byte[] chunk(InputStream in) throws IOException {
        byte[] chunk = exactly(in, Integer.parseInt(line(in), 16));
        if (!line(in).isEmpty()) {
            throw new IOException("no end of chunk");
        }
        return chunk;
    }

    int status() {
        return Integer.parseInt(firstLine.substring(9, 12));
    }

    /** All values of this field, with a comma between; "" if there is none. */
    String field(String name) {
        String start = name.toLowerCase(Locale.ROOT) + ":";
        return String.join(
                ", ",
                fields.stream()
                        .filter(field -> field.toLowerCase(Locale.ROOT).startsWith(start))
                        .map(field -> field.substring(start.length()).strip())
                        .toList());
    }

    private static byte[] exactly(InputStream in, int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("ended after %d of %d bytes".formatted(bytes.length, length));
        }
        return bytes;
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                throw new EOFException("ended within \"" + line + "\"");
            }
            line.write(next);
        }
        return line.toString(StandardCharsets.ISO_8859_1).replace("\r", "");
    }
}
