package io.github.rollstep.local;

import io.github.rollstep.spi.RevisionKey;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/** The limits of one router, as checked by its builder. */
record RouterSettings(
        InetAddress bind,
        int port,
        int maxConnections,
        int maxHeaderLine,
        int maxHeaders,
        Duration keepAlive,
        Duration headerTimeout,
        Duration connectTimeout,
        Duration responseTimeout,
        Duration bodyTimeout,
        Duration closeTimeout,
        boolean retries,
        Optional<RevisionKey> revisionKey) {}
