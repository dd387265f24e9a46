package io.github.rollstep.aws;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/**
 * The way to AWS when it is bad: requests and answers are lost, services throttle and fail, and a controller dies between two calls.
 * It also gives {@code RunInstances} what the emulator lacks: the same {@code ClientToken} starts instances once. Each attempt of the
 * SDK is a call here. Safe for use by several threads; hooks are called without a lock.
 */
public final class FaultyHttp implements SdkHttpClient {

    /** Clients whose calls are made once, whatever comes of it. */
    public static final Consumer<ClientOverrideConfiguration.Builder> ONE_ATTEMPT =
            configuration -> configuration.retryStrategy(AwsRetryStrategy.doNotRetry());

    /** Clients that try as often as those of the adapters, but do not wait in between. */
    public static final Consumer<ClientOverrideConfiguration.Builder> WITHOUT_WAITING =
            configuration -> configuration.retryStrategy(AwsRetryStrategy.standardRetryStrategy().toBuilder()
                    .maxAttempts(5)
                    .backoffStrategy(BackoffStrategy.retryImmediately())
                    .throttlingBackoffStrategy(BackoffStrategy.retryImmediately())
                    .build());

    /** The controller that made the call is no more. */
    public static final class Death extends Error {

        private static final long serialVersionUID = 1;

        Death(String when) {
            super("the controller dies " + when, null, false, false);
        }
    }

    private enum Fault {
        THROTTLE,
        FAIL,
        LOSE_REQUEST,
        LOSE_ANSWER
    }

    private record Stored(Map<String, String> parameters, int status, byte[] answer) {}

    private static final Pattern INSTANCE = Pattern.compile("<instanceId>([^<]+)</instanceId>");

    private static final Pattern READING = Pattern.compile("Describe|Get|List|Query|Scan|BatchGet");

    private final SdkHttpClient http;
    private final Map<String, Deque<Fault>> next = new HashMap<>();
    private final Map<String, Stored> answers = new HashMap<>();
    private final Set<String> ended = new HashSet<>();
    private Random random = new Random(0);
    private double share;
    private boolean idempotent = true;
    private Consumer<String> before = operation -> {};
    private Consumer<String> after = operation -> {};
    private int mutatingCalls;
    private boolean dead;
    private boolean away;
    private String refreshStatus = "";
    private int dieBefore;
    private int dieAfter;

    public FaultyHttp(SdkHttpClient http) {
        this.http = http;
    }

    /** The next calls of an operation are refused as too many: 503 by EC2, else 400. */
    public void throttleNext(String operation, int times) {
        plan(operation, Fault.THROTTLE, times);
    }

    /** The next calls of an operation get 500, and nothing was done. */
    public void failNext(String operation, int times) {
        plan(operation, Fault.FAIL, times);
    }

    /** The next requests of an operation do not arrive. */
    public void loseRequest(String operation, int times) {
        plan(operation, Fault.LOSE_REQUEST, times);
    }

    /** The next requests of an operation are obeyed, and their answers do not arrive. */
    public void loseAnswer(String operation, int times) {
        plan(operation, Fault.LOSE_ANSWER, times);
    }

    /** A share of the mutating calls suffers one of the four faults, drawn by the seed; 0 ends it. */
    public synchronized void random(long seed, double share) {
        random = new Random(seed);
        this.share = share;
    }

    /** Forgets the faults that were planned and have not come. */
    public synchronized void heal() {
        next.clear();
        share = 0;
    }

    /** Whether a client token counts; without, each repeat of {@code RunInstances} starts instances again. */
    public synchronized void idempotent(boolean on) {
        idempotent = on;
    }

    /** Told of each mutating call before it is made; what it throws reaches the caller of the SDK. */
    public synchronized void onCall(Consumer<String> beforeEachMutatingCall) {
        before = beforeEachMutatingCall;
    }

    /** Told of each mutating call that the service has answered. */
    public synchronized void afterEach(Consumer<String> afterEachMutatingCall) {
        after = afterEachMutatingCall;
    }

    /** {@link Death} in place of the n-th mutating call from now; once. */
    public synchronized void dieBefore(int n) {
        dieBefore = n;
    }

    /** {@link Death} when the n-th mutating call from now has been obeyed and before its answer is seen; once. */
    public synchronized void dieAfter(int n) {
        dieAfter = n;
    }

    private synchronized Death death(String when) {
        dead = true;
        return new Death(when);
    }

    /** Whether the controller has died; until it is {@link #revive revived}, none of its calls gets through. */
    public synchronized boolean isDead() {
        return dead;
    }

    /** Another controller begins. */
    public synchronized void revive() {
        dead = false;
        dieBefore = 0;
        dieAfter = 0;
    }

    /** The status of the last instance refresh of the group, "" if there was none: the emulator knows nothing of them. */
    public synchronized void refresh(String status) {
        refreshStatus = status;
    }

    /** All so far, also those that suffered a fault. */
    public synchronized int mutatingCalls() {
        return mutatingCalls;
    }

    /** These instances are gone: a client token that started them is of no use any more. */
    synchronized void ended(String instanceId) {
        ended.add(instanceId);
    }

    @Override
    public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
        return new ExecutableHttpRequest() {
            private @Nullable ExecutableHttpRequest sent;

            @Override
            public HttpExecuteResponse call() throws IOException {
                return FaultyHttp.this.call(Call.of(request), () -> {
                    sent = http.prepareRequest(request);
                    return sent.call();
                });
            }

            @Override
            public void abort() {
                if (sent != null) {
                    sent.abort();
                }
            }
        };
    }

    @Override
    public void close() {
        http.close();
    }

    @Override
    public String clientName() {
        return http.clientName();
    }

    private interface Sending {
        HttpExecuteResponse send() throws IOException;
    }

    private HttpExecuteResponse call(Call call, Sending sending) throws IOException {
        requireAlive(call);
        requireThere(call);
        if (call.operation().equals("DescribeInstanceRefreshes")) {
            return answer(200, refreshes());
        }
        begin(call);
        Optional<Fault> fault = fault(call);
        if (fault.isEmpty()) {
            return act(call, sending);
        }
        switch (fault.orElseThrow()) {
            case THROTTLE:
                return call.isEc2()
                        ? call.refusal(503, "RequestLimitExceeded", "Request limit exceeded.")
                        : call.refusal(400, call.isJson() ? "ThrottlingException" : "Throttling", "Rate exceeded");
            case FAIL:
                return call.refusal(500, "InternalError", "An internal error has occurred");
            case LOSE_REQUEST:
                throw new IOException(call.operation() + " was lost");
            default:
                act(call, sending).responseBody().ifPresent(AbortableInputStream::abort);
                throw new IOException("the answer to " + call.operation() + " was lost");
        }
    }

    private synchronized void requireAlive(Call call) {
        if (dead) {
            throw new Death("and so does not " + call.operation());
        }
    }

    private synchronized void requireThere(Call call) throws IOException {
        if (away) {
            throw new IOException("no way to AWS for " + call.operation());
        }
    }

    /** Whether no call gets through at all. */
    public synchronized void away(boolean isAway) {
        away = isAway;
    }

    private synchronized byte[] refreshes() {
        String refresh = refreshStatus.isEmpty()
                ? ""
                : "<member><InstanceRefreshId>08b91cf7</InstanceRefreshId><Status>%s</Status></member>"
                        .formatted(refreshStatus);
        return """
                <DescribeInstanceRefreshesResponse><DescribeInstanceRefreshesResult><InstanceRefreshes>%s\
                </InstanceRefreshes></DescribeInstanceRefreshesResult></DescribeInstanceRefreshesResponse>""".formatted(refresh).getBytes(StandardCharsets.UTF_8);
    }

    private HttpExecuteResponse act(Call call, Sending sending) throws IOException {
        HttpExecuteResponse response =
                call.operation().equals("RunInstances") ? runInstances(call, sending) : sending.send();
        if (call.operation().equals("TerminateInstances")
                && response.httpResponse().isSuccessful()) {
            call.parameters().forEach((name, value) -> {
                if (name.startsWith("InstanceId.")) {
                    ended(value);
                }
            });
        }
        try {
            end(call);
        } catch (RuntimeException | Error e) {
            response.responseBody().ifPresent(AbortableInputStream::abort);
            throw e;
        }
        return response;
    }

    private void begin(Call call) {
        if (!call.isMutating()) {
            return;
        }
        Consumer<String> hook;
        boolean dies;
        synchronized (this) {
            mutatingCalls++;
            hook = before;
            dies = dieBefore > 0 && --dieBefore == 0;
        }
        if (dies) {
            throw death("before " + call.operation());
        }
        hook.accept(call.operation());
    }

    private void end(Call call) {
        if (!call.isMutating()) {
            return;
        }
        Consumer<String> hook;
        boolean dies;
        synchronized (this) {
            hook = after;
            dies = dieAfter > 0 && --dieAfter == 0;
        }
        if (dies) {
            throw death("after " + call.operation());
        }
        hook.accept(call.operation());
    }

    /** One after the other: two with the same token at a time would both find nothing. */
    private synchronized HttpExecuteResponse runInstances(Call call, Sending sending) throws IOException {
        Map<String, String> parameters = new TreeMap<>(call.parameters());
        String token = parameters.remove("ClientToken");
        if (token == null || !idempotent) {
            return sending.send();
        }
        Stored stored = answers.get(token);
        if (stored != null) {
            return repeat(call, stored, parameters);
        }
        HttpExecuteResponse response = sending.send();
        byte[] answer = new byte[0];
        try (InputStream body = response.responseBody().orElseThrow()) {
            answer = body.readAllBytes();
        }
        if (response.httpResponse().isSuccessful()) {
            answers.put(token, new Stored(parameters, response.httpResponse().statusCode(), answer));
        }
        return answer(response.httpResponse().statusCode(), answer);
    }

    private HttpExecuteResponse repeat(Call call, Stored stored, Map<String, String> parameters) {
        if (!stored.parameters().equals(parameters)) {
            return call.refusal(
                    400,
                    "IdempotentParameterMismatch",
                    "The client token is already associated with a request with different parameters");
        }
        List<String> started = INSTANCE.matcher(new String(stored.answer(), StandardCharsets.UTF_8))
                .results()
                .map((MatchResult match) -> match.group(1))
                .toList();
        return ended.containsAll(started)
                ? call.refusal(
                        400, "IdempotentInstanceTerminated", "The instance of this client token has been terminated")
                : answer(stored.status(), stored.answer());
    }

    private synchronized void plan(String operation, Fault fault, int times) {
        for (int i = 0; i < times; i++) {
            next.computeIfAbsent(operation, name -> new ArrayDeque<>()).add(fault);
        }
    }

    private synchronized Optional<Fault> fault(Call call) {
        Deque<Fault> planned = next.getOrDefault(call.operation(), new ArrayDeque<>());
        if (!planned.isEmpty()) {
            return Optional.of(planned.remove());
        }
        if (!call.isMutating() || share == 0 || random.nextDouble() >= share) {
            return Optional.empty();
        }
        return Optional.of(Fault.values()[random.nextInt(Fault.values().length)]);
    }

    private static HttpExecuteResponse answer(int status, byte[] body) {
        return HttpExecuteResponse.builder()
                .response(SdkHttpResponse.builder()
                        .statusCode(status)
                        .putHeader("Content-Length", Integer.toString(body.length))
                        .build())
                .responseBody(AbortableInputStream.create(new ByteArrayInputStream(body)))
                .build();
    }

    /** What a request asks for, in the query protocols and in that of JSON. */
    private record Call(String operation, Map<String, String> parameters, boolean isJson) {

        static Call of(HttpExecuteRequest request) {
            Optional<String> target = request.httpRequest().firstMatchingHeader("X-Amz-Target");
            if (target.isPresent()) {
                String name = target.orElseThrow();
                return new Call(name.substring(name.indexOf('.') + 1), Map.of(), true);
            }
            Map<String, String> parameters = request.contentStreamProvider()
                    .map(content -> form(content.newStream()))
                    .orElse(Map.of());
            return new Call(parameters.getOrDefault("Action", ""), parameters, false);
        }

        boolean isEc2() {
            return "2016-11-15".equals(parameters.get("Version"));
        }

        boolean isMutating() {
            return !READING.matcher(operation).lookingAt();
        }

        HttpExecuteResponse refusal(int status, String code, String message) {
            String body;
            if (isJson) {
                body = "{\"__type\":\"com.amazonaws#%s\",\"message\":\"%s\"}".formatted(code, message);
            } else if (isEc2()) {
                body =
                        "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>0</RequestID></Response>"
                                .formatted(code, message);
            } else {
                body =
                        "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error><RequestId>0</RequestId></ErrorResponse>"
                                .formatted(code, message);
            }
            return answer(status, body.getBytes(StandardCharsets.UTF_8));
        }

        private static Map<String, String> form(InputStream content) {
            Map<String, String> parameters = new TreeMap<>();
            try (content) {
                for (String pair : new String(content.readAllBytes(), StandardCharsets.UTF_8).split("&")) {
                    int equals = pair.indexOf('=');
                    if (equals > 0) {
                        parameters.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return parameters;
        }

        private static String decode(String text) {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        }
    }
}
