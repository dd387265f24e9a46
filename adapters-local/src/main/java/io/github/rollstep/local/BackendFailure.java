package io.github.rollstep.local;

/** A backend gave no answer, or none that can be passed on. How far the request got decides whether it may be repeated. */
final class BackendFailure extends Refusal {

    private static final long serialVersionUID = 1;

    enum Reach {
        /** No connection: the backend has seen nothing of the request. */
        NOT_REACHED,
        /** The connection ended before the first byte of an answer. */
        NO_ANSWER,
        /** It timed out, or its answer was broken or incomplete. */
        BROKEN
    }

    private final Reach reach;

    BackendFailure(Reach reach, int status, String reason, Throwable cause) {
        super(status, reason, cause);
        this.reach = reach;
    }

    BackendFailure(String reason) {
        super(502, reason);
        this.reach = Reach.BROKEN;
    }

    Reach reach() {
        return reach;
    }
}
