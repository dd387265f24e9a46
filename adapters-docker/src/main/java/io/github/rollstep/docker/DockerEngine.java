package io.github.rollstep.docker;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.DockerClientException;
import com.github.dockerjava.api.model.Version;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.core.RemoteApiVersion;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to one Docker Engine, shared by everything that works on it.
 *
 * <pre>{@code
 * DockerEngine engine = DockerEngine.connect();                                          // as the docker command does
 * DockerEngine remote = DockerEngine.connect(URI.create("tcp://10.0.0.5:2376"), certificates);
 * }</pre>
 *
 * <p>It speaks the newest version of the API that both sides know; the engine has to know 1.41 (Docker 20.10) or a newer one.
 * Safe for use by several threads.
 */
public final class DockerEngine implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(DockerEngine.class);

    private static final RemoteApiVersion OLDEST = RemoteApiVersion.VERSION_1_41;
    private static final RemoteApiVersion NEWEST = RemoteApiVersion.VERSION_1_44;

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** No call but a stop or a stream takes longer on an engine that works. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(25);

    /** Above all that providers do at once; each connection is a socket of the engine. */
    private static final int MOST_CONNECTIONS = 200;

    private final DockerClientConfig config;
    private final URI host;
    private final String apiVersion;
    private final DockerClient calls;
    private final DockerClient streams;

    private DockerEngine(DockerClientConfig config, RemoteApiVersion version) {
        this.config = config;
        this.host = config.getDockerHost();
        this.apiVersion = version.getVersion();
        this.calls = client(config, Optional.of(ANSWER_TIMEOUT));
        this.streams = client(config, Optional.empty());
    }

    /**
     * Connects as the docker command would: by {@code DOCKER_HOST}, {@code DOCKER_TLS_VERIFY} and {@code DOCKER_CERT_PATH}, by
     * {@code DOCKER_CONTEXT} or the current context of {@code ~/.docker/config.json}, and else to {@code
     * unix:///var/run/docker.sock}.
     *
     * @throws ProviderException if the engine does not answer (retryable) or is too old or too new
     */
    public static DockerEngine connect() {
        return connect(DefaultDockerClientConfig.createDefaultConfigBuilder());
    }

    /**
     * Connects to this engine, whatever the environment says.
     *
     * @param host {@code unix:///PATH}, or {@code tcp://HOST:PORT} without TLS: whoever reaches such an engine owns its host
     */
    public static DockerEngine connect(URI host) {
        return connect(new DefaultDockerClientConfig.Builder()
                .withDockerHost(supported(host).toString())
                .withDockerTlsVerify(false));
    }

    /**
     * Connects with TLS, both sides verified.
     *
     * @param certificates holds {@code ca.pem}, {@code cert.pem} and {@code key.pem}
     */
    public static DockerEngine connect(URI host, Path certificates) {
        if (!"tcp".equals(host.getScheme())) {
            throw new IllegalArgumentException("host with certificates must be tcp://HOST:PORT, was " + host);
        }
        return connect(new DefaultDockerClientConfig.Builder()
                .withDockerHost(host.toString())
                .withDockerTlsVerify(true)
                .withDockerCertPath(certificates.toString()));
    }

    private static URI supported(URI host) {
        if (!"unix".equals(host.getScheme()) && !"tcp".equals(host.getScheme())) {
            throw new IllegalArgumentException("host must be unix:///PATH or tcp://HOST:PORT, was " + host);
        }
        return host;
    }

    private static DockerEngine connect(DefaultDockerClientConfig.Builder settings) {
        DockerClientConfig config;
        try {
            config = settings.withApiVersion(RemoteApiVersion.UNKNOWN_VERSION).build();
        } catch (DockerClientException e) {
            throw ProviderException.permanent(
                    "the settings of the docker command cannot be used: " + e.getMessage(), e);
        }
        RemoteApiVersion version = negotiate(config);
        return new DockerEngine(settings.withApiVersion(version).build(), version);
    }

    private static RemoteApiVersion negotiate(DockerClientConfig config) {
        try (DockerClient unversioned = client(config, Optional.of(ANSWER_TIMEOUT))) {
            Version engine = EngineErrors.translate(
                    "ask the version of " + config.getDockerHost(),
                    () -> unversioned.versionCmd().exec());
            return bothKnow(
                    RemoteApiVersion.parseConfig(engine.getMinAPIVersion()),
                    RemoteApiVersion.parseConfig(engine.getApiVersion()));
        } catch (IOException e) {
            throw ProviderException.retryable("close the connection to " + config.getDockerHost(), e);
        }
    }

    static RemoteApiVersion bothKnow(RemoteApiVersion engineOldest, RemoteApiVersion engineNewest) {
        if (!engineNewest.isGreaterOrEqual(OLDEST)) {
            throw ProviderException.permanent("the engine must know API %s or newer (Docker 20.10), knows %s"
                    .formatted(OLDEST.getVersion(), engineNewest.getVersion()));
        }
        RemoteApiVersion both = engineNewest.isGreaterOrEqual(NEWEST) ? NEWEST : engineNewest;
        if (!both.isGreaterOrEqual(engineOldest)) {
            throw ProviderException.permanent("the engine must know API %s, takes only %s and newer"
                    .formatted(NEWEST.getVersion(), engineOldest.getVersion()));
        }
        return both;
    }

    private static DockerClient client(DockerClientConfig config, Optional<Duration> answerTimeout) {
        ZerodepDockerHttpClient.Builder transport = new ZerodepDockerHttpClient.Builder()
                .dockerHost(config.getDockerHost())
                .sslConfig(config.getSSLConfig())
                .maxConnections(MOST_CONNECTIONS)
                .connectionTimeout(CONNECT_TIMEOUT);
        answerTimeout.ifPresent(transport::responseTimeout);
        return DockerClientImpl.getInstance(config, transport.build());
    }

    /** Where it is: {@code unix:///var/run/docker.sock}. */
    public URI host() {
        return host;
    }

    /** The version of the API that is spoken: {@code 1.41}. */
    public String apiVersion() {
        return apiVersion;
    }

    /** For calls that are answered soon. */
    DockerClient calls() {
        return calls;
    }

    /**
     * For calls over new connections, to be closed. An engine that shuts down first takes no new ones, then stops its containers,
     * and meanwhile answers on those that are open.
     */
    DockerClient anew() {
        return client(config, Optional.of(ANSWER_TIMEOUT));
    }

    /** For streams, and for calls that take as long as a container does. */
    DockerClient streams() {
        return streams;
    }

    /** Where published ports are reached. */
    String publishedHost() {
        return "tcp".equals(host.getScheme()) ? host.getHost() : "127.0.0.1";
    }

    /** Ends the connection; the containers stay as they are. Close what works on it before. A repeat is fine. */
    @Override
    public void close() {
        try (calls;
                streams) {
            LOG.debug("Closing the connection to {}", host);
        } catch (IOException e) {
            LOG.debug("The connection to {} was not closed cleanly", host, e);
        }
    }
}
