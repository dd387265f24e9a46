package io.github.rollstep.aws;

import java.time.Duration;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * Clients of the SDK as the adapters want them: each attempt bounded in time, few retries, and counted. An interrupt ends a call with the
 * attempt in progress, and no other is made: so a call that the engine has given up is over within 10 s, and
 * asks nothing of AWS any more.
 *
 * <pre>{@code
 * CallCounter calls = new CallCounter();
 * AutoScalingClient client = AwsClients.configure(AutoScalingClient.builder(), calls).build();
 * }</pre>
 *
 * <p>Any other client works too, if its attempts are bounded by the time-outs of its HTTP client. The SDK's own {@code apiCallTimeout}
 * and {@code apiCallAttemptTimeout} end a call by an interrupt, and forget one that came from elsewhere: such a client makes its retries,
 * and the adapter its other calls, after the engine has given up.
 */
public final class AwsClients {

    private static final Duration CONNECT = Duration.ofSeconds(2);
    private static final Duration ANSWER = Duration.ofSeconds(8);
    private static final int ATTEMPTS = 5;

    private static final class Http {
        /** One for all: the SDK opens a connection for each call that is in progress. */
        static final SdkHttpClient SHARED = UrlConnectionHttpClient.builder()
                .connectionTimeout(CONNECT)
                .socketTimeout(ANSWER)
                .build();
    }

    private AwsClients() {}

    /** Sets retries, time-outs and the shared HTTP client; region and credentials stay as they are. */
    public static <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> B configure(
            B builder, CallCounter counter) {
        return builder.httpClient(Http.SHARED).overrideConfiguration(configuration(counter));
    }

    static ClientOverrideConfiguration configuration(CallCounter counter) {
        return ClientOverrideConfiguration.builder()
                .retryStrategy(AwsRetryStrategy.standardRetryStrategy().toBuilder()
                        .maxAttempts(ATTEMPTS)
                        .build())
                .addExecutionInterceptor(counter)
                .build();
    }
}
