package io.github.rollstep.gate;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Whatever a string has in it comes out of JSON as it was. */
class JsonPropertyTest {

    @Property
    void everyStringComesBack(@ForAll String value) {
        String json = Json.string(value);

        assertThat(json).matches("\"([ !#-\\[\\]-~]|\\\\[\"\\\\]|\\\\u[0-9a-f]{4})*\"");
        assertThat(unescaped(json.substring(1, json.length() - 1))).isEqualTo(value);
    }

    @Example
    void escapesWhatRfc8259SaysAndEverythingBeyondAscii() {
        assertThat(Json.string("a\"b\\c\n\u0000</script>\u007f\u00e9\u2028\ud83d\ude00\ud800"))
                .isEqualTo("\"a\\\"b\\\\c\\u000a\\u0000</script>\\u007f\\u00e9\\u2028\\ud83d\\ude00\\ud800\"");
    }

    private static String unescaped(String json) {
        StringBuilder value = new StringBuilder();
        for (int i = 0; i < json.length(); i++) {
            if (json.charAt(i) != '\\') {
                value.append(json.charAt(i));
            } else if (json.charAt(++i) == 'u') {
                value.append((char) Integer.parseInt(json.substring(i + 1, i + 5), 16));
                i += 4;
            } else {
                value.append(json.charAt(i));
            }
        }
        return value.toString();
    }
}
