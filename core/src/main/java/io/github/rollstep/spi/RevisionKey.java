package io.github.rollstep.spi;

import java.util.Objects;

/**
 * Where a request names the revision that it is for: a page that was made by v2 says so in each request that it makes.
 *
 * @param name of the header field or cookie: 1 to 64 letters, digits, {@code -} and {@code _}
 */
public record RevisionKey(Place place, String name) {

    public enum Place {
        HEADER,
        COOKIE
    }

    public RevisionKey {
        Objects.requireNonNull(place, "place");
        if (!name.matches("[A-Za-z0-9_-]{1,64}")) {
            throw new IllegalArgumentException(
                    "revision key must match [A-Za-z0-9_-]{1,64}, was \"%s\"".formatted(name));
        }
    }

    public static RevisionKey header(String name) {
        return new RevisionKey(Place.HEADER, name);
    }

    public static RevisionKey cookie(String name) {
        return new RevisionKey(Place.COOKIE, name);
    }
}
