package io.github.rollstep.local;

import io.github.rollstep.InstanceId;
import java.net.InetSocketAddress;

/** An instance as target of requests. What changes is guarded by the lock of {@link Backends}, but for the idle ones. */
final class Backend {

    private final InstanceId id;
    private final String revision;
    private final IdleConnections idle = new IdleConnections();
    private volatile InetSocketAddress address;
    private boolean draining;
    private int open;

    Backend(InstanceId id, String revision, InetSocketAddress address) {
        this.id = id;
        this.revision = revision;
        this.address = address;
    }

    InstanceId id() {
        return id;
    }

    String revision() {
        return revision;
    }

    InetSocketAddress address() {
        return address;
    }

    void address(InetSocketAddress changed) {
        address = changed;
    }

    IdleConnections idle() {
        return idle;
    }

    boolean draining() {
        return draining;
    }

    void draining(boolean changed) {
        draining = changed;
    }

    int open() {
        return open;
    }

    void count(int change) {
        open += change;
    }

    @Override
    public String toString() {
        return id.value();
    }
}
