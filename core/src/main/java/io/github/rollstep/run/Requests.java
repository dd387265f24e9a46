package io.github.rollstep.run;

import io.github.rollstep.RolloutId;
import io.github.rollstep.plan.RolloutState;
import io.github.rollstep.spi.Command;
import io.github.rollstep.spi.Exchange.Request;
import io.github.rollstep.spi.ProviderException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is asked of a fleet from elsewhere: each request is obeyed or refused once, in their order, and none keeps those after it from
 * being answered. The answer is saved together with what the request changes. For one thread at a time.
 */
final class Requests {

    private static final Logger LOG = LoggerFactory.getLogger(RollingUpdate.class);

    /** So long an older controller leaves to newer ones what it cannot read. */
    private static final Duration NEWER_ANSWERS = Duration.ofSeconds(5);

    private final FleetDriver driver;

    Requests(FleetDriver driver) {
        this.driver = driver;
    }

    /**
     * Answers these.
     *
     * @return the number up to which all are answered
     * @throws Journal.Held if another controller has the fleet, and so is the one to answer
     * @throws ProviderException if it cannot be done now
     */
    long answer(List<Request> requests) {
        long answered = driver.recorded().map(state -> state.answers().upTo()).orElse(0L);
        for (Request request : requests) {
            if (request.number() > answered) {
                if (isForOthers(request)) {
                    break;
                }
                answer(request, request == requests.get(requests.size() - 1));
                answered = request.number();
            }
        }
        return answered;
    }

    /** A newer controller, if there is one, takes it soon: it can have the fleet. */
    private boolean isForOthers(Request request) {
        return request.command() instanceof Command.Unknown
                && request.age().compareTo(NEWER_ANSWERS) < 0
                && driver.local().isEmpty();
    }

    /** @param last whether nothing was asked after it */
    private void answer(Request request, boolean last) {
        if (request.age().compareTo(SharedWork.REQUEST_LIFE) >= 0) {
            refuse(request, "nobody has answered it within " + SharedWork.REQUEST_LIFE);
            return;
        }
        try {
            Optional<Controller> driven = driver.resumed();
            if (driven.filter(controller -> isAnswered(controller.state(), request))
                    .isPresent()) {
                return;
            }
            if (request.command() instanceof Command.Start start) {
                start(start, request, last);
            } else if (request.command() instanceof Command.Unknown unknown) {
                refuse(request, "its controller cannot read it, and may be of another version: " + unknown.why());
            } else {
                driven.ifPresentOrElse(
                        controller -> obey(request, controller),
                        () -> refuse(request, "fleet %s has no rollout in progress".formatted(driver.fleet())));
            }
        } catch (IllegalArgumentException e) {
            refuse(request, String.valueOf(e.getMessage()));
        } catch (ProviderException e) {
            if (e.isRetryable()) {
                throw e;
            }
            refuse(request, String.valueOf(e.getMessage()));
        }
    }

    /** What cannot begin now is tried again, unless it would keep what was asked after it, like an abort, from being done. */
    private void start(Command.Start start, Request request, boolean last) {
        try {
            driver.start(start, request.by(), OptionalLong.of(request.number()));
        } catch (Journal.Held | Journal.TakenOver e) {
            throw e;
        } catch (IllegalStateException e) {
            refuse(request, String.valueOf(e.getMessage()));
        } catch (ProviderException e) {
            if (last) {
                throw e;
            }
            refuse(request, "it could not begin before the next request: " + e.getMessage());
        }
    }

    private void obey(Request request, Controller controller) {
        Optional<RolloutId> other = request.command().rollout().filter(id -> !id.equals(controller.id()));
        if (other.isPresent()) {
            refuse(request, "rollout %s is not in progress, %s is".formatted(other.get(), controller.id()));
        } else if (request.command() instanceof Command.Resize resize) {
            driver.resize(resize.desired());
            controller.answer(request.number(), Optional.empty());
        } else {
            controller.obey(request);
        }
    }

    private static boolean isAnswered(RolloutState state, Request request) {
        return state.answers().upTo() >= request.number();
    }

    /** Where the fleet has no record yet, the log alone tells why. */
    private void refuse(Request request, String why) {
        LOG.info("{}: refuses request {} of {}: {}", driver.fleet(), request.number(), request.by(), why);
        Optional<Controller> driven = driver.local();
        if (driven.isPresent()) {
            driven.get().answer(request.number(), Optional.of(why));
        } else {
            driver.amend(
                    state -> isAnswered(state, request) ? state : state.answered(request.number(), Optional.of(why)));
        }
    }
}
