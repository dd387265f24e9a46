package io.github.rollstep.aws.ec2;

import io.github.rollstep.RolloutId;
import io.github.rollstep.spi.LaunchRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Launches that are asked for by one call: of one rollout, one decision, one zone, and at most {@value #WINDOW} ordinals in a row, so
 * that a repeat for those that are still open falls into the same wave. Its client token is made of these alone.
 *
 * @param zone "" for the only subnet
 * @param ordinals of the launches that are open, ascending
 */
record Wave(LaunchRequest first, String zone, int window, List<Integer> ordinals) {

    /** Ranges of so many ordinals fit into the value of a tag, 256 characters, whichever are missing and however long they are. */
    static final int WINDOW = 64;

    private static final String RANGE = "[0-9]{1,2}(?:-[0-9]{1,2})?";
    private static final Pattern TEXT = Pattern.compile("([0-9]{1,10})\\+(" + RANGE + "(?:," + RANGE + ")*)");

    private record Key(RolloutId rollout, Instant intendedAt, String zone, int window) {}

    /** In which zone a launch belongs. */
    interface Zones {
        String of(LaunchRequest request, int ordinal);
    }

    static List<Wave> of(List<LaunchRequest> open, Zones zones) {
        Map<Key, List<LaunchRequest>> waves = new LinkedHashMap<>();
        for (LaunchRequest request : open) {
            int ordinal = request.token().ordinal();
            Key key = new Key(request.rollout(), request.intendedAt(), zones.of(request, ordinal), ordinal / WINDOW);
            waves.computeIfAbsent(key, wave -> new ArrayList<>()).add(request);
        }
        return waves.entrySet().stream()
                .map(wave -> new Wave(
                        wave.getValue().get(0),
                        wave.getKey().zone,
                        wave.getKey().window,
                        wave.getValue().stream()
                                .map(request -> request.token().ordinal())
                                .sorted()
                                .toList()))
                .toList();
    }

    /** At most 64 characters, as AWS wants it. */
    String clientToken() {
        String text = "%s %s %s %s %s %d"
                .formatted(first.fleet(), first.rollout(), first.revision(), first.intendedAt(), zone, window);
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /**
     * As {@code 64+1-20,23} for 65 to 84, and 87: the instance with launch index 2 has the third of them. Counted from the begin of the
     * window, they are short.
     */
    String text() {
        int begin = window * WINDOW;
        StringBuilder text = new StringBuilder();
        for (int from = 0; from < ordinals.size(); ) {
            int to = from;
            while (to + 1 < ordinals.size() && ordinals.get(to + 1) == ordinals.get(to) + 1) {
                to++;
            }
            text.append(text.length() == 0 ? begin + "+" : ",").append(ordinals.get(from) - begin);
            if (to > from) {
                text.append('-').append(ordinals.get(to) - begin);
            }
            from = to + 1;
        }
        return text.toString();
    }

    /**
     * The ordinals of such a text.
     *
     * @throws IllegalArgumentException if it is none
     */
    static List<Integer> parse(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("launches must be as 64+1-20,23, was " + text);
        }
        int begin = Integer.parseInt(parts.group(1));
        List<Integer> ordinals = new ArrayList<>();
        for (String range : parts.group(2).split(",")) {
            String[] ends = range.split("-", 2);
            int last = Integer.parseInt(ends[ends.length - 1]);
            for (int ordinal = Integer.parseInt(ends[0]); ordinal <= last; ordinal++) {
                ordinals.add(begin + ordinal);
            }
        }
        return ordinals;
    }
}
