/** The exhaustive explorer: the real planner against every choice that a platform has. */
@org.jspecify.annotations.NullMarked
package io.github.rollstep.testkit.explore;
