package io.github.rollstep.aws;

import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.store.RecordText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import software.amazon.awssdk.core.SdkBytes;

/**
 * A record's text, smaller. The checksum of gzip tells whether it was damaged.
 *
 * @param textBytes what it takes before
 */
record CompressedRecord(SdkBytes content, int textBytes) {

    /** Names how it was made, beside the content: so that another way can be found and old records still read. */
    static final String ENCODING = "gzip";

    /** More than any record; a few bytes may claim to be gigabytes. */
    private static final int MOST_TEXT = 64 * 1024 * 1024;

    static CompressedRecord of(RolloutState state) {
        byte[] text = RecordText.of(state).getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new CompressedRecord(SdkBytes.fromByteArrayUnsafe(bytes.toByteArray()), text.length);
    }

    int bytes() {
        return content.asByteArrayUnsafe().length;
    }

    /** @throws IllegalArgumentException if something is missing, of another encoding, damaged, or no record */
    static RolloutState toState(Optional<String> encoding, Optional<SdkBytes> content) {
        if (!encoding.equals(Optional.of(ENCODING))) {
            throw new IllegalArgumentException(
                    "its encoding is \"%s\", this version reads \"%s\"".formatted(encoding.orElse(""), ENCODING));
        }
        SdkBytes bytes = content.orElseThrow(() -> new IllegalArgumentException("it has no content"));
        try (GZIPInputStream gzip = new GZIPInputStream(bytes.asInputStream())) {
            byte[] text = gzip.readNBytes(MOST_TEXT + 1);
            if (text.length > MOST_TEXT) {
                throw new IllegalArgumentException("it has more than %d bytes".formatted(MOST_TEXT));
            }
            return RecordText.toState(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text))
                    .toString());
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("it is no text", e);
        } catch (IOException e) {
            throw new IllegalArgumentException("it is damaged: " + e.getMessage(), e);
        }
    }
}
