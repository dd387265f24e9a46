package io.github.rollstep;

/**
 * What a gate says of a rollout, now. Never latched: the next time it is asked it may say otherwise.
 *
 * @param outcome the verdict
 * @param reason why, for people; may be "" when it passes
 */
public record Verdict(Outcome outcome, String reason) {

    public enum Outcome {
        /** The rollout may go on. */
        PASS,
        /** Not yet known: ask again later. Also what an error or a time-out counts as. */
        WAIT,
        /** The revision is bad: the failure policy is followed. */
        FAIL
    }

    private static final Verdict PASSES = new Verdict(Outcome.PASS, "");

    public static Verdict pass() {
        return PASSES;
    }

    public static Verdict pass(String reason) {
        return new Verdict(Outcome.PASS, reason);
    }

    public static Verdict waits(String reason) {
        return new Verdict(Outcome.WAIT, reason);
    }

    public static Verdict fail(String reason) {
        return new Verdict(Outcome.FAIL, reason);
    }

    public boolean passes() {
        return outcome == Outcome.PASS;
    }

    public boolean fails() {
        return outcome == Outcome.FAIL;
    }
}
