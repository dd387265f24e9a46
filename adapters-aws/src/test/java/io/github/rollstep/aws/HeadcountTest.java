package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rollstep.aws.Headcount.Look;
import io.github.rollstep.aws.Headcount.Told;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadcountTest {

    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final Duration STALENESS = Duration.ofSeconds(5);
    private static final Duration MOMENT = Duration.ofMillis(1);
    private static final Instant OLD = NOW.plus(STALENESS).minus(MOMENT);
    private static final Instant NEWER = NOW.plus(STALENESS);

    private final Headcount headcount = new Headcount(STALENESS);

    /** Of so many, {@code i-1} the first. */
    private static Look look(int there, int desired, Instant asked) {
        return new Look(
                IntStream.rangeClosed(1, there).mapToObj(i -> "i-" + i).collect(Collectors.toSet()), desired, asked);
    }

    private void listed(int there, Instant asked) {
        headcount.list(look(there, there, asked));
    }

    private static OptionalInt toSet(int capacity) {
        return OptionalInt.of(capacity);
    }

    private static OptionalInt nothing() {
        return OptionalInt.empty();
    }

    // ---- launches

    @Test
    void whatIsOpenComesOnTopOfWhoIsListed() {
        listed(4, NOW);

        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
    }

    @Test
    void aRepeatSetsTheSame() {
        listed(4, NOW);
        headcount.launch(2, List.of());
        headcount.set(6, NOW);

        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
        assertThat(headcount.owed()).isEqualTo(nothing());
    }

    @Test
    void aListThatDoesNotShowThemYetChangesNothing() {
        listed(4, NOW);
        headcount.launch(2, List.of());
        headcount.set(6, NOW);
        listed(4, OLD);

        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
    }

    /** The open launches belong to the list: who came since would count twice. */
    @Test
    void whoAnotherLookShowsDoesNotCountTwice() {
        listed(4, NOW);
        headcount.look(look(6, 6, NEWER));

        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
    }

    @Test
    void openLaunchesAreThoseOfTheLastList() {
        listed(4, NOW);
        headcount.launch(2, List.of());
        listed(6, NEWER);
        headcount.stop(List.of("i-1"), 1, NEWER);

        assertThat(headcount.owed()).isEqualTo(nothing());
    }

    // ---- the group never chooses who goes

    @Test
    void whoIsToLeaveTakesItsPartAlongBeforeOthersAreLaunchedForIt() {
        listed(4, NOW);

        assertThat(headcount.launch(1, List.of("i-1", "i-2"))).isEqualTo(nothing());
        headcount.stop(List.of("i-1"), 1, NOW);
        assertThat(headcount.owed()).as("as many as are there").isEqualTo(nothing());
        headcount.stop(List.of("i-2"), 1, NOW);
        assertThat(headcount.owed()).isEqualTo(toSet(3));
    }

    @Test
    void whoHasLeftAlreadyDoesNotCountWhateverTheListSays() {
        listed(4, NOW);
        headcount.stop(List.of("i-1"), 1, NOW);
        headcount.list(look(4, 4, OLD));

        assertThat(headcount.launch(1, List.of())).isEqualTo(toSet(4));
    }

    @Test
    void whoMayHaveLeftCountsNeitherAsThereNorAsGone() {
        listed(4, NOW);
        headcount.mayGo(List.of("i-1"), NOW);

        assertThat(headcount.launch(0, List.of())).isEqualTo(nothing());
        assertThat(headcount.launch(1, List.of())).isEqualTo(toSet(4));
        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(5));
    }

    @Test
    void whoDidNotLeaveCountsAgainInANewerList() {
        listed(4, NOW);
        headcount.mayGo(List.of("i-1"), NOW);
        listed(4, NEWER);

        assertThat(headcount.launch(1, List.of())).isEqualTo(toSet(5));
    }

    @Test
    void whoStandsByIsOutOfTheDesiredCapacity() {
        listed(4, NOW);
        headcount.standBy(List.of("i-1", "i-2"), NOW);

        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(4));
    }

    /** There may be one more than is listed. */
    @Test
    void whoMayComeBackHasRoom() {
        listed(4, NOW);
        headcount.mayComeBack(List.of("i-9"), NOW);

        assertThat(headcount.launch(0, List.of())).isEqualTo(nothing());
        assertThat(headcount.launch(1, List.of())).isEqualTo(toSet(5));
    }

    /** The answer was lost: then comes a list that is older than what it did. */
    @Test
    void aNumberThatMayHaveTakenEffectIsNotLowered() {
        listed(4, NOW);
        headcount.launch(3, List.of());
        headcount.setting(7, NOW);
        listed(4, OLD);

        assertThat(headcount.launch(2, List.of())).isEqualTo(nothing());
        listed(4, NEWER);
        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
    }

    @Test
    void aLowerNumberThatMayNotHaveTakenEffectIsNotBelieved() {
        headcount.list(look(4, 6, NOW));
        headcount.setting(4, NOW);

        assertThat(headcount.launch(1, List.of())).isEqualTo(nothing());
    }

    // ---- what lists do not show yet

    @Test
    void aWordIsRememberedUntilListsShowWhatCameOfIt() {
        listed(4, NOW);
        headcount.stop(List.of("i-1"), 1, NOW);
        headcount.standBy(List.of("i-2"), NOW);
        headcount.mayGo(List.of("i-3"), NOW);

        assertThat(headcount.told("i-1", OLD)).contains(Told.STOPS);
        assertThat(headcount.told("i-2", OLD)).contains(Told.STANDS);
        assertThat(headcount.told("i-3", OLD)).contains(Told.UNKNOWN);
        assertThat(headcount.told("i-4", OLD)).isEmpty();
        assertThat(headcount.told("i-1", NEWER)).isEmpty();
    }

    // ---- somebody else

    @Test
    void whatSomebodyElseDidIsShownByListsThatAreNewer() {
        listed(4, NOW);
        assertThat(headcount.showsOthers()).isTrue();

        headcount.others(NOW);
        assertThat(headcount.showsOthers()).isFalse();
        listed(4, OLD);
        assertThat(headcount.showsOthers()).isFalse();
        listed(4, NEWER);
        assertThat(headcount.showsOthers()).isTrue();
        assertThat(headcount.othersShownAt()).isEqualTo(NEWER);
    }

    @Test
    void allIsShownWhenTheLastChangeIsWhosEverItWas() {
        headcount.others(NOW);
        assertThat(headcount.allShownAt()).isEqualTo(NEWER);
        headcount.set(4, NOW.plus(MOMENT));
        assertThat(headcount.allShownAt()).isEqualTo(NEWER.plus(MOMENT));
    }

    @Test
    void theMostThereMayBeIsWhatIsDesiredOrThereOrWasSet() {
        headcount.set(7, NOW);
        assertThat(headcount.most(look(4, 5, OLD))).isEqualTo(7);
        assertThat(headcount.most(look(8, 5, OLD))).isEqualTo(8);
        assertThat(headcount.most(look(4, 9, OLD))).isEqualTo(9);
    }

    // ---- what is put right

    @Test
    void aDecrementThatWasMadeTwiceIsFound() {
        headcount.list(look(4, 3, NOW));
        assertThat(headcount.owed()).isEqualTo(toSet(4));

        headcount.set(4, NOW);
        assertThat(headcount.owed()).isEqualTo(nothing());
    }

    @Test
    void whoWasToldToGoIsNotMissed() {
        listed(4, NOW);
        headcount.stop(List.of("i-1"), 1, NOW);
        assertThat(headcount.owed()).isEqualTo(nothing());
        headcount.mayGo(List.of("i-2"), NOW);
        headcount.list(look(4, 2, OLD.plus(STALENESS)));
        headcount.mayGo(List.of("i-1", "i-2"), OLD.plus(STALENESS));
        assertThat(headcount.owed()).isEqualTo(nothing());
    }

    @Test
    void aListThatDoesNotShowWhatOthersDidMissesNobody() {
        headcount.others(NOW);
        headcount.list(look(4, 3, OLD));

        assertThat(headcount.owed()).isEqualTo(nothing());
    }

    @ParameterizedTest(name = "{0} there, {1} desired, {2} before: {3}")
    @CsvSource({
        "4,4,4,4", "4,6,4,4", // Two never came.
        "4,3,4,4", // A decrement was made twice.
        "3,4,4,4", // The group is on its way back to what it was.
        "3,6,4,4", "3,3,4,3", "6,6,4,6", "2,4,8,4"
    })
    void whatFitsIsWhoIsThereOrWasBefore(int there, int desired, int before, int fitting) {
        assertThat(Headcount.fitting(look(there, desired, NOW), before)).isEqualTo(fitting);
    }

    @Test
    void thoseThatAreDesiredAndNotThereAreWaitedForSinceTheyWereMissedFirst() {
        headcount.look(look(4, 4, NOW));
        headcount.look(look(4, 6, NEWER));
        headcount.look(look(4, 6, NEWER.plusSeconds(60)));

        assertThat(headcount.patientUntil()).isEqualTo(NEWER.plus(Headcount.PATIENCE));
    }

    @Test
    void whoeverComesMakesPatient() {
        headcount.look(look(4, 6, NOW));
        headcount.look(look(5, 7, NEWER));

        assertThat(headcount.patientUntil()).isEqualTo(NEWER.plus(Headcount.PATIENCE));
    }

    @Test
    void whoGoesDoesNot() {
        headcount.look(look(4, 6, NOW));
        headcount.look(look(3, 5, NEWER));
        headcount.look(look(3, 4, NEWER));

        assertThat(headcount.patientUntil()).isEqualTo(NOW.plus(Headcount.PATIENCE));
    }

    /** They were waited for in vain: fewer can be launched than were asked for. */
    @Test
    void whoNeverComesHindersNoOther() {
        headcount.list(look(4, 8, NOW));
        Instant patient = NOW.plus(Headcount.PATIENCE).minus(MOMENT);
        headcount.list(look(4, 8, patient));
        assertThat(headcount.mayCome(look(4, 8, patient))).isTrue();
        assertThat(headcount.launch(2, List.of())).isEqualTo(nothing());

        Instant late = NOW.plus(Headcount.PATIENCE);
        headcount.list(look(4, 8, late));
        assertThat(headcount.mayCome(look(4, 8, late))).isFalse();
        assertThat(headcount.launch(2, List.of())).isEqualTo(toSet(6));
    }

    @Test
    void whereAllAreThereNobodyIsWaitedFor() {
        headcount.look(look(4, 4, NOW));
        Look late = look(4, 4, NOW.plus(Headcount.PATIENCE));
        headcount.look(late);

        assertThat(headcount.mayCome(late)).isTrue();
        assertThat(headcount.most(late)).isEqualTo(4);
    }

    /** Meanwhile another controller may have asked for them anew. */
    @Test
    void whoWasNotLookedAtForLongIsWaitedForAnew() {
        headcount.look(look(4, 6, NOW));
        Instant late = NOW.plus(Headcount.PATIENCE).plus(MOMENT);
        headcount.look(look(4, 6, late));

        assertThat(headcount.patientUntil()).isEqualTo(late.plus(Headcount.PATIENCE));
    }

    @Test
    void aLookKeepsNoSetOfItsCaller() {
        assertThat(new Look(Set.of("i-1"), 1, NOW).counting()).isUnmodifiable();
    }
}
