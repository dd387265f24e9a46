package io.github.rollstep;

/**
 * What a check says of one instance, now. Never latched: the next observation may say otherwise.
 *
 * @param status the verdict
 * @param detail why, for people: {@code HTTP 503 from /healthz}; may be "" when healthy
 */
public record Health(Status status, String detail) {

    public enum Status {
        HEALTHY,
        UNHEALTHY,
        /** Cannot tell: counts neither as serving nor as dead. */
        UNKNOWN
    }

    private static final Health IS_HEALTHY = new Health(Status.HEALTHY, "");

    public static Health healthy() {
        return IS_HEALTHY;
    }

    public static Health unhealthy(String detail) {
        return new Health(Status.UNHEALTHY, detail);
    }

    public static Health unknown(String detail) {
        return new Health(Status.UNKNOWN, detail);
    }

    public boolean isHealthy() {
        return status == Status.HEALTHY;
    }

    public boolean isUnhealthy() {
        return status == Status.UNHEALTHY;
    }
}
