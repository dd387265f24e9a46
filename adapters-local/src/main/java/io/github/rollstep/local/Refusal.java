package io.github.rollstep.local;

/** Why the router answers a request itself: a status, and a reason in plain words for the one who reads the answer. */
class Refusal extends Exception {

    private static final long serialVersionUID = 1;

    private final int status;

    Refusal(int status, String reason) {
        super(reason);
        this.status = status;
    }

    Refusal(int status, String reason, Throwable cause) {
        super(reason, cause);
        this.status = status;
    }

    int status() {
        return status;
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
