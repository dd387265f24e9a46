package io.github.rollstep.aws;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/** A network, and services at its end, that fail as they are told: what no emulator does. */
final class UnreliableHttp implements SdkHttpClient {

    /** What happens to one request. */
    interface Fault {
        HttpExecuteResponse of(ExecutableHttpRequest request) throws IOException;
    }

    private final SdkHttpClient real = UrlConnectionHttpClient.create();
    private final ConcurrentLinkedQueue<Fault> faults = new ConcurrentLinkedQueue<>();

    /** What happens to the next requests, in this order; those after them are answered. */
    void next(Fault... these) {
        faults.addAll(List.of(these));
    }

    /** The server acts, and the connection ends before its answer is there. */
    static Fault losesTheAnswer() {
        return request -> {
            request.call().responseBody().ifPresent(AbortableInputStream::abort);
            throw new IOException("connection reset after the server acted");
        };
    }

    /** The server refuses, as those do that speak JSON. */
    static Fault refuses(String code) {
        return request -> {
            byte[] body = "{\"__type\":\"com.amazon.coral#%s\",\"message\":\"refused by the test\"}"
                    .formatted(code)
                    .getBytes(StandardCharsets.UTF_8);
            return answer(400, body, "application/x-amz-json-1.0");
        };
    }

    /** The server refuses, as those do that speak XML. */
    static Fault refusesInXml(String code) {
        return request -> {
            String body =
                    "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>refused by the test</Message>"
                            + "</Error><RequestId>1</RequestId></ErrorResponse>";
            return answer(400, body.formatted(code).getBytes(StandardCharsets.UTF_8), "text/xml");
        };
    }

    /** The server answers so, in XML. */
    static Fault answers(String xml) {
        return request -> answer(200, xml.getBytes(StandardCharsets.UTF_8), "text/xml");
    }

    private static HttpExecuteResponse answer(int status, byte[] body, String type) {
        return HttpExecuteResponse.builder()
                .response(SdkHttpResponse.builder()
                        .statusCode(status)
                        .putHeader("Content-Type", type)
                        .putHeader("Content-Length", Integer.toString(body.length))
                        .build())
                .responseBody(AbortableInputStream.create(new ByteArrayInputStream(body)))
                .build();
    }

    @Override
    public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
        ExecutableHttpRequest prepared = real.prepareRequest(request);
        return new ExecutableHttpRequest() {
            @Override
            public HttpExecuteResponse call() throws IOException {
                Fault fault = faults.poll();
                return fault == null ? prepared.call() : fault.of(prepared);
            }

            @Override
            public void abort() {
                prepared.abort();
            }
        };
    }

    @Override
    public void close() {
        real.close();
    }
}
