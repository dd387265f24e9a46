package io.github.rollstep.aws;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealth;
import software.amazon.awssdk.services.elasticloadbalancingv2.model.TargetHealthStateEnum;

/** What the target groups say of their targets, asked once for all who want to know it in a step. */
final class TargetLooks {

    enum Reader {
        ROUTES,
        HEALTH
    }

    /** An instance on one port of a group: it may be there on several. */
    record Target(String group, Integer port, TargetHealth health) {

        static Predicate<Target> is(TargetHealthStateEnum state) {
            return target -> target.health.state() == state;
        }

        /** Registered and not on its way out: requests may reach it, if it is ill, too, where all others are. */
        boolean isIn() {
            return health.state() != TargetHealthStateEnum.DRAINING && health.state() != TargetHealthStateEnum.UNUSED;
        }
    }

    private final ElasticLoadBalancingV2Client client;
    private final List<String> groups;
    private final SharedLook<Reader, Map<String, List<Target>>> shared = new SharedLook<>("target health", this::read);
    private volatile Map<String, List<Target>> last = Map.of();

    TargetLooks(ElasticLoadBalancingV2Client client, List<String> groups) {
        this.client = client;
        this.groups = groups;
    }

    /** By instance; of those groups that know it. */
    Map<String, List<Target>> of(Reader reader) {
        return shared.of(reader);
    }

    /** On which ports of a group the last look has shown an instance, however long ago. */
    Stream<Integer> ports(String group, String instance) {
        return last.getOrDefault(instance, List.of()).stream()
                .filter(target -> target.group.equals(group))
                .map(Target::port);
    }

    /** What was seen last is not true any more. */
    void forget() {
        shared.forget();
    }

    private Map<String, List<Target>> read() {
        Map<String, List<Target>> targets = new HashMap<>();
        for (String group : groups) {
            AwsErrors.call(
                            "describe target health of " + group,
                            () -> client.describeTargetHealth(request -> request.targetGroupArn(group)))
                    .targetHealthDescriptions()
                    .forEach(target -> targets.computeIfAbsent(target.target().id(), id -> new ArrayList<>())
                            .add(new Target(group, target.target().port(), target.targetHealth())));
        }
        last = targets;
        return targets;
    }
}
