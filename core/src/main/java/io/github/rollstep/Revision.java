package io.github.rollstep;

import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * What is rolled out: an opaque id, and attributes that the provider understands (an image, a launch template version,
 * the arguments of a command line). <b>Two revisions with the same id are equal</b>, whatever their attributes: whoever
 * changes an attribute makes a new id.
 *
 * @param id 1 to 128 characters of {@code [A-Za-z0-9._:/@+-]}
 * @param attributes what the provider needs to launch this revision; keys as in {@code id}, values of at most 4,096
 *     characters, neither of them null
 */
public record Revision(String id, Map<String, String> attributes) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:/@+-]{1,128}");

    public Revision {
        Require.matches("revision id", NAME, id);
        attributes = Map.copyOf(attributes);
        attributes.forEach((key, value) -> {
            Require.matches("revision attribute", NAME, key);
            Require.that(
                    value.length() <= 4096,
                    "revision attribute %s must have <= 4096 characters, has %d",
                    key,
                    value.length());
        });
    }

    public static Revision of(String id) {
        return new Revision(id, Map.of());
    }

    public static Revision of(String id, Map<String, String> attributes) {
        return new Revision(id, attributes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Revision that && id.equals(that.id);
    }

    @Override
    public int hashCode() {
        return Objects.hashCode(id);
    }

    /** The id alone: attributes may hold what is not for a log. */
    @Override
    public String toString() {
        return id;
    }
}
