package io.github.rollstep.local;

import java.io.IOException;

/** The client left: nobody is there to answer. A client that closes only its sending side counts as gone. */
final class ClientGone extends IOException {

    private static final long serialVersionUID = 1;

    ClientGone(String message) {
        super(message);
    }

    ClientGone(Throwable cause) {
        super("client is gone: " + cause.getMessage(), cause);
    }
}
