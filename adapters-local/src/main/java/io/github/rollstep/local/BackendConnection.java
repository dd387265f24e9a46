package io.github.rollstep.local;

import java.io.IOException;
import java.net.InetSocketAddress;
import org.apache.hc.core5.http.HttpException;

/** One connection to a backend, used by one request at a time. */
final class BackendConnection {

    private final InetSocketAddress address;
    private final Wire wire;
    private final HeadReader reader;
    private final HeadWriter writer;

    private BackendConnection(InetSocketAddress address, Wire wire, RouterSettings settings) {
        this.address = address;
        this.wire = wire;
        this.reader = new HeadReader(wire, settings.maxHeaderLine(), settings.maxHeaders());
        this.writer = new HeadWriter(wire);
    }

    static BackendConnection open(InetSocketAddress address, RouterSettings settings) throws IOException {
        Wire wire = Wire.connect(address, settings.connectTimeout(), settings.maxHeaderLine(), settings.maxHeaders());
        return new BackendConnection(address, wire, settings);
    }

    InetSocketAddress address() {
        return address;
    }

    Wire wire() {
        return wire;
    }

    HeadWriter writer() {
        return writer;
    }

    ResponseHead receiveHead() throws IOException, HttpException {
        return ResponseHead.read(wire, reader);
    }

    void close() {
        wire.close();
    }
}
