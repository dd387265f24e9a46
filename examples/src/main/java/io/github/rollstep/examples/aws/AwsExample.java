package io.github.rollstep.examples.aws;

import io.github.rollstep.Batches;
import io.github.rollstep.FleetId;
import io.github.rollstep.Quota;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AutoScalingGroupProvider;
import io.github.rollstep.aws.AwsClients;
import io.github.rollstep.aws.CallCounter;
import io.github.rollstep.aws.LaunchTemplates;
import io.github.rollstep.aws.TargetGroupRouter;
import io.github.rollstep.examples.Outcome;
import io.github.rollstep.examples.Screen;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.run.Progress;
import io.github.rollstep.run.RollingUpdate;
import io.github.rollstep.run.RolloutListener;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.autoscaling.AutoScalingClient;
import software.amazon.awssdk.services.elasticloadbalancingv2.ElasticLoadBalancingV2Client;

/**
 * An Auto Scaling group of four instances behind a target group, rolled from version 1 of its launch template to version 2; with
 * {@code --bad} that version never gets healthy, and is rolled back. No AWS account is needed: it runs against moto, an emulator of AWS.
 *
 * <p>{@link #roll} is what a tool of yours would have. What is not for a real account is marked there with {@code REAL ACCOUNT}, and all
 * that is below it sets up the emulator's group and tells what came of it.
 */
public final class AwsExample {

    private static final FleetId FLEET = FleetId.of("web");
    private static final int DESIRED = 4;

    private static final RolloutPolicy POLICY = RolloutPolicy.builder()
            .batches(Batches.ramp(Quota.of(1), Quota.of(2))) // The first batch risks one instance.
            .maxSurge(2)
            // REAL ACCOUNT, 1 of 3: leave out both times, the defaults are 10 s and 5 min. Targets that may drain for
            // longer than 2 min, as AWS lets them by default, need a stopDeadline that is longer than that.
            .minReady(Duration.ofMillis(500))
            .startDeadline(Duration.ofSeconds(10))
            .build();

    private AwsExample() {}

    private static Progress roll(
            String group,
            String targetGroup,
            Revision target,
            EmulatedAws aws,
            CallCounter calls,
            RolloutListener listener)
            throws InterruptedException {
        // REAL ACCOUNT, 2 of 3: leave out aws.at(...), twice; the SDK finds region and credentials as it always does:
        // AutoScalingClient autoScaling = AwsClients.configure(AutoScalingClient.builder(), calls).build()
        try (AutoScalingClient autoScaling = aws.at(AwsClients.configure(AutoScalingClient.builder(), calls))
                        .build();
                ElasticLoadBalancingV2Client balancing = aws.at(
                                AwsClients.configure(ElasticLoadBalancingV2Client.builder(), calls))
                        .build()) {
            TargetGroupRouter router = TargetGroupRouter.builder(balancing)
                    .targetGroups(targetGroup)
                    .managedByGroup()
                    .build();
            // REAL ACCOUNT, 3 of 3: leave out staleness; pollInterval 30 s and lease 90 s suit a cloud. Say a store, as
            // FileRolloutStore or DynamoDbRolloutStore: after a crash update.resume() goes on, and restores all.
            AutoScalingGroupProvider provider = AutoScalingGroupProvider.builder(autoScaling, FLEET, group)
                    .staleness(Duration.ZERO)
                    .build();
            try (RollingUpdate update = RollingUpdate.builder()
                    .fleet(FLEET)
                    .desired(DESIRED)
                    .provider(provider)
                    .health(router.health())
                    .router(router)
                    .policy(POLICY)
                    .listener(listener)
                    .pollInterval(Duration.ofMillis(250))
                    .build()) {
                return update.start(target).await(Duration.ofMinutes(30)).orElseThrow();
            }
        }
    }

    // ---- From here on it is about the emulator.

    private static final String HINT = """

            For a real account: examples/src/main/java/io/github/rollstep/examples/aws/AwsExample.java, method roll.
              - Three places are marked REAL ACCOUNT: times, clients (endpoint, region, credentials), polling and store.
              - Give it the name of your group, the ARN of its target group, and
                LaunchTemplates.revision("lt-...", version) of a numbered version of the group's launch template.
              - EmulatedAws, Moto and MotoGaps are the emulator with what is set up in it: you need none of them.
            """;

    public static void main(String[] args) throws InterruptedException {
        List<String> words = List.of(args);
        if (!words.isEmpty() && !words.equals(List.of("--bad"))) {
            System.err.println("usage: examples/run aws [-Drollstep.moto=URL] [--bad]");
            System.exit(2);
        }
        boolean good = false;
        try (Moto moto = Moto.connect();
                EmulatedAws aws = new EmulatedAws(moto.address())) {
            good = run(aws, !words.isEmpty());
        } catch (IOException | SdkException | ProviderException e) {
            System.err.println(e.getMessage());
        }
        System.exit(good ? 0 : 1);
    }

    private static boolean run(EmulatedAws aws, boolean bad) throws InterruptedException {
        System.err.println("Setting up a launch template, a target group and a group of four instances ...");
        aws.createGroup(DESIRED);
        Revision before = LaunchTemplates.revision(aws.template(), 1);
        Revision target = LaunchTemplates.revision(aws.template(), aws.createVersion(bad));
        String settings = aws.settings();

        CallCounter calls = new CallCounter();
        Outcome outcome;
        try (Screen screen = new Screen("version 1 -> 2", DESIRED)) {
            Progress end = roll(aws.group(), aws.targetGroup(), target, aws, calls, screen);
            RolloutPhase expected = bad ? RolloutPhase.ROLLED_BACK : RolloutPhase.SUCCEEDED;
            outcome = new Outcome(before.id(), end, expected, 0, 0);
        }
        System.out.println(outcome);
        if (outcome.end().phase() != outcome.expected()) {
            System.out.println("because: " + outcome.end().reason());
        }
        System.out.printf("%nThe group before:  %s%n", settings);
        System.out.printf("           after:  %s%n", aws.settings());
        System.out.printf("       instances:  %s%n", aws.versions());
        System.out.printf("%nCalls; most of them look, every 250 ms here, where 30 s suit a real account%n");
        calls.counts().forEach((name, count) -> System.out.printf("  %-55s %4d%n", name, count));
        System.out.printf("  %-55s %4d%n", "in all", calls.total());
        System.out.print(HINT);
        return outcome.isGood() && aws.isAsBefore(settings, bad ? "1" : "2", DESIRED);
    }
}
