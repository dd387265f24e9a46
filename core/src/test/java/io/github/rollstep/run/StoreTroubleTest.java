package io.github.rollstep.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.FleetId;
import io.github.rollstep.Revision;
import io.github.rollstep.plan.Plan;
import io.github.rollstep.plan.Reason;
import io.github.rollstep.plan.RolloutPhase;
import io.github.rollstep.spi.ProviderException;
import io.github.rollstep.store.FileRolloutStore;
import io.github.rollstep.store.TinyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A rollout on a disk that is full, and on a record that was damaged. */
class StoreTroubleTest {

    private static final FleetId SHOP = FleetId.of("shop");
    private static final Revision V2 = Revision.of("v2");

    @TempDir
    Path directory;

    private final HandClock clock = new HandClock();
    private final FakePlatform platform = FakePlatform.of("v1", 3);
    private final Recorder recorder = new Recorder();

    private RollingUpdate update(FileRolloutStore store) {
        return platform.update(SHOP)
                .store(store)
                .policy(FakePlatform.oneByOne().build())
                .listener(recorder)
                .clock(clock)
                .hostDriven()
                .build();
    }

    private Path file() {
        return directory.resolve("shop.rollout");
    }

    private FileRolloutStore open() {
        return FileRolloutStore.open(directory, clock);
    }

    private Plan step(Rollout rollout) {
        Plan plan = rollout.step();
        clock.advance(Duration.ofSeconds(1));
        return plan;
    }

    private Progress drive(Rollout rollout) {
        for (int i = 0; i < 5000 && !rollout.phase().isFinal(); i++) {
            step(rollout);
        }
        return rollout.progress();
    }

    private static void assertWaitsForTheStore(Rollout rollout, String why) {
        assertThat(rollout.progress().waits()).anySatisfy(reason -> {
            assertThat(reason.code()).isEqualTo(Reason.Code.PLATFORM);
            assertThat(reason.text()).contains("shop.rollout", why, "again soon");
        });
    }

    /** After so many steps the disk is full, for a minute. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8})
    void waitsForRoomOnAFullDiskAndSaysSo(int steps) {
        try (TinyDisk disk = TinyDisk.mount(directory);
                FileRolloutStore store = open();
                RollingUpdate update = update(store)) {
            Rollout rollout = update.start(V2);
            for (int i = 0; i < steps; i++) {
                step(rollout);
            }
            int taken = recorder.actions.size();

            disk.fill();
            for (int i = 0; i < 60; i++) {
                assertThat(step(rollout).actions()).isEmpty();
            }

            assertThat(recorder.actions).hasSize(taken);
            assertThat(recorder.waits).anySatisfy(wait -> assertThat(wait).contains("No space left on device"));
            assertWaitsForTheStore(rollout, "No space left on device");
            disk.makeRoom();
            Progress end = drive(rollout);
            assertThat(end.phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(end.peak()).isEqualTo(4);
            assertThat(end.fewestServing()).hasValue(3);
            assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
        }
    }

    @Test
    void doesNotBeginOnAFullDisk() {
        try (TinyDisk disk = TinyDisk.mount(directory);
                FileRolloutStore store = open();
                RollingUpdate update = update(store)) {
            disk.fill();

            assertThatThrownBy(() -> update.start(V2))
                    .isInstanceOfSatisfying(
                            ProviderException.class,
                            e -> assertThat(e.isRetryable()).isTrue())
                    .hasMessageContainingAll(file().toString(), "No space left on device");
            assertThat(platform.revisions()).containsExactly("v1", "v1", "v1");

            disk.makeRoom();
            assertThat(drive(update.start(V2)).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
        }
    }

    private enum Damage {
        EMPTY("it is not a record of Rollstep") {
            @Override
            byte[] to(byte[] record) {
                return new byte[0];
            }
        },
        HALF("it is torn, or was changed: the checksum does not match") {
            @Override
            byte[] to(byte[] record) {
                return Arrays.copyOf(record, record.length / 2);
            }
        },
        LAST_BYTE_GONE("it is torn, or was changed: the checksum does not match") {
            @Override
            byte[] to(byte[] record) {
                return Arrays.copyOf(record, record.length - 1);
            }
        },
        ONE_BIT("it is torn, or was changed: the checksum does not match") {
            @Override
            byte[] to(byte[] record) {
                byte[] changed = record.clone();
                changed[changed.length / 2] ^= 1;
                return changed;
            }
        };

        final String text;

        Damage(String text) {
            this.text = text;
        }

        abstract byte[] to(byte[] record);
    }

    @ParameterizedTest
    @EnumSource(Damage.class)
    void refusesToBeginOrToGoOnFromADamagedRecordAndLeavesItAsItIs(Damage damage) throws IOException {
        try (FileRolloutStore store = open();
                RollingUpdate update = update(store)) {
            step(update.start(V2));
        }
        List<String> fleet = platform.revisions();
        List<String> actions = List.copyOf(recorder.actions);
        byte[] damaged = damage.to(Files.readAllBytes(file()));
        Files.write(file(), damaged);

        try (FileRolloutStore store = open();
                RollingUpdate update = update(store)) {
            assertRefused(damage, update::resume);
            assertRefused(damage, () -> update.start(V2));
            assertRefused(damage, () -> update.start(Revision.of("v3")));
            assertRefused(damage, () -> update.retry(V2));
            assertRefused(damage, update::restart);
        }

        assertThat(file()).hasBinaryContent(damaged);
        assertThat(recorder.actions).isEqualTo(actions);
        assertThat(platform.revisions()).isEqualTo(fleet);
    }

    private void assertRefused(Damage damage, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessageEndingWith("%s is refused: %s", file(), damage.text);
    }

    @ParameterizedTest
    @EnumSource(Damage.class)
    void aRecordDamagedUnderARolloutHoldsItUpUntilItIsPutBack(Damage damage) throws IOException {
        try (FileRolloutStore store = open();
                RollingUpdate update = update(store)) {
            Rollout rollout = update.start(V2);
            step(rollout);
            int taken = recorder.actions.size();
            byte[] record = Files.readAllBytes(file());
            byte[] damaged = damage.to(record);
            Files.write(file(), damaged);

            for (int i = 0; i < 60; i++) {
                assertThat(step(rollout).actions()).isEmpty();
            }

            assertThat(recorder.actions).hasSize(taken);
            assertThat(file()).hasBinaryContent(damaged);
            assertWaitsForTheStore(rollout, damage.text);
            Files.write(file(), record);
            assertThat(drive(rollout).phase()).isEqualTo(RolloutPhase.SUCCEEDED);
            assertThat(platform.revisions()).containsExactly("v2", "v2", "v2");
        }
    }
}
