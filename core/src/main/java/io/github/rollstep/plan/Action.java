package io.github.rollstep.plan;

import io.github.rollstep.InstanceId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Place;
import io.github.rollstep.Revision;

/** One thing to ask of the platform. Asking twice is the same as once. */
public sealed interface Action {

    Reason reason();

    /** What is done, as one word for tags and messages: launch, admit, drain or terminate. */
    String kind();

    <R> R accept(Cases<R> cases);

    /** Start an instance of {@code revision}, or find that this token has one. */
    record Launch(LaunchToken token, Revision revision, Place place, Reason reason) implements Action {
        @Override
        public String kind() {
            return "launch";
        }

        @Override
        public <R> R accept(Cases<R> cases) {
            return cases.launch(this);
        }

        @Override
        public String toString() {
            String where = place.toString();
            return "launch %s of %s%s: %s".formatted(token, revision, where.isEmpty() ? "" : " in " + where, reason);
        }
    }

    /** Send it requests. */
    record Admit(InstanceId id, Reason reason) implements Action {
        @Override
        public String kind() {
            return "admit";
        }

        @Override
        public <R> R accept(Cases<R> cases) {
            return cases.admit(this);
        }

        @Override
        public String toString() {
            return "admit %s: %s".formatted(id, reason);
        }
    }

    /** Send it no new requests. */
    record Drain(InstanceId id, Reason reason) implements Action {
        @Override
        public String kind() {
            return "drain";
        }

        @Override
        public <R> R accept(Cases<R> cases) {
            return cases.drain(this);
        }

        @Override
        public String toString() {
            return "drain %s: %s".formatted(id, reason);
        }
    }

    /** Stop it. */
    record Terminate(InstanceId id, Reason reason) implements Action {
        @Override
        public String kind() {
            return "terminate";
        }

        @Override
        public <R> R accept(Cases<R> cases) {
            return cases.terminate(this);
        }

        @Override
        public String toString() {
            return "terminate %s: %s".formatted(id, reason);
        }
    }

    /** One answer for each kind of action: a new kind breaks every dispatch at compile time. */
    interface Cases<R> {
        R launch(Launch action);

        R admit(Admit action);

        R drain(Drain action);

        R terminate(Terminate action);
    }
}
