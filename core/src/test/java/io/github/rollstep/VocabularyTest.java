package io.github.rollstep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.rollstep.spi.LaunchRequest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Names and facts: what they accept, and that nobody can change them. */
class VocabularyTest {

    private static void rejects(ThrowingCallable call, String... parts) {
        assertThatIllegalArgumentException()
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.getMessage()).contains(parts));
    }

    @Test
    void namesAreRejectedWithNameRuleAndValue() {
        rejects(() -> FleetId.of("My Shop"), "fleet", "[a-z0-9]", "My Shop");
        rejects(() -> FleetId.of(""), "fleet");
        rejects(() -> FleetId.of("../etc"), "fleet", "../etc");
        rejects(() -> FleetId.of("x".repeat(64)), "fleet");
        rejects(() -> InstanceId.of("two words"), "instance id", "two words");
        rejects(() -> InstanceId.of("line\nbreak"), "instance id");
        rejects(() -> LaunchToken.of("UPPER"), "launch token", "UPPER");
        rejects(() -> RolloutId.of("x".repeat(49)), "rollout id");
        rejects(() -> Revision.of("a b;c"), "revision id", "a b;c");
        rejects(() -> Revision.of("v1", Map.of("a key", "value")), "revision attribute", "a key");
        rejects(() -> Revision.of("v1", Map.of("key", "x".repeat(4097))), "4096", "key");
        rejects(() -> RolloutId.of("r").token(0), "ordinal must be >= 1, was 0");
        rejects(() -> new Routing(Routing.State.IN, -1), "openRequests must be >= 0, was -1");
    }

    @Test
    void aTokenOfTheLongestRolloutFits() {
        assertThat(RolloutId.of("x".repeat(48)).token(Integer.MAX_VALUE).value())
                .hasSizeLessThanOrEqualTo(64);
    }

    @Test
    void aTokenTellsTheRolloutAndTheNumberThatItIsMadeOf() {
        RolloutId rollout = RolloutId.of("r-2");
        LaunchToken token = rollout.token(17);

        assertThat(token.rollout()).isEqualTo(rollout);
        assertThat(token.ordinal()).isEqualTo(17);
        assertThat(rollout.owns(token)).isTrue();
        assertThat(RolloutId.of("r").owns(token)).isFalse();
        assertThat(RolloutId.of("r-").owns(token)).isFalse();
        rejects(() -> LaunchToken.of("silent").rollout(), "launch token", "silent");
        rejects(() -> LaunchToken.of("r-one").ordinal(), "launch token", "r-one");
    }

    @Test
    void aLaunchNamesTheRolloutThatMadeItsToken() {
        LaunchToken token = RolloutId.of("r-2").token(1);

        rejects(
                () -> new LaunchRequest(FleetId.of("shop"), RolloutId.of("r-1"), token, Revision.of("v1")),
                "token must be one of rollout r-1, was r-2-1");
    }

    @Test
    void revisionsAreEqualByTheirId() {
        Revision one = Revision.of("v1", Map.of("image", "a"));

        assertThat(one).isEqualTo(Revision.of("v1", Map.of("image", "b"))).hasSameHashCodeAs(Revision.of("v1"));
        assertThat(one).isNotEqualTo(Revision.of("v2"));
        assertThat(one).hasToString("v1");
    }

    @Test
    void whatIsHandedInCanBeChangedWithoutHarm() {
        Map<String, String> attributes = new HashMap<>(Map.of("image", "a"));
        Revision revision = Revision.of("v1", attributes);
        attributes.put("image", "b");

        assertThat(revision.attributes()).containsExactly(Map.entry("image", "a"));
    }

    @Test
    void onlyInAndAdmittingTakeRequests() {
        List<Routing.State> taking = Arrays.stream(Routing.State.values())
                .filter(state -> new Routing(state, 0).takesRequests())
                .toList();

        assertThat(taking).containsExactly(Routing.State.ADMITTING, Routing.State.IN);
        assertThat(Routing.draining(1).isQuiet()).isFalse();
        assertThat(Routing.draining(0).isQuiet()).isTrue();
        assertThat(Routing.in().isQuiet()).isFalse();
    }
}
