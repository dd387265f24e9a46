package io.github.rollstep.testkit;

/** A client's request that went through a router to an instance, and is being answered until it is told to end. */
@FunctionalInterface
public interface OpenRequest {

    /**
     * Lets the instance end its answer; blocks until the client has all of it, or knows that it never will.
     *
     * @return whether the client got the whole answer
     */
    boolean finish();
}
