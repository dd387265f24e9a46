package io.github.rollstep.gate;

/** How many of all were bad. */
record Share(double bad, double total) {

    static final Share NONE = new Share(0, 0);

    Share plus(Share other) {
        return new Share(bad + other.bad, total + other.total);
    }

    Share minus(Share other) {
        return new Share(bad - other.bad, total - other.total);
    }

    /** Of at least one. */
    double ratio() {
        return bad / total;
    }
}
