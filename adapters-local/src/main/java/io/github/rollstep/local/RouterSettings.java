package io.github.rollstep.local;

import java.net.InetAddress;
import java.time.Duration;

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
        boolean retries) {}
