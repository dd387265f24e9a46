package io.github.rollstep.docker;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.model.Frame;
import io.github.rollstep.spi.ProviderException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Why containers ended: exit code, out of memory, the end of the log. Each is asked for once. */
final class LastWords {

    private static final Logger LOG = LoggerFactory.getLogger(LastWords.class);

    private static final int LINES = 5;
    private static final int MOST_CHARACTERS = 400;
    private static final int LOG_SECONDS = 2;

    private final DockerEngine engine;
    private final Workers workers;
    private final Map<String, String> known = new ConcurrentHashMap<>();

    LastWords(DockerEngine engine, Workers workers) {
        this.engine = engine;
        this.workers = workers;
    }

    /**
     * Learns of those that are new, and forgets those that are not listed any more.
     *
     * @throws ProviderException if the engine went away meanwhile, so that nobody can tell
     */
    void learn(Collection<ListedContainer> exited) {
        Set<String> ids = exited.stream().map(ListedContainer::id).collect(Collectors.toSet());
        known.keySet().retainAll(ids);
        ids.removeAll(known.keySet());
        if (!ids.isEmpty()) {
            workers.forEach(ids, id -> known.put(id, ask(id)));
        }
    }

    String of(ListedContainer container) {
        return known.getOrDefault(container.id(), container.status());
    }

    /**
     * @throws ProviderException retryable, if the engine is going away: it may have stopped the container for that, and start it
     *     again when it is back
     */
    private String ask(String id) {
        try (DockerClient client = engine.anew()) {
            InspectContainerResponse container = client.inspectContainerCmd(id).exec();
            return describe(container.getState()) + tail(id);
        } catch (IOException e) {
            throw ProviderException.retryable("close the connection to " + engine.host(), e);
        } catch (RuntimeException e) {
            ProviderException why = EngineErrors.of("ask why container " + id + " exited", e);
            if (why.isRetryable()) {
                throw why;
            }
            LOG.debug("The end of {} is not known", id, e);
            return "exited; why is not known: " + why.getMessage();
        }
    }

    private static String describe(ContainerState state) {
        StringBuilder text = new StringBuilder("exit code ").append(state.getExitCodeLong());
        if (Boolean.TRUE.equals(state.getOOMKilled())) {
            text.append(", out of memory");
        }
        if (state.getError() != null && !state.getError().isBlank()) {
            text.append(", ").append(state.getError().strip());
        }
        return text.toString();
    }

    private String tail(String id) {
        StringBuffer text = new StringBuffer();
        try (ResultCallback.Adapter<Frame> log = new ResultCallback.Adapter<>() {
            @Override
            public void onNext(Frame frame) {
                text.append(new String(frame.getPayload(), StandardCharsets.UTF_8));
            }
        }) {
            engine.streams()
                    .logContainerCmd(id)
                    .withStdOut(true)
                    .withStdErr(true)
                    .withTail(LINES)
                    .exec(log)
                    .awaitCompletion(LOG_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            LOG.debug("The log of {} cannot be read", id, e);
        }
        String words = text.toString().strip().replaceAll("\\s*\\R\\s*", " | ").replaceAll("\\p{Cntrl}", "");
        return words.isEmpty() ? "" : ": " + words.substring(Math.max(0, words.length() - MOST_CHARACTERS));
    }
}
