package io.github.rollstep.local;

import io.github.rollstep.spi.LaunchRequest;
import io.github.rollstep.spi.ProviderException;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An argument or the value of an environment variable, with placeholders. They are replaced in one pass: what a value holds is
 * not looked at again. Braces around anything but a name are plain text.
 *
 * @param owner what it is part of, for messages
 */
record Template(String owner, String text) {

    private static final Pattern PLACEHOLDER = Pattern.compile("\\{([A-Za-z0-9._:/@+-]+)}");
    private static final String ATTRIBUTE = "attribute.";
    private static final Set<String> NAMES = Set.of("port", "revision", "instance");

    Template {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(owner + " must not contain NUL, was \"" + text + "\"");
        }
        PLACEHOLDER
                .matcher(text)
                .results()
                .map(match -> match.group(1))
                .filter(name -> !NAMES.contains(name) && !isAttribute(name))
                .forEach(name -> {
                    throw new IllegalArgumentException(
                            "%s must use only {port}, {revision}, {instance} and {attribute.X}, was {%s}"
                                    .formatted(owner, name));
                });
    }

    /** @throws ProviderException never retryable: the revision has no such attribute */
    String fill(LaunchRequest request, int port) {
        return PLACEHOLDER.matcher(text).replaceAll(match -> Matcher.quoteReplacement(value(match, request, port)));
    }

    private String value(MatchResult match, LaunchRequest request, int port) {
        String name = match.group(1);
        return switch (name) {
            case "port" -> Integer.toString(port);
            case "revision" -> request.revision().id();
            case "instance" -> request.token().value();
            default -> attribute(name.substring(ATTRIBUTE.length()), request);
        };
    }

    private String attribute(String key, LaunchRequest request) {
        @Nullable String value = request.revision().attributes().get(key);
        if (value == null) {
            throw ProviderException.permanent(
                    "revision %s has no attribute %s, which %s needs".formatted(request.revision(), key, owner));
        }
        if (value.indexOf('\0') >= 0) {
            throw ProviderException.permanent(
                    "attribute %s of revision %s must not contain NUL".formatted(key, request.revision()));
        }
        return value;
    }

    private static boolean isAttribute(String name) {
        return name.startsWith(ATTRIBUTE) && name.length() > ATTRIBUTE.length();
    }
}
