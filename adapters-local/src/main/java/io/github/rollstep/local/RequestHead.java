package io.github.rollstep.local;

import io.github.rollstep.spi.RevisionKey;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.MessageConstraintException;
import org.apache.hc.core5.http.ParseException;
import org.apache.hc.core5.http.message.BasicLineParser;
import org.apache.hc.core5.http.message.RequestLine;
import org.apache.hc.core5.util.CharArrayBuffer;

/**
 * The first line and the fields of a request that may be passed on.
 *
 * @param target in origin form, or {@code *}; passed on as it came
 * @param host what the client asked for; empty in HTTP/1.0
 */
record RequestHead(String method, String target, boolean isHttp11, Optional<String> host, List<Header> fields) {

    private static final Set<String> IDEMPOTENT = Set.of("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE");

    /**
     * @return empty if the client has left before or within it
     * @throws Refusal if it is malformed, too large, or asks for what this router does not do; the connection is of no
     *     further use then
     */
    static Optional<RequestHead> read(Wire wire, HeadReader reader) throws IOException, Refusal {
        RequestLine line;
        try {
            CharArrayBuffer text = reader.firstLine();
            if (wire.ended()) {
                return Optional.empty();
            }
            line = BasicLineParser.INSTANCE.parseRequestLine(text);
        } catch (MessageConstraintException e) {
            throw new Refusal(414, "the request line is too long", e);
        } catch (ParseException e) {
            throw new Refusal(400, "this is not a request line of HTTP/1", e);
        }
        if (!HeadReader.isHttp1(line.getProtocolVersion())) {
            throw new Refusal(505, "this router speaks HTTP/1.1 and HTTP/1.0");
        }
        List<Header> fields;
        try {
            fields = reader.fields();
        } catch (MessageConstraintException e) {
            throw new Refusal(431, "the header fields are too many or too long", e);
        } catch (HttpException e) {
            throw new Refusal(400, "a header field is malformed", e);
        }
        return wire.ended() ? Optional.empty() : Optional.of(checked(line, fields));
    }

    /** The revision that the request is for, if it names one there. */
    Optional<String> named(RevisionKey key) {
        if (key.place() == RevisionKey.Place.HEADER) {
            return Fields.values(fields, key.name().toLowerCase(Locale.ROOT)).stream()
                    .map(String::strip)
                    .findFirst();
        }
        String prefix = key.name() + "=";
        return Fields.values(fields, "cookie").stream()
                .flatMap(cookies -> Arrays.stream(cookies.split(";")))
                .map(String::strip)
                .filter(cookie -> cookie.startsWith(prefix))
                .map(cookie -> cookie.substring(prefix.length()))
                .findFirst();
    }

    private static RequestHead checked(RequestLine line, List<Header> fields) throws Refusal {
        boolean http11 = line.getProtocolVersion().getMinor() >= 1;
        if (!Fields.isToken(line.getMethod())) {
            throw new Refusal(400, "the method is malformed");
        }
        if (line.getMethod().equals("CONNECT")) {
            throw new Refusal(501, "this router does not do CONNECT");
        }
        List<String> hosts = Fields.values(fields, "host");
        if (hosts.size() > 1 || hosts.isEmpty() && http11) {
            throw new Refusal(400, "a request must have one Host");
        }
        refuseUpgrade(fields);
        Optional<String> host = hosts.stream().findFirst();
        String target = line.getUri();
        if (!target.chars().allMatch(c -> c > ' ' && c != 0x7f)) {
            throw new Refusal(400, "the request target is malformed");
        }
        String lower = target.toLowerCase(Locale.ROOT);
        if (lower.startsWith("http://") || lower.startsWith("https://")) {
            // The absolute form: its authority replaces Host (RFC 9112, 3.2.2).
            int start = target.indexOf("//") + 2;
            int end = start;
            while (end < target.length() && "/?#".indexOf(target.charAt(end)) < 0) {
                end++;
            }
            host = Optional.of(target.substring(start, end));
            if (end == start || host.get().contains("@")) {
                throw new Refusal(400, "the request target is malformed");
            }
            target = target.startsWith("/", end) ? target.substring(end) : "/" + target.substring(end);
        } else if (!target.startsWith("/")
                && !(target.equals("*") && line.getMethod().equals("OPTIONS"))) {
            throw new Refusal(400, "the request target is malformed");
        }
        return new RequestHead(line.getMethod(), target, http11, host, fields);
    }

    /**
     * An upgrade is an offer that may be passed over. That is done for HTTP/2, which the JDK's client offers with each
     * first request; a client that offers anything else could not go on without it.
     */
    private static void refuseUpgrade(List<Header> fields) throws Refusal {
        for (String protocol : Fields.tokens(fields, "upgrade")) {
            if (!protocol.equals("h2c")) {
                throw new Refusal(501, "this router does not do upgrades (WebSocket and the like)");
            }
        }
    }

    boolean isIdempotent() {
        return IDEMPOTENT.contains(method);
    }

    boolean keepsAlive() {
        return Fields.keepsAlive(isHttp11, fields);
    }

    /** Whether the client waits for a word before it sends the body. */
    boolean expectsContinue() {
        return isHttp11 && Fields.tokens(fields, "expect").contains("100-continue");
    }
}
