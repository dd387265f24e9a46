package io.github.rollstep.docker;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.PullResponseItem;
import com.github.dockerjava.api.model.ResponseItem.ProgressDetail;
import io.github.rollstep.spi.ProviderException;
import java.io.Closeable;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Makes sure that the engine has an image. One that is there is used as it is, and no registry is asked. */
final class Images {

    private final DockerEngine engine;
    private final Map<String, Pull> pulls = new ConcurrentHashMap<>();

    Images(DockerEngine engine) {
        this.engine = engine;
    }

    /**
     * Pulls it if need be, and waits so long at most; the pull goes on.
     *
     * @throws ProviderException retryable, with the progress, while it is being pulled; not retryable if the registry does not
     *     have it
     */
    void require(String image, Duration patience) {
        if (isPresent(image)) {
            return;
        }
        Pull pull = pulls.computeIfAbsent(image, this::pull);
        try {
            pull.done.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            pulls.remove(image, pull);
        } catch (TimeoutException e) {
            throw ProviderException.retryable("image %s is being pulled: %s".formatted(image, pull.progress()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ProviderException.retryable("interrupted while image " + image + " was being pulled", e);
        } catch (ExecutionException e) {
            pulls.remove(image, pull);
            throw failure(image, e.getCause());
        }
    }

    private boolean isPresent(String image) {
        try {
            engine.calls().inspectImageCmd(image).exec();
            return true;
        } catch (NotFoundException e) {
            return false;
        } catch (RuntimeException e) {
            throw EngineErrors.of("look for image " + image, e);
        }
    }

    private Pull pull(String image) {
        // Without a tag the engine would pull all of them.
        String named = image.matches(".*(:[^/]+|@.+)$") ? image : image + ":latest";
        return engine.streams().pullImageCmd(named).exec(new Pull());
    }

    private static ProviderException failure(String image, @Nullable Throwable cause) {
        String doing = "image " + image + " is not on the engine and cannot be pulled";
        String said = String.valueOf(cause == null ? null : cause.getMessage());
        boolean permanent = cause instanceof NotFoundException
                || said.matches("(?is).*(manifest unknown|not found|does not exist|access denied|unauthorized).*");
        return permanent
                ? ProviderException.permanent(
                        doing + ": " + said.strip(), cause == null ? new IllegalStateException() : cause)
                : ProviderException.retryable(
                        doing + ": " + said.strip(), cause == null ? new IllegalStateException() : cause);
    }

    /** Not docker-java's adapter: that one logs a refusal as an error of its own. */
    private static final class Pull implements ResultCallback<PullResponseItem> {

        private record Layer(long loaded, long size) {}

        private final CompletableFuture<Boolean> done = new CompletableFuture<>();
        private final Map<String, Layer> layers = new ConcurrentHashMap<>();

        @Override
        public void onStart(Closeable stream) {
            // It ends by itself.
        }

        @Override
        public void onNext(PullResponseItem item) {
            if (item.isErrorIndicated()) {
                done.completeExceptionally(new IllegalStateException(
                        item.getErrorDetail() == null
                                ? "refused"
                                : item.getErrorDetail().getMessage()));
            }
            @Nullable ProgressDetail detail = item.getProgressDetail();
            if (item.getId() != null && detail != null && detail.getCurrent() != null && detail.getTotal() != null) {
                layers.put(item.getId(), new Layer(detail.getCurrent(), detail.getTotal()));
            }
        }

        @Override
        public void onError(Throwable why) {
            done.completeExceptionally(why);
        }

        @Override
        public void onComplete() {
            done.complete(true);
        }

        @Override
        public void close() {
            // As above.
        }

        String progress() {
            long loaded = layers.values().stream().mapToLong(Layer::loaded).sum();
            long size = layers.values().stream().mapToLong(Layer::size).sum();
            return "%d of %d MB".formatted(loaded >> 20, size >> 20);
        }
    }
}
