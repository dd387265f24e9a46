package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.PastRollout;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.spi.RolloutStore;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.store.InMemoryRolloutStore;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several engines on one store, each as it would be in a process of its own. */
class SharedFleetTest extends SharedFleets {

    /** Otherwise the others would count it, and leave it its share, for a lease. */
    @Test
    void oneThatIsClosedDuringItsRollCallIsGoneAfterwards() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch answering = new CountDownLatch(1);
        CountDownLatch answered = new CountDownLatch(1);
        Object slow = Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RolloutStore.class, Exchange.class},
                (proxy, method, arguments) -> {
                    boolean present = method.getName().equals("rollCall") && !arguments[1].equals(Duration.ZERO);
                    if (present) {
                        called.countDown();
                        answering.await();
                    }
                    Object answer = method.invoke(store, arguments);
                    if (present) {
                        answered.countDown();
                    }
                    return answer;
                });
        try (RolloutEngine engine = RolloutEngine.create()) {
            RollingUpdate update = builder("shop", FakePlatform.of("v1", 3))
                    .store((RolloutStore) slow)
                    .engine(engine)
                    .build();
            called.await();
            Thread closing = new Thread(update::close);
            closing.start();
            Await.until(
                    "it waits or has given up",
                    () -> closing.getState() == Thread.State.BLOCKED || closing.getState() == Thread.State.TERMINATED);
            answering.countDown();
            closing.join();
            answered.await();
        }

        assertThat(store.rollCall("another", lease).controllers()).containsExactly("another");
    }

    @Test
    void whatIsAskedElsewhereIsDoneByWhoeverDrivesIt() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        Rollout here = awaitingApproval(first);

        Rollout there = second.update().rollout().orElseThrow();
        assertThat(there.id()).isEqualTo(here.id());
        assertThat(there.phase()).isEqualTo(RolloutPhase.AWAITING_APPROVAL);
        assertThat(second.driven()).isZero();
        there.approve("bob");

        assertThat(there.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(here.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(store.requests()).isEmpty();
    }

    @Test
    void whatMayNotBeIsRefusedWithTheReason() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        awaitingApproval(first);
        Rollout there = second.update().rollout().orElseThrow();

        assertThatIllegalStateException()
                .isThrownBy(there::resume)
                .withMessageContaining("only one that is paused can");
        there.abort();
        assertThat(there.phase()).isEqualTo(RolloutPhase.ABORTED);
        assertThat(there.progress().reason().text()).isEqualTo("aborted by bob");
        assertThatIllegalStateException().isThrownBy(there::abort).withMessage("fleet shop has no rollout in progress");
    }

    /** A dashboard asks for it once a second, for hours. */
    @Test
    void aRolloutHasOneHandleUntilItEnds() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        Rollout here = awaitingApproval(first);
        assertThat(first.update().rollout().orElseThrow()).isSameAs(here);
        Rollout there = second.update().rollout().orElseThrow();
        assertThat(second.update().rollout().orElseThrow()).isSameAs(there);
        assertThat(second.update().start(V2)).isSameAs(there);

        there.abort();
        there.await(PATIENCE);
        Rollout next = second.update().retry(V2);
        assertThat(next).isNotSameAs(there);
        assertThat(next.id()).isNotEqualTo(there.id());
    }

    @Test
    void whoeverWaitsForARolloutElsewhereWaitsNoLongerAfterTheClose() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        Controller third = new Controller("eve", "shop");
        Rollout here = awaitingApproval(first);
        Rollout waiting = second.update().rollout().orElseThrow();
        Rollout other = third.update().rollout().orElseThrow();

        second.update().close();
        assertThatIllegalStateException()
                .isThrownBy(() -> waiting.await(PATIENCE))
                .withMessage("rollout %s: closed, can be resumed", waiting.id());
        third.engine.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> other.await(PATIENCE))
                .withMessage("rollout %s: the engine is closed", other.id());
        first.update().close();
        assertThatIllegalStateException()
                .isThrownBy(() -> here.await(PATIENCE))
                .withMessage("rollout %s: closed, can be resumed", here.id());
    }

    /** A host may have a store, and an update, for each of its jobs. */
    @Test
    void aStoreIsLookedAtAsLongAsItHasAFleetHere() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        RolloutStore counting = (RolloutStore) Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RolloutStore.class, Exchange.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("requests")) {
                        looks.incrementAndGet();
                    }
                    return method.invoke(store, arguments);
                });
        try (RolloutEngine engine = RolloutEngine.create()) {
            RollingUpdate.Builder builder =
                    builder("shop", FakePlatform.of("v1", 3)).engine(engine);
            for (int job = 0; job < 50; job++) {
                builder.store(new InMemoryRolloutStore()).build().close();
            }
            builder.store(counting).build().close();
            assertThat(engine.shared).isEmpty();

            try (RollingUpdate again = builder.build()) {
                long ticks = engine.timer.getCompletedTaskCount();
                int before = looks.get();
                Await.until("it to be looked at again", () -> looks.get() >= before + 8);
                assertThat(engine.timer.getCompletedTaskCount() - ticks)
                        .as("ticks, of one store instead of 51")
                        .isLessThan(8 * 10);
                assertThat(again.history()).isEmpty();
            }
        }
    }

    /** As a watchdog does that has not heard yet what came after the rollout that it watches. */
    @Test
    void aCommandOnAHandleSteersNoRolloutButItsOwn() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        awaitingApproval(first);
        Rollout superseded = second.update().rollout().orElseThrow();
        Rollout next = first.update().start(Revision.of("v3"));
        Await.until("the first batch of v3", () -> next.phase() == RolloutPhase.AWAITING_APPROVAL);

        assertThatIllegalStateException()
                .isThrownBy(() -> superseded.rollBack("too slow"))
                .withMessage("rollout %s is not in progress, %s is", superseded.id(), next.id());
        assertThatIllegalStateException().isThrownBy(() -> superseded.approve("bob"));

        assertThat(state("shop").back()).isFalse();
        assertThat(next.phase()).isEqualTo(RolloutPhase.AWAITING_APPROVAL);
    }

    @Test
    void theRecordNamesWhoApprovedElsewhere() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        awaitingApproval(first);
        List<String> approvals = new CopyOnWriteArrayList<>();
        platforms.get("shop").interference = call -> {
            RolloutState state = state("shop");
            if (state.phaseReason().text().startsWith("approved")) {
                approvals.add(state.phaseReason().text());
            }
        };

        second.update().rollout().orElseThrow().approve("eve of the board");

        Await.until("the approval to be seen", () -> !approvals.isEmpty());
        assertThat(approvals).containsOnly("approved by eve of the board");
    }

    @Test
    void aSizeIsThatOfTheRolloutWhereverItIsGivenAndWhoeverDrives() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        Controller third = new Controller("eve", "shop");
        Rollout rollout = awaitingApproval(first);

        second.update().resize(5);

        assertThat(state("shop").limits().desired()).isEqualTo(5);
        assertThat(first.update().limits().desired()).isEqualTo(5);
        assertThat(second.update().limits().desired()).isEqualTo(5);
        assertThat(second.update().start(V2).id()).isEqualTo(rollout.id());
        first.close();
        second.close();
        assertThat(third.update().start(V2).id()).isEqualTo(rollout.id());
        assertThat(third.update().limits().desired()).isEqualTo(5);
    }

    @Test
    void aRolloutIsStartedByWhoeverHoldsTheFleet() throws Exception {
        Controller first = new Controller("ann", "shop");
        Controller second = new Controller("bob", "shop");
        Rollout superseded = awaitingApproval(first);

        Rollout next = second.update().start(Revision.of("v3"));

        Await.until("the first to drive it", () -> first.driven() == 1);
        assertThatIllegalStateException()
                .isThrownBy(() -> superseded.await(PATIENCE))
                .withMessageContaining("superseded by " + next.id());
        Await.until("the first batch of v3", () -> next.phase() == RolloutPhase.AWAITING_APPROVAL);
        next.approve("bob");
        assertThat(next.await(PATIENCE).orElseThrow().to()).isEqualTo(Revision.of("v3"));
        assertThat(platforms.get("shop").revisions()).containsOnly("v3");
        assertThat(first.update().history())
                .extracting(past -> past.to().id(), PastRollout::startedBy, PastRollout::phase)
                .containsExactly(
                        tuple("v3", "bob", RolloutPhase.SUCCEEDED), tuple("v2", "ann", RolloutPhase.AWAITING_APPROVAL));
        assertThat(first.update().history().get(1).superseded()).isTrue();
    }

    @Test
    void anotherControllerGoesOnWhenOneIsGone() throws Exception {
        lease = Duration.ofSeconds(1);
        Controller first = new Controller("ann", "shop");
        Rollout here = awaitingApproval(first);
        Controller second = new Controller("bob", "shop");
        Rollout there = second.update().rollout().orElseThrow();
        first.kill();

        Await.until("the other one to take over", () -> second.driven() == 1);
        there.approve("bob");
        assertThat(there.await(PATIENCE).orElseThrow().phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        assertThat(there.id()).isEqualTo(here.id());
        assertThat(platforms.get("shop").revisions()).containsExactly("v2", "v2", "v2");
    }

    @Test
    void workSpreadsWhenAControllerJoins() throws Exception {
        lease = Duration.ofSeconds(1);
        String[] fleets = {"a", "b", "c", "d", "e", "f"};
        Controller first = new Controller("ann", fleets);
        first.updates.values().forEach(update -> update.start(V2));
        Await.until(
                "all to wait for an approval",
                () -> List.of(fleets).stream()
                        .allMatch(fleet -> state(fleet).phase() == RolloutPhase.AWAITING_APPROVAL));
        assertThat(first.driven()).isEqualTo(6);

        Controller second = new Controller("bob", fleets);
        Await.until("half of them to move", () -> first.driven() == 3 && second.driven() == 3);
        Controller third = new Controller("eve", fleets);
        Await.until(
                "a third of them to move", () -> first.driven() == 2 && second.driven() == 2 && third.driven() == 2);

        third.close();
        Await.until("them to come back", () -> first.driven() == 3 && second.driven() == 3);
        assertThat(fleets)
                .allSatisfy(fleet -> assertThat(state(fleet).phase()).isEqualTo(RolloutPhase.AWAITING_APPROVAL));
    }

    @Test
    void aCommandLineNeedsOnlyTheStore() throws Exception {
        Controller first = new Controller("ann", "shop");
        RemoteControl control = RemoteControl.of(store);
        FleetId shop = FleetId.of("shop");

        control.ask(shop, new Command.Start(V2, false, false), "cron", PATIENCE);
        Await.until(
                "the first batch",
                () -> control.progress(shop).orElseThrow().phase() == RolloutPhase.AWAITING_APPROVAL);
        control.ask(shop, new Command.RollBack("not today"), "eve", PATIENCE);

        Await.until("the end", () -> !control.history(shop).isEmpty());
        PastRollout past = control.history(shop).get(0);
        assertThat(past.phase()).isEqualTo(RolloutPhase.ROLLED_BACK);
        assertThat(past.startedBy()).isEqualTo("cron");
        assertThat(past.duration()).isPositive();
        assertThat(platforms.get("shop").revisions()).containsExactly("v1", "v1", "v1");
        first.close();
        assertThatThrownBy(() -> control.ask(shop, new Command.Pause(), "eve", Duration.ofMillis(300)))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("was not answered within PT0.3S")
                .hasMessageContaining("it stays asked");
    }

    @Test
    void aRequestIsObeyedOnceThoughItIsReadTwice() throws Exception {
        Controller first = new Controller("ann", "shop");
        Rollout rollout = awaitingApproval(first);
        Request pause = new Request(40, FleetId.of("shop"), new Command.Pause(), "bob", Duration.ZERO);
        first.update().driver().obey(List.of(pause), store);
        assertThat(rollout.phase()).isEqualTo(RolloutPhase.PAUSED);
        rollout.resume();
        Await.until("it to wait again", () -> rollout.phase() == RolloutPhase.AWAITING_APPROVAL);

        first.update().driver().obey(List.of(pause), store);

        assertThat(rollout.phase()).isEqualTo(RolloutPhase.AWAITING_APPROVAL);
        assertThat(state("shop").answers()).isEqualTo(new RolloutState.Answers(40, Map.of()));
    }

    @Test
    void aStartThatAnotherHasObeyedMeanwhileIsNotObeyedAgain() throws Exception {
        Controller first = new Controller("ann", "shop");
        Command.Start start = new Command.Start(V2, false, false);
        first.update().driver().start(start, "bob", OptionalLong.of(7));
        first.update().rollout().orElseThrow().abort();

        assertThatIllegalStateException()
                .isThrownBy(() -> first.update().driver().start(start, "bob", OptionalLong.of(7)))
                .withMessage("request 7 is answered already");
        assertThat(first.update().rollout()).isEmpty();
        assertThat(store.acquire(FleetId.of("shop"), "another", lease))
                .as("the lease is free")
                .isPresent();
    }

    @Test
    void sharingNeedsAStoreThatCanAndAnEngine(@TempDir Path directory) {
        FakePlatform platform = FakePlatform.of("v1", 3);
        try (FileRolloutStore files = FileRolloutStore.open(directory)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> builder("a", platform).store(files).build())
                    .withMessageStartingWith("shared must have a store that is an Exchange, was ");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder("a", platform).hostDriven().build())
                .withMessage("shared must be driven by an engine, was hostDriven");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> builder("a", platform)
                        .pollInterval(Duration.ofSeconds(4))
                        .build())
                .withMessage("lease must be >= 3 x pollInterval (PT4S), was PT10S");
    }
}
