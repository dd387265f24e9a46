package io.github.rollstep.local;

import java.io.EOFException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.message.BasicLineParser;
import org.apache.hc.core5.http.message.StatusLine;
import org.apache.hc.core5.util.CharArrayBuffer;

/** The first line and the fields of a backend's answer. */
record ResponseHead(int status, String reason, boolean isHttp11, List<Header> fields) {

    static ResponseHead read(Wire wire, HeadReader reader) throws IOException, HttpException {
        CharArrayBuffer text = reader.firstLine();
        if (wire.ended()) {
            throw new EOFException("the connection ended before the answer");
        }
        StatusLine line = BasicLineParser.INSTANCE.parseStatusLine(text);
        String reason = Optional.ofNullable(line.getReasonPhrase()).orElse("");
        int status = line.getStatusCode();
        if (!HeadReader.isHttp1(line.getProtocolVersion())
                || status < 100
                || status > 999
                || status == 101
                || !Fields.isValue(reason)) {
            throw new ProtocolException("this is not a status line that can be passed on");
        }
        List<Header> fields = reader.fields();
        if (wire.ended()) {
            throw new EOFException("the connection ended within the header of the answer");
        }
        return new ResponseHead(status, reason, line.getProtocolVersion().getMinor() >= 1, fields);
    }

    boolean keepsAlive() {
        return Fields.keepsAlive(isHttp11, fields);
    }
}
