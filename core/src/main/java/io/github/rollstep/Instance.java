package io.github.rollstep;

import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * One running copy of the service, as the provider sees it.
 *
 * @param id the platform's name of it
 * @param revision what it runs; with its attributes if the provider knows them, so that a roll-back can launch it again
 * @param state what the platform does with it
 * @param token the launch it came from, if the platform keeps it; empty for an instance that someone else started, and on
 *     platforms that take a number instead of tokens
 * @param address where its requests go; empty until it is known
 * @param zone where a failure takes it down together with others
 * @param createdAt when the platform accepted its launch
 * @param labels whatever else the platform keeps of it
 * @param slot the name of its place in the fleet, which its successor takes over: {@code db-2}; empty where instances have none
 * @param restarts how often the platform has started it again by itself; 0 if it does not, or does not tell
 * @param detail what the platform says of its state, for people: an exit code, a pull that failed; may be ""
 */
public record Instance(
        InstanceId id,
        Revision revision,
        State state,
        Optional<LaunchToken> token,
        Optional<InetSocketAddress> address,
        Optional<String> zone,
        Optional<Instant> createdAt,
        Map<String, String> labels,
        Optional<String> slot,
        int restarts,
        String detail) {

    /** What the platform does with an instance. An instance that is gone need not be listed. */
    public enum State {
        /** Accepted, not yet running. */
        STARTING,
        /** Running; says nothing of its health. */
        RUNNING,
        /** Told to stop; it still holds memory and connections. */
        STOPPING,
        /** Exited or broken, without being told to stop; it stays listed until it is terminated. */
        FAILED,
        /**
         * It is gone, and holds nothing any more. Nothing has to be listed so; where lists are stale it spares the engine the further
         * lists that prove an absence.
         */
        GONE
    }

    public Instance {
        labels = Map.copyOf(labels);
        Require.atLeast("restarts", 0, restarts);
    }

    /** Whether it still holds anything: all that is not {@link State#GONE}. */
    public boolean exists() {
        return state != State.GONE;
    }

    public static Builder builder(InstanceId id, Revision revision, State state) {
        return new Builder(id, revision, state);
    }

    public Builder toBuilder() {
        Builder copy = new Builder(id, revision, state);
        copy.token = token;
        copy.address = address;
        copy.zone = zone;
        copy.createdAt = createdAt;
        copy.labels = labels;
        copy.slot = slot;
        copy.restarts = restarts;
        copy.detail = detail;
        return copy;
    }

    /** Collects the optional facts; not safe for use by several threads. */
    public static final class Builder {
        private final InstanceId id;
        private final Revision revision;
        private State state;
        private Optional<LaunchToken> token = Optional.empty();
        private Optional<InetSocketAddress> address = Optional.empty();
        private Optional<String> zone = Optional.empty();
        private Optional<Instant> createdAt = Optional.empty();
        private Map<String, String> labels = Map.of();
        private Optional<String> slot = Optional.empty();
        private int restarts;
        private String detail = "";

        private Builder(InstanceId id, Revision revision, State state) {
            this.id = id;
            this.revision = revision;
            this.state = state;
        }

        public Builder state(State state) {
            this.state = state;
            return this;
        }

        public Builder token(LaunchToken token) {
            this.token = Optional.of(token);
            return this;
        }

        public Builder address(InetSocketAddress address) {
            this.address = Optional.of(address);
            return this;
        }

        public Builder zone(String zone) {
            this.zone = Optional.of(zone);
            return this;
        }

        public Builder createdAt(Instant createdAt) {
            this.createdAt = Optional.of(createdAt);
            return this;
        }

        public Builder labels(Map<String, String> labels) {
            this.labels = labels;
            return this;
        }

        public Builder slot(String slot) {
            this.slot = Optional.of(slot);
            return this;
        }

        public Builder restarts(int restarts) {
            this.restarts = restarts;
            return this;
        }

        public Builder detail(String detail) {
            this.detail = detail;
            return this;
        }

        public Instance build() {
            return new Instance(id, revision, state, token, address, zone, createdAt, labels, slot, restarts, detail);
        }
    }
}
