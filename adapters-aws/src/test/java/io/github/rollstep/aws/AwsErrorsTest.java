package io.github.rollstep.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.rollstep.spi.ProviderException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;

class AwsErrorsTest {

    private static ProviderException error(RuntimeException thrown) {
        return catchThrowableOfType(
                ProviderException.class,
                () -> AwsErrors.run("launch", () -> {
                    throw thrown;
                }));
    }

    private static ProviderException error(int status, String code) {
        return error(AwsServiceException.builder()
                .statusCode(status)
                .awsErrorDetails(AwsErrorDetails.builder()
                        .errorCode(code)
                        .errorMessage("says AWS")
                        .build())
                .build());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
                "OptInRequired",
                "InvalidAMIID.NotFound",
                "InvalidParameterValue",
                "ValidationError",
                "ValidationException",
                "MissingParameter",
                "MalformedQueryString",
                "UnknownParameter",
                "UnsupportedOperation",
                "OperationNotPermitted",
                "TargetGroupNotFound",
                "AuthFailure"
            })
    void whatIsDeniedMalformedOrNotThereIsPermanent(String code) {
        assertThat(error(400, code).isRetryable()).isFalse();
        assertThat(error(400, code)).hasMessage("launch: says AWS (%s)", code);
    }

    /** AWS may be about to learn of new ones, and the host about to fetch them; and no other revision would get in with these. */
    @ParameterizedTest
    @CsvSource({
        "401,AuthFailure",
        "403,InvalidClientTokenId",
        "403,InvalidSignatureException",
        "403,SignatureDoesNotMatch",
        "400,UnrecognizedClientException",
        "403,MissingAuthenticationToken",
        "403,ExpiredToken",
        "400,ExpiredTokenException",
        "400,IncompleteSignature"
    })
    void credentialsThatAreNotAcceptedAreRetryable(int status, String code) {
        assertThat(error(status, code).isRetryable()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "400,Throttling",
        "503,RequestLimitExceeded",
        "500,InternalError",
        "503,InvalidParameterValue",
        "400,InsufficientInstanceCapacity",
        "400,InvalidInstanceID.NotFound",
        "400,ScalingActivityInProgress",
        "400,NobodyKnowsThisCode"
    })
    void whatMayPassIsRetryable(int status, String code) {
        assertThat(error(status, code).isRetryable()).isTrue();
    }

    @Test
    void whatNeverReachedAwsIsRetryable() {
        assertThat(error(SdkClientException.create("no way")).isRetryable()).isTrue();
    }

    @Test
    void whatIsNoErrorOfTheSdkComesOutAsItIs() {
        ProviderException known = ProviderException.permanent("known");
        assertThat(error(known)).isSameAs(known);
    }
}
