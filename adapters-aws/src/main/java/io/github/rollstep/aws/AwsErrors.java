package io.github.rollstep.aws;

import io.github.rollstep.spi.ProviderException;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.SdkException;

/** What an error of the SDK means to the engine. */
public final class AwsErrors {

    /** A service that says so will say so again. */
    private static final Set<String> PERMANENT = Set.of(
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "OperationNotPermitted",
            "OptInRequired",
            "AuthFailure",
            "TargetGroupNotFound",
            "UnknownParameter",
            "Unsupported",
            "UnsupportedOperation");

    private static final Pattern MALFORMED = Pattern.compile("(Invalid|Validation|Missing|Malformed).*");

    /** Of those that look like errors of another kind. EC2 calls it AuthFailure, as it does an image of somebody else: that is a 400. */
    private static final Set<String> OF_CREDENTIALS = Set.of(
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException");

    private static final int UNAUTHENTICATED = 401;

    /** Not every part of AWS knows a new one at once. */
    private static final String NEW_YET = "InvalidInstanceID.NotFound";

    private AwsErrors() {}

    /**
     * Makes a call; what the SDK throws comes out as a {@link ProviderException}. Not retryable: denied, malformed, for what is not there
     * or cannot be. Retryable: throttled, timed out, 5xx, not reachable, whatever is not known here; and credentials that AWS does not
     * accept, which say nothing of a revision: they may have expired, or be so new that not every part of AWS knows them. A thread that is interrupted makes no call, and stays interrupted.
     */
    public static <T> T call(String what, Supplier<T> call) {
        if (Thread.currentThread().isInterrupted()) {
            throw ProviderException.retryable(what + " was interrupted");
        }
        try {
            return call.get();
        } catch (AbortedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable(what + " was interrupted", e);
        } catch (SdkException e) {
            throw of(what, e);
        }
    }

    /** The same, for calls without an answer. */
    public static void run(String what, Runnable call) {
        call(what, () -> {
            call.run();
            return true;
        });
    }

    private static ProviderException of(String what, SdkException e) {
        if (e instanceof AwsServiceException service) {
            String text = "%s: %s".formatted(what, describe(service));
            return isPermanent(service) ? ProviderException.permanent(text, e) : ProviderException.retryable(text, e);
        }
        return ProviderException.retryable("%s: %s".formatted(what, e.getMessage()), e);
    }

    /** The code the service gave, "" if it gave none. */
    public static String code(AwsServiceException e) {
        return e.awsErrorDetails() == null || e.awsErrorDetails().errorCode() == null
                ? ""
                : e.awsErrorDetails().errorCode();
    }

    private static String describe(AwsServiceException e) {
        if (e.isThrottlingException()) {
            return "throttled (%s)".formatted(code(e));
        }
        String message = e.awsErrorDetails() == null
                ? e.getMessage()
                : e.awsErrorDetails().errorMessage();
        return code(e).isEmpty() ? String.valueOf(e.getMessage()) : "%s (%s)".formatted(message, code(e));
    }

    private static boolean isPermanent(AwsServiceException e) {
        String code = code(e);
        if (e.isThrottlingException() || e.statusCode() >= 500 || code.equals(NEW_YET)) {
            return false;
        }
        if (e.statusCode() == UNAUTHENTICATED || OF_CREDENTIALS.contains(code)) {
            return false;
        }
        return PERMANENT.contains(code) || MALFORMED.matcher(code).matches();
    }
}
