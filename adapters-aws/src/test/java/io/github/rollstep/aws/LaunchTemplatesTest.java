package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rollstep.Revision;
import io.github.rollstep.spi.ProviderException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LaunchTemplatesTest {

    private static final String ID = "lt-0a1b2c3d4e5f60718";

    @Test
    void aRevisionSaysWhichTemplateAndVersion() {
        Revision revision = LaunchTemplates.revision(ID, 12);

        assertThat(revision.id()).isEqualTo(ID + "/12");
        assertThat(revision.attributes()).isEqualTo(Map.of("launch-template", ID, "launch-template-version", "12"));
        assertThat(LaunchTemplates.parse(revision.id())).contains(revision);
        assertThat(LaunchTemplates.Version.of(revision)).isEqualTo(new LaunchTemplates.Version(ID, "12"));
        assertThat(LaunchTemplates.Version.of(revision).revision()).isEqualTo(revision);
    }

    @ParameterizedTest
    @CsvSource({"lt-0123abcd,1", "lt-0a1b2c3d4e5f60718,999999999999999999"})
    void theseAreTemplatesAndVersions(String template, long version) {
        assertThat(LaunchTemplates.revision(template, version).id()).isEqualTo(template + "/" + version);
    }

    @ParameterizedTest
    @CsvSource({
        "web,1",
        "lt-,1",
        "lt-0123,1",
        "lt-0123ABCD,1",
        "lt-0123abcg,1",
        "ami-0123abcd,1",
        "lt-0123abcd/1,1",
        "lt-0123abcd,0",
        "lt-0123abcd,-1"
    })
    void theseAreNone(String template, long version) {
        assertThatThrownBy(() -> LaunchTemplates.revision(template, version))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a launch template must be lt-<hexadecimal digits> with a version >= 1, was %s/%d"
                        .formatted(template, version));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "v1",
                "lt-0123abcd/$Latest",
                "lt-0123abcd/$Default",
                "lt-0123abcd/01",
                "lt-0123abcd",
                "lt-0123abcd/1 "
            })
    void whatMeansAnotherThingTomorrowIsNoRevision(String id) {
        assertThat(LaunchTemplates.parse(id)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"lt-0123abcd,$Latest", "lt-0123abcd,$Default", "lt-0123abcd,01", "lt-0123abcd,''", "web,1"})
    void whatMeansAnotherThingTomorrowIsNoVersion(String template, String number) {
        assertThatThrownBy(() -> new LaunchTemplates.Version(template, number))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a launch template must be lt-<hexadecimal digits> with a version >= 1, was %s/%s"
                        .formatted(template, number));
    }

    @Test
    void anotherRevisionHasNoVersionAndNeverWill() {
        assertThatThrownBy(() -> LaunchTemplates.Version.of(Revision.of("v1")))
                .isInstanceOfSatisfying(
                        ProviderException.class,
                        e -> assertThat(e.isRetryable()).isFalse())
                .hasMessage(
                        "revision must be a launch template and a number, as LaunchTemplates.revision makes it, was v1");
    }
}
