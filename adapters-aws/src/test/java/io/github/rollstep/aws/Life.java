package io.github.rollstep.aws;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.autoscaling.model.Instance;
import software.amazon.awssdk.services.autoscaling.model.LifecycleState;
import software.amazon.awssdk.services.ec2.model.InstanceState;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/** What became of an instance, and when: its state at any time follows. */
final class Life {

    final String id;
    final Instant born;
    final String version;

    @Nullable
    String group;

    private final Reality.Times times;

    /** When it became a member of the group, and how the group listed it last. */
    private @Nullable Instant joined;

    private @Nullable Instant left;
    private boolean detached;

    @Nullable
    Instance listing;

    /** When EC2 began to stop it. */
    private @Nullable Instant ended;

    /** When it died by itself. */
    private @Nullable Instant died;

    Life(String id, Instant born, String version, Reality.Times times) {
        this.id = id;
        this.born = born;
        this.version = version;
        this.times = times;
    }

    void join(String name, Instant at) {
        group = name;
        joined = at;
        left = null;
        detached = false;
    }

    void detach(Instant at) {
        left = at;
        detached = true;
    }

    /** The group lets it go; EC2 stops it when its target has drained. */
    void leave(Instant at, Instant end) {
        left = at;
        end(end);
    }

    void end(Instant at) {
        if (ended == null || at.isBefore(ended)) {
            ended = at;
        }
    }

    void die(Instant at) {
        died = at;
        end(at);
    }

    boolean isOver() {
        return ended != null;
    }

    boolean isMember() {
        return group != null && left == null;
    }

    boolean hasDied(Instant at) {
        return died != null && !died.isAfter(at);
    }

    Instant running() {
        return born.plus(times.boot());
    }

    /** When it is in service. */
    Instant ready() {
        return joined != null && joined.isAfter(running()) ? joined : running();
    }

    /** Empty before it was launched. */
    Optional<InstanceState> state(Instant at) {
        if (at.isBefore(born)) {
            return Optional.empty();
        }
        if (ended != null && !at.isBefore(ended)) {
            return Optional.of(
                    at.isBefore(ended.plus(times.stop()))
                            ? state(InstanceStateName.SHUTTING_DOWN, 32)
                            : state(InstanceStateName.TERMINATED, 48));
        }
        return Optional.of(
                at.isBefore(running()) ? state(InstanceStateName.PENDING, 0) : state(InstanceStateName.RUNNING, 16));
    }

    boolean isRunning(Instant at) {
        return state(at)
                .filter(state -> state.name() == InstanceStateName.RUNNING)
                .isPresent();
    }

    /** Empty while it is not listed in the group; standby is not known here. */
    Optional<LifecycleState> lifecycle(Instant at) {
        if (joined == null || at.isBefore(joined)) {
            return Optional.empty();
        }
        if (left != null && !at.isBefore(left)) {
            return !detached && ended != null && at.isBefore(ended.plus(times.stop()))
                    ? Optional.of(LifecycleState.TERMINATING)
                    : Optional.empty();
        }
        return Optional.of(at.isBefore(ready()) ? LifecycleState.PENDING : LifecycleState.IN_SERVICE);
    }

    private static InstanceState state(InstanceStateName name, int code) {
        return InstanceState.builder().name(name).code(code).build();
    }
}
