package io.github.rollstep.aws.ec2;

import io.github.rollstep.aws.AwsErrors;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;

/** Calls for many instances by their ids: EC2 refuses such a call for all of them if it does not know one. */
final class KnownIds {

    private KnownIds() {}

    /** Repeats the call without those that EC2 names as unknown; empty if none is left. */
    static <T> Optional<T> call(Collection<String> ids, Function<Collection<String>, T> call) {
        Set<String> known = new LinkedHashSet<>(ids);
        while (!known.isEmpty()) {
            try {
                return Optional.of(call.apply(known));
            } catch (Ec2Exception e) {
                if (!known.removeAll(unknown(e, known))) {
                    throw e;
                }
            }
        }
        return Optional.empty();
    }

    private static Set<String> unknown(Ec2Exception e, Set<String> ids) {
        String message = String.valueOf(e.getMessage());
        return AwsErrors.code(e).equals("InvalidInstanceID.NotFound")
                ? ids.stream().filter(message::contains).collect(Collectors.toSet())
                : Set.of();
    }
}
