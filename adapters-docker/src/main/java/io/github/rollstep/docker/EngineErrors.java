package io.github.rollstep.docker;

import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.exception.NotModifiedException;
import io.github.rollstep.spi.ProviderException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What the client library throws, in the words of the SPI. */
final class EngineErrors {

    private EngineErrors() {}

    static <T> T translate(String doing, Supplier<T> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            throw of(doing, e);
        }
    }

    static void run(String doing, Runnable call) {
        translate(doing, () -> {
            call.run();
            return true;
        });
    }

    /** For what is already as asked, or is no more. */
    static void runUnlessGone(String doing, Runnable call) {
        try {
            call.run();
        } catch (NotFoundException | NotModifiedException e) {
            // As asked.
        } catch (RuntimeException e) {
            throw of(doing, e);
        }
    }

    static ProviderException of(String doing, RuntimeException e) {
        if (e instanceof ProviderException known) {
            return known;
        }
        if (e instanceof DockerException answer) {
            int status = answer.getHttpStatus();
            boolean retryable = status >= 500 || status == 408 || status == 409 || status == 429;
            String text = "%s: %s".formatted(doing, oneLine(answer.getMessage()));
            return retryable ? ProviderException.retryable(text, e) : ProviderException.permanent(text, e);
        }
        return ProviderException.retryable(
                "%s: %s".formatted(doing, oneLine(innermost(e).toString())), e);
    }

    private static Throwable innermost(Throwable error) {
        Throwable inner = error;
        for (@Nullable Throwable cause = inner.getCause(); cause != null && cause != inner; cause = inner.getCause()) {
            inner = cause;
        }
        return inner;
    }

    private static String oneLine(@Nullable String text) {
        return text == null ? "no reason given" : text.strip().replaceAll("\\s+", " ");
    }
}
