package io.github.rollstep.health;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Connects to an instance: healthy if it accepts.
 *
 * <p>A weak sign: many servers accept before they can work, and a proxy in between (Docker's published ports) accepts before
 * the server even listens. Prefer {@link HttpHealthChecker} where there is HTTP. Many are tried at once, 256 at a time, on the
 * caller's thread. Safe for use by several threads.
 */
public final class TcpHealthChecker implements HealthChecker {

    private final Duration timeout;
    private final Thresholds thresholds;

    private TcpHealthChecker(Builder builder) {
        timeout = builder.timeout;
        thresholds = new Thresholds(builder.healthyThreshold, builder.unhealthyThreshold);
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public Health check(Instance instance) {
        return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("not checked"));
    }

    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        Map<InstanceId, Health> verdicts = new HashMap<>();
        List<Instance> all = List.copyOf(instances);
        for (int from = 0; from < all.size(); from += Settings.AT_ONCE) {
            connect(all.subList(from, Math.min(all.size(), from + Settings.AT_ONCE)))
                    .forEach((id, probe) -> verdicts.put(id, thresholds.judge(id, probe)));
        }
        return verdicts;
    }

    private Map<InstanceId, Health> connect(List<Instance> instances) {
        Map<InstanceId, Health> probes = new HashMap<>();
        Set<SocketChannel> open = new HashSet<>();
        try (Selector selector = Selector.open()) {
            for (Instance instance : instances) {
                if (instance.address().isEmpty()) {
                    probes.put(instance.id(), Health.unknown("it has no address yet"));
                    continue;
                }
                probes.put(instance.id(), tooSlow(instance));
                SocketChannel channel = SocketChannel.open();
                open.add(channel);
                begin(channel, instance, selector, probes);
            }
            long deadline = System.nanoTime() + timeout.toNanos();
            while (!selector.keys().isEmpty()) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0 || Thread.currentThread().isInterrupted()) {
                    break;
                }
                selector.select(key -> finish(key, probes), left);
                selector.selectNow(); // so that cancelled keys are gone
            }
            if (Thread.currentThread().isInterrupted()) {
                throw ProviderException.retryable("interrupted while connecting");
            }
            return probes;
        } catch (IOException e) {
            throw ProviderException.retryable("cannot connect to anything: " + e.getMessage(), e);
        } finally {
            open.forEach(TcpHealthChecker::close);
        }
    }

    private static void begin(
            SocketChannel channel, Instance instance, Selector selector, Map<InstanceId, Health> probes) {
        InetSocketAddress address = instance.address().orElseThrow();
        try {
            channel.configureBlocking(false);
            if (channel.connect(address)) {
                probes.put(instance.id(), Health.healthy());
            } else {
                channel.register(selector, SelectionKey.OP_CONNECT, instance);
            }
        } catch (UnresolvedAddressException e) {
            probes.put(instance.id(), Health.unknown("address cannot be resolved: " + address));
        } catch (IOException e) {
            probes.put(instance.id(), refused(instance, e));
        }
    }

    private static void finish(SelectionKey key, Map<InstanceId, Health> probes) {
        Instance instance = (Instance) key.attachment();
        try {
            ((SocketChannel) key.channel()).finishConnect();
            probes.put(instance.id(), Health.healthy());
        } catch (IOException e) {
            probes.put(instance.id(), refused(instance, e));
        }
        key.cancel();
    }

    private Health tooSlow(Instance instance) {
        return Health.unhealthy(
                "connect to %s: not within %s".formatted(instance.address().orElseThrow(), timeout));
    }

    private static Health refused(Instance instance, IOException e) {
        return Health.unhealthy("connect to %s: %s".formatted(instance.address().orElseThrow(), e.getMessage()));
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It was only opened to see whether it opens.
        }
    }

    /** Collects the settings; not safe for use by several threads. */
    public static final class Builder {

        private Duration timeout = Duration.ofSeconds(2);
        private int healthyThreshold = 1;
        private int unhealthyThreshold = 3;

        private Builder() {}

        /** How long connecting may take; 1 ms to 10 min; default: 2 s. */
        public Builder timeout(Duration timeout) {
            this.timeout = Settings.timeout(timeout);
            return this;
        }

        /** As {@link HttpHealthChecker.Builder#healthyThreshold}. */
        public Builder healthyThreshold(int probes) {
            healthyThreshold = Settings.threshold("healthyThreshold", probes);
            return this;
        }

        /** As {@link HttpHealthChecker.Builder#unhealthyThreshold}. */
        public Builder unhealthyThreshold(int probes) {
            unhealthyThreshold = Settings.threshold("unhealthyThreshold", probes);
            return this;
        }

        public TcpHealthChecker build() {
            return new TcpHealthChecker(this);
        }
    }
}
