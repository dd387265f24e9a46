package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whatever is asked of a shared fleet is answered, and keeps nothing else from being answered. */
class RequestsTest extends SharedFleets {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Command.Start V3 = new Command.Start(Revision.of("v3"), false, false);

    private final RemoteControl control = RemoteControl.of(store);

    private void failing(String failing, ProviderException error) {
        platforms.get("shop").interference = call -> {
            if (call.equals(failing)) {
                throw error;
            }
        };
    }

    @Test
    void aStartThatThePlatformWillNeverTakeIsRefused() throws Exception {
        Controller controller = new Controller("ann", "shop");
        Rollout rollout = awaitingApproval(controller);
        failing("settings of v3", ProviderException.permanent("there is no image v3"));

        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, V3, "bob", PATIENCE))
                .withMessageContaining("there is no image v3");

        control.ask(SHOP, new Command.Abort(), "bob", PATIENCE);
        Await.until("it to show that", () -> rollout.phase() == RolloutPhase.ABORTED);
    }

    @Test
    void aStartThatIsAgainstARuleIsRefused() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller);
        platforms.get("shop").longestDrain = Duration.ofDays(1);

        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, V3, "bob", PATIENCE))
                .withMessageStartingWith("drainDeadline must be >= PT24H");
    }

    @Test
    void aStartThatCannotBeNowGivesWayToWhatIsAskedAfterIt() throws Exception {
        Controller controller = new Controller("ann", "shop");
        Rollout rollout = awaitingApproval(controller);
        failing("settings of v3", ProviderException.retryable("throttled"));
        long start = store.ask(SHOP, V3, "bob");

        control.ask(SHOP, new Command.Abort(), "bob", PATIENCE);

        Await.until("it to show that", () -> rollout.phase() == RolloutPhase.ABORTED);
        assertThat(state("shop").answers().refused().get(start)).contains("throttled");
    }

    @Test
    void aStartThatCannotBeNowIsTriedAgain() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller);
        failing("settings of v3", ProviderException.retryable("throttled"));
        Request start = new Request(7, SHOP, V3, "bob", Duration.ZERO);
        assertThatThrownBy(() -> controller.update().driver().obey(List.of(start), store))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("throttled");
        platforms.get("shop").interference = call -> {};

        controller.update().driver().obey(List.of(start), store);

        assertThat(state("shop").target()).isEqualTo(V3.target());
    }

    @Test
    void aSizeThatCannotBeIsRefused() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller);

        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, new Command.Resize(0), "bob", PATIENCE))
                .withMessage("desired must be within 1 to 1,000,000, was 0");

        control.ask(SHOP, new Command.Resize(4), "bob", PATIENCE);
        assertThat(state("shop").limits().desired()).isEqualTo(4);
    }

    @Test
    void aFleetWithoutARecordHasNothingToSteer() {
        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, new Command.Pause(), "bob", PATIENCE))
                .withMessage("fleet shop has no rollout in progress");
        assertThat(store.requests()).isEmpty();
    }

    @Test
    void whoeverIsRefusedByAFleetWithoutARecordLearnsIt() {
        Controller controller = new Controller("ann", "shop");
        failing("settings of v3", ProviderException.permanent("there is no image v3"));

        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, V3, "bob", PATIENCE))
                .withMessageContaining("is refused")
                .withMessageContaining("see the log of its controllers");
        assertThat(controller.driven()).isZero();
    }

    @Test
    void whatCannotBeReadIsRefusedByWhoeverDrives() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller);

        assertThatIllegalStateException()
                .isThrownBy(() -> control.ask(SHOP, new Command.Unknown("its format is 9"), "bob", PATIENCE))
                .withMessageContaining("cannot read it, and may be of another version: its format is 9");
    }

    @Test
    void whatCannotBeReadIsLeftToNewerControllersForAWhile() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller).abort();
        Command unknown = new Command.Unknown("its format is 9");

        controller.update().driver().obey(List.of(new Request(7, SHOP, unknown, "bob", Duration.ZERO)), store);
        assertThat(state("shop").answers().upTo()).isZero();

        controller.update().driver().obey(List.of(new Request(7, SHOP, unknown, "bob", Duration.ofSeconds(5))), store);
        assertThat(state("shop").answers().refused()).containsOnlyKeys(7L);
    }

    @Test
    void whatNobodyAnsweredForAnHourIsRefused() throws Exception {
        Controller controller = new Controller("ann", "shop");
        awaitingApproval(controller).abort();

        controller.update().driver().obey(List.of(new Request(7, SHOP, V3, "bob", Duration.ofHours(1))), store);

        assertThat(state("shop").answers().refused()).isEqualTo(Map.of(7L, "nobody has answered it within PT1H"));
        assertThat(state("shop").target()).isEqualTo(V2);
    }

    @Test
    void whatIsAskedOfAFleetThatNobodyHasIsForgottenAfterAnHour() throws Exception {
        store.ask(FleetId.of("gone"), V3, "bob");
        ahead.set(Duration.ofMinutes(61));
        store.ask(FleetId.of("gone"), new Command.Abort(), "bob");
        new Controller("ann", "shop");

        Await.until("the old one to go", () -> store.requests().size() < 2);
        assertThat(store.requests()).extracting(Request::command).containsExactly(new Command.Abort());
    }

    @Test
    void aControllerThatCannotReadRequestsIsStillThere() throws Exception {
        Object deaf = Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RolloutStore.class, Exchange.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("requests")) {
                        throw ProviderException.permanent("no rights on rollstep_request");
                    }
                    return method.invoke(store, arguments);
                });
        try (RolloutEngine engine = RolloutEngine.create();
                RollingUpdate update = builder("shop", FakePlatform.of("v1", 3))
                        .store((RolloutStore) deaf)
                        .engine(engine)
                        .build()) {
            Await.until(
                    "its roll call",
                    () -> store.rollCall("another", lease).controllers().contains(engine.name));
            assertThat(update.history()).isEmpty();
        }
    }
}
