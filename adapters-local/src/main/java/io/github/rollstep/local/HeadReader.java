package io.github.rollstep.local;

import java.io.IOException;
import java.util.List;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.ProtocolVersion;
import org.apache.hc.core5.http.impl.io.AbstractMessageParser;
import org.apache.hc.core5.util.CharArrayBuffer;

/** Reads the two parts of a message head from a wire: its first line and its fields. */
final class HeadReader {

    private static final int MAX_EMPTY_LINES = 4;

    private final Wire wire;
    private final int maxLine;
    private final int maxHeaders;
    private final CharArrayBuffer line = new CharArrayBuffer(256);

    HeadReader(Wire wire, int maxLine, int maxHeaders) {
        this.wire = wire;
        this.maxLine = maxLine;
        this.maxHeaders = maxHeaders;
    }

    /** The first line that is not empty; empty at the end of the stream. */
    CharArrayBuffer firstLine() throws IOException {
        for (int i = 0; i <= MAX_EMPTY_LINES; i++) {
            if (!wire.readLine(line)) {
                line.clear();
                return line;
            }
            if (!line.isEmpty()) {
                return line;
            }
        }
        throw new org.apache.hc.core5.http.MessageConstraintException("more than 4 empty lines");
    }

    List<Header> fields() throws IOException, HttpException {
        // httpcore refuses the limit itself.
        Header[] fields =
                AbstractMessageParser.parseHeaders(wire.input(), wire.inputStream(), maxHeaders + 1, maxLine, null);
        for (Header field : fields) {
            if (!Fields.isToken(field.getName()) || !Fields.isValue(field.getValue())) {
                throw new ProtocolException("a header field holds what no header field may hold");
            }
        }
        return List.of(fields);
    }

    static boolean isHttp1(ProtocolVersion version) {
        return version.getProtocol().equals("HTTP") && version.getMajor() == 1;
    }
}
