package io.github.rollstep.local;

import java.io.IOException;
import java.util.List;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.impl.EnglishReasonPhraseCatalog;
import org.apache.hc.core5.util.CharArrayBuffer;

/** Writes the head of a message into the buffer of a wire; nothing is flushed. */
final class HeadWriter {

    private final Wire wire;
    private final CharArrayBuffer line = new CharArrayBuffer(256);

    HeadWriter(Wire wire) {
        this.wire = wire;
    }

    void request(String method, String target, List<Header> fields) throws IOException {
        line.clear();
        line.append(method);
        line.append(' ');
        line.append(target);
        line.append(" HTTP/1.1");
        wire.writeLine(line);
        rest(fields);
    }

    void response(int status, String reason, List<Header> fields) throws IOException {
        line.clear();
        line.append("HTTP/1.1 ");
        line.append(Integer.toString(status));
        line.append(' ');
        line.append(reason);
        wire.writeLine(line);
        rest(fields);
    }

    void response(int status, List<Header> fields) throws IOException {
        String reason = EnglishReasonPhraseCatalog.INSTANCE.getReason(status, null);
        response(status, reason == null ? "" : reason, fields);
    }

    private void rest(List<Header> fields) throws IOException {
        for (Header field : fields) {
            line.clear();
            line.append(field.getName());
            line.append(": ");
            line.append(field.getValue());
            wire.writeLine(line);
        }
        line.clear();
        wire.writeLine(line);
    }
}
