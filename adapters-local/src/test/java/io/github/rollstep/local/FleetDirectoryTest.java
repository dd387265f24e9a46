package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rollstep.FleetId;
import io.github.rollstep.LaunchToken;
import io.github.rollstep.Revision;
import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FleetDirectoryTest {

    private static final FleetId FLEET = FleetId.of("web");
    private static final LaunchToken TOKEN = LaunchToken.of("web-1-1");
    private static final LaunchRecord RECORD = LaunchRecord.intended(
                    new LaunchRequest(
                            FLEET, RolloutId.of("web-1"), TOKEN, Revision.of("v2", Map.of("k", "a=b\\n\n\r\\e"))),
                    Map.of("a=b", ""),
                    "127.0.0.1",
                    8080,
                    Instant.EPOCH)
            .started(new ProcessKey(12, "boot/34"))
            .stopping(Instant.EPOCH);

    @TempDir
    Path root;

    private Path home;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        home = root.resolve("instances/web-1-1");
        file = home.resolve("record");
        try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
            directory.write(RECORD);
        }
    }

    @Test
    void readsWhatItWrote() {
        try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
            assertThat(directory.records()).containsExactly(RECORD);
            assertThat(directory.records().get(0).request().revision().attributes())
                    .isEqualTo(RECORD.request().revision().attributes());
        }
    }

    @Test
    void refusesARecordThatIsTornAtAnyPlace() throws IOException {
        String whole = Files.readString(file);
        for (int length = 0; length < whole.length(); length++) {
            Files.writeString(file, whole.substring(0, length));

            assertRefused();
        }
    }

    @Test
    void refusesARecordThatLacksALine() throws IOException {
        String whole = Files.readString(file);
        for (String key : new String[] {"fleet", "rollout", "token", "revision", "host", "port", "created"}) {
            Files.writeString(file, whole.replaceAll("(?m)^" + key + "=.*\n", ""));

            assertRefused();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "port=1",
                "shoesize=42",
                "no-field",
                "attribute.bad=\\x",
                "attribute.=",
                "attribute.torn=\\",
                "end"
            })
    void refusesARecordWithALineTooMany(String line) throws IOException {
        Files.writeString(file, Files.readString(file).replaceFirst("\n", "\n" + line.replace("\\", "\\\\") + "\n"));

        assertRefused();
    }

    @ParameterizedTest
    @ValueSource(strings = {"process=12", "process=x y", "process=12 ", "stopping=now", "created=", "port=high"})
    void refusesARecordWithALineThatIsNotOurs(String line) throws IOException {
        String key = line.substring(0, line.indexOf('='));
        Files.writeString(file, Files.readString(file).replaceFirst("(?m)^" + key + "=.*$", line));

        assertRefused();
    }

    @Test
    void refusesARecordThatIsNotText() throws IOException {
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});

        assertRefused();
    }

    @Test
    void refusesARecordOfAnotherLaunch() throws IOException {
        Files.writeString(file, Files.readString(file).replace("token=web-1-1", "token=web-1-2"));

        assertRefused();
    }

    @Test
    void refusesARecordOfAnotherFleet() throws IOException {
        Files.writeString(file, Files.readString(file).replace("fleet=web", "fleet=api"));

        assertRefused();
    }

    @Test
    void refusesAnInstanceWithoutARecord() throws IOException {
        Files.move(file, home.resolve("log"));

        assertThat(refusal()).hasMessageContaining(home.getFileName().toString());
    }

    @Test
    void refusesTheDirectoryOfAnotherFleet() {
        ProviderException thrown =
                catchThrowableOfType(ProviderException.class, () -> FleetDirectory.open(FleetId.of("api"), root));

        assertThat(thrown).hasMessageEndingWith("fleet says that the directory is of fleet web, not of api");
        assertThat(thrown.isRetryable()).isFalse();
    }

    @Test
    void refusesADirectoryThatDoesNotSayWhoseItIs() throws IOException {
        Files.delete(root.resolve("fleet"));

        assertThat(refusal()).hasMessageContaining("fleet is missing");
    }

    @Test
    void gaveTheLockBackWhenItRefused() throws IOException {
        String whole = Files.readString(root.resolve("fleet"));
        Files.writeString(root.resolve("fleet"), "");
        refusal();
        Files.writeString(root.resolve("fleet"), whole);

        FleetDirectory.open(FLEET, root).close();
    }

    @Test
    void clearsAwayWhatACrashLeftInTheMiddleOfAWrite() throws IOException {
        Files.writeString(home.resolve("record.tmp"), "rollstep-proc");
        Path unborn = Files.createDirectory(root.resolve("instances/web-1-2"));
        Files.writeString(unborn.resolve("record.tmp"), "");

        try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
            assertThat(directory.records()).containsExactly(RECORD);
        }

        assertThat(home).isDirectoryNotContaining("glob:**.tmp");
        assertThat(unborn).doesNotExist();
    }

    @Test
    void forgetsAllButWhatALinkLeadsTo() throws IOException {
        Path outside = Files.createDirectory(root.resolve("outside"));
        Files.writeString(outside.resolve("precious"), "");
        try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
            directory.makeWork(TOKEN);
            Files.createSymbolicLink(directory.work(TOKEN).resolve("link"), outside);

            directory.forget(TOKEN);
        }

        assertThat(home).doesNotExist();
        assertThat(outside.resolve("precious")).exists();
    }

    @Test
    void showsInstancesToNobodyElse() throws IOException {
        Path instances = root.resolve("instances");
        assumeTrue(Files.getFileStore(instances).supportsFileAttributeView("posix"));

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(instances)))
                .isEqualTo("rwx------");
    }

    @Test
    void cutsTheLastLineOfALog() throws IOException {
        try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
            assertThat(directory.lastLine(TOKEN, 5)).isEmpty();

            Files.write(directory.log(TOKEN), "x".repeat(10_000).getBytes(StandardCharsets.UTF_8));
            assertThat(directory.lastLine(TOKEN, 5)).isEqualTo(Optional.of("xxxxx"));

            Files.writeString(directory.log(TOKEN), "first\n\u001b[31mlast\n \n");
            assertThat(directory.lastLine(TOKEN, 200)).isEqualTo(Optional.of("[31mlast"));
        }
    }

    private void assertRefused() {
        assertThat(refusal()).hasMessageContaining(file.getFileName().toString());
    }

    private ProviderException refusal() {
        ProviderException thrown = catchThrowableOfType(ProviderException.class, () -> {
            try (FleetDirectory directory = FleetDirectory.open(FLEET, root)) {
                directory.records();
            }
        });
        assertThat(thrown).isNotNull();
        assertThat(thrown.isRetryable()).isFalse();
        return thrown;
    }
}
