package io.github.rollstep;

/** How a rollout goes through the zones of a fleet. */
public enum ZoneOrder {
    /** Zones are not looked at: what the platform does is taken as it comes. The default. */
    ANY,
    /** Spread: the zone that is furthest behind is next, so that no zone loses many at once. */
    SCATTERED,
    /** One zone, to its end, before the next one is begun; in the order of their names. */
    ONE_AFTER_ANOTHER
}
