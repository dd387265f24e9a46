package io.github.rollstep;

/**
 * What all instances of the fleet together may take from others: 100 database connections, 15 per instance. Every existing
 * instance counts, also one that is draining or stopping: it still holds its share.
 *
 * @param name for messages: {@code db connections}
 * @param slots how many there are; >= 1
 * @param perInstance how many one instance takes; >= 1
 * @param reserved how many belong to others and are left alone; 0 to {@code slots}
 */
public record ResourceBudget(String name, int slots, int perInstance, int reserved) {

    public ResourceBudget {
        Require.atLeast(name + " slots", 1, slots);
        Require.atLeast(name + " per instance", 1, perInstance);
        Require.that(
                reserved >= 0 && reserved <= slots,
                "%s reserved must be within 0 to %d (slots), was %d",
                name,
                slots,
                reserved);
    }

    public static ResourceBudget of(String name, int slots, int perInstance) {
        return new ResourceBudget(name, slots, perInstance, 0);
    }

    public static ResourceBudget of(String name, int slots, int perInstance, int reserved) {
        return new ResourceBudget(name, slots, perInstance, reserved);
    }

    /** How many instances fit; may be 0. */
    public int instances() {
        return (slots - reserved) / perInstance;
    }

    @Override
    public String toString() {
        return "%s: (%d slots - %d reserved) / %d per instance = %d instances"
                .formatted(name, slots, reserved, perInstance, instances());
    }
}
