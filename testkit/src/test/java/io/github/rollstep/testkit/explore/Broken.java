package io.github.rollstep.testkit.explore;

import io.github.rollstep.testkit.Promise;

/** A promise is broken. */
final class Broken extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final transient Promise promise;

    Broken(Promise promise, String text) {
        super(text);
        this.promise = promise;
    }

    Promise promise() {
        return promise;
    }
}
