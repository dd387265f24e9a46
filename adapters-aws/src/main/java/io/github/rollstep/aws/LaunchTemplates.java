package io.github.rollstep.aws;

import io.github.rollstep.Revision;
import io.github.rollstep.spi.ProviderException;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Revisions that are versions of launch templates. Only numbers: {@code $Latest} and {@code $Default} mean another thing tomorrow, and
 * nothing could be rolled back to them.
 */
public final class LaunchTemplates {

    private static final String TEMPLATE = "launch-template";
    private static final String VERSION = "launch-template-version";
    private static final Pattern ID = Pattern.compile("(lt-[0-9a-f]{8,32})/([1-9][0-9]{0,17})");

    private LaunchTemplates() {}

    /**
     * The revision of what is launched from this version.
     *
     * @param templateId as AWS gives it: {@code lt-} and hexadecimal digits
     * @throws IllegalArgumentException if it is no such id, or the version is less than 1
     */
    public static Revision revision(String templateId, long version) {
        return of(templateId + "/" + version);
    }

    /** The revision whose id this is; empty if it is another one. */
    public static Optional<Revision> parse(String id) {
        return ID.matcher(id).matches() ? Optional.of(of(id)) : Optional.empty();
    }

    /** A version of a template, of a revision as {@link #revision} makes it. */
    public record Version(String templateId, String number) {

        /** @throws IllegalArgumentException if it is no template, or no number */
        public Version {
            matched(templateId + "/" + number);
        }

        /** @throws ProviderException not retryable if the revision is another one */
        public static Version of(Revision revision) {
            Matcher id = ID.matcher(revision.id());
            if (!id.matches()) {
                throw ProviderException.permanent(
                        "revision must be a launch template and a number, as LaunchTemplates.revision makes it, was "
                                + revision);
            }
            return new Version(id.group(1), id.group(2));
        }

        public Revision revision() {
            return LaunchTemplates.of(templateId + "/" + number);
        }
    }

    private static Matcher matched(String text) {
        Matcher id = ID.matcher(text);
        if (!id.matches()) {
            throw new IllegalArgumentException(
                    "a launch template must be lt-<hexadecimal digits> with a version >= 1, was " + text);
        }
        return id;
    }

    private static Revision of(String text) {
        Matcher id = matched(text);
        return Revision.of(text, Map.of(TEMPLATE, id.group(1), VERSION, id.group(2)));
    }
}
