package io.github.rollstep.local;

import java.util.List;
import org.apache.hc.core5.http.Header;

/**
 * Where the body of a message ends (RFC 9112, 6.3), read strictly: whatever two readers could understand in two ways is
 * refused, because that is how a request is smuggled past a proxy.
 *
 * @param length of the body for {@code LENGTH}, else 0
 */
record Framing(Kind kind, long length) {

    enum Kind {
        NONE,
        LENGTH,
        CHUNKED,
        UNTIL_CLOSE
    }

    static final Framing NONE = new Framing(Kind.NONE, 0);
    static final Framing CHUNKED = new Framing(Kind.CHUNKED, 0);
    static final Framing UNTIL_CLOSE = new Framing(Kind.UNTIL_CLOSE, 0);

    static Framing ofRequest(RequestHead head) throws Refusal {
        List<String> codings = Fields.values(head.fields(), "transfer-encoding");
        List<String> lengths = Fields.values(head.fields(), "content-length");
        if (!codings.isEmpty()) {
            if (!lengths.isEmpty()) {
                throw new Refusal(400, "a request must not have both Content-Length and Transfer-Encoding");
            }
            if (!head.isHttp11()) {
                throw new Refusal(400, "an HTTP/1.0 request must not have Transfer-Encoding");
            }
            if (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
                throw new Refusal(501, "the only Transfer-Encoding this router knows is chunked");
            }
            return CHUNKED;
        }
        if (lengths.isEmpty()) {
            return NONE;
        }
        long length = single(lengths);
        if (length < 0) {
            throw new Refusal(400, "Content-Length must be one whole number");
        }
        // "Content-Length: 0" of a POST is passed on, but there is no body.
        return new Framing(Kind.LENGTH, length);
    }

    static Framing ofResponse(String method, ResponseHead head) throws BackendFailure {
        if (method.equals("HEAD") || head.status() < 200 || head.status() == 204 || head.status() == 304) {
            return NONE;
        }
        List<String> codings = Fields.values(head.fields(), "transfer-encoding");
        List<String> lengths = Fields.values(head.fields(), "content-length");
        if (!codings.isEmpty()) {
            if (!lengths.isEmpty() || codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
                throw new BackendFailure("the instance framed its answer in a way this router does not pass on");
            }
            return CHUNKED;
        }
        if (lengths.isEmpty()) {
            return UNTIL_CLOSE;
        }
        long length = single(lengths);
        if (length < 0) {
            throw new BackendFailure("the instance sent a Content-Length that is not one whole number");
        }
        return new Framing(Kind.LENGTH, length);
    }

    boolean hasBody() {
        return kind == Kind.CHUNKED || kind == Kind.UNTIL_CLOSE || length > 0;
    }

    /** The fields that say it. */
    void addTo(List<Header> fields) {
        if (kind == Kind.LENGTH) {
            fields.add(Fields.field("Content-Length", Long.toString(length)));
        } else if (kind == Kind.CHUNKED) {
            fields.add(Fields.field("Transfer-Encoding", "chunked"));
        }
    }

    private static long single(List<String> lengths) {
        String text = lengths.get(0);
        boolean good = lengths.size() == 1
                && !text.isEmpty()
                && text.length() <= 18
                && text.chars().allMatch(c -> c >= '0' && c <= '9');
        return good ? Long.parseLong(text) : -1;
    }
}
