package io.github.rollstep.aws.ec2;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.aws.AwsErrors;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.InstanceStatus;
import software.amazon.awssdk.services.ec2.model.SummaryStatus;

/**
 * The status checks of EC2: of the host and of the operating system, not of the service. One call for 100 instances. They take some
 * minutes to pass after a start: what is initializing is unknown, and so is what EC2 does not know yet, or cannot tell of now.
 *
 * <p>Safe for use by several threads and fleets.
 */
public final class Ec2StatusChecks implements HealthChecker {

    /** AWS takes no more ids by one call. */
    private static final int MOST = 100;

    private final Ec2Client client;

    public Ec2StatusChecks(Ec2Client client) {
        this.client = client;
    }

    @Override
    public Health check(Instance instance) {
        return checkAll(List.of(instance)).getOrDefault(instance.id(), Health.unknown("EC2 has no status yet"));
    }

    /** @throws ProviderException not retryable if EC2 refuses */
    @Override
    public Map<InstanceId, Health> checkAll(Collection<Instance> instances) {
        List<String> ids =
                instances.stream().map(instance -> instance.id().value()).toList();
        Map<InstanceId, Health> verdicts = new HashMap<>();
        for (int from = 0; from < ids.size(); from += MOST) {
            check(ids.subList(from, Math.min(ids.size(), from + MOST)), verdicts);
        }
        return verdicts;
    }

    private void check(List<String> ids, Map<InstanceId, Health> verdicts) {
        try {
            AwsErrors.call("describe instance status", () -> describe(ids))
                    .forEach(status -> verdicts.put(InstanceId.of(status.instanceId()), verdict(status)));
        } catch (ProviderException e) {
            if (!e.isRetryable()) {
                throw e;
            }
            ids.forEach(id -> verdicts.put(InstanceId.of(id), Health.unknown(String.valueOf(e.getMessage()))));
        }
    }

    private List<InstanceStatus> describe(List<String> ids) {
        return KnownIds.call(
                        ids,
                        known -> client.describeInstanceStatus(request -> request.instanceIds(known))
                                .instanceStatuses())
                .orElse(List.of());
    }

    private static Health verdict(InstanceStatus status) {
        SummaryStatus system = status.systemStatus().status();
        SummaryStatus instance = status.instanceStatus().status();
        if (system == SummaryStatus.OK && instance == SummaryStatus.OK) {
            return Health.healthy();
        }
        String text = "EC2 status checks: system %s, instance %s".formatted(system, instance);
        return system == SummaryStatus.IMPAIRED || instance == SummaryStatus.IMPAIRED
                ? Health.unhealthy(text)
                : Health.unknown(text);
    }
}
