package io.github.rollstep.aws;

import io.github.rollstep.Revision;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a rollout changes of an Auto Scaling group, as it was before.
 *
 * @param version that it launches
 * @param suspended the processes that run, and that the rollout suspends: none that were suspended before
 */
record GroupSettings(int min, int desired, int max, LaunchTemplates.Version version, List<String> suspended) {

    /** Launch and stop instances by their own will, or change the desired capacity, while a rollout counts them. */
    static final List<String> DISTURBING =
            List.of("AZRebalance", "AlarmNotification", "ScheduledActions", "ReplaceUnhealthy", "InstanceRefresh");

    /** Without these a rollout cannot work. */
    static final List<String> NEEDED = List.of("Launch", "Terminate", "AddToLoadBalancer", "HealthCheck");

    private static final Pattern TEXT =
            Pattern.compile("min=(\\d{1,9}) desired=(\\d{1,9}) max=(\\d{1,9}) version=(\\S+) suspended=([A-Za-z,]*)");

    /** As text for the record: {@code min=1 desired=3 max=4 version=lt-0123abcd/7 suspended=AZRebalance,ScheduledActions}. */
    String text() {
        return "min=%d desired=%d max=%d version=%s suspended=%s"
                .formatted(min, desired, max, version.revision(), String.join(",", suspended));
    }

    /** What the group launches for this revision: for one that no template launches, what it did before. */
    LaunchTemplates.Version launching(Revision revision) {
        return LaunchTemplates.parse(revision.id())
                .map(LaunchTemplates.Version::of)
                .orElse(version);
    }

    /** @throws IllegalArgumentException if it is no such text */
    static GroupSettings parse(String text) {
        Matcher fields = TEXT.matcher(text);
        Optional<Revision> version = fields.matches() ? LaunchTemplates.parse(fields.group(4)) : Optional.empty();
        if (version.isEmpty()) {
            throw new IllegalArgumentException("these are no settings of an Auto Scaling group: " + text);
        }
        return new GroupSettings(
                Integer.parseInt(fields.group(1)),
                Integer.parseInt(fields.group(2)),
                Integer.parseInt(fields.group(3)),
                LaunchTemplates.Version.of(version.get()),
                Arrays.stream(fields.group(5).split(","))
                        .filter(name -> !name.isEmpty())
                        .toList());
    }
}
