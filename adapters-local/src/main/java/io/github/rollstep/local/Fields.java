package io.github.rollstep.local;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.message.BasicHeader;

/** Header fields: which of them belong to one connection only, and what a name and a value may hold. */
final class Fields {

    /** RFC 9110, 7.6.1; Trailer too, because trailers are dropped. Framing is said anew on each side. */
    private static final Set<String> HOP_BY_HOP = Set.of(
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "proxy-authorization",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "content-length");

    private Fields() {}

    static Header field(String name, String value) {
        return new BasicHeader(name, value);
    }

    /** The values of all fields of this name, which is in lower case. */
    static List<String> values(List<Header> fields, String name) {
        List<String> values = new ArrayList<>(1);
        for (Header field : fields) {
            if (field.getName().equalsIgnoreCase(name)) {
                values.add(field.getValue());
            }
        }
        return values;
    }

    /** The members of a comma-separated field, in lower case. */
    static Set<String> tokens(List<Header> fields, String name) {
        Set<String> tokens = new HashSet<>();
        for (String value : values(fields, name)) {
            for (String token : value.split(",", -1)) {
                if (!token.isBlank()) {
                    tokens.add(token.strip().toLowerCase(Locale.ROOT));
                }
            }
        }
        return tokens;
    }

    /** Without those that belong to the connection they came on, named by the standard or by Connection. */
    static List<Header> endToEnd(List<Header> fields) {
        Set<String> listed = tokens(fields, "connection");
        List<Header> kept = new ArrayList<>(fields.size() + 6);
        for (Header field : fields) {
            String name = field.getName().toLowerCase(Locale.ROOT);
            if (!HOP_BY_HOP.contains(name) && !listed.contains(name)) {
                kept.add(field);
            }
        }
        return kept;
    }

    /** Whether a message with these fields leaves the connection open. */
    static boolean keepsAlive(boolean http11, List<Header> fields) {
        Set<String> options = tokens(fields, "connection");
        return http11 ? !options.contains("close") : options.contains("keep-alive") && !options.contains("close");
    }

    static boolean isToken(String text) {
        return !text.isEmpty()
                && text.chars()
                        .allMatch(c -> c >= 'a' && c <= 'z'
                                || c >= 'A' && c <= 'Z'
                                || c >= '0' && c <= '9'
                                || "!#$%&'*+-.^_`|~".indexOf(c) >= 0);
    }

    /** No control characters: a lone CR is an end of line to some. */
    static boolean isValue(String text) {
        return text.chars().allMatch(c -> c >= ' ' && c != 0x7f || c == '\t');
    }
}
