package io.github.rollstep.gate;

import java.util.Map;
import java.util.StringJoiner;

/** Writes JSON (RFC 8259) in ASCII: what is not printable there is escaped, so that no reader's character set matters. */
final class Json {

    private Json() {}

    static String string(String value) {
        StringBuilder json = new StringBuilder(value.length() + 2).append('"');
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c >= ' ' && c <= '~') {
                json.append(c);
            } else {
                json.append("\\u%04x".formatted((int) c));
            }
        }
        return json.append('"').toString();
    }

    /** @param members the values are JSON already; written in the order of the map */
    static String object(Map<String, String> members) {
        StringJoiner json = new StringJoiner(",", "{", "}");
        members.forEach((key, value) -> json.add(string(key) + ":" + value));
        return json.toString();
    }
}
