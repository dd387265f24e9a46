package io.github.rollstep;

/**
 * What the router really does with one instance: observed, never assumed.
 *
 * @param state whether new requests reach it
 * @param openRequests how many requests it is answering now, as far as the router knows; >= 0
 */
public record Routing(State state, int openRequests) {

    public enum State {
        /** The router does not know it, and sends it nothing. */
        OUT,
        /** Asked in, not yet confirmed: requests may reach it. */
        ADMITTING,
        /** New requests reach it. */
        IN,
        /** No new requests; open ones may go on. */
        DRAINING
    }

    private static final Routing IS_OUT = new Routing(State.OUT, 0);

    public Routing {
        Require.atLeast("openRequests", 0, openRequests);
    }

    public static Routing out() {
        return IS_OUT;
    }

    public static Routing in() {
        return new Routing(State.IN, 0);
    }

    public static Routing draining(int openRequests) {
        return new Routing(State.DRAINING, openRequests);
    }

    /** Whether the router may send it a new request. */
    public boolean takesRequests() {
        return state == State.IN || state == State.ADMITTING;
    }

    /** Whether it may be stopped without a request being lost: none comes, none is open. */
    public boolean isQuiet() {
        return !takesRequests() && openRequests == 0;
    }
}
