package io.github.rollstep.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.Health;
import io.github.rollstep.Instance;
import io.github.rollstep.InstanceId;
import io.github.rollstep.Revision;
import io.github.rollstep.spi.HealthChecker;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/**
 * What every {@link HealthChecker} does. Extend it, supply a checker and instances whose health the test can turn, and clean up
 * after each test; rules that need what a hook does not supply are skipped, visibly. {@code docs/adapters.md} says what breaks in
 * production without each rule.
 */
public abstract class HealthCheckerContract {

    /** The checker to test; asked for once a test. */
    protected abstract HealthChecker checker();

    /** A running instance that is healthy as long as {@link #turn} does not say otherwise; another one for each name. */
    protected abstract Instance healthy(String name);

    /** Makes an instance of {@link #healthy} ill or well. */
    protected abstract void turn(Instance instance, boolean healthy);

    /** A running instance that never answers; by default none. */
    protected Optional<Instance> silent() {
        return Optional.empty();
    }

    /** Whether it asks the instance's address; true by default. */
    protected boolean asksTheAddress() {
        return true;
    }

    /** Takes away what the checker asks, and returns what brings it back; empty, the default, if it asks instances only. */
    protected Optional<Runnable> outage() {
        return Optional.empty();
    }

    /** How long a verdict may take to turn; 60 s by default. */
    protected Duration patience() {
        return Duration.ofSeconds(60);
    }

    private void becomes(HealthChecker checker, Instance instance, Health.Status status) {
        Eventually.holds(
                patience(),
                () -> assertThat(checker.check(instance).status())
                        .as("%s", checker.check(instance))
                        .isEqualTo(status));
    }

    @Test
    protected void saysWhatIsHealthy() {
        becomes(checker(), healthy("a"), Health.Status.HEALTHY);
    }

    @Test
    protected void saysWhatIsUnhealthyAndWhy() {
        HealthChecker checker = checker();
        Instance ill = healthy("a");
        turn(ill, false);

        becomes(checker, ill, Health.Status.UNHEALTHY);
        assertThat(checker.check(ill).detail()).isNotBlank();
    }

    @Test
    protected void neverKeepsAVerdict() {
        HealthChecker checker = checker();
        Instance instance = healthy("a");
        for (int i = 0; i < 3; i++) {
            becomes(checker, instance, Health.Status.HEALTHY);
            turn(instance, false);
            becomes(checker, instance, Health.Status.UNHEALTHY);
            turn(instance, true);
        }
    }

    @Test
    protected void hasAVerdictForEachOfMany() {
        HealthChecker checker = checker();
        Instance well = healthy("a");
        Instance ill = healthy("b");
        turn(ill, false);

        Eventually.holds(patience(), () -> {
            Map<InstanceId, Health> verdicts = checker.checkAll(List.of(well, ill));
            assertThat(verdicts).containsOnlyKeys(well.id(), ill.id());
            assertThat(verdicts.get(well.id()).isHealthy()).isTrue();
            assertThat(verdicts.get(ill.id()).isUnhealthy()).isTrue();
        });
    }

    @Test
    protected void judgesOneOfManyAsItWouldAlone() {
        HealthChecker checker = checker();
        Instance well = healthy("a");
        Instance ill = healthy("b");
        turn(ill, false);
        becomes(checker, well, Health.Status.HEALTHY);
        becomes(checker, ill, Health.Status.UNHEALTHY);

        Map<InstanceId, Health> verdicts = checker.checkAll(List.of(ill, well));

        assertThat(verdicts.get(well.id()).status()).isEqualTo(Health.Status.HEALTHY);
        assertThat(verdicts.get(ill.id()).status()).isEqualTo(Health.Status.UNHEALTHY);
    }

    @Test
    protected void noneIsFine() {
        assertThat(checker().checkAll(List.of())).isEmpty();
    }

    @Test
    protected void anInstanceWithoutAnAddressIsUnknown() {
        assumeTrue(asksTheAddress(), "it does not ask the address");
        Instance nowhere = Instance.builder(InstanceId.of("nowhere"), Revision.of("v1"), Instance.State.RUNNING)
                .build();

        assertThat(checker().check(nowhere).status()).isEqualTo(Health.Status.UNKNOWN);
    }

    @Test
    protected void oneThatDoesNotAnswerIsUnhealthyAndNotUnknown() {
        Optional<Instance> silent = silent();
        assumeTrue(silent.isPresent(), "no instance that never answers");

        becomes(checker(), silent.get(), Health.Status.UNHEALTHY);
    }

    @Test
    protected void oneThatDoesNotAnswerHidesNoOther() {
        Optional<Instance> asked = silent();
        assumeTrue(asked.isPresent(), "no instance that never answers");
        Instance silent = asked.get();
        HealthChecker checker = checker();
        Instance well = healthy("a");

        Eventually.holds(patience(), () -> {
            Map<InstanceId, Health> verdicts = checker.checkAll(List.of(silent, well));
            assertThat(verdicts.get(well.id()).isHealthy()).isTrue();
            assertThat(verdicts.get(silent.id()).isHealthy()).isFalse();
        });
    }

    @Test
    protected void aCheckerThatCannotTellAccusesNobody() {
        HealthChecker checker = checker();
        Instance well = healthy("a");
        becomes(checker, well, Health.Status.HEALTHY);

        outage().ifPresent(back -> {
            try {
                assertThat(checker.check(well).status()).isEqualTo(Health.Status.UNKNOWN);
            } catch (ProviderException e) {
                assertThat(e.isRetryable()).as("%s is retryable", e).isTrue();
            }
            back.run();
        });

        Disturbed.again(patience(), () -> becomes(checker, well, Health.Status.HEALTHY));
    }

    @Test
    protected void anInterruptedCheckEndsSoonAndAccusesNobody() {
        HealthChecker checker = checker();
        Instance well = healthy("a");
        becomes(checker, well, Health.Status.HEALTHY);
        List<Health> verdicts = new CopyOnWriteArrayList<>();

        Disturbed.interrupted(patience(), () -> verdicts.add(checker.check(well)));

        assertThat(verdicts).noneMatch(Health::isUnhealthy);
        becomes(checker, well, Health.Status.HEALTHY);
    }

    @Test
    protected void answersSeveralThreads() {
        HealthChecker checker = checker();
        Instance well = healthy("a");
        becomes(checker, well, Health.Status.HEALTHY);

        List<Health> answers = Together.call(Collections.nCopies(20, () -> checker.check(well)));

        assertThat(answers).allMatch(Health::isHealthy);
    }
}
