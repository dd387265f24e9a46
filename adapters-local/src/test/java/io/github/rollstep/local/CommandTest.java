package io.github.rollstep.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.Revision;
import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made of a command's template, and of its failure. */
class CommandTest {

    private static final LaunchRequest REQUEST =
            ProcessFleet.request(1, Revision.of("v2", Map.of("a/b", "{port}$0\\", "nul", "\0")));

    @ParameterizedTest
    @CsvSource({
        "'plain', 'plain'",
        "'--port={port}', '--port=8080'",
        "'{revision}{instance}', 'v2web-1-1'",
        "'{attribute.a/b}', '{port}$0\\'",
        "'{} { port } {\"json\": {}} ${', '{} { port } {\"json\": {}} ${'"
    })
    void replacesPlaceholdersOnce(String template, String filled) {
        assertThat(new Template("command", template).fill(REQUEST, 8080)).isEqualTo(filled);
    }

    @ParameterizedTest
    @ValueSource(strings = {"prot", "PORT", "attribute", "attribute.", "0"})
    void refusesAPlaceholderThatItDoesNotKnow(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Template("command", "x{" + name + "}"))
                .withMessage("command must use only {port}, {revision}, {instance} and {attribute.X}, was {%s}", name);
    }

    @Test
    void refusesWhatNoProcessCanBeGiven() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Template("command", "a\0b"));

        ProviderException thrown = catchThrowableOfType(
                ProviderException.class, () -> new Template("command", "{attribute.nul}").fill(REQUEST, 1));
        assertThat(thrown).hasMessage("attribute nul of revision v2 must not contain NUL");
        assertThat(thrown.isRetryable()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "'Cannot run program \"x\": error=11, Resource temporarily unavailable', true",
        "'Cannot run program \"x\": error=12, Cannot allocate memory', true",
        "'error=24, Too many open files', true",
        "'error=2, No such file or directory', false",
        "'error=13, Permission denied', false",
        "'error=7, Argument list too long', false",
        "'Exec failed, error: 7 (Argument list too long) ', false",
        "'Exec failed, error: 11 (Resource temporarily unavailable) ', true"
    })
    void triesAgainOnlyWhatTheSystemMayAllowLater(String message, boolean retryable) {
        assertThat(Command.failure(new IOException(message)).isRetryable()).isEqualTo(retryable);
    }
}
