package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.RolloutPolicy;
import io.github.rollstep.aws.AwsScene.Kind;
import io.github.rollstep.aws.ec2.Ec2StatusChecks;
import io.github.rollstep.plan.FleetCounts;
import io.github.rollstep.plan.Limits;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.run.Rollout;
import io.github.rollstep.spi.Gate;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.spi.TrafficRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** The policies in docs/aws.md allow what is called, of what it is called for, and no more. */
class AwsPolicyIT {

    /** As IAM names the services. */
    private static final Map<String, String> SERVICES = Map.of(
            "AutoScaling", "autoscaling",
            "Ec2", "ec2",
            "ElasticLoadBalancingV2", "elasticloadbalancing",
            "CloudWatch", "cloudwatch",
            "DynamoDb", "dynamodb");

    private static final Gate.Context CONTEXT = new Gate.Context(
            AwsScene.FLEET,
            RolloutId.of("r1"),
            Revision.of("v2"),
            Optional.empty(),
            1,
            false,
            FleetCounts.none(),
            Duration.ZERO);

    private static final String ACCOUNT = "arn:aws:ec2:eu-west-1:111122223333:";
    private static final String INSTANCE = ACCOUNT + "instance/i-0123456789abcdef0";
    private static final String SUBNET = ACCOUNT + "subnet/subnet-0aaa";
    private static final String TEMPLATE = ACCOUNT + "launch-template/lt-0123456789abcdef0";

    private static List<Statement> policy(String name) throws IOException {
        String docs = Files.readString(Path.of("../docs/aws.md"));
        Matcher block = Pattern.compile("<!-- policy: " + name + " -->\n```json\n(.*?)```", Pattern.DOTALL)
                .matcher(docs);
        assertThat(block.find()).as("docs/aws.md has the policy %s", name).isTrue();
        return JsonNode.parser().parse(block.group(1)).asObject().get("Statement").asArray().stream()
                .map(statement -> new Statement(statement.asObject()))
                .toList();
    }

    /** What IAM makes of a statement that allows; conditions are those of equality. */
    private record Statement(Map<String, JsonNode> members) {

        Set<String> actions() {
            return texts(members.get("Action"));
        }

        boolean allows(String action, String resource, Map<String, String> context) {
            return members.get("Effect").text().equals("Allow")
                    && actions().contains(action)
                    && (members.containsKey("NotResource")
                            ? !matches("NotResource", resource)
                            : matches("Resource", resource))
                    && context.entrySet().containsAll(conditions().entrySet());
        }

        boolean isForAllResources() {
            return members.containsKey("Resource")
                    && texts(members.get("Resource")).contains("*")
                    && conditions().isEmpty();
        }

        private boolean matches(String member, String resource) {
            return texts(members.get(member)).stream()
                    .anyMatch(pattern -> resource.matches(Pattern.quote(pattern).replace("*", "\\E.*\\Q")));
        }

        Map<String, String> conditions() {
            Map<String, String> wanted = new HashMap<>();
            Optional.ofNullable(members.get("Condition")).stream()
                    .flatMap(operators -> operators.asObject().values().stream())
                    .forEach(operator -> operator.asObject().forEach((key, value) -> wanted.put(key, value.text())));
            return wanted;
        }

        private static Set<String> texts(JsonNode node) {
            return node.isArray()
                    ? node.asArray().stream().map(JsonNode::text).collect(Collectors.toSet())
                    : Set.of(node.text());
        }
    }

    private static Set<String> allowed(String policy) throws IOException {
        return policy(policy).stream()
                .flatMap(statement -> statement.actions().stream())
                .collect(Collectors.toSet());
    }

    private static boolean allows(String policy, String action, String resource, Map<String, String> context)
            throws IOException {
        return policy(policy).stream().anyMatch(statement -> statement.allows(action, resource, context));
    }

    private static Set<String> called(CallCounter counter) {
        return counter.counts().keySet().stream()
                .map(name -> name.split(":", 2))
                .map(name -> SERVICES.getOrDefault(name[0], name[0].toLowerCase(Locale.ROOT)) + ":" + name[1])
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> with(Set<String> called, String... implied) {
        return Stream.concat(called.stream(), Stream.of(implied)).collect(Collectors.toSet());
    }

    private static Set<String> rolled(Kind kind) {
        try (AwsScene scene = new AwsScene(kind, 2, AwsRolloutIT.TIMES, AwsRolloutIT.policy(1))) {
            Rollout rollout = scene.update().start(scene.revision(scene.world.newVersion()));
            scene.drive(rollout);
            if (kind == Kind.EC2) {
                new Ec2StatusChecks(scene.world.ec2()).checkAll(scene.provider().list());
            }
            return called(scene.world.counter());
        }
    }

    /** AWS demands the last three of who sets a launch template. */
    @Test
    void theOneForAGroup() throws IOException {
        assertThat(allowed("group"))
                .isEqualTo(with(rolled(Kind.GROUP), "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"));
    }

    @Test
    void theOneForStandbyHasWhatIsCalledBesides() throws IOException {
        Set<String> called = new TreeSet<>();
        try (AwsWorld world = AwsWorld.create(AwsRolloutIT.TIMES)) {
            world.createGroup(0, 1, 2);
            AutoScalingGroupProvider provider = AutoScalingGroupProvider.builder(
                            world.autoScaling(), AwsScene.FLEET, world.groupName())
                    .standby()
                    .clock(world.clock())
                    .build();
            TrafficRouter router = provider.standbyRouter(TargetGroupRouter.builder(world.elb())
                    .targetGroups(world.targetGroupArn())
                    .build());
            router.drainAll(provider.list());
            world.advance(Duration.ofMinutes(5));
            router.admitAll(provider.list());
            called.addAll(called(world.counter()));
        }
        called.removeAll(allowed("group"));
        assertThat(allowed("standby")).isEqualTo(called);
    }

    @ParameterizedTest
    @ValueSource(strings = {"group", "standby", "fleet", "gate and store"})
    void onAllResourcesIsAllowedOnlyWhatReadsOrHasACondition(String name) throws IOException {
        assertThat(policy(name))
                .filteredOn(Statement::isForAllResources)
                .allSatisfy(
                        statement -> assertThat(statement.actions()).allMatch(action -> action.contains(":Describe")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"group", "fleet"})
    void aRoleIsPassedToInstancesOnly(String name) throws IOException {
        String role = "arn:aws:iam::111122223333:role/shop-instance";
        assertThat(allows(name, "iam:PassRole", role, Map.of("iam:PassedToService", "ec2.amazonaws.com")))
                .isTrue();
        assertThat(allows(name, "iam:PassRole", role, Map.of("iam:PassedToService", "lambda.amazonaws.com")))
                .isFalse();
        assertThat(allows(name, "iam:PassRole", role, Map.of())).isFalse();
    }

    @Test
    void theOneForAFleetLaunchesInstancesOfItsFleetOnly() throws IOException {
        Map<String, String> ours = Map.of("ec2:LaunchTemplate", TEMPLATE, "aws:RequestTag/rollstep:fleet", "shop");
        assertThat(allows("fleet", "ec2:RunInstances", INSTANCE, ours)).isTrue();
        assertThat(allows("fleet", "ec2:RunInstances", SUBNET, Map.of("ec2:LaunchTemplate", TEMPLATE)))
                .isTrue();

        for (Map<String, String> other : List.of(
                Map.of("ec2:LaunchTemplate", TEMPLATE, "aws:RequestTag/rollstep:fleet", "blog"),
                Map.of("ec2:LaunchTemplate", TEMPLATE),
                Map.of("ec2:LaunchTemplate", TEMPLATE + "1", "aws:RequestTag/rollstep:fleet", "shop"))) {
            assertThat(allows("fleet", "ec2:RunInstances", INSTANCE, other))
                    .as("%s", other)
                    .isFalse();
        }
        assertThat(allows("fleet", "ec2:RunInstances", SUBNET, Map.of())).isFalse();
    }

    @Test
    void theOneForAFleetTagsAndTerminatesNothingOfAnother() throws IOException {
        String tag = "aws:RequestTag/rollstep:fleet";
        assertThat(allows("fleet", "ec2:CreateTags", INSTANCE, Map.of("ec2:CreateAction", "RunInstances", tag, "shop")))
                .isTrue();
        assertThat(allows("fleet", "ec2:CreateTags", INSTANCE, Map.of("ec2:CreateAction", "RunInstances", tag, "blog")))
                .isFalse();
        assertThat(allows("fleet", "ec2:CreateTags", INSTANCE, Map.of(tag, "shop")))
                .as("of one that exists")
                .isFalse();
        assertThat(allows(
                        "fleet", "ec2:TerminateInstances", INSTANCE, Map.of("aws:ResourceTag/rollstep:fleet", "shop")))
                .isTrue();
        assertThat(allows(
                        "fleet", "ec2:TerminateInstances", INSTANCE, Map.of("aws:ResourceTag/rollstep:fleet", "blog")))
                .isFalse();
    }

    /** AWS demands the last two of who launches with tags and a role. */
    @Test
    void theOneForAFleet() throws IOException {
        assertThat(allowed("fleet")).isEqualTo(with(rolled(Kind.EC2), "ec2:CreateTags", "iam:PassRole"));
    }

    @Test
    void theOneForGateAndStore() throws IOException {
        Moto.reset();
        CallCounter counter = new CallCounter();
        try (DynamoDbClient setUp = Moto.client(DynamoDbClient.builder(), new CallCounter());
                DynamoDbClient dynamoDb = Moto.client(DynamoDbClient.builder(), counter);
                CloudWatchClient cloudWatch = Moto.client(CloudWatchClient.builder(), counter)) {
            DynamoDbRolloutStore.builder(setUp, "rollstep").build().createTable();
            keep(DynamoDbRolloutStore.builder(dynamoDb, "rollstep").build());
            CloudWatchAlarmGate.builder(cloudWatch)
                    .alarms("errors")
                    .build()
                    .get(0)
                    .judge(CONTEXT);
        }
        assertThat(allowed("gate and store")).isEqualTo(called(counter));
    }

    private static void keep(RolloutStore store) {
        RolloutStore.Lease lease =
                store.acquire(AwsScene.FLEET, "me", Duration.ofSeconds(30)).orElseThrow();
        RolloutState state = RolloutState.begin(
                AwsScene.FLEET,
                CONTEXT.rollout(),
                CONTEXT.target(),
                Limits.resolve(RolloutPolicy.defaults(), 3),
                Instant.EPOCH,
                Optional.empty());
        assertThat(store.save(lease, 0, state)).isTrue();
        assertThat(store.load(AwsScene.FLEET)).isPresent();
        store.release(lease);
    }
}
