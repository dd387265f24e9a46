package io.github.rollstep;

import java.util.Map;
import java.util.Optional;

/**
 * Where a new instance belongs. On a platform that does not let one choose, it is a wish.
 *
 * @param predecessor the instance whose place it takes; empty if it is not a successor of one in particular
 * @param slot the name of the place, if it has one: {@code db-2}
 * @param zone where it shall run; empty for anywhere
 * @param labels those of the predecessor
 */
public record Place(
        Optional<InstanceId> predecessor, Optional<String> slot, Optional<String> zone, Map<String, String> labels) {

    private static final Place ANYWHERE = new Place(Optional.empty(), Optional.empty(), Optional.empty(), Map.of());

    public Place {
        labels = Map.copyOf(labels);
    }

    public static Place anywhere() {
        return ANYWHERE;
    }

    public static Place inZone(String zone) {
        return new Place(Optional.empty(), Optional.empty(), Optional.of(zone), Map.of());
    }

    /** The place of this instance, for its successor. */
    public static Place of(Instance instance) {
        return new Place(Optional.of(instance.id()), instance.slot(), instance.zone(), instance.labels());
    }

    /** The same place in another zone. */
    public Place in(String zone) {
        return new Place(predecessor, slot, Optional.of(zone), labels);
    }

    /** For people: {@code "db-2"}, {@code "zone a"}; "" for anywhere. */
    @Override
    public String toString() {
        return slot.or(() -> zone.map(name -> "zone " + name))
                .or(() -> predecessor.map(id -> "the place of " + id))
                .orElse("");
    }
}
